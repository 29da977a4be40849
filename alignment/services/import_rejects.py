"""The rejects of an import as a CSV file that can be corrected and taken in again: line, reason, own columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TextIO

from django.db import connection

from alignment.importing.encoding import decoded, find_encoding
from alignment.importing.headers import REJECT_COLUMNS, plain
from alignment.importing.lines import Lines
from alignment.importing.problems import BadRecord
from alignment.importing.records import DELIMITERS, csv_records, is_json_lines, json_records, read_header
from alignment.importing.rows import Reject
from alignment.models import Erasure, Import, ImportReject
from alignment.recognised import recognised
from alignment.services.imports import open_file
from alignment.sheets import cell

_QUOTED = re.compile(r"“[^”]*”?")
Original = tuple[int, list[str] | None, str]  # line, cells of the file's own columns, else the text
Told = tuple[ImportReject, list[str] | None, str]


def write_rejects(found: Import, out: TextIO) -> int:
    """Write the kept rejects in the order of their lines, safe to open in a spreadsheet; how many.

    Of a CSV file in its own columns and with its own delimiter, behind import, line, code and reason: corrected, it is
    taken in again under the same mapping. Blanks around a cell, which no reading keeps, are left out. `original line`
    holds what cannot be parted into the columns, or a line of JSON. Both are empty where the file is no longer kept.
    """
    rejects = found.rejects.order_by("line", "pk").iterator(chunk_size=2000)
    if not found.has_file:
        return _write(out, ",", [], ((reject, None, "") for reject in rejects))
    with open_file(found) as file:
        encoding = find_encoding(file)
        with decoded(file, encoding) as text:
            is_json = is_json_lines(text)
        with decoded(file, encoding) as text:
            lines = Lines(text)
            if is_json:
                return _write(out, ",", [], _beside(rejects, _json_originals(lines)))
            header = read_header(lines)
            own = [place for place, name in enumerate(header.names) if plain(name) not in REJECT_COLUMNS]
            originals = _csv_originals(lines, header.delimiter, len(header.names), own)
            names = [header.names[place] for place in own]
            return _write(out, header.delimiter, names, _beside(rejects, originals))


def _write(out: TextIO, delimiter: str, names: list[str], rejects: Iterable[Told]) -> int:
    delimiter = delimiter if delimiter in DELIMITERS else ","
    headers = csv.writer(out, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    headers.writerow([*REJECT_COLUMNS[:-1], *map(cell, names), REJECT_COLUMNS[-1]])
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    number = 0
    for reject, cells, original in rejects:
        own = [cell(each.strip()) for each in cells] if cells is not None else [""] * len(names)
        writer.writerow(
            [reject.file_id, reject.line, reject.code, cell(reject.message), *own, cell(original)]
        )
        number += 1
    return number


def _beside(rejects: Iterable[ImportReject], originals: Iterator[Original]) -> Iterator[Told]:
    """Each reject with what stands on its line; reads no further than the last."""
    line, cells, text = 0, None, ""
    for reject in rejects:
        while line < reject.line and (found := next(originals, None)) is not None:
            line, cells, text = found
        yield (reject, cells, text) if line == reject.line else (reject, None, "")


def _csv_originals(lines: Lines, delimiter: str, width: int, own: list[int]) -> Iterator[Original]:
    for line, cells in csv_records(lines, delimiter):
        if isinstance(cells, BadRecord):
            yield line, None, _storable(lines.record(first_only=True))
        elif len(cells) != width:
            yield line, None, _storable(lines.record())
        else:
            yield line, [cells[place] for place in own], ""


def _json_originals(lines: Lines) -> Iterator[Original]:
    for line, _ in json_records(lines):
        yield line, None, _storable(lines.record())


def _storable(text: str) -> str:
    return text.rstrip("\r\n").encode("utf-8", "replace").decode()


def hide_quotes(imports: Iterable[int]) -> None:
    """Take out of the messages of these imports' rejects what they quote of the file."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE alignment_importreject SET message = regexp_replace(message, '“[^”]*”?', '“…”', 'g')
            WHERE file_id = ANY(%s) AND message LIKE '%%“%%'
            """,
            [sorted(imports)],
        )


def without_erased(rejects: Sequence[Reject], source: int) -> tuple[list[Reject], bool]:
    """The rejects of a file of this source without what they quote of records about somebody erased, and whether
    there are any such. Of a record that could not be taken apart nobody knows: it quotes nothing once anybody was
    erased. The caller holds off erasures."""
    if not rejects or not Erasure.objects.exists():
        return list(rejects), False
    said = {
        (place, source): [("id", cell) for cell in reject.cells or ()] for place, reject in enumerate(rejects)
    }
    about = {place for place, _ in recognised(said)}
    hidden = about | {place for place, reject in enumerate(rejects) if reject.cells is None}
    return [
        replace(reject, message=_QUOTED.sub("“…”", reject.message)) if place in hidden else reject
        for place, reject in enumerate(rejects)
    ], bool(about)
