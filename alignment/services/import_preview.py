"""The first rows of a file as an import would take them: what each states, and what of it is new."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

from alignment.importing.drafts import Draft
from alignment.importing.rows import Row, read_rows
from alignment.models import Source
from alignment.pipeline.ledger import Folds, fold_fields, load_facts
from alignment.services.imports import mapping_of

NEW, CHANGED, UNCHANGED = "new", "changed", "unchanged"


@dataclass(frozen=True)
class PreviewedRecord:
    """What a row says of one record. `changes`: our field → (value known until now, value in the file), both in the
    form of facts: text, whole numbers, booleans, ISO dates and times in UTC, None for empty."""

    subject: str
    external_id: str
    what: str  # NEW, CHANGED or UNCHANGED
    occurred_at: datetime | None  # None: holds as of the file's time
    changes: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class PreviewedRow:
    """A row by its line in the file, with its records, or the reason why it could not be read."""

    line: int
    records: list[PreviewedRecord] = field(default_factory=list)
    reject: str = ""


def preview(
    *, file: BinaryIO, source: Source, mapping: dict[str, Any], limit: int = 20
) -> list[PreviewedRow]:
    """The first `limit` rows against what the ledger knows now; each as if it were the only one. Writes nothing.

    Raises InvalidMapping or UnreadableFile.
    """
    rows = list(islice(read_rows(file, mapping_of(mapping, source)), limit))
    keys = {
        (source.pk, str(draft.subject), draft.external_id)
        for row in rows
        if isinstance(row, Row)
        for draft in row.drafts
    }
    known: Folds = {key: fold_fields(facts) for key, facts in load_facts(keys).items()}
    return [
        PreviewedRow(row.line, records=[_record(source.pk, draft, known) for draft in row.drafts])
        if isinstance(row, Row)
        else PreviewedRow(row.line, reject=row.message)
        for row in rows
    ]


def _record(source_id: int, draft: Draft, known: Folds) -> PreviewedRecord:
    before = known.get((source_id, str(draft.subject), draft.external_id))
    changes = {
        name: ((before or {}).get(name), value)
        for name, value in draft.fields.items()
        if before is None or before.get(name) != value
    }
    what = NEW if before is None else CHANGED if changes else UNCHANGED
    return PreviewedRecord(str(draft.subject), draft.external_id, what, draft.occurred_at, changes)
