"""Where a source's decisions are written back to."""

from __future__ import annotations

from django import forms

from alignment.outbox.addresses import Refused, check_entry


class AddressForm(forms.Form):
    address = forms.CharField(
        max_length=500,
        help_text="Of the CRM's own endpoint or of the middleware before it, as in https://hooks.example.com/leads.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )

    def clean_address(self) -> str:
        address = str(self.cleaned_data["address"])
        try:
            check_entry(address)
        except Refused as problem:
            raise forms.ValidationError(str(problem)) from problem
        return address


class PauseForm(forms.Form):
    reason = forms.CharField(
        max_length=100,
        help_text="Such as: the CRM is being moved until Monday.",
        error_messages={"required": "Say why nothing is sent for now."},
    )


class LeaveForm(forms.Form):
    """Why a message that was given up need not reach the CRM."""

    reason = forms.CharField(
        max_length=200,
        help_text="Such as: entered in the CRM by hand; the record no longer exists.",
        error_messages={"required": "Say why this need not reach the CRM."},
    )
