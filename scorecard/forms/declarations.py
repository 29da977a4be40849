"""What RevOps declares for the diagnosis."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from alignment.models import Calendar, Organisation
from alignment.quarters import Quarter
from scorecard.models import Diagnosis, FollowUpTime

QUARTERS_OFFERED = 12


def _quarters(at: datetime) -> list[tuple[str, str]]:
    """Quarters that are over, the newest first."""
    found, quarter = [], Quarter.of(at, Organisation.get().zone)
    for _ in range(QUARTERS_OFFERED):
        quarter = (
            Quarter(quarter.year - 1, 4) if quarter.number == 1 else Quarter(quarter.year, quarter.number - 1)
        )
        found.append((quarter.key, quarter.name))
    return found


class DeclarationForm(forms.Form):
    first_quarter = forms.ChoiceField(required=False, label="First quarter of the figures")
    last_quarter = forms.ChoiceField(required=False, label="Last quarter of the figures")
    follow_up_hours = forms.IntegerField(
        min_value=1, max_value=720, label="Follow-up window in hours",
        help_text="The window by which past follow-up is judged: the one that was stated, or the one you would state.",
    )  # fmt: skip
    follow_up_time = forms.ChoiceField(choices=FollowUpTime.choices, label="Which hours count")
    calendar = forms.ModelChoiceField(
        Calendar.objects.all(), required=False, label="Calendar of the business hours",
        empty_label="That of the owner's team; of nobody's MQLs the one that most sales teams keep",
    )  # fmt: skip
    board_deck_on = forms.DateField(
        required=False,
        label="The board deck locks on",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    pipeline_short_percent = forms.DecimalField(
        required=False, min_value=0, max_value=100, max_digits=5, decimal_places=2,
        label="Pipeline is short of its target by", help_text="In percent of the target.",
    )  # fmt: skip
    sla_has_diagnosis = forms.BooleanField(
        required=False, label="An SLA exists that was written from a diagnosis"
    )
    sla_has_consequence = forms.BooleanField(
        required=False, label="That SLA has a consequence clause that both sides signed"
    )
    sla_is_in_crm = forms.BooleanField(required=False, label="That SLA is configured in the CRM")
    says_quality_is_bad = forms.BooleanField(
        required=False, label="Sales calls the quality of leads bad",
        help_text="Asked only until the trust survey has measured it.",
    )  # fmt: skip
    has_same_numbers_other_meaning = forms.BooleanField(
        required=False, label="Both functions have the same numbers but disagree on what they mean"
    )
    has_no_time_for_five = forms.BooleanField(
        required=False, label="There is no time for all five procedures"
    )
    reason = forms.CharField(
        required=False, max_length=100, label="Why", help_text="Kept in the history beside the change."
    )

    def __init__(self, data: Any = None, *, diagnosis: Diagnosis, at: datetime) -> None:
        names = [name for name in self.base_fields if name not in ("calendar", "reason")]
        initial = {name: getattr(diagnosis, name) for name in names} | {"calendar": diagnosis.calendar_id}
        super().__init__(data, initial=initial)
        choices = [("", "The last four full quarters"), *_quarters(at)]
        for name in ("first_quarter", "last_quarter"):
            known = getattr(diagnosis, name)
            extra = [(known, known)] if known and known not in dict(choices) else []
            self.fields[name].choices = choices + extra  # type: ignore[attr-defined]

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings."""
        figures = ("first_quarter", "last_quarter", "follow_up_hours", "follow_up_time", "calendar")
        rest = [name for name in self.fields if name not in (*figures, "reason")]
        return [
            ("How it is measured", [self[name] for name in figures]),
            ("What no record tells", [self[name] for name in rest]),
            ("The change", [self["reason"]]),
        ]
