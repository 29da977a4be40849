"""What the adherence pages read from their addresses."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from sla.forms.compliance import FIRST_DAY, GROUP_LABELS, LAST_DAY
from sla.queries.adherence.figures import LABELS, MARKETING
from sla.queries.adherence.rows import OUTCOMES, Drill, span_between

MOST_DAYS = 31


class GroupForm(forms.Form):
    """Which grouping of the full week the page shows."""

    group = forms.ChoiceField(choices=list(GROUP_LABELS.items()), required=False)

    def chosen(self) -> str:
        self.is_valid()
        return str(self.cleaned_data.get("group") or "team")


class RowsForm(forms.Form):
    """Which rows: of a promise, from a day to another one, of a line ("-": all other segments), by outcome."""

    of = forms.ChoiceField(choices=list(LABELS.items()))
    line = forms.CharField(max_length=60, required=False)
    outcome = forms.CharField(max_length=10, required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        for name in ("from", "to"):
            self.fields[name] = forms.DateField()

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = given.get("from"), given.get("to")
        if isinstance(first, date) and isinstance(last, date) and not _is_span(first, last):
            self.add_error("from", f"A span of 1 to {MOST_DAYS} days.")
        of = given.get("of")
        if of and given.get("outcome") and given["outcome"] not in OUTCOMES[of]:
            self.add_error("outcome", "There is no such outcome.")
        if of and given.get("line") and of not in MARKETING:
            self.add_error("line", "Only marketing's promises have lines.")
        return given

    def drill(self) -> Drill:
        """The rows that a valid form names."""
        given = self.cleaned_data
        line = {"": None, "-": ""}.get(given["line"], given["line"])
        return Drill(given["of"], span_between(given["from"], given["to"]), given["outcome"] or "due", line)


def _is_span(first: date, last: date) -> bool:
    return FIRST_DAY <= first <= last <= LAST_DAY and (last - first).days < MOST_DAYS
