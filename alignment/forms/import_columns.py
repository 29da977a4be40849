"""The columns of a file with their controls: our field, a second one, and the stage that was entered then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms import BoundField

from alignment.queries.import_words import MEANINGS, fields_of

if TYPE_CHECKING:
    from alignment.forms.import_mapping import ImportMappingForm

SHOWN_SAMPLES = 3
MAX_COLUMNS = 600  # with controls: those that are mapped, then the first ones
# Columns: beyond that those that have a field already can be given a second one, and have a list each; the others
# take a field's name out of one list for all, which the page holds once.
WIDE_FROM = 60
Choices = list[tuple[str, str]]


class FieldSelect(forms.Select):
    """Our fields by their short names; each option's title says what it means."""

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **options)
        if meaning := MEANINGS.get(str(value)):
            option["attrs"]["title"] = meaning
        return option


@dataclass(frozen=True)
class ColumnLine:
    """A column of the file with its controls; `stage` of opportunities only. `meaning`: of the chosen field."""

    header: str
    samples: list[str]
    field: BoundField
    also: BoundField | None
    stage: BoundField | None
    meaning: str

    @property
    def is_taken(self) -> bool:
        return bool(self.field.value() or (self.stage and self.stage.value()))


def column_controls(form: ImportMappingForm) -> list[int]:
    """Add the controls of each column to the form; the places of the columns that have got some."""
    places = _shown_places(form)
    fields: Choices = [(name, label) for name, label, _ in fields_of(form.kind)]
    for place in places:
        _add_column(form, place, form.shape.headers[place], fields)
    return places


def column_lines(form: ImportMappingForm) -> Iterator[ColumnLine]:
    for place in form.places:
        cells = dict.fromkeys(row[place].strip() for row in form.shape.rows)
        yield ColumnLine(
            form.shape.headers[place],
            [re.sub(r"\s+", " ", cell)[:80] for cell in cells if cell][:SHOWN_SAMPLES],
            form[f"field-{place}"],
            form[f"also-{place}"] if f"also-{place}" in form.fields else None,
            form[f"stage-{place}"] if f"stage-{place}" in form.fields else None,
            MEANINGS.get(form.chosen(f"field-{place}"), ""),
        )


def _shown_places(form: ImportMappingForm) -> list[int]:
    named = [place for place, header in enumerate(form.shape.headers) if header]
    starts = ("field", "also", "stage")
    first = [place for place in named if any(form.initial.get(f"{start}-{place}") for start in starts)]
    return sorted(list(dict.fromkeys([*first, *named]))[:MAX_COLUMNS])


def _add_column(form: ImportMappingForm, place: int, header: str, fields: Choices) -> None:
    name = f"field-{place}"
    form.fields[name] = _choice(f"{header}: our field", [("", "not imported"), *fields])
    is_wide = len(form.shape.headers) > WIDE_FROM
    if is_wide and not _has_field(form, name, fields):
        attrs = {
            "class": "form-control",
            "list": "our-fields",
            "placeholder": "not imported",
            "autocomplete": "off",
        }
        form.fields[name].widget = forms.TextInput(attrs | {"aria-label": f"{header}: our field"})
    else:
        form.fields[f"also-{place}"] = _choice(f"{header}: second field", [("", "nothing else"), *fields])
    if form.kind == "opportunity":
        label = f"{header}: name of the stage entered then"
        widget = forms.TextInput(attrs={"class": "form-control", "aria-label": label})
        form.fields[f"stage-{place}"] = forms.CharField(required=False, max_length=80, widget=widget)


def _has_field(form: ImportMappingForm, name: str, fields: Choices) -> bool:
    return form.chosen(name) in {ours for ours, _ in fields}


def _choice(label: str, choices: Choices) -> forms.ChoiceField:
    widget = FieldSelect(attrs={"class": "form-select", "aria-label": label, "data-says": ""})
    return forms.ChoiceField(required=False, choices=choices, widget=widget)
