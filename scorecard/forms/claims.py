"""A list of claimed opportunities: as a file, or pasted."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.models import Function
from scorecard.claim_lists import MOST_BYTES, MOST_ROWS
from scorecard.models.claims import CLAIMING


class ClaimsForm(forms.Form):
    function = forms.ChoiceField(
        label="Whose list it is",
        choices=[(function.value, function.label) for function in CLAIMING],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whose list it is."},
    )
    file = forms.FileField(
        required=False,
        max_length=400,
        allow_empty_file=True,
        label="File",
        help_text=f"CSV with the columns “opportunity” (its id in the CRM) or “name”, and “source” where the list "
        f"says who sourced it: marketing, sales or other. At most {MOST_ROWS:,} rows.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,text/*"}),
    )
    text = forms.CharField(
        required=False,
        max_length=MOST_BYTES,
        label="Or paste the list",
        help_text="The same columns, or one id in each line.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )
    claims_all = forms.BooleanField(
        required=False,
        label="It claims every opportunity in this list",
        help_text="Needed only where the list has other columns and none is named “source”.",
    )
    claims_none = forms.BooleanField(required=False, label="It claims no opportunity at all")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        has_text = bool((given.get("text") or "").strip())
        if given.get("claims_none"):
            if given.get("file") or has_text or given.get("claims_all"):
                raise forms.ValidationError("A function that claims none has no list: clear it, or the tick.")
            return given
        if not self.errors and bool(given.get("file")) == has_text:
            raise forms.ValidationError("Choose a file, or paste the list: one of the two.")
        return given

    def chosen(self) -> Function:
        return Function(self.cleaned_data["function"])
