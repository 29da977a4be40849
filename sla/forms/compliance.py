"""What the compliance pages read from their addresses."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms

from alignment.business_time import Week
from sla.models import ClockKind
from sla.queries import gate_rows
from sla.queries.compliance import GROUPS
from sla.queries.drilldown import OUTCOMES, Drill

FIRST_DAY, LAST_DAY = date(2000, 1, 3), date(2190, 1, 1)
GROUP_LABELS = {"rep": "By rep", "team": "By team", "segment": "By segment"}


class WeekForm(forms.Form):
    """Which week, grouping and kind the overview shows; any day names its week."""

    week = forms.DateField(required=False)
    group = forms.ChoiceField(choices=list(GROUP_LABELS.items()), required=False)
    kind = forms.ChoiceField(choices=ClockKind.choices, required=False)

    def clean_week(self) -> date | None:
        day: date | None = self.cleaned_data["week"]
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise forms.ValidationError("No clocks ran in that week.")
        return day

    def chosen_week(self, now: datetime, zone: str) -> Week:
        """The week asked for; the current one where the address names none that can be read."""
        self.is_valid()
        day: date | None = self.cleaned_data.get("week")
        if day is None:
            return Week.of(now, zone)
        return Week(day - timedelta(days=day.weekday()), zone)

    def chosen(self, name: str, default: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name) or default)


class DrillForm(WeekForm):
    """Which clocks the list of rows shows; unlike the overview it refuses what it cannot read."""

    week = forms.DateField()
    kind = forms.ChoiceField(choices=ClockKind.choices, label="Promise")
    group = forms.ChoiceField(choices=[(name, name) for name in GROUPS], required=False)
    key = forms.CharField(max_length=60, required=False)
    outcome = forms.ChoiceField(choices=list(OUTCOMES.items()), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        key = cleaned.get("key", "")
        is_number = key.isascii() and key.isdigit() and len(key) < 19
        if cleaned.get("group") in {"rep", "team"} and key and not is_number:
            self.add_error("key", "A rep or team is named by its number.")
        is_counted = cleaned.get("kind") in gate_rows.KINDS and not cleaned.get("group")
        if cleaned.get("outcome") in gate_rows.OUTCOMES and not is_counted:
            self.add_error(
                "outcome", "The gate counts first follow-ups and dispositions, of everybody together."
            )
        return cleaned

    def drill(self, zone: str) -> Drill:
        """The clocks that a valid form names."""
        given = self.cleaned_data
        week = Week(given["week"] - timedelta(days=given["week"].weekday()), zone)
        return Drill(week, given["kind"], given["group"], given["key"], given["outcome"] or "all")
