"""Terms to be tried on past MQLs, and on which of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.http import QueryDict

from alignment.models import Calendar, Team
from sla.clauses import PERIODS, Clauses, Volume
from sla.forms.terms import TermsForm
from sla.queries.calibration import LONGEST, Clause, last_quarters
from sla.queries.replay import ALL, WHICH, Span
from sla.terms import Terms

QUARTERS = {"1": "The last full quarter", "2": "The last 2 quarters", "3": "The last 3 quarters",
            "4": "The last 4 quarters", "custom": "Days of my choice"}  # fmt: skip
EARLIEST, LATEST = date(2000, 1, 1), date(2190, 1, 1)


class CalibrationForm(TermsForm):
    """A GET form: an address holds a proposal. `others` of the terms, such as the cadence, go along unchanged."""

    quarters = forms.ChoiceField(label="MQLs of", choices=list(QUARTERS.items()))
    first = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    last = forms.DateField(label="To", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    which = forms.ChoiceField(label="Which of them", choices=list(WHICH.items()))
    missed_percent = forms.IntegerField(
        label="More than so many % missed takes MQLs out", min_value=1, max_value=99
    )
    period = forms.ChoiceField(
        label="of those due in a", choices=[(key, text) for key, text in PERIODS.items()]
    )
    mqls = forms.IntegerField(
        label="MQLs a month that marketing owes",
        min_value=1,
        max_value=1_000_000,
        required=False,
        help_text="All segments together; empty: not judged.",
    )
    volume_months = forms.IntegerField(label="Months missed running", min_value=1, max_value=12)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        terms: Terms | None,
        clauses: Clauses | None,
        teams: Iterable[Team],
        calendars: Iterable[Calendar],
        now: datetime,
        zone: str,
    ) -> None:
        """`terms`: what the proposal starts from. `zone`: that of the organisation, in which days are cut."""
        usual = clauses.consequences if clauses else Clause()
        self.lines = clauses.marketing.volumes if clauses else ()
        self.promised = clauses.marketing.mqls if clauses else None
        super().__init__(
            data,
            terms=terms,
            teams=teams,
            calendars=calendars,
            initial={
                "quarters": "2",
                "which": ALL,
                "missed_percent": usual.missed_percent,
                "period": usual.period,
                "mqls": self.promised,
                "volume_months": usual.volume_months,
            },
        )
        self.now, self.zone = now, zone

    def as_typed(self) -> QueryDict:
        """What an unbound form shows, as if it had been sent."""
        data = QueryDict(mutable=True)
        data["tiers"] = str(len(self.tiers))
        for part in (self, *self.tiers, self.others):
            for field in part:
                value = field.value()
                data[field.html_name] = "" if value is None else str(value)
        return data

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("quarters") != "custom":
            return given
        first, last = given.get("first"), given.get("last")
        if first is None and "first" not in self.errors:
            self.add_error("first", "Say from which day.")
        if last is None and "last" not in self.errors:
            self.add_error("last", "Say to which day.")
        if first is None or last is None:
            return given
        if not EARLIEST <= first <= LATEST or not EARLIEST <= last <= LATEST:
            self.add_error("first", "Choose days from 2000 on.")
        elif last < first:
            self.add_error("last", "The last day comes before the first.")
        elif (last - first).days >= LONGEST:
            self.add_error("last", f"Choose at most {LONGEST} days.")
        return given

    def span(self) -> Span:
        """Of a valid form."""
        given = self.cleaned_data
        if given["quarters"] != "custom":
            return last_quarters(int(given["quarters"]), at=self.now, zone=self.zone)
        return Span(given["first"], date.fromordinal(given["last"].toordinal() + 1), self.zone)

    def clause(self) -> Clause:
        """Of a valid form. The lines of the SLA by segment hold while their total is as signed."""
        given = self.cleaned_data
        lines: tuple[Volume, ...] = (Volume("", given["mqls"]),) if given["mqls"] else ()
        if given["mqls"] and given["mqls"] == self.promised:
            lines = tuple(self.lines)
        return Clause(given["missed_percent"], given["period"], lines, given["volume_months"])
