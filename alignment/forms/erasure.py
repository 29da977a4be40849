"""Finding and erasing a person."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.models import AskedBy, Lead


class FindPersonForm(forms.Form):
    who = forms.CharField(
        max_length=254,
        label="E-mail or id in the CRM",
        help_text="The whole address, in any case, or the record's exact id.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class EraseForm(forms.Form):
    """`lead` is erased with the chosen `also`, which are offered out of `duplicates`."""

    asked_by = forms.ChoiceField(choices=AskedBy.choices, label="Who asked")
    reason = forms.CharField(max_length=200, help_text="Stays as evidence: without e-mail, phone or name.")
    reference = forms.CharField(
        max_length=80, required=False, help_text="Of the request, such as a ticket; without personal data."
    )
    confirmation = forms.CharField(
        max_length=190,
        label="Type the id of the record to confirm",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, lead: Lead, duplicates: list[Lead], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lead = lead
        self.duplicates = {str(other.pk): other for other in duplicates}
        if duplicates:
            choices = [
                (pk, f"{other.external_id} in {other.source}") for pk, other in self.duplicates.items()
            ]
            self.fields["also"] = forms.MultipleChoiceField(
                choices=choices,
                initial=list(self.duplicates),
                required=False,
                label="Erase these records of the same e-mail as well",
                widget=forms.CheckboxSelectMultiple,
            )
            self.order_fields(["also"])

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self.lead.external_id:
            raise forms.ValidationError("This is not the id of the record; nothing was erased.")
        return typed

    @property
    def chosen(self) -> list[Lead]:
        return [self.lead, *(self.duplicates[pk] for pk in self.cleaned_data.get("also", ()))]
