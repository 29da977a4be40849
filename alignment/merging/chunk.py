"""What travels through the merging of one chunk of rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from alignment.pipeline.ledger import SubjectKey

MAX_SAMPLES = 10


@dataclass
class Chunk:
    """One chunk inside its transaction.

    `at`: when its facts reached us, which is one moment for a whole file, so that state does not depend on where its
    chunks end. `now`: the present, for what is done about them. `refold`: records that Python must fold, because live
    facts or calls with several leads speak about them. `counts`: per kind of record "new", "changed", "unchanged" (a
    new statement says what held already), "known" (all that rows say of them was said before), "mentioned" (made
    because others refer to it) and "refolded". `warnings`: per code how often; `samples`: some of
    them. `names_erased`: some row is about somebody erased.
    """

    source_id: int
    at: datetime
    now: datetime
    refold: set[SubjectKey] = field(default_factory=set)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    warnings: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    facts_new: int = 0
    facts_unchanged: int = 0
    names_erased: bool = False

    def run(self, statement: str, **values: Any) -> int:
        """Execute SQL with %(source)s and %(at)s at hand; the number of rows."""
        with connection.cursor() as cursor:
            cursor.execute(statement, self._with_own(values))
            return int(cursor.rowcount)

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, self._with_own(values))
            return list(cursor.fetchall())

    def _with_own(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"source": self.source_id, "at": self.at, **values}

    def count(self, kind: str, what: str, number: int) -> None:
        if number:
            self.counts[kind][what] += number

    def warn(self, code: str, number: int, samples: Iterable[str] = ()) -> None:
        """Something that is kept as the file states it, and that somebody should know."""
        if number:
            self.warnings[code] += number
            kept = self.samples[code]
            kept += [sample for sample in samples if sample not in kept][: MAX_SAMPLES - len(kept)]

    def fold_in_python(self, subject: str, query: str) -> None:
        """The records whose external ids this query gives are folded by the pipeline itself, at the end."""
        found = {(self.source_id, subject, external_id) for (external_id,) in self.rows(query)}
        self.count(subject, "refolded", len(found - self.refold))
        self.refold |= found
