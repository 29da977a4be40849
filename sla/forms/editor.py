"""The whole SLA as RevOps drafts it: terms, tiers, volumes, consequences, owners, review.

What is typed has to be readable; what a draft may leave open (volumes, owners, the review date) is said to be needed
before sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.forms import BoundField

from alignment.models import Calendar, Role, Team, User
from sla.clauses import LAST_DAY, LEAST_FOLLOW_UP, LEAST_TAGGING, PARTS, PERIODS, WEEKDAYS
from sla.content import NOTE_LENGTH
from sla.forms.terms import TermsForm
from sla.forms.volumes import Volumes
from sla.page import day
from sla.queries.sending import REVIEW_WITHIN
from sla.terms import Terms

OWNER_LABELS = {
    "sales": "For what sales owes",
    "marketing": "For what marketing owes",
    "arbitration": "Rules on disputes",
    "escalation": "To whom a dispute goes that is not ruled on in time",
}
FIRST_ROLES = {
    "sales": (Role.CRO, Role.SALES_MANAGER),
    "marketing": (Role.CMO, Role.MARKETING),
    "arbitration": (Role.REVOPS,),
    "escalation": (Role.CRO, Role.CMO),
}
"""Whose logins are offered first; then all others but reps and board viewers."""


def _whole(label: str, low: int, high: int, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=low, max_value=high, **more)


SEEN = MaxValueValidator(LAST_DAY, "Write a day that people will see.")


class SlaForm(TermsForm):
    """As `TermsForm`; `clauses` of a valid form is what the draft's service reads."""

    completeness_percent = _whole("Complete MQLs, at least (%)", 1, 100)
    channels = _whole("Different channels, at least", 1, 5)
    volume_months = _whole("Months running below the volume", 1, 12)
    missed_percent = _whole("Missed follow-ups, more than (%)", 1, 99)
    period = forms.ChoiceField(label="Counted by", choices=list(PERIODS.items()))
    owner_sales = forms.TypedChoiceField(label=OWNER_LABELS["sales"])
    owner_marketing = forms.TypedChoiceField(label=OWNER_LABELS["marketing"])
    owner_arbitration = forms.TypedChoiceField(label=OWNER_LABELS["arbitration"])
    owner_escalation = forms.TypedChoiceField(label=OWNER_LABELS["escalation"])
    ruling_within_days = _whole("A ruling within (days)", 1, 30)
    gate_follow_up = _whole("First follow-up, above (%)", LEAST_FOLLOW_UP, 99)
    gate_tagging = _whole("Disposition tagging, above (%)", LEAST_TAGGING, 99)
    weekly_minimum = _whole("MQLs due in the week, at least", 1, 100_000)
    report_on = forms.ChoiceField(
        label="Adherence is reported each", choices=[(name, name.capitalize()) for name in WEEKDAYS]
    )
    review_on = forms.DateField(
        label="Reviewed on",
        required=False,
        validators=[SEEN],
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )
    begins_on = forms.DateField(
        label="First day",
        required=False,
        validators=[SEEN],
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )
    note = forms.CharField(label="What changes, and why", max_length=NOTE_LENGTH, required=False)
    evidence = forms.TypedMultipleChoiceField(
        label="Calibration on record",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Printed on the SLA. Untick what no longer supports it.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        content: Mapping[str, Any],
        terms: Terms | None,
        teams: Iterable[Team],
        calendars: Iterable[Calendar],
        people: Iterable[User],
        offered: Iterable[str],
        today: date,
    ) -> None:
        """`content`: of the draft, or what one starts from; `people`: active logins; `offered`: segments that had MQLs;
        `today`: in the organisation's zone."""
        super().__init__(data, terms=terms, teams=teams, calendars=calendars, initial=_initial(content))
        self.today = today
        self.content = content
        self.volumes = Volumes(data, volumes=content["clauses"]["marketing"]["volumes"], offered=offered)
        listed = list(people)
        for part in PARTS:
            field = self.fields[f"owner_{part}"]
            field.required = False
            field.is_needed_later = True  # type: ignore[attr-defined]
            field.coerce, field.empty_value = int, None  # type: ignore[attr-defined]
            field.choices = _offered(part, listed, content["clauses"]["owners"].get(part))  # type: ignore[attr-defined]
        self.fields["review_on"].is_needed_later = True  # type: ignore[attr-defined]
        evidence = self.fields["evidence"]
        evidence.choices = [(n, entry["name"]) for n, entry in enumerate(content["evidence"])]  # type: ignore[attr-defined]

    @property
    def owner_fields(self) -> list[BoundField]:
        return [self[f"owner_{part}"] for part in PARTS]

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.volumes.is_valid()])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        owners = {part: given.get(f"owner_{part}") for part in PARTS}
        if owners["sales"] and owners["sales"] == owners["marketing"]:
            self.add_error("owner_marketing", "Name another person than for what sales owes.")
        if owners["arbitration"] and owners["arbitration"] == owners["escalation"]:
            self.add_error(
                "owner_escalation", "Name another person: a dispute comes here for want of a ruling."
            )
        channels, attempts = given.get("channels"), given.get("attempts")
        if channels and attempts and channels > attempts:
            self.add_error("channels", f"{attempts} attempts cannot use more than {attempts} channels.")
        self._require_days(given.get("begins_on"), given.get("review_on"))
        return given

    def _require_days(self, begins: date | None, review: date | None) -> None:
        if begins and begins < self.today:
            self.add_error("begins_on", "This day is over; leave it empty to begin with the last signature.")
            begins = None
        if review is None:
            return
        first = max(self.today, begins or self.today)
        last = first + timedelta(days=REVIEW_WITHIN)
        if review <= first:
            self.add_error(
                "review_on", "The SLA would not be in force for a day by then; choose a later day."
            )
        elif review > last:
            self.add_error(
                "review_on",
                f"The review is due within {REVIEW_WITHIN} days: choose {day(last)} or an earlier day.",
            )

    def clauses(self) -> dict[str, Any]:
        """The clauses that a valid form says, their owners by the ids of their logins."""
        given = self.cleaned_data
        return {
            "marketing": {
                "volumes": self.volumes.document(),
                "definition": None,
                "completeness_percent": given["completeness_percent"],
            },
            "channels": given["channels"],
            "consequences": {
                "volume_months": given["volume_months"],
                "missed_percent": given["missed_percent"],
                "period": given["period"],
            },
            "owners": {part: self._owner(part) for part in PARTS},
            "ruling_within_days": given["ruling_within_days"],
            "gate": {
                "follow_up_percent": given["gate_follow_up"],
                "tagging_percent": given["gate_tagging"],
                "weekly_minimum": given["weekly_minimum"],
            },
            "report_on": given["report_on"],
            "review_on": given["review_on"].isoformat() if given["review_on"] else None,
        }

    def _owner(self, part: str) -> dict[str, Any] | None:
        chosen = self.cleaned_data[f"owner_{part}"]
        if chosen is None:
            return None
        before = self.content["clauses"]["owners"].get(part)
        return dict(before) if before and before["user"] == chosen else {"user": chosen}

    def kept_evidence(self) -> list[Mapping[str, Any]]:
        return [self.content["evidence"][n] for n in self.cleaned_data["evidence"]]


