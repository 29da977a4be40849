"""Reading a file ahead of the database: a thread makes the next portion while the one before is merged."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from django.conf import settings

from alignment.importing.mapping import ImportMapping
from alignment.importing.plausible import plausible
from alignment.importing.rows import Reject, read_rows
from alignment.merging.staging import Staged, Stager

_FIRST = 2_000  # rows of the first portion: the database does not wait long for it
_DRAFTS = 3  # of a row; portions of rows that state more are shorter


@dataclass(frozen=True)
class Portion:
    """Rows that follow each other: their drafts, what could not be read, and how far this brings the reading."""

    staged: Staged
    rejects: list[Reject]
    rows: int
    position: int
    bytes_read: int
    is_last: bool = False


@dataclass
class _Line:
    """What passes between the threads: at most one portion waits."""

    waiting: queue.Queue[Portion | BaseException | None] = field(default_factory=lambda: queue.Queue(1))
    is_over: threading.Event = field(default_factory=threading.Event)

    def put(self, item: Portion | BaseException | None) -> None:
        while not self.is_over.is_set():
            try:
                self.waiting.put(item, timeout=0.2)
                return
            except queue.Full:
                continue


@contextmanager
def read_ahead(
    stream: BinaryIO,
    mapping: ImportMapping,
    *,
    as_of: datetime,
    read_at: datetime | None = None,
    after: int = 0,
    rows: int | None = None,
) -> Iterator[Iterator[Portion]]:
    """The portions of a rewindable stream, those rows left out that start on line `after` or before.

    `rows` of a portion; a file that may have more begins with a short one. At most one portion waits, so memory does
    not grow with the file. Raises UnreadableFile where the first portion is asked for.
    """
    line, full = _Line(), rows or settings.IMPORT_ROWS
    reader = threading.Thread(
        target=_read,
        args=(
            line,
            stream,
            mapping,
            Stager(as_of, read_at),
            after,
            full,
            _FIRST if has_more_lines(stream, full) else full,
        ),
        name="import-reader",
        daemon=True,
    )
    reader.start()
    try:
        yield _portions(line)
    finally:
        line.is_over.set()
        reader.join()


def is_one_portion(rows: int, drafts: int) -> bool:
    """Whether a file of so many rows and drafts was read in one portion."""
    return rows <= settings.IMPORT_ROWS and drafts <= _DRAFTS * settings.IMPORT_ROWS


def has_more_lines(stream: BinaryIO, number: int) -> bool:
    """Whether the file may have more lines than that, however they end; it is rewound. Of two bytes a sign, some that
    end no line count as well."""
    found: Counter[bytes] = Counter()
    stream.seek(0)
    while max(found.values(), default=0) <= number and (piece := stream.read(1 << 20)):
        found.update({end: piece.count(end) for end in (b"\n", b"\r")})
    stream.seek(0)
    return max(found.values(), default=0) > number


def _portions(line: _Line) -> Iterator[Portion]:
    while (item := line.waiting.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item


def _read(
    line: _Line, stream: BinaryIO, mapping: ImportMapping, stager: Stager, after: int, wanted: int, first: int
) -> None:
    try:
        rejects, rows, position = list[Reject](), 0, after
        full, wanted = wanted, min(wanted, first)
        for row in (plausible(each, stager.as_of) for each in read_rows(stream, mapping, after=after)):
            if rows >= wanted or len(stager) >= _DRAFTS * wanted:
                line.put(Portion(stager.take(), rejects, rows, position, stream.tell()))
                rejects, rows, wanted = [], 0, full
                if line.is_over.is_set():
                    return
            rows, position = rows + 1, row.line
            if isinstance(row, Reject):
                rejects.append(row)
            else:
                stager.add(row.line, row.drafts)
        line.put(Portion(stager.take(), rejects, rows, position, stream.tell(), is_last=True))
        line.put(None)
    except BaseException as problem:
        line.put(problem)
