"""Cells into values of our fields: one remembering reader per mapped column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from alignment.currencies import Stated, code_of
from alignment.importing.amounts import Amount, Numbers
from alignment.importing.fields import ID, REFERENCES, reader_of
from alignment.importing.ids import refuse_list
from alignment.importing.mapping import ImportMapping
from alignment.importing.problems import BadCell
from alignment.importing.times import Clock
from alignment.intake.fields import day, instant, money, text, whole
from alignment.intake.ids import MAX_ID, one_form
from alignment.sheets import bare

CellReader = Callable[[str], Any]
_REMEMBERED = 4096
_LISTING = frozenset({"lead", "account", "opportunity", "campaign"})
_ANY_ZONE = ZoneInfo("UTC")
STAGE = "stage:"


class Column(dict[str, Any]):
    """cell → value; what was read before is remembered, so that repeated dates, owners and stages cost a look-up.

    Raises BadCell by `column[cell]`.
    """

    __slots__ = ("header", "name", "read")

    def __init__(self, name: str, header: str, read: CellReader) -> None:
        super().__init__()
        self.name = name
        self.header = header
        self.read = read

    def __missing__(self, cell: str) -> Any:
        value = self.read(cell)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[cell] = value
        return value

    def problem(self, cell: str) -> BadCell | None:
        """What is wrong with the cell, naming the column; None where nothing is."""
        try:
            self[cell]
        except BadCell as problem:
            named = "" if self.name.startswith(STAGE) else f" ({self.name})"
            return BadCell(problem.code, f"{self.header[:60]}{named}: {problem}")
        return None


def columns_of(mapping: ImportMapping) -> list[Column]:
    """A column for every mapped field, then one for every stage column, named by STAGE and its header."""
    clock = Clock(mapping.zone, mapping.dates)
    numbers = Numbers(mapping.decimal)
    columns = [
        Column(name, header, _cell_reader(mapping, name, clock, numbers))
        for name, header in mapping.columns.items()
    ]
    stages = [Column(STAGE + header, header, _cleaned(clock.moment)) for header in mapping.stage_columns]
    return columns + stages


def problems_of(columns: Sequence[Column], cells: Sequence[str]) -> Iterator[BadCell]:
    for column, cell in zip(columns, cells, strict=True):
        if found := column.problem(cell):
            yield found


def _cell_reader(mapping: ImportMapping, name: str, clock: Clock, numbers: Numbers) -> CellReader:
    return _cleaned(_value_reader(mapping, name, clock, numbers), mapping.values.get(name))


def _value_reader(mapping: ImportMapping, name: str, clock: Clock, numbers: Numbers) -> CellReader:
    reader = reader_of(mapping.shape.subject, name)
    if name == ID and mapping.kind != "touch":
        return _own_id
    if name in REFERENCES:
        return _reference(name, is_touch=mapping.kind == "touch")
    if name == "updated_at":
        return lambda cell: clock.moment(cell)[0]
    if reader is None:
        return clock.moment
    if reader is instant:
        return clock.instant
    if reader is day:
        return clock.day
    if reader is whole:
        return lambda cell: whole(numbers.plain(cell), _ANY_ZONE)
    if reader is money:
        return lambda cell: _priced(numbers.amount(cell))
    if name == "currency":
        return code_of
    return lambda cell: reader(cell, _ANY_ZONE)


def _cleaned(read: CellReader, table: Mapping[str, str | None] | None = None) -> CellReader:
    """Empty is None; the table of values comes first; every refusal is a BadCell."""
    known = table or {}

    def cleaned(cell: str) -> Any:
        found: str | None = cell.strip()
        if found and found[0] == "'":
            found = bare(found)
        if known and found:
            found = known.get(found.lower(), found)
        if not found:
            return None
        try:
            return read(found)
        except BadCell:
            raise
        except ValueError as problem:
            raise BadCell("bad_value", str(problem)) from problem

    return cleaned


def _own_id(cell: str) -> str:
    found = one_form(text(MAX_ID)(cell, _ANY_ZONE))
    refuse_list(found)
    return found


def _reference(name: str, *, is_touch: bool) -> CellReader:
    """An id in one form. Of several in one cell, parted by “;”, the first one; a touch keeps all its leads."""
    limited = text(MAX_ID)

    def read(cell: str) -> str:
        if name not in _LISTING or ";" not in cell:
            found = one_form(limited(cell, _ANY_ZONE))
            if is_touch and name == "lead":
                _refuse_contact(found)
            return found
        parts = [one_form(limited(part, _ANY_ZONE)) for part in cell.split(";") if part.strip()]
        return (";".join(parts) if is_touch and name == "lead" else parts[0]) if parts else ""

    return read


def _refuse_contact(found: str) -> None:
    if len(found) == 18 and found.startswith("003"):
        raise BadCell("not_a_lead", f"“{found}” is a contact of Salesforce, not a lead")


def _priced(amount: Amount) -> tuple[Stated, Amount]:
    return money(amount.number, _ANY_ZONE), amount
