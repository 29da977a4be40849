"""What a file cannot tell about itself: zone, order of dates, decimal sign, time of the export and the like."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.currencies import UnknownCurrency, code_of
from alignment.forms.import_values import lines_of
from alignment.forms.zones import ZoneField


class FileQuestions(forms.Form):
    """What holds for the file as a whole. Valid: `constants` and `other_values` are tables, no longer text."""

    zone = ZoneField(
        required=False,
        label="Zone of the file's times",
    )
    is_zone_sure = forms.BooleanField(required=False, label="Yes, times without an offset are in this zone")
    dates = forms.ChoiceField(required=False, label="Order of day and month")
    decimal = forms.ChoiceField(
        required=False,
        label="Decimal sign",
        choices=[("", "not stated"), (".", "point: 1,234.50"), (",", "comma: 1.234,50")],
    )
    currency = forms.CharField(
        required=False,
        max_length=40,
        label="Currency of amounts",
        help_text="Three letters, such as EUR, where no column says it.",
    )
    as_of_time = forms.DateTimeField(
        label="When it was exported",
        help_text="Rows without a time of their own hold as of this time.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )
    constants = forms.CharField(
        required=False,
        max_length=5000,
        label="Fields that are the same in every row",
        help_text="Our field = value, one a line, such as: segment = enterprise.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    other_values = forms.CharField(
        required=False,
        max_length=50_000,
        label="Further values in other words",
        help_text="Our field: their value = ours, one a line, such as: stage: Closed - Won = Closed won. Nothing "
        "behind the sign: empty.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    id_from = forms.MultipleChoiceField(
        required=False,
        label="Columns that name a record together",
        help_text="Only for an export without ids: such as the e-mail address.",
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_currency(self) -> str:
        written: str = self.cleaned_data["currency"]
        try:
            return code_of(written) if written else ""
        except UnknownCurrency as problem:
            raise forms.ValidationError(f"{problem}.") from problem

    def clean_constants(self) -> dict[str, Any]:
        return self._table("constants", is_nested=False)

    def clean_other_values(self) -> dict[str, Any]:
        return self._table("other_values", is_nested=True)

    def _table(self, name: str, *, is_nested: bool) -> dict[str, Any]:
        try:
            return lines_of(self.cleaned_data[name], is_nested=is_nested)
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem
