"""Which part of the past: quarters from and to, and for the MQLs behind a number whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms

from alignment.quarters import Quarter
from alignment.queries.funnel import Behind


class QuartersForm(forms.Form):
    """`first` and `last` quarter; without them everything. The choices are those that have MQLs."""

    first = forms.ChoiceField(required=False, label="From quarter")
    last = forms.ChoiceField(required=False, label="To quarter")

    def __init__(self, *args: Any, quarters: Sequence[Quarter], zone: str, **options: Any) -> None:
        """`zone`: on whose clocks quarters begin."""
        super().__init__(*args, **options)
        self.zone = zone
        named = [(quarter.key, quarter.name) for quarter in quarters]
        self.fields["first"].choices = [("", "the first"), *named]  # type: ignore[attr-defined]
        self.fields["last"].choices = [("", "the last"), *named]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and Quarter.read(first) > Quarter.read(last):
            self.add_error("last", "This comes before the first quarter: choose a later one.")
        return cleaned

    def between(self) -> tuple[datetime | None, datetime | None]:
        """The instants from and until of a valid form; None: no limit."""
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        return (
            Quarter.read(first).starts_at(self.zone) if first else None,
            Quarter.read(last).ends_at(self.zone) if last else None,
        )


class BehindForm(forms.Form):
    """The MQLs behind one number. `origin` given: of that origin alone; `none`: of leads whose origin is not known."""

    first = forms.CharField(required=False, max_length=7)
    last = forms.CharField(required=False, max_length=7)
    origin = forms.CharField(required=False, max_length=200, strip=False)
    none = forms.BooleanField(required=False)
    won = forms.BooleanField(required=False)

    def clean_first(self) -> Quarter | None:
        return _quarter(self.cleaned_data["first"])

    def clean_last(self) -> Quarter | None:
        return _quarter(self.cleaned_data["last"])

    def which(self, *, source_id: int, zone: str) -> Behind:
        """What a valid form asks for."""
        given = self.cleaned_data
        is_empty = given["none"]
        return Behind(
            source_id=source_id,
            start=given["first"].starts_at(zone) if given["first"] else None,
            end=given["last"].ends_at(zone) if given["last"] else None,
            is_of_origin=is_empty or "origin" in self.data,
            origin=None if is_empty else given["origin"],
            is_won=given["won"],
        )


def _quarter(text: str) -> Quarter | None:
    try:
        return Quarter.read(text) if text else None
    except ValueError as problem:
        raise forms.ValidationError(str(problem)) from problem
