"""Sources and their endpoints."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.forms.zones import ZoneField
from alignment.models import Scheme, Source

KINDS = Source._meta.get_field("kind").choices or []
RESERVED_KEYS = {"new"}
SCHEMES_OF_KIND = {
    "standard": [Scheme.STANDARD_WEBHOOKS, Scheme.SHARED_SECRET],
    "espocrm": [Scheme.ESPOCRM],
    "generic": [Scheme.SHARED_SECRET, Scheme.STANDARD_WEBHOOKS],
}
ESPOCRM_EVENTS = [
    "Lead.create", "Lead.update", "Lead.delete", "Opportunity.create", "Opportunity.update", "Call.create",
    "Call.update", "Meeting.create", "Meeting.update", "Campaign.create", "Campaign.update", "Account.create",
    "Account.update",
]  # fmt: skip


class SetAsideForm(forms.Form):
    """Why nobody needs to mend an event that could not be read."""

    reason = forms.CharField(
        max_length=200,
        help_text="Such as: a test of the sender; the record no longer exists.",
        error_messages={"required": "Say why nobody needs to mend this."},
    )


class SourceForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="Such as: EspoCRM production.")
    key = forms.SlugField(
        label="Short name",
        max_length=40,
        help_text="Stands in addresses and exports and stays: letters, digits, hyphens, as in crm-emea.",
        error_messages={"invalid": "Use letters without accents, digits and hyphens only, as in crm-emea."},
    )
    kind = forms.ChoiceField(
        choices=KINDS,
        widget=forms.RadioSelect,
        initial="standard",
        label="What sends to us",
        help_text="Only files for now: choose Standard event types.",
    )
    zone = ZoneField(
        label="Time zone",
        help_text="Zone of times that come without an offset.",
    )
    assigns = forms.ChoiceField(
        choices=Source.Assigns.choices,
        widget=forms.RadioSelect,
        initial=Source.Assigns.PRODUCT,
        label="Who assigns owners",
        help_text="Either way an owner that the CRM sets counts as the assignment and is shown as such.",
    )

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"]).lower()
        if key in RESERVED_KEYS:
            raise forms.ValidationError("This key is taken by an address of the product; choose another.")
        return key


class EndpointForm(forms.Form):
    """A new address. Which fields it has depends on the kind of source."""

    event = forms.CharField(
        max_length=80,
        required=False,
        help_text="The event of this webhook in EspoCRM, one address per event.",
        widget=forms.TextInput(attrs={"list": "events", "autocomplete": "off"}),
    )
    webhook_id = forms.CharField(
        max_length=80, required=False, label="Webhook id", help_text="Optional: the id of the webhook record."
    )
    header = forms.CharField(
        max_length=60,
        required=False,
        initial="X-Webhook-Secret",
        help_text="For the secret in a header: its name. “Authorization: Bearer” is always understood.",
    )
    secret = forms.CharField(
        max_length=200,
        required=False,
        strip=True,
        help_text="Empty: one is made here and shown once. EspoCRM makes its own: paste its secret key.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    field_order = ["scheme", "event", "webhook_id", "header", "secret"]

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(found.value, found.label) for found in SCHEMES_OF_KIND[kind]]
        self.fields["scheme"] = forms.ChoiceField(label="How the sender proves itself", choices=choices)
        if kind == "espocrm":
            self.fields["event"].required = True
            del self.fields["header"]
        else:
            del self.fields["event"], self.fields["webhook_id"]
            self.fields["secret"].help_text = "Empty: one is made here and shown once."
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("scheme") != Scheme.SHARED_SECRET:
            cleaned["header"] = ""
        return cleaned


class RotateForm(forms.Form):
    secret = forms.CharField(max_length=200, required=False)
