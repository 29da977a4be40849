"""A time zone by its IANA name, with the names to choose from beside it."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.models.people import validate_zone


class ZoneField(forms.CharField):
    """The page offers the names in a list with the id `zones`."""

    default_validators = [validate_zone]

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"list": "zones", "autocomplete": "off"})
        super().__init__(max_length=64, widget=widget, **options)
