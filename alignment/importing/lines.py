"""Physical lines of a text, counted, with bounded memory and a way to read the lines of a broken record again."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator

MAX_LINE = 1 << 20  # characters of one line, and of one record over all its lines
MAX_RECORD_LINES = 5000
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_TOO_LONG = "\0\n"  # stands in for a line that was not kept; known by identity


class RecordTooLong(Exception):
    """A record goes on over more text than any record has: most likely a quotation mark is never closed."""


class Lines(Iterator[str]):
    """Iterates over lines with their ends. `begin()` before each record; `spoilt` then names what is wrong in it."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._readline = text.readline
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self._size = 0
        self.number = 0  # of the line handed out last, from 1
        self.spoilt = ""

    def begin(self) -> int:
        """A record begins; the number of its first line."""
        self._record = []
        self._size = 0
        self.spoilt = ""
        return self.number + 1

    def record(self, *, first_only: bool = False) -> str:
        """The record as it stands in the file, or the line on which it starts; empty where that is too long."""
        kept = self._record[:1] if first_only else self._record
        return "" if any(line is _TOO_LONG for line in kept) else "".join(kept)

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._readline(MAX_LINE)
        if not line:
            raise StopIteration
        self._size += len(line)
        if self._size >= MAX_LINE or len(self._record) > MAX_RECORD_LINES:
            line = self._of_long_record(line)
        self.number += 1
        self._record.append(line)
        if "\0" in line or not line.isascii():
            self._check(line)
        return line

    def again_from_second(self) -> None:
        """Only the first line of this record is lost: hand the others out once more."""
        again = self._record[1:]
        self.number -= len(again)
        self._again.extendleft(reversed(again))

    def _of_long_record(self, line: str) -> str:
        if len(line) >= MAX_LINE:
            rest = line
            while rest and not rest.endswith(("\n", "\r")):
                rest = self._readline(MAX_LINE)
            line = _TOO_LONG
        if self._record:
            self._again.appendleft(line)
            raise RecordTooLong
        return line

    def _check(self, line: str) -> None:
        if line is _TOO_LONG:
            self.spoilt = "line_too_long"
        elif not self.spoilt and (found := _UNSTORABLE.search(line)):
            self.spoilt = "nul_character" if found[0] == "\0" else "broken_text"
