"""The mapping of an import as a form: one line per column of the file, and what a file cannot tell about itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.forms import BoundField
from django.forms.utils import ErrorDict

from alignment.forms.import_columns import ColumnLine, column_controls, column_lines
from alignment.forms.import_dates import ORDER_NAMES, hint_of, order_choices, which_order
from alignment.forms.import_questions import FileQuestions
from alignment.forms.import_said import initial_of, missing_headers, other_lines
from alignment.forms.import_values import ValueControl, ValueTable, value_controls
from alignment.importing.fields import DATING, OBJECTS, reader_of
from alignment.importing.guesses import AMBIGUOUS, MIXED, date_order, lacks_offset, proof_of
from alignment.importing.look import FileShape
from alignment.importing.times import ORDERS
from alignment.intake.fields import day, instant
from alignment.models import Import


class ImportMappingForm(FileQuestions):
    """Bound to what somebody chose, or unbound with what the draft's mapping says now.

    Valid: `document()` is the mapping and `as_of()` the file's time; whether the mapping is complete the service says.
    """

    def __init__(self, data: Any = None, *, draft: Import, shape: FileShape, zone: str) -> None:
        """`zone`: the organisation's, offered for confirmation. The draft's subject is one of OBJECTS."""
        self.draft, self.shape, self.kind = draft, shape, draft.subject
        self.said: dict[str, Any] = draft.mapping
        super().__init__(data, initial=initial_of(draft, shape, zone=zone))
        self.places = column_controls(self)
        self.fields["id_from"].choices = [  # type: ignore[attr-defined]
            (str(place), shape.headers[place]) for place in self.places
        ]
        self._ask_for_order()
        self._ask_for_zone()
        self.tables = value_controls(self)
        if data is None:
            self.initial["other_values"] = "\n".join(other_lines(self.said, self.tables))

    def _ask_for_order(self) -> None:
        cells = self._cells(with_days=True)
        field = self.fields["dates"]
        field.choices = order_choices(cells, is_chosen=bool(self.initial["dates"]))  # type: ignore[attr-defined]
        field.help_text = hint_of(cells, date_order(cells))

    def _ask_for_zone(self) -> None:
        if example := self.example_without_offset:
            field = self.fields["zone"]
            field.required = True
            field.error_messages["required"] = (
                f"“{example}” says no offset: name the zone of who exported it."
            )

    # --- what the page shows -------------------------------------------------------------------------------

    @property
    def left_out(self) -> int:
        """Columns of a very wide file that have no control here."""
        return sum(bool(header) for header in self.shape.headers) - len(self.places)

    @property
    def missing(self) -> list[str]:
        """Columns that the mapping names and the file lacks."""
        return missing_headers(self.said, self.shape)

    def lines(self) -> Iterator[ColumnLine]:
        return column_lines(self)

    def value_lines(self) -> Iterator[tuple[ValueTable, list[tuple[ValueControl, BoundField]]]]:
        for table in self.tables:
            yield table, [(control, self[control.name]) for control in table.controls]

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

    def leave_unchecked(self) -> None:
        """Show what is chosen without finding fault with it: somebody is not done yet."""
        self._errors = ErrorDict()
        self.cleaned_data = {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_columns()
        if (example := self.example_without_offset) and "zone" in cleaned and not cleaned.get("is_zone_sure"):
            self.add_error(
                "is_zone_sure",
                f"Confirm it: “{example}” says no offset and is read in {cleaned['zone']}.",
            )
        self._check_dates(cleaned)
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
        cells = self._cells(with_days=True)
        proven = date_order(cells)
        chosen = cleaned.get("dates", "")
        if not chosen and proven in ORDERS:
            cleaned["dates"] = proven
        elif not chosen and proven in (AMBIGUOUS, MIXED):
            self.add_error("dates", which_order(cells, proven))
        elif {chosen, proven} == {"dmy", "mdy"}:
            example = proof_of(cells, str(proven))
            self.add_error(
                "dates",
                f"The file proves the other order by “{example}”: choose {ORDER_NAMES[str(proven)].partition(':')[0]}.",
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
