"""Rows of an export as drafts of facts, one after the other, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import getitem, itemgetter
from typing import Any, BinaryIO

from alignment.importing.columns import Column, columns_of, problems_of
from alignment.importing.drafts import Draft, drafter_of
from alignment.importing.encoding import rewindable
from alignment.importing.headers import find_columns
from alignment.importing.ids import joined, refuse_list
from alignment.importing.lines import Lines
from alignment.importing.mapping import ImportMapping
from alignment.importing.problems import BadRecord, UnreadableFile
from alignment.importing.records import (
    as_cell,
    csv_records,
    json_records,
    opened_lines,
    read_header,
    without_trailer,
)

__all__ = ["Draft", "Reject", "Row", "UnreadableFile", "read_rows"]
_MAX_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A record that could be read: the physical line on which it starts (from 1, headers counted), what it states."""

    line: int
    drafts: list[Draft]


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read. The message says what was found and what to write; `cells` is what the record
    held, as far as it could be taken apart."""

    line: int
    code: str
    message: str
    cells: tuple[str, ...] | None = None


def read_rows(stream: BinaryIO, mapping: ImportMapping, *, after: int = 0) -> Iterator[Row | Reject]:
    """Every record of the file that starts behind line `after`, in its order; reads from the start of the stream and
    leaves it open.

    Blank lines and what Salesforce writes below a report are left out. Raises UnreadableFile, at the first row asked
    for, where the file as a whole cannot be read.
    """
    with rewindable(stream) as file, opened_lines(file) as (lines, _, is_json):
        yield from _json_rows(lines, mapping, after) if is_json else _csv_rows(lines, mapping, after)


def _csv_rows(lines: Lines, mapping: ImportMapping, after: int) -> Iterator[Row | Reject]:
    header = read_header(lines)
    columns = columns_of(mapping)
    places = find_columns(header.names, [column.header for column in columns])
    id_places = find_columns(header.names, list(mapping.id_from))
    names = [column.name for column in columns]
    pick = _picker(places)
    draft, constants, id_name = drafter_of(mapping), mapping.constants, mapping.shape.id_name
    width = len(header.names)
    for line, cells in without_trailer(csv_records(lines, header.delimiter), width):
        if line <= after:
            continue
        if isinstance(cells, BadRecord):
            yield Reject(line, cells.code, str(cells))
            continue
        if len(cells) != width:
            if not _is_blank(cells):
                yield _wrong_width(line, cells, width)
            continue
        picked = pick(cells)
        try:
            values = dict(zip(names, map(getitem, columns, picked), strict=False))
            if constants:
                values.update(constants)
            if id_places:
                values[id_name] = _id_of([cells[place] for place in id_places], mapping)
            yield Row(line, draft(values))
        except BadRecord as problem:
            if not _is_blank(cells):
                yield _reject(line, problem, columns, picked)


def _json_rows(lines: Lines, mapping: ImportMapping, after: int) -> Iterator[Row | Reject]:
    """As rows of cells; a key that an object lacks states nothing."""
    columns = columns_of(mapping)
    draft, constants, id_name = drafter_of(mapping), mapping.constants, mapping.shape.id_name
    for line, found in json_records(lines):
        if line <= after:
            continue
        if isinstance(found, BadRecord):
            yield Reject(line, found.code, str(found))
            continue
        stated = [column for column in columns if column.header in found]
        picked: list[str] = []
        try:
            for column in stated:
                picked.append(_json_cell(found, column.header, mapping.decimal))
            values: dict[str, Any] = dict(constants)
            values.update((column.name, column[cell]) for column, cell in zip(stated, picked, strict=True))
            if mapping.id_from:
                parts = [_json_cell(found, key, mapping.decimal) for key in mapping.id_from]
                values[id_name] = _id_of(parts, mapping)
            yield Row(line, draft(values))
        except BadRecord as problem:
            yield _reject(line, problem, stated[: len(picked)], picked)


def _id_of(parts: Sequence[str], mapping: ImportMapping) -> str | None:
    """What `id_from` makes. Of one column other records may name it by that column's text."""
    found = joined(parts)
    if len(parts) == 1 and mapping.kind != "touch":
        try:
            refuse_list(found)
        except BadRecord as problem:
            raise BadRecord(problem.code, f"{mapping.id_from[0][:60]}: {problem}.") from problem
    return found or None


def _json_cell(found: dict[str, Any], key: str, decimal: str) -> str:
    try:
        return as_cell(found.get(key), decimal)
    except BadRecord as problem:
        raise BadRecord(problem.code, f"{key[:60]}: {problem}.") from problem


def _is_blank(cells: Sequence[str]) -> bool:
    """A spreadsheet's empty row: delimiters and nothing between them."""
    return not any(cells) or not any(map(str.strip, cells))


def _picker(places: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    if len(places) == 1:
        place = places[0]
        return lambda cells: (cells[place],)
    return itemgetter(*places)


def _wrong_width(line: int, cells: Sequence[str], wanted: int) -> Reject:
    found = len(cells)
    code = "too_few_cells" if found < wanted else "too_many_cells"
    return Reject(
        line,
        code,
        f"The record has {found} cells, the headers have {wanted}; put cells with the delimiter in quotes.",
        tuple(cells),
    )


def _reject(line: int, problem: BadRecord, columns: Sequence[Column], picked: Sequence[str]) -> Reject:
    """All that is wrong with the cells of a record; else what is wrong with the record itself."""
    found = list(problems_of(columns, picked))
    if not found:
        return Reject(line, problem.code, str(problem), tuple(picked))
    told = "; ".join(str(each) for each in found[:_MAX_PROBLEMS])
    return Reject(line, found[0].code, f"{told}.", tuple(picked))
