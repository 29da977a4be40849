"""The mapping of a source as a form: one line per field of ours, tables as lines of text.

What equals the kind's default is left out of the document, so that a better default reaches every source that
never said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField

from alignment.intake.fields import FIELDS
from alignment.intake.mapping import CHANNEL_FUNCTIONS, DEFAULTS
from alignment.models import Disposition, DisqualificationReason, Source, Subject, TouchFunction

MAPPED_VALUES = {
    "disposition": f"Ours: {', '.join(Disposition.values)}.",
    "reason": f"Ours: {', '.join(DisqualificationReason.values)}.",
    "function": f"Function of a touch. Ours: {', '.join(TouchFunction.values)}.",
    "lifecycle": "Such as: Marketing qualified lead = mql.",
    "segment": "",
    "intent": "Such as: Request a demo = demo_request.",
    "channel": "",
}
LISTS = {
    "closed_statuses": (
        "Statuses that close a lead",
        "One a line: a lead in one of them is closed in the CRM.",
    ),
    "won_stages": ("Stages that are won", "One a line."),
    "lost_stages": ("Stages that are lost", "One a line."),
}
EDITED_SUBJECTS = (Subject.LEAD, Subject.TOUCH, Subject.OPPORTUNITY, Subject.CAMPAIGN, Subject.ACCOUNT)


@dataclass(frozen=True)
class FieldLine:
    """A field of ours with the control for the name that the source gives it."""

    ours: str
    default: str
    control: BoundField


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _table(text: str) -> dict[str, str]:
    """ "Theirs = ours" a line. Raises ValidationError naming the line."""
    found = {}
    for line in _lines(text):
        theirs, sign, ours = line.rpartition("=")
        if not sign or not theirs.strip() or not ours.strip():
            raise forms.ValidationError(f"“{line[:60]}”: write their value = our value.")
        found[theirs.strip()] = ours.strip()
    return found


def _table_text(table: Mapping[str, str]) -> str:
    return "\n".join(f"{theirs} = {ours}" for theirs, ours in table.items())


class TextArea(forms.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            max_length=20_000,
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
            **options,
        )


class MappingForm(forms.Form):
    """Bound to what somebody typed, or unbound with what the source's mapping says now."""

    reason = forms.CharField(max_length=100, required=False, help_text="Why it changes; kept in the history.")

    def __init__(self, data: Any = None, *, source: Source) -> None:
        self.source = source
        self.base = DEFAULTS.get(source.kind, {})
        document = source.mapping if isinstance(source.mapping, dict) else {}
        initial: dict[str, Any] = {}
        controls: dict[str, forms.Field] = {}
        for subject in EDITED_SUBJECTS:
            said = document.get("fields", {}).get(subject, {})
            for ours in FIELDS[subject]:
                name = f"{subject}.{ours}"
                initial[name] = said.get(ours, "")
                controls[name] = forms.CharField(
                    required=False,
                    max_length=120,
                    label=f"{subject}: {ours}",
                    widget=forms.TextInput(
                        attrs={
                            "class": "form-control",
                            "placeholder": self._default(subject, ours),
                            "autocomplete": "off",
                            "spellcheck": "false",
                            "aria-label": f"{subject}, {ours}: name of the field in the source",
                        }
                    ),
                )
        for ours, hint in MAPPED_VALUES.items():
            name = f"values.{ours}"
            initial[name] = _table_text(document.get("values", {}).get(ours, {}))
            controls[name] = TextArea(
                label=f"Values of {ours}", help_text=f"Their value = ours, one a line. {hint}"
            )
        for section, (label, hint) in LISTS.items():
            initial[section] = "\n".join(document.get(section, self.base.get(section, [])))
            controls[section] = TextArea(label=label, help_text=hint)
        initial["channel_functions"] = _table_text(document.get("channel_functions", {}))
        known = ", ".join(sorted(CHANNEL_FUNCTIONS))
        controls["channel_functions"] = TextArea(
            label="Function of a channel",
            help_text="Channel = marketing, sales or other: whose work a lead's origin is. "
            f"Known already: {known}.",
        )
        super().__init__(data, initial=initial)
        self.fields |= controls

    def _default(self, subject: str, ours: str) -> str:
        return str(self.base.get("fields", {}).get(subject, {}).get(ours, ours))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in (*(f"values.{ours}" for ours in MAPPED_VALUES), "channel_functions"):
            if name in cleaned:
                try:
                    cleaned[name] = _table(cleaned[name])
                except forms.ValidationError as problem:
                    self.add_error(name, problem)
        return cleaned

    def document(self) -> dict[str, Any]:
        """The mapping that a valid form says. Tables of fields that the form does not show stay as they are."""
        given = self.cleaned_data
        before = self.source.mapping if isinstance(self.source.mapping, dict) else {}
        fields = {
            subject: names
            for subject in EDITED_SUBJECTS
            if (
                names := {
                    ours: theirs
                    for ours in FIELDS[subject]
                    if (theirs := given[f"{subject}.{ours}"]) and theirs != self._default(subject, ours)
                }
            )
        }
        values = {
            name: table for name, table in before.get("values", {}).items() if name not in MAPPED_VALUES
        }
        values |= {ours: table for ours in MAPPED_VALUES if (table := given[f"values.{ours}"])}
        found: dict[str, Any] = {}
        if fields:
            found["fields"] = {str(subject): names for subject, names in fields.items()}
        if values:
            found["values"] = values
        for section in LISTS:
            lines = _lines(given[section])
            if lines != self.base.get(section, []):
                found[section] = lines
        if given["channel_functions"]:
            found["channel_functions"] = given["channel_functions"]
        return found

    def sections(self) -> Iterator[tuple[str, list[FieldLine], int]]:
        """(subject, its lines, how many of them are named)."""
        for subject in EDITED_SUBJECTS:
            lines = [
                FieldLine(ours, self._default(subject, ours), self[f"{subject}.{ours}"])
                for ours in FIELDS[subject]
            ]
            yield subject.label, lines, sum(bool(line.control.value()) for line in lines)

    def value_controls(self) -> Iterable[BoundField]:
        return [self[f"values.{ours}"] for ours in MAPPED_VALUES]

    def list_controls(self) -> Iterable[BoundField]:
        return [self[name] for name in (*LISTS, "channel_functions")]
