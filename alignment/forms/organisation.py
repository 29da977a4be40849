"""The organisation's settings."""

from __future__ import annotations

from django import forms

from alignment.forms.zones import ZoneField


class OrganisationForm(forms.Form):
    name = forms.CharField(max_length=120, label="Organisation", help_text="Stands at the top of every page.")
    zone = ZoneField(
        label="Time zone",
        help_text="IANA name. Days and weeks of every report are cut in it, and people who chose no zone of "
        "their own read times in it. A change counts all figures anew within a minute. Calendars keep their own "
        "zones: no due time moves.",
    )
    currency = forms.RegexField(
        r"^\s*[A-Za-z]{3}\s*$",
        max_length=5,
        help_text="Three letters, such as EUR or USD: that of the company's amounts.",
        error_messages={"invalid": "A currency has three letters, such as EUR or USD."},
    )
    weekly_minimum = forms.IntegerField(
        min_value=0,
        max_value=10_000,
        label="MQLs that make a week count",
        help_text="A week with fewer MQLs due says too little to judge a step by.",
    )
    reason = forms.CharField(max_length=100, required=False, help_text="Kept in the history.")


class RetentionForm(forms.Form):
    months = forms.IntegerField(
        min_value=1,
        max_value=120,
        label="Keep raw content for",
        help_text="Months from its receipt, 1 to 120.",
    )
    reason = forms.CharField(max_length=100, help_text="Kept in the history.")
