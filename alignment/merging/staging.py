"""Drafts as lines of text for COPY, and the temporary table that takes them in.

The text is made beside the database's work, in the thread that reads the file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from django.db import connection

from alignment.merging.chunk import Chunk

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_COPY = """
COPY import_draft (line, subject, external_id, ref, order_key, occurred_at, is_repeated, fields) FROM STDIN
"""
_MOMENT = "%Y-%m-%dT%H:%M:%S.%f"
_FLAG = 6  # place of is_repeated in a line


class DraftLike(Protocol):
    """What the merging needs of alignment.importing.drafts.Draft."""

    @property
    def subject(self) -> str: ...
    @property
    def external_id(self) -> str: ...
    @property
    def fields(self) -> dict[str, Any]: ...
    @property
    def occurred_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Staged:
    """Drafts ready for COPY, a line each, no two of which say the same; those that speak about the same record are
    marked. `unchanged`: drafts left out because another one says the same."""

    lines: Sequence[str]
    unchanged: int = 0

    @classmethod
    def of(cls, lines: Sequence[str], unchanged: int = 0) -> Staged:
        """Mark the records that several lines are about."""
        keys = [tuple(line.split("\t", 3)[1:3]) for line in lines]
        once: set[tuple[str, ...]] = set()
        repeated: set[tuple[str, ...]] = set()
        for key in keys:
            (repeated if key in once else once).add(key)
        if repeated:
            lines = [
                _marked(line) if key in repeated else line for line, key in zip(lines, keys, strict=True)
            ]
        return cls(lines, unchanged)

    def row_of(self, place: int) -> int:
        """The line of the file from which a draft comes."""
        return int(self.lines[place].partition("\t")[0])

    @property
    def is_one_row(self) -> bool:
        return not self.lines or self.row_of(0) == self.row_of(-1)

    def halves(self) -> tuple[Staged, Staged]:
        """Two parts of some the same size; the drafts of one row stay together."""
        middle = len(self.lines) // 2
        row = self.row_of(middle)
        start = middle
        while start > 0 and self.row_of(start - 1) == row:
            start -= 1
        if start == 0:
            start = next(n for n in range(middle, len(self.lines)) if self.row_of(n) != row)
        plain = [_marked(line, "f") for line in self.lines]
        return Staged.of(plain[:start]), Staged.of(plain[start:])


def _marked(line: str, flag: str = "t") -> str:
    parts = line.split("\t", _FLAG + 1)
    parts[_FLAG] = flag
    return "\t".join(parts)


def order_of(as_of: datetime, read_at: datetime | None = None) -> str:
    """How the order keys of a file's facts begin. `read_at`: when its import began; None: later than any."""
    read = f"{read_at.astimezone(UTC):{_MOMENT}}" if read_at else "~"
    return f"im:{as_of.astimezone(UTC):{_MOMENT}}:{read}"


def ref_of(subject: str, external_id: str, time: str, fields: str) -> str:
    """What names a statement: record, `time` of occurrence in ISO form, and fields as JSON."""
    said = f"{subject}\0{external_id}\0{time}\0{fields}"
    return f"im:{sha256(said.encode()).hexdigest()[:32]}"


def ref_of_draft(draft: DraftLike, as_of: datetime) -> str:
    """The `ref` that the fact of a draft of a file of this time has."""
    time = (draft.occurred_at or as_of).isoformat()
    return ref_of(draft.subject, draft.external_id, time, _encode(draft.fields))


class Stager:
    """Collects the drafts of a chunk.

    A statement is named by what it says: record, fields and time of occurrence; so the same statement from any file
    is the same fact. Facts of one moment are ordered by the time of their file, then by when it was read (the same
    file under a corrected mapping comes after itself), then by their lines.
    """

    def __init__(self, as_of: datetime, read_at: datetime | None = None) -> None:
        self.as_of = as_of
        self._order = order_of(as_of, read_at)
        self._seen: set[str] = set()
        self._lines: list[str] = []
        self._unchanged = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: int, drafts: Iterable[DraftLike]) -> None:
        """The drafts of the row that starts on this line."""
        for draft in drafts:
            time = (draft.occurred_at or self.as_of).isoformat()
            subject, external_id, fields = draft.subject, draft.external_id, _encode(draft.fields)
            ref = ref_of(subject, external_id, time, fields)
            if ref in self._seen:
                self._unchanged += 1
                continue
            self._seen.add(ref)
            if "\\" in fields:
                fields = fields.replace("\\", "\\\\")
            if not external_id.isalnum():
                external_id = external_id.translate(_ESCAPED)
            self._lines.append(
                f"{line}\t{subject}\t{external_id}\t{ref}\t{self._order}:{line:010d}:{ref[3:11]}\t{time}\tf\t{fields}\n"
            )

    def take(self) -> Staged:
        """What has been collected; the stager is empty again."""
        staged = Staged.of(self._lines, self._unchanged)
        self._seen, self._lines, self._unchanged = set(), [], 0
        return staged


def stage(chunk: Chunk, staged: Staged) -> None:
    """Put the drafts into the temporary table `import_draft`; each gets the id that its fact will have."""
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_draft")
    chunk.run(
        """
        CREATE TEMP TABLE import_draft (
            id bigint NOT NULL DEFAULT nextval('alignment_fact_id_seq'), line integer, subject text,
            external_id text, ref text, order_key text, occurred_at timestamptz, is_repeated boolean, fields jsonb
        ) ON COMMIT DROP
        """
    )
    with connection.cursor() as cursor:
        cursor.copy_expert(_COPY, io.BytesIO("".join(staged.lines).encode()), 1 << 16)
    chunk.facts_unchanged += staged.unchanged
