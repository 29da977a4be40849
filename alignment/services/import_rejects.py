"""The rejects of an import as a CSV file: line, reason, and the line as it stands in the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TextIO

from django.db import connection

from alignment.importing.encoding import decoded, find_encoding
from alignment.importing.lines import MAX_LINE
from alignment.importing.rows import Reject
from alignment.models import Erasure, Import, ImportReject
from alignment.recognised import recognised
from alignment.services.imports import open_file
from alignment.sheets import cell

_QUOTED = re.compile(r"“[^”]*”?")
COLUMNS = ("line", "code", "reason", "original")


def write_rejects(found: Import, out: TextIO) -> int:
    """Write the kept rejects in the order of their lines, safe to open in a spreadsheet; how many.

    `original` is the line on which the row starts, empty where the file is no longer kept.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    number = 0
    for reject, original in with_originals(found):
        writer.writerow([reject.line, reject.code, cell(reject.message), cell(original)])
        number += 1
    return number


def with_originals(found: Import) -> Iterator[tuple[ImportReject, str]]:
    """Each kept reject with the text of its line."""
    rejects = found.rejects.order_by("line", "pk").iterator(chunk_size=2000)
    if not found.has_file:
        yield from ((reject, "") for reject in rejects)
        return
    with open_file(found) as file, decoded(file, find_encoding(file)) as text:
        number, line = 0, ""
        for reject in rejects:
            while number < reject.line:
                line = _next_line(text)
                number += 1
            yield reject, line.rstrip("\r\n").encode("utf-8", "replace").decode()


def _next_line(text: TextIO) -> str:
    """A line, or the start of one that is too long; counted as alignment.importing.lines counts them."""
    line = piece = text.readline(MAX_LINE)
    while len(piece) >= MAX_LINE and not piece.endswith(("\n", "\r")):
        piece = text.readline(MAX_LINE)
    return line


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
