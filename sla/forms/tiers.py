"""The tiers of a new version: which leads each takes, and its two windows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from sla.terms import TIER_FIELDS, Tier, Window

UNITS = {
    "minutes.business": "business minutes",
    "hours.business": "business hours",
    "minutes.elapsed": "minutes, by the clock",
    "hours.elapsed": "hours, by the clock",
    "days.elapsed": "days, by the clock",
}
MOST = 10_000


def unit_field(label: str) -> forms.ChoiceField:
    """What a window is counted in: unit and kind of time in one choice, so that none contradicts the other."""
    return forms.ChoiceField(label=label, choices=list(UNITS.items()), initial="hours.business")


def read_typed_window(form: forms.Form, name: str) -> Window | None:
    """The window that a form's fields `name`_amount and `name`_unit show; None while it cannot be read."""
    unit = str(form[f"{name}_unit"].value())
    try:  # by the same field, so that what it takes, such as "24.0", is read here too
        amount = form.fields[f"{name}_amount"].clean(form[f"{name}_amount"].value())
    except forms.ValidationError:
        return None
    if amount is None or unit not in UNITS:
        return None
    length, _, time = unit.partition(".")
    return Window(amount, length, time == "business")


def as_json(window: Window | None) -> dict[str, Any]:
    """A window of a valid form as the terms write it."""
    if window is None:
        raise ValueError("only a valid form has its windows")
    return {
        "amount": window.amount,
        "unit": window.unit,
        "time": "business" if window.is_business else "elapsed",
    }


class OtherTierForm(forms.Form):
    """The last tier: it takes every lead that no other takes."""

    name = forms.CharField(required=False, widget=forms.HiddenInput)
    label = forms.CharField(label="Name", max_length=40)
    follow_up_amount = forms.IntegerField(label="First follow-up within", min_value=1, max_value=MOST)
    follow_up_unit = unit_field("Follow-up counted in")
    disposition_amount = forms.IntegerField(label="Disposition within", min_value=1, max_value=MOST)
    disposition_unit = unit_field("Disposition counted in")

    def __init__(self, data: Mapping[str, Any] | None, *, prefix: str, tier: Tier | None) -> None:
        self.tier = tier
        super().__init__(data, prefix=prefix, initial=_initial(tier) if tier else {})

    @property
    def follow_up(self) -> Window | None:
        return read_typed_window(self, "follow_up")

    @property
    def disposition(self) -> Window | None:
        return read_typed_window(self, "disposition")

    def document(self, names: set[str]) -> dict[str, Any]:
        """The tier as the terms write it; its lasting name is added to `names`, all different."""
        label = self.cleaned_data["label"]
        wanted = (
            self.cleaned_data["name"] or re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:30] or "tier"
        )
        name, number = wanted, 1
        while name in names:
            number += 1
            name = f"{wanted[:30]}_{number}"
        names.add(name)
        return {
            "name": name,
            "label": label,
            "when": self.condition(),
            "follow_up_within": as_json(self.follow_up),
            "disposition_within": as_json(self.disposition),
        }

    def condition(self) -> dict[str, Any] | None:
        return None


class TierForm(OtherTierForm):
    """A tier with a condition. Without name and values it is left out: so one is removed, or never added."""

    use_required_attribute = False  # a browser would not let a tier be cleared

    field = forms.ChoiceField(label="Takes leads whose", choices=[(name, name) for name in TIER_FIELDS])
    values = forms.CharField(
        label="is one of", max_length=500, help_text="As your sources send them, separated by commas."
    )

    def __init__(self, data: Mapping[str, Any] | None, *, prefix: str, tier: Tier | None) -> None:
        super().__init__(data, prefix=prefix, tier=tier)
        if self.is_left_out:
            for field in self.fields.values():
                field.required = False

    @property
    def is_left_out(self) -> bool:
        """Cleared, or never filled; a new one with figures but no name is a mistake, not an empty row."""
        wanted = ["label", "values"]
        if not self["name"].value():
            wanted += ["follow_up_amount", "disposition_amount"]
        return not any(str(self[name].value() or "").strip() for name in wanted)

    def clean_values(self) -> list[str]:
        listed = [value.strip() for value in self.cleaned_data["values"].split(",")]
        found = list(dict.fromkeys(value for value in listed if value))
        if not found and not self.is_left_out:
            raise forms.ValidationError("Write at least one value.")
        return found

    def condition(self) -> dict[str, Any] | None:
        return {"field": self.cleaned_data["field"], "in": self.cleaned_data["values"]}


def _initial(tier: Tier) -> dict[str, Any]:
    def unit(window: Window) -> str:
        return f"{window.unit}.{'business' if window.is_business else 'elapsed'}"

    return {
        "name": tier.name,
        "label": tier.label,
        "field": tier.field,
        "values": ", ".join(sorted(tier.values)),
        "follow_up_amount": tier.follow_up_within.amount,
        "follow_up_unit": unit(tier.follow_up_within),
        "disposition_amount": tier.disposition_within.amount,
        "disposition_unit": unit(tier.disposition_within),
    }