def _initial(content: Mapping[str, Any]) -> dict[str, Any]:
    clauses = content["clauses"]
    gate, owners = clauses["gate"], clauses["owners"]
    return {
        "completeness_percent": clauses["marketing"]["completeness_percent"],
        "channels": clauses["channels"],
        **clauses["consequences"],
        **{f"owner_{part}": owners[part]["user"] for part in PARTS if owners.get(part)},
        "ruling_within_days": clauses["ruling_within_days"],
        "gate_follow_up": gate["follow_up_percent"],
        "gate_tagging": gate["tagging_percent"],
        "weekly_minimum": gate["weekly_minimum"],
        "report_on": clauses["report_on"],
        "review_on": clauses["review_on"],
        "begins_on": content["begins_on"],
        "note": content["note"],
        "evidence": list(range(len(content["evidence"]))),
    }


def _offered(part: str, people: list[User], named: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Nobody, then logins of the usual roles, then the others; a rep only where the draft names one."""
    usual = FIRST_ROLES[part]
    first = [user for role in usual for user in people if user.role == role]
    others = [user for user in people if user.role not in {*usual, Role.REP, Role.BOARD_VIEWER}]
    known = {user.pk for user in (*first, *others)}
    if named and named["user"] not in known:
        rep = [user for user in people if user.pk == named["user"]]
        others += rep
    groups: list[tuple[str, Any]] = [("", "Nobody yet")]
    if first:
        groups.append(
            (" or ".join(str(Role(role).label) for role in usual), [_choice(user) for user in first])
        )
    if others:
        groups.append(("Others", [_choice(user) for user in others]))
    return groups


def _choice(user: User) -> tuple[str, str]:
    return str(user.pk), f"{user.name}, {user.title or user.get_role_display()}"
