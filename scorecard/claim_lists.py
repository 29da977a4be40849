"""A function's list of opportunities as text: its columns, its rows, and what is wrong with each bad one.

    opportunity,source            name;source                 006A1
    006A1,marketing               Acme renewal;sales          006A2
    006A2,                        Globex pilot;

The first line names the columns: `opportunity` (the id in the CRM) or `name`, and `source` (marketing, sales or
other; empty: the function whose list it is). A list of ids alone needs no such line. `crm` names the connection where
two CRMs use the same id. A list with columns of other names and without `source` is not guessed at: whoever imports it
says that all of it is claimed, or renames the column that says the source.
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


@dataclass(frozen=True)
class ReadList:
    """`ignored`: names of columns that are none of ours, as the list has them."""

    rows: list[ClaimedRow]
    problems: list[Problem]
    ignored: tuple[str, ...] = ()


def text_of(file: BinaryIO) -> str:
    """The text of an uploaded file in whatever encoding it has. Raises UnreadableList, UnreadableFile."""
    file.seek(0, io.SEEK_END)
    if file.tell() > MOST_BYTES:
        raise UnreadableList(
            "The file is larger than 5 MB: a list has an id and a source in each row, no more."
        )
    with decoded(file, find_encoding(file)) as text:
        return text.read()


def read_list(text: str, *, function: str, claims_all: bool = False) -> ReadList:
    """Good rows and problems. `function`: whose list it is; `claims_all`: it claims whatever the list names, although
    the list has columns that might say otherwise. Raises UnreadableList."""
    text = text.lstrip("\ufeff")
    if not text.strip():
        raise UnreadableList("The list is empty: write a line for each opportunity.")
    records = list(_records(text))
    first = next((cells for _, cells in records if any(cells)), [])
    columns, ignored = _columns(first)
    if columns is None:
        columns = {"id": 0}
        if max(len(cells) for _, cells in records) > 1:
            raise UnreadableList(
                "The first line has to name the columns: “opportunity” for the id in the CRM, or “name”, and "
                "“source” where the list says who sourced it."
            )
    else:
        records = records[next(i for i, (_, cells) in enumerate(records) if any(cells)) + 1 :]
        if ignored and "source" not in columns and not claims_all:
            raise UnreadableList(_unclear(ignored))
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
    if not rows and not problems:
        raise UnreadableList(
            "The list names no opportunity, so nothing was imported. If the function claims none, give no list and "
            "tick “It claims no opportunity at all”."
        )
    return ReadList(rows, problems, ignored)


def _unclear(ignored: tuple[str, ...]) -> str:
    named = ", ".join(f"“{name}”" for name in ignored)
    columns, one = ("columns", "one of them") if len(ignored) > 1 else ("column", "it")
    return (
        f"The list has the {columns} {named} and none named “source”. If {one} says who sourced each opportunity, name "
        "it “source” and write marketing, sales or other in it. If the function claims all of them, tick “It claims "
        "every opportunity in this list”."
    )


def _records(text: str) -> list[tuple[int, list[str]]]:
    head = text.lstrip().splitlines()[0]
    delimiter = max(",;\t|", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            found.append((line, [_spaced(cell) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as problem:
        raise UnreadableList(f"Line {line} cannot be read as a row: {problem}.") from problem
    return found


def _spaced(cell: str) -> str:
    """With one plain blank where there are blanks of whatever kind."""
    return bare(" ".join(cell.replace("\0", "").split()))


def _visible(cell: str) -> str:
    """Without signs that nobody sees; a name keeps them, as it has them in the CRM too."""
    return "".join(sign for sign in cell if sign.isprintable()).strip()


def _columns(first: list[str]) -> tuple[dict[str, int] | None, tuple[str, ...]]:
    """Which column is what, and names of those that are none of ours; None where the first line names no column."""
    found: dict[str, int] = {}
    ignored: list[str] = []
    for place, cell in enumerate(first):
        name = _COLUMN.get(" ".join(_visible(cell).lower().replace("_", " ").split()))
        if name is not None:
            found.setdefault(name, place)
        elif cell:
            ignored.append(cell[:60])
    return (found, tuple(ignored)) if "id" in found or "name" in found else (None, ())


def _row(line: int, cells: list[str], columns: Mapping[str, int], function: str) -> ClaimedRow | Problem:
    def cell(name: str) -> str:
        place = columns.get(name)
        found = cells[place] if place is not None and place < len(cells) else ""
        return found if name == "name" else _visible(found)

    if not cell("id") and not cell("name"):
        return Problem(line, "The row names no opportunity.")
    said = cell("source").lower()
    source = _SOURCE.get(said) if said else function
    if source is None:
        return Problem(
            line, "The source is none of marketing, sales, other; leave it empty for the function itself."
        )
    return ClaimedRow(line, cell("id")[:190], cell("name")[:500], source, cell("crm")[:60])
