"""What the CRO writes when a case about tagging ends."""

from __future__ import annotations

from django import forms

NOTE_LENGTH = 2000


class ClosingForm(forms.Form):
    """What was done about it."""

    note = forms.CharField(
        label="What was done",
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
        error_messages={"required": "Say what was done, then close the case."},
    )
