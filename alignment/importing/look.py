"""A first look at an export: what it is, a mapping to start from, and what only a person can say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from alignment.importing.encoding import Encoding, rewindable
from alignment.importing.fields import DATING, OBJECTS, reader_of
from alignment.importing.guesses import AMBIGUOUS, MIXED, date_order, decimal_sign, lacks_offset
from alignment.importing.headers import REJECT_COLUMNS, plain
from alignment.importing.lines import Lines
from alignment.importing.own_names import with_own_names
from alignment.importing.presets import Suggestion, suggest
from alignment.importing.problems import BadRecord, UnreadableFile
from alignment.importing.records import (
    csv_records,
    is_trailer,
    json_records,
    opened_lines,
    read_header,
    without_trailer,
)
from alignment.intake.fields import day, instant, money

SHOWN_ROWS = 20
SAMPLE = 20_000  # records that are looked at for what they prove
_TAIL = 4096
_MAX_KEYS = 500


@dataclass(frozen=True)
class FileShape:
    """What a file is and how it could be mapped.

    `rows`: the first records, cells in the order of `headers`; `sample`: all that were looked at. `zone`: of exports
    that always have the same one, else empty. `dates`: iso, dmy, mdy, or None where the cells do not prove it.
    `decimal`: "." or ",", or None. `questions`: sentences about what could not be guessed.
    """

    encoding: str
    format: str  # csv or jsonl
    delimiter: str
    headers: list[str]
    rows: list[list[str]]
    system: str
    object: str | None
    columns: dict[str, str]
    constants: dict[str, Any]
    values: dict[str, Any]
    stage_columns: dict[str, str]
    zone: str
    dates: str | None
    decimal: str | None
    trailer: list[str]
    questions: list[str] = field(default_factory=list)
    sample: list[list[str]] = field(default_factory=list, repr=False)

    def document(self) -> dict[str, Any]:
        """The mapping to start from, without what is still open (mostly the zone)."""
        document: dict[str, Any] = {"object": self.object, "columns": self.columns}
        for name in ("constants", "values", "stage_columns", "zone", "dates", "decimal"):
            if found := getattr(self, name):
                document[name] = found
        return {name: value for name, value in document.items() if value is not None}


def look_at(stream: BinaryIO, kind: str | None = None) -> FileShape:
    """Look at the start of a file (and at its end, for a report's trailer); reads from the start, leaves it open.

    `kind`: the object that somebody says it is, one of OBJECTS; else it is guessed. Raises UnreadableFile as
    `read_rows` does.
    """
    with rewindable(stream) as file:
        with opened_lines(file) as (lines, encoding, is_json):
            if is_json:
                delimiter, (headers, sample) = "", _json_sample(lines)
            else:
                header = read_header(lines)
                delimiter, headers = header.delimiter, header.names
                sample = list(itertools.islice(_cells(lines, delimiter, len(headers)), SAMPLE))
        if not headers:
            raise UnreadableFile("No line of the file is a JSON object: write one object a line.")
        trailer = [] if is_json else _trailer(file, encoding)
    return _shape(encoding, delimiter, headers, sample, trailer, kind)


def fields_in_order(shape: FileShape, mapping: Mapping[str, Any]) -> list[str]:
    """Our fields that have a column, in the order of the columns in the file."""
    places = {plain(header): place for place, header in enumerate(shape.headers)}
    columns: Mapping[str, str] = mapping.get("columns", {})
    return sorted(columns, key=lambda name: (places.get(plain(columns[name]), len(places)), name))


def left_out(shape: FileShape, mapping: Mapping[str, Any]) -> list[str]:
    """The columns that have values in the records that were looked at, and that a mapping does not take in."""
    named = [
        *mapping.get("columns", {}).values(),
        *mapping.get("stage_columns", {}),
        *mapping.get("id_from", []),
    ]
    taken = {plain(header) for header in named} | {"", *REJECT_COLUMNS}
    return [
        header
        for place, header in enumerate(shape.headers)
        if plain(header) not in taken and any(row[place].strip() for row in shape.sample)
    ]


def headers_of(stream: BinaryIO) -> list[str]:
    """The headers of a CSV file, or the keys of the first JSON lines. Raises UnreadableFile."""
    with opened_lines(stream) as (lines, _, is_json):
        return _json_sample(lines)[0] if is_json else read_header(lines).names


def _shape(
    encoding: Encoding,
    delimiter: str,
    headers: list[str],
    sample: list[list[str]],
    trailer: list[str],
    kind: str | None,
) -> FileShape:
    if found := suggest(headers, kind):
        found = with_own_names(found, headers, sample)
    columns = found.columns if found else {}
    kind = found.preset.object if found else kind
    zone = found.preset.zone if found else ""
    times, days, amounts = _by_kind(found, headers, sample)
    order, decimal = date_order(times + days), decimal_sign(amounts)
    return FileShape(
        encoding=encoding.name,
        format="csv" if delimiter else "jsonl",
        delimiter=delimiter,
        headers=headers,
        rows=sample[:SHOWN_ROWS],
        system=found.preset.system if found else "",
        object=kind,
        columns=columns,
        constants=dict(found.preset.constants) if found else {},
        values=_values(found, headers, sample) if found else {},
        stage_columns=found.stage_columns if found else {},
        zone=zone,
        dates=None if order in (AMBIGUOUS, MIXED) else order,
        decimal=decimal,
        trailer=trailer,
        questions=list(_questions(found, order, decimal, is_zone_open=not zone and lacks_offset(times))),
        sample=sample,
    )


def _values(found: Suggestion, headers: list[str], sample: list[list[str]]) -> dict[str, Any]:
    """The preset's tables, and for stages that a cell names with their pipeline behind them the name that the
    columns of entered stages have."""
    values: dict[str, Any] = {name: dict(table) for name, table in found.preset.values.items()}
    if found.stage_columns and "stage" in found.columns:
        place = headers.index(found.columns["stage"])
        known = set(found.stage_columns.values())
        cells = {row[place].strip() for row in sample}
        plain = {cell: cell.rpartition(" (")[0] for cell in sorted(cells) if cell.endswith(")")}
        if table := {cell: stage for cell, stage in plain.items() if cell not in known and stage in known}:
            values["stage"] = values.get("stage", {}) | table
    return values


def _questions(
    found: Suggestion | None, order: str | None, decimal: str | None, *, is_zone_open: bool
) -> Iterator[str]:
    if found is None:
        yield f"object: the headers are of no export known here; say which it is: {', '.join(OBJECTS)}."
    else:
        shape = OBJECTS[found.preset.object]
        given = set(found.columns)
        is_member = found.preset.object == "touch" and {"campaign", "lead"} <= given
        if shape.id_name not in given and not is_member:
            yield f"{shape.id_name}: no column names the record; export its id, or name columns in id_from."
        for name in shape.required:
            if name not in given:
                yield f"columns: {name}: no known header; name its column."
    if order == AMBIGUOUS:
        yield (
            'dates: each date could be read with the day or with the month first; write "dmy" (03/04/2026 is 3 April) '
            'or "mdy" (4 March).'
        )
    if order == MIXED:
        yield "dates: some dates have the day first, others the month; export them in one order."
    if decimal is None:
        yield 'decimal: the amounts contradict each other; write "." or ",", the others will be rejected.'
    if is_zone_open:
        yield 'zone: the times have no offset; write the zone of who exported them, such as "Europe/Berlin".'


def _by_kind(
    found: Suggestion | None, headers: list[str], sample: list[list[str]]
) -> tuple[list[str], list[str], list[str]]:
    """Cells of times, of days, of amounts; in an unknown file every cell that is one is a time."""
    if found is None:
        return [cell for row in sample for cell in row if cell], [], []
    subject = OBJECTS[found.preset.object].subject
    places = {header: place for place, header in enumerate(headers)}
    times: set[int] = {places[header] for header in found.stage_columns}
    days: set[int] = set()
    amounts: set[int] = set()
    for name, header in found.columns.items():
        reader = reader_of(subject, name)
        if name in DATING or reader is instant:
            times.add(places[header])
        elif reader is day:
            days.add(places[header])
        elif reader is money:
            amounts.add(places[header])
    picked = (
        [row[place] for row in sample for place in sorted(chosen) if row[place]]
        for chosen in (times, days, amounts)
    )
    first, second, third = picked
    return first, second, third


def _cells(lines: Lines, delimiter: str, width: int) -> Iterator[list[str]]:
    for _, cells in without_trailer(csv_records(lines, delimiter), width):
        if not isinstance(cells, BadRecord) and len(cells) == width:
            yield cells


def _json_sample(lines: Lines) -> tuple[list[str], list[list[str]]]:
    records = [
        found
        for _, found in itertools.islice(json_records(lines), SAMPLE)
        if not isinstance(found, BadRecord)
    ]
    headers = list(dict.fromkeys(key for found in records for key in found))[:_MAX_KEYS]
    return headers, [[_shown(found.get(key)) for key in headers] for found in records]


def _shown(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, default=str)


def _trailer(stream: BinaryIO, encoding: Encoding) -> list[str]:
    """What Salesforce wrote below its report, from the last few kilobytes."""
    stream.seek(0)
    mark = stream.read(2)
    size = stream.seek(0, 2)
    start = max(0, size - _TAIL) & ~1
    stream.seek(start)
    codec = encoding.codec
    if codec == "utf-16":
        codec = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    tail = stream.read().decode(codec, errors="replace").splitlines()
    return [line.strip(' \t",;') for line in tail if is_trailer(line)]
