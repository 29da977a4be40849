"""The terms that clocks run on as people write them; `document` of a valid form is what `sla.terms` reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from alignment.models import Calendar, Team
from sla.forms.tiers import OtherTierForm, TierForm, as_json, read_typed_window, unit_field
from sla.terms import TRIGGER_FIELDS, InvalidTerms, Terms, Window

TRIGGERS = {"score": "The score reaches a threshold"} | {
    name: f"The {name} becomes a value" for name in TRIGGER_FIELDS
}
MOST_TIERS = 12
MINUTE = 60


class TermsForm(forms.Form):
    """Everything but the tiers, which are forms of their own (`tiers`, `others`)."""

    use_required_attribute = False  # what is owed depends on other fields; all of it is said at once

    trigger_on = forms.ChoiceField(
        label="A lead becomes an MQL when", choices=list(TRIGGERS.items()), widget=forms.RadioSelect
    )
    threshold = forms.IntegerField(
        label="Score threshold",
        min_value=1,
        max_value=1_000_000,
        help_text="For the score.",
        error_messages={"required": "Say which score a lead has to reach."},
    )
    trigger_value = forms.CharField(
        label="Value that is reached",
        max_length=60,
        error_messages={"required": "Say which value the field has to reach."},
        help_text="For lifecycle or status, as your sources send it, such as mql.",
    )
    assign_minutes = forms.IntegerField(
        label="A named owner within (minutes)",
        min_value=1,
        max_value=10_000,
        help_text="Elapsed time: routing runs day and night.",
    )
    attempts = forms.IntegerField(
        label="Attempts",
        min_value=1,
        max_value=20,
        help_text="“No response” is refused as a reason before so many.",
    )
    gap_amount = forms.IntegerField(label="Each within", min_value=1, max_value=10_000)
    gap_unit = unit_field("Gap counted in")
    warn_at_percent = forms.IntegerField(
        label="Warn when this share of a window is used up (%)", min_value=1, max_value=99
    )
    default_calendar = forms.TypedChoiceField(
        label="Default calendar",
        coerce=int,
        help_text="Runs the clocks of every team without one of its own.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        terms: Terms | None,
        teams: Iterable[Team],
        calendars: Iterable[Calendar],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """`terms`: what the form starts from, None while there is none. `initial`: of the fields beside the terms."""
        super().__init__(data, initial=_initial(terms) | dict(initial or {}))
        on = self["trigger_on"].value()
        self.fields["threshold"].required = on == "score"
        self.fields["trigger_value"].required = on in TRIGGER_FIELDS
        offered = [(calendar.pk, calendar.name) for calendar in calendars]
        names = dict(offered)
        self.fields["default_calendar"].choices = offered  # type: ignore[attr-defined]
        self.teams = list(teams)
        for team in self.teams:
            self.fields[_of_team(team)] = forms.TypedChoiceField(
                label=f"Calendar of {team.name}",
                choices=[("", "Default calendar"), *offered],
                coerce=int,
                empty_value=None,
                required=False,
                initial=terms.team_calendars.get(team.pk) if terms else team.calendar_id,
                help_text=_team_hint(team, terms, names),
            )
        count = _row_count(data, terms)
        conditional = terms.tiers[:-1] if terms else ()
        known = [*conditional, *[None] * count][:count]
        self.tiers = [TierForm(data, prefix=f"tier-{i}", tier=tier) for i, tier in enumerate(known)]
        self.others = OtherTierForm(data, prefix="others", tier=terms.tiers[-1] if terms else None)

    @property
    def team_fields(self) -> list[BoundField]:
        return [self[_of_team(team)] for team in self.teams]

    @property
    def gap(self) -> Window | None:
        """The gap as typed or prefilled; None while it cannot be read."""
        return read_typed_window(self, "gap")

    def is_valid(self) -> bool:
        parts = [*self.tiers, self.others]
        return all([super().is_valid(), *(part.is_valid() for part in parts)]) and not self._doubled()

    def _doubled(self) -> bool:
        """Mark tiers that bear the name of one before them."""
        seen: set[str] = set()
        found = False
        for part in [*(tier for tier in self.tiers if not tier.is_left_out), self.others]:
            label = str(part.cleaned_data.get("label", "")).casefold()
            if label and label in seen:
                part.add_error("label", "Another tier has this name; every tier needs one of its own.")
                found = True
            seen.add(label)
        return found

    def chosen_calendars(self) -> tuple[int | None, dict[int, int]]:
        """The default calendar and those of teams, as far as they can be read, for what the windows mean."""
        offered = {str(pk): pk for pk, _ in self.fields["default_calendar"].choices}  # type: ignore[attr-defined]
        typed = {team.pk: offered.get(str(self[_of_team(team)].value())) for team in self.teams}
        default = offered.get(str(self["default_calendar"].value()))
        return default, {team: calendar for team, calendar in typed.items() if calendar is not None}

    def document(self) -> dict[str, Any]:
        """The terms that a valid form says."""
        given = self.cleaned_data
        on = given["trigger_on"]
        kept = [tier for tier in self.tiers if not tier.is_left_out]
        names: set[str] = set()
        return {
            "trigger": {"kind": "score", "threshold": given["threshold"]}
            if on == "score"
            else {"kind": "field", "field": on, "value": given["trigger_value"]},
            "assign_within": {"amount": given["assign_minutes"], "unit": "minutes", "time": "elapsed"},
            "tiers": [part.document(names) for part in (*kept, self.others)],
            "cadence": {"attempts": given["attempts"], "gap": as_json(self.gap)},
            "warn_at_percent": given["warn_at_percent"],
            "calendars": {
                "default": given["default_calendar"],
                "teams": {
                    str(team.pk): calendar
                    for team in self.teams
                    if (calendar := given[_of_team(team)]) is not None
                },
            },
        }

    def refuse(self, problem: InvalidTerms) -> None:
        """Put a fault of the terms beside the field that it names, else above the form."""
        said = str(problem)
        kept: list[TierForm | OtherTierForm] = [tier for tier in self.tiers if not tier.is_left_out]
        if match := re.match(r"tier (\d+): (\w+)", said):
            part = [*kept, self.others][int(match[1]) - 1]
            place = {"follow_up_within": "follow_up_amount", "disposition_within": "disposition_amount"}
            where = place.get(match[2], "label")
            part.add_error(where, said.partition(": ")[2].partition(": ")[2] or said)
        elif said.startswith("cadence: gap: "):
            self.add_error("gap_amount", said.removeprefix("cadence: gap: "))
        else:
            self.add_error(None, said)


def _of_team(team: Team) -> str:
    return f"team-{team.pk}"


def _team_hint(team: Team, terms: Terms | None, names: Mapping[int, str]) -> str:
    """Where the team's own page names another calendar than the one that runs its clocks."""
    if team.calendar_id is None or terms is None or terms.calendar_of(team.pk) == team.calendar_id:
        return ""
    return f"The team's page names {names[team.calendar_id]}; only what is chosen here runs clocks."


def _row_count(data: Mapping[str, Any] | None, terms: Terms | None) -> int:
    """As many rows as were shown; at first those of the terms and an empty one."""
    if data is None:
        return min(len(terms.tiers) if terms else 1, MOST_TIERS)
    text = str(data.get("tiers", ""))
    return min(int(text), MOST_TIERS) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _initial(terms: Terms | None) -> dict[str, Any]:
    if terms is None:
        return {"trigger_on": "score", "gap_unit": "hours.business"}
    gap, trigger = terms.attempt_gap, terms.trigger
    return {
        "trigger_on": trigger.field,
        "threshold": trigger.threshold or None,
        "trigger_value": trigger.value,
        "assign_minutes": terms.assign_within.seconds // MINUTE,
        "attempts": terms.attempts,
        "gap_amount": gap.amount,
        "gap_unit": f"{gap.unit}.{'business' if gap.is_business else 'elapsed'}",
        "warn_at_percent": terms.warn_at_percent,
        "default_calendar": terms.default_calendar,
    }
