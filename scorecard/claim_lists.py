"""A function's list of opportunities as text: its columns, its rows, and what is wrong with each bad one.

    opportunity,source            name;source                 006A1
    006A1,marketing               Acme renewal;sales          006A2
    006A2,                        Globex pilot;

The first line names the columns: `opportunity` (the id in the CRM) or `name`, and `source` (marketing, sales or
other; empty: the function whose list it is). A list of ids alone needs no such line. `crm` names the connection where
two CRMs use the same id.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from alignment.importing.encoding import decoded, find_encoding
from alignment.sheets import bare

MOST_ROWS = 20_000
MOST_BYTES = 5_000_000
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("opportunity", "opportunity id", "id", "external id", "deal id", "record id"),
    "name": ("name", "opportunity name", "deal name"),
    "source": ("source", "sourced by", "function", "opportunity source"),
    "crm": ("crm", "connection"),
}
SOURCES: Mapping[str, tuple[str, ...]] = {
    "marketing": ("marketing", "inbound"),
    "sales": ("sales", "outbound", "sdr", "bdr", "ae"),
    "other": ("other", "neither", "partner", "product", "referral"),
}
_COLUMN = {header: name for name, headers in COLUMNS.items() for header in headers}
_SOURCE = {word: source for source, words in SOURCES.items() for word in words}


class UnreadableList(ValueError):
    """Nothing of it can be used; the message says what to change."""


@dataclass(frozen=True)
class ClaimedRow:
    """`line` in the text, from 1; `id` or `name` is given. `source`: marketing, sales or other."""

    line: int
    id: str
    name: str
    source: str
    crm: str


@dataclass(frozen=True)
class Problem:
    line: int
    message: str


def text_of(file: BinaryIO) -> str:
    """The text of an uploaded file in whatever encoding it has. Raises UnreadableList, UnreadableFile."""
    file.seek(0, io.SEEK_END)
    if file.tell() > MOST_BYTES:
        raise UnreadableList(
            "The file is larger than 5 MB: a list has an id and a source in each row, no more."
        )
    with decoded(file, find_encoding(file)) as text:
        return text.read()


def read_list(text: str, *, function: str) -> tuple[list[ClaimedRow], list[Problem]]:
    """Good rows and problems. `function`: whose list it is. Raises UnreadableList."""
    text = text.lstrip("\ufeff")
    if not text.strip():
        raise UnreadableList("The list is empty: write a line for each opportunity.")
    records = list(_records(text))
    first = next((cells for _, cells in records if any(cells)), [])
    columns = _columns(first)
    if columns is None:
        columns = {"id": 0}
        if max(len(cells) for _, cells in records) > 1:
            raise UnreadableList(
                "The first line has to name the columns: “opportunity” for the id in the CRM, or “name”, and "
                "“source” where the list says who sourced it."
            )
    else:
        records = records[next(i for i, (_, cells) in enumerate(records) if any(cells)) + 1 :]
    rows: list[ClaimedRow] = []
    problems: list[Problem] = []
    for line, cells in records:
        if not any(cells):
            continue
        if len(rows) + len(problems) >= MOST_ROWS:
            raise UnreadableList(f"A list has at most {MOST_ROWS:,} rows.")
        found = _row(line, cells, columns, function)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            rows.append(found)
    return rows, problems


def _records(text: str) -> list[tuple[int, list[str]]]:
    head = text.lstrip().splitlines()[0]
    delimiter = max(",;\t|", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            found.append((line, [_clean(cell) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as problem:
        raise UnreadableList(f"Line {line} cannot be read as a row: {problem}.") from problem
    return found


def _clean(cell: str) -> str:
    return bare("".join(sign for sign in cell if sign.isprintable()).strip())


def _columns(first: list[str]) -> dict[str, int] | None:
    """Which column is what; None where the first line names none."""
    found: dict[str, int] = {}
    for place, cell in enumerate(first):
        name = _COLUMN.get(" ".join(cell.lower().replace("_", " ").split()))
        if name is not None:
            found.setdefault(name, place)
    return found if "id" in found or "name" in found else None


def _row(line: int, cells: list[str], columns: Mapping[str, int], function: str) -> ClaimedRow | Problem:
    def cell(name: str) -> str:
        place = columns.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    if not cell("id") and not cell("name"):
        return Problem(line, "The row names no opportunity.")
    said = cell("source").lower()
    source = _SOURCE.get(said) if said else function
    if source is None:
        return Problem(
            line, "The source is none of marketing, sales, other; leave it empty for the function itself."
        )
    return ClaimedRow(line, cell("id")[:190], " ".join(cell("name").split())[:200], source, cell("crm")[:60])
