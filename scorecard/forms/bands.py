"""The scoring bands as a table of figures: shares are entered in percent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from scorecard.bands import RATES, TRUST_MEAN, WHY, problem_of

SCORES = (1, 2, 3, 4, 5)


class BandsForm(forms.Form):
    """Field `<rate>_<score>` for each figure, and the note."""

    note = forms.CharField(
        required=False, max_length=300, label="Why they are changed",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Shown to both leads beside the bands.",
    )  # fmt: skip

    def __init__(self, data: Any = None, *, content: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=_initial(content or {}))
        for rate in RATES:
            most = 5 if rate == TRUST_MEAN else 100
            for score in SCORES:
                self.fields[f"{rate}_{score}"] = forms.DecimalField(
                    min_value=0, max_value=most, max_digits=6, decimal_places=2, label=f"{RATES[rate]}: {score}.0",
                    widget=forms.NumberInput(attrs={"step": "any", "class": "form-control num"}),
                    error_messages={"required": "Give a figure."},
                )  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """A row per rate: its label, why these figures, its five fields, and what is wrong with them together."""
        return [
            {
                "label": label,
                "why": WHY[rate],
                "unit": "of 5" if rate == TRUST_MEAN else "%",
                "fields": [self[f"{rate}_{score}"] for score in SCORES],
            }
            for rate, label in RATES.items()
        ]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for rate in RATES:
            if all(given.get(f"{rate}_{score}") is not None for score in SCORES):
                problem = problem_of(rate, self._steps(rate, given))
                if problem:
                    self.add_error(f"{rate}_1", problem[0].upper() + problem[1:])
        return given

    def content(self) -> dict[str, Any]:
        """The content of the draft; only of a valid form."""
        given = self.cleaned_data
        return {"bands": {rate: self._steps(rate, given) for rate in RATES}, "note": given["note"]}

    def _steps(self, rate: str, given: Mapping[str, Any]) -> list[str]:
        factor = Decimal(1) if rate == TRUST_MEAN else Decimal("0.01")
        return [_plain(given[f"{rate}_{score}"] * factor) for score in SCORES]


def _plain(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


def _initial(content: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"note": content.get("note", "")}
    for rate, steps in (content.get("bands") or {}).items():
        factor = Decimal(1) if rate == TRUST_MEAN else Decimal(100)
        for score, step in zip(SCORES, steps, strict=False):
            found[f"{rate}_{score}"] = _plain(Decimal(step) * factor)
    return found
