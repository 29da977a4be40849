"""A new unsigned version of the agreement as people write it, before the first SLA is signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from alignment.models import Calendar, Team
from sla.forms.terms import TermsForm
from sla.terms import Terms


class ZonedTimeField(forms.DateTimeField):
    """A moment on the clocks of `zone`, whatever zone the viewer reads times in."""

    zone = "UTC"

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(self.zone):
            moment: datetime | None = super().to_python(value)
        return moment


class AgreementForm(TermsForm):
    """The terms, and when they begin."""

    begins = forms.ChoiceField(
        label="In force from",
        choices=[("now", "Now, as soon as it is saved"), ("later", "A later time")],
        widget=forms.RadioSelect,
        initial="now",
    )
    begins_at = ZonedTimeField(
        label="Later time",
        error_messages={"required": "Say when this version comes in force, or choose now."},
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
    )
    note = forms.CharField(
        label="Note",
        max_length=200,
        required=False,
        help_text="What changes, and why. Everybody can read it.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        terms: Terms | None,
        teams: Iterable[Team],
        calendars: Iterable[Calendar],
        zone: str,
    ) -> None:
        """`terms`: what the form starts from, None while there is no version yet. `zone` reads the later time."""
        super().__init__(data, terms=terms, teams=teams, calendars=calendars)
        self.fields["begins_at"].required = self["begins"].value() == "later"
        begins_at = self.fields["begins_at"]
        begins_at.zone = zone  # type: ignore[attr-defined]
        begins_at.help_text = f"On the clocks of {zone}."

    def in_force_from(self, now: datetime) -> datetime:
        chosen = self.cleaned_data["begins_at"] if self.cleaned_data["begins"] == "later" else None
        return chosen or now
