"""The mapping of an import as a form: one line per column of the file, and what a file cannot tell about itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.forms import BoundField
from django.forms.utils import ErrorDict

from alignment.business_time.zones import zone_names
from alignment.forms.import_values import ValueControl, ValueTable, line_of, lines_of, value_controls
from alignment.importing.fields import DATING, OBJECTS, reader_of
from alignment.importing.guesses import AMBIGUOUS, MIXED, date_order, lacks_offset
from alignment.importing.headers import plain
from alignment.importing.look import FileShape
from alignment.importing.times import ORDERS
from alignment.intake.fields import day, instant
from alignment.models import Import
from alignment.queries.import_words import MEANINGS, fields_of

SHOWN_SAMPLES = 3
MAX_COLUMNS = 600  # with controls: those that are mapped, then the first ones
ALSO_UP_TO = 60  # columns: beyond that a second field can be added to columns that have a first
_DATES = [
    ("iso", "year first: 2026-03-02"),
    ("dmy", "day first: 2.3.2026 is the 2nd of March"),
    ("mdy", "month first: 3/2/2026 is the 2nd of March"),
]


@dataclass(frozen=True)
class ColumnLine:
    """A column of the file with its controls; `stage` of opportunities only."""

    header: str
    samples: list[str]
    field: BoundField
    also: BoundField | None
    stage: BoundField | None
    meaning: str

    @property
    def is_taken(self) -> bool:
        return bool(self.field.value() or (self.stage and self.stage.value()))


class ImportMappingForm(forms.Form):
    """Bound to what somebody chose, or unbound with what the draft's mapping says now.

    Valid: `document()` is the mapping and `as_of()` the file's time; whether the mapping is complete the service says.
    """

    zone = forms.CharField(
        required=False,
        max_length=64,
        label="Zone of the file's times",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    is_zone_sure = forms.BooleanField(required=False, label="Yes, times without an offset are in this zone")
    dates = forms.ChoiceField(required=False, label="Order of day and month")
    decimal = forms.ChoiceField(
        required=False,
        label="Decimal sign",
        choices=[("", "not stated"), (".", "point: 1,234.50"), (",", "comma: 1.234,50")],
    )
    currency = forms.RegexField(
        r"^[A-Za-z]{3}$",
        required=False,
        label="Currency of amounts",
        help_text="Three letters, such as EUR, where no column says it.",
        error_messages={"invalid": "Write three letters, such as EUR."},
    )
    as_of_time = forms.DateTimeField(
        label="When it was exported",
        help_text="Rows without a time of their own hold as of this time.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )
    constants = forms.CharField(
        required=False,
        max_length=5000,
        label="Fields that are the same in every row",
        help_text="Our field = value, one a line, such as: segment = enterprise.",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    other_values = forms.CharField(
        required=False,
        max_length=50_000,
        label="Further values in other words",
        help_text="Our field: their value = ours, one a line, such as: stage: Closed - Won = Closed won. Nothing "
        "behind the sign: empty.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    id_from = forms.MultipleChoiceField(
        required=False,
        label="Columns that name a record together",
        help_text="Only for an export without ids: such as the e-mail address.",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, draft: Import, shape: FileShape, zone: str) -> None:
        """`zone`: the organisation's, offered for confirmation. The draft's subject is one of OBJECTS."""
        self.draft, self.shape, self.kind = draft, shape, draft.subject
        self.said: dict[str, Any] = draft.mapping
        self._place_of = {plain(header): place for place, header in enumerate(shape.headers)}
        super().__init__(data, initial=self._initial(zone))
        known = fields_of(self.kind)
        self._choices = [("", "not imported"), *((name, f"{label}: {what}") for name, label, what in known)]
        self.fields["dates"].choices = self._date_choices()  # type: ignore[attr-defined]
        self.places = self._shown_places()
        self.fields["id_from"].choices = [  # type: ignore[attr-defined]
            (str(place), shape.headers[place]) for place in self.places
        ]
        for place in self.places:
            self._add_column(place, shape.headers[place])
        self.tables = value_controls(self)
        if data is None:
            self.initial["other_values"] = "\n".join(self._other_lines())

    # --- what the draft says now ---------------------------------------------------------------------------

    def _initial(self, zone: str) -> dict[str, Any]:
        initial: dict[str, Any] = {
            "zone": self.said.get("zone") or zone,
            "is_zone_sure": bool(self.said.get("zone")),
            "dates": self.said.get("dates") or self.shape.dates or "",
            "decimal": self.said.get("decimal") or self.shape.decimal or "",
            "currency": self.said.get("currency", ""),
            "as_of_time": self.draft.as_of,
            "constants": "\n".join(
                line_of(name, value) for name, value in self.said.get("constants", {}).items()
            ),
            "id_from": [
                str(self._place_of[plain(header)])
                for header in self.said.get("id_from", [])
                if plain(header) in self._place_of
            ],
        }
        for name, header in self.said.get("columns", {}).items():
            if (place := self._place_of.get(plain(header))) is not None:
                taken = f"field-{place}" in initial
                initial[f"also-{place}" if taken else f"field-{place}"] = name
        for header, stage in self.said.get("stage_columns", {}).items():
            if (place := self._place_of.get(plain(header))) is not None:
                initial[f"stage-{place}"] = stage
        return initial

    def _shown_places(self) -> list[int]:
        named = [place for place, header in enumerate(self.shape.headers) if header]
        starts = ("field", "also", "stage")
        first = [place for place in named if any(self.initial.get(f"{start}-{place}") for start in starts)]
        return sorted(list(dict.fromkeys([*first, *named]))[:MAX_COLUMNS])

    @property
    def left_out(self) -> int:
        """Columns of a very wide file that have no control here."""
        return sum(bool(header) for header in self.shape.headers) - len(self.places)

    @property
    def missing(self) -> list[str]:
        """Columns that the mapping names and the file lacks."""
        named = [*self.said.get("columns", {}).values(), *self.said.get("stage_columns", {})]
        return sorted({header for header in named if plain(header) not in self._place_of})

    def _other_lines(self) -> Iterator[str]:
        """What the mapping says about values that have no control of their own here."""
        shown = {
            (control.field, control.theirs.lower()) for table in self.tables for control in table.controls
        }
        for name, table in self.said.get("values", {}).items():
            for theirs, ours in table.items():
                if (name, theirs.strip().lower()) not in shown:
                    yield f"{name}: {line_of(theirs, ours)}"

    def _date_choices(self) -> list[tuple[str, str]]:
        return _DATES if self.initial["dates"] else [("", "choose"), *_DATES]

    def _add_column(self, place: int, header: str) -> None:
        name = f"field-{place}"
        self.fields[name] = _choice(f"{header}: our field", self._choices)
        has_first = bool(self.data.get(name) if self.is_bound else self.initial.get(name))
        if has_first or len(self.shape.headers) <= ALSO_UP_TO:
            self.fields[f"also-{place}"] = _choice(
                f"{header}: second field", [("", "nothing else"), *self._choices[1:]]
            )
        if self.kind == "opportunity":
            self.fields[f"stage-{place}"] = forms.CharField(
                required=False,
                max_length=80,
                widget=forms.TextInput(
                    attrs={"class": "form-control", "aria-label": f"{header}: name of the stage entered then"}
                ),
            )

    # --- what is chosen ------------------------------------------------------------------------------------

    def chosen(self, name: str) -> str:
        """What a control says, before anything is checked."""
        found = self.data.get(name, "") if self.is_bound else self.initial.get(name, "")
        return str(found or "").strip()

    def columns(self) -> dict[str, int]:
        """Our field: place of its column, as chosen; the first of two."""
        found: dict[str, int] = {}
        for place in self.places:
            for name in (f"field-{place}", f"also-{place}"):
                ours = self.chosen(name) if name in self.fields else ""
                if ours in OBJECTS[self.kind].names:
                    found.setdefault(ours, place)
        return found

    def stages(self) -> dict[int, str]:
        if self.kind != "opportunity":
            return {}
        named = {place: self.chosen(f"stage-{place}") for place in self.places}
        return {place: stage for place, stage in named.items() if stage}

    def met(self, place: int) -> Counter[str]:
        """The values of a column in the records that were looked at, and how often each."""
        return Counter(cell for row in self.shape.sample if (cell := row[place].strip()))

    def _cells(self, *, with_days: bool) -> list[str]:
        """Cells of the columns that hold times, and days if asked for."""
        subject, places = OBJECTS[self.kind].subject, set(self.stages())
        for name, place in self.columns().items():
            reader = reader_of(subject, name)
            if name in DATING or reader is instant or (with_days and reader is day):
                places.add(place)
        return [row[place] for row in self.shape.sample for place in sorted(places) if row[place]]

    @property
    def example_without_offset(self) -> str:
        """A time of the file that needs a zone; empty where none does."""
        return next((cell for cell in self._cells(with_days=False) if lacks_offset([cell])), "")

    # --- checks and what comes of them ---------------------------------------------------------------------

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"]).strip()
        if zone and zone not in zone_names():
            raise forms.ValidationError("This is not an IANA time zone; write one such as Europe/Berlin.")
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_columns()
        if (example := self.example_without_offset) and "zone" in cleaned:
            if not cleaned["zone"]:
                self.add_error("zone", f"“{example}” says no offset: name the zone of who exported it.")
            elif not cleaned.get("is_zone_sure"):
                self.add_error(
                    "is_zone_sure",
                    f"Confirm it: “{example}” says no offset and is read in {cleaned['zone']}.",
                )
        self._check_dates(cleaned)
        for name in ("constants", "other_values"):
            try:
                cleaned[name] = lines_of(cleaned.get(name, ""), is_nested=name == "other_values")
            except ValueError as problem:
                self.add_error(name, str(problem))
        return cleaned

    def _check_columns(self) -> None:
        first: dict[str, int] = {}
        for place in self.places:
            for name in (f"field-{place}", f"also-{place}"):
                ours = self.cleaned_data.get(name)
                if not ours:
                    continue
                if first.setdefault(ours, place) != place:
                    header = self.shape.headers[first[ours]]
                    self.add_error(name, f"“{header}” is mapped to {ours} already: choose one of the two.")

    def _check_dates(self, cleaned: dict[str, Any]) -> None:
        proven = date_order(self._cells(with_days=True))
        chosen = cleaned.get("dates", "")
        if not chosen and proven in ORDERS:
            cleaned["dates"] = proven
        elif not chosen and proven in (AMBIGUOUS, MIXED):
            self.add_error("dates", "No day above 12 tells day from month here: say which stands first.")
        elif {chosen, proven} == {"dmy", "mdy"}:
            self.add_error(
                "dates", f"The dates of the file prove the other order: {dict(_DATES)[str(proven)]}."
            )

    def document(self) -> dict[str, Any]:
        """The mapping that a valid form says."""
        headers, given = self.shape.headers, self.cleaned_data
        places = self.columns()
        values: dict[str, dict[str, Any]] = {
            name: dict(table) for name, table in given["other_values"].items()
        }
        for table in self.tables:
            for control in table.controls:
                if (said := control.said(self.chosen(control.name))) is not None:
                    values.setdefault(control.field, {})[control.theirs] = said or None
        found: dict[str, Any] = {
            "object": self.kind,
            "columns": {name: headers[places[name]] for name in OBJECTS[self.kind].names if name in places},
            "stage_columns": {headers[place]: stage for place, stage in self.stages().items()},
            "constants": {name: value or None for name, value in given["constants"].items()},
            "values": values,
            "id_from": [headers[int(place)] for place in given["id_from"]],
            "zone": given["zone"] if given["is_zone_sure"] else "",
            "dates": given["dates"],
            "decimal": given["decimal"],
            "currency": given["currency"].upper(),
        }
        return {name: value for name, value in found.items() if value}

    def as_of(self) -> datetime:
        """The file's time; to the microsecond what it was before where nobody changed it."""
        given: datetime = self.cleaned_data["as_of_time"]
        return self.draft.as_of if given == self.draft.as_of.replace(microsecond=0) else given

    def lines(self) -> Iterator[ColumnLine]:
        for place in self.places:
            header = self.shape.headers[place]
            cells = dict.fromkeys(row[place].strip() for row in self.shape.rows)
            yield ColumnLine(
                header,
                [re.sub(r"\s+", " ", cell)[:80] for cell in cells if cell][:SHOWN_SAMPLES],
                self[f"field-{place}"],
                self[f"also-{place}"] if f"also-{place}" in self.fields else None,
                self[f"stage-{place}"] if f"stage-{place}" in self.fields else None,
                MEANINGS.get(self.chosen(f"field-{place}"), ""),
            )

    def value_lines(self) -> Iterator[tuple[ValueTable, list[tuple[ValueControl, BoundField]]]]:
        for table in self.tables:
            yield table, [(control, self[control.name]) for control in table.controls]

    def leave_unchecked(self) -> None:
        """Show what is chosen without finding fault with it: somebody is not done yet."""
        self._errors = ErrorDict()
        self.cleaned_data = {}


def _choice(label: str, choices: list[tuple[str, str]]) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select", "aria-label": label})
    return forms.ChoiceField(required=False, choices=choices, widget=widget)
