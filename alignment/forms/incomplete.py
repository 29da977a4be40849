"""Which MQLs the list of incomplete ones shows."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from alignment.access import Scope
from alignment.models import MqlCycle, Source
from alignment.queries.completeness import ORIGINS, PERIODS, STATES, Completeness, Which

FIRST, LAST = date(1971, 1, 1), date(2199, 12, 31)


class WhichForm(forms.Form):
    """Read from the address; what cannot be read counts as not given, and is told."""

    state = forms.ChoiceField(required=False, choices=list(STATES.items()), label="State")
    by = forms.ChoiceField(
        required=False, choices=[(name, name.capitalize()) for name in PERIODS], label="Figures by"
    )
    start = forms.DateField(
        required=False,
        label="Period from",
        widget=forms.HiddenInput,
        error_messages={"invalid": "Write the first day of the period as 2026-11-16."},
    )
    source = forms.ChoiceField(required=False, label="Source")
    segment = forms.ChoiceField(required=False, label="Segment")
    origin = forms.ChoiceField(required=False, choices=list(ORIGINS.items()), label="Which MQLs")

    def __init__(self, data: Any, *, scope: Scope) -> None:
        super().__init__(data)
        self.use_required_attribute = False
        segments = (
            MqlCycle.objects.filter(scope.q())
            .order_by("segment")
            .values_list("segment", flat=True)
            .distinct()
        )
        self._choose("source", [("", "All"), *((s.key, s.name) for s in Source.objects.order_by("name"))])
        self._choose("segment", [("", "All"), *((name or "-", name or "No segment") for name in segments)])

    def period(self) -> str:
        return self._said("by") or "month"

    def which(self) -> Which:
        start = self._said("start")
        start = start if start and FIRST <= start <= LAST else None
        source = self._said("source")
        segment = self._said("segment")
        return Which(
            state=self._said("state") or "incomplete",
            start=start,
            end=Completeness(self.period(), start, 0, 0).end if start else None,
            source=Source.objects.get(key=source).pk if source else None,
            segment={"": None, "-": ""}.get(segment, segment),
            origin=self._said("origin"),
        )

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _said(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name) or ""
