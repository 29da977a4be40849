"""The demo's past through the product's own import, and to a folder for whoever wants to import it by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from alignment.merging.statistics import count_tables
from alignment.models import Import, ImportState, Source
from alignment.services.import_run import run_import
from alignment.services.imports import start_import
from dashboard.demo.company import CRM
from dashboard.demo.past.files import ExportFile


class ImportOfPastFailed(Exception):
    """A file of the demo could not be imported."""


class _Grown:
    """Counts the tables again each time that twice as much is in: all of it is one transaction, so nobody else can,
    and a planner that believes them empty takes minutes instead of seconds."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}
        self.counted = 500

    def note(self, row: Import) -> None:
        self.rows[row.pk] = row.rows
        if (rows := sum(self.rows.values())) >= 2 * self.counted:
            self.counted = rows
            count_tables()


def import_past(files: Sequence[ExportFile], *, source: Source, at: datetime) -> list[Import]:
    """Import the files in their order at `at`; what they state without a time held then, or when they came first.

    Raises ImportOfPastFailed.
    """
    found, grown = [], _Grown()
    for each in files:
        started = start_import(
            file=io.BytesIO(each.body),
            file_name=each.name,
            source=source,
            mapping=each.mapping,
            by=None,
            at=at,
        )
        done = run_import(started, now=lambda: at, on_progress=grown.note)
        if done.state != ImportState.DONE:
            raise ImportOfPastFailed(f"{each.name}: {done.error}")
        found.append(done)
    return found


def exported_at() -> datetime | None:
    """As of when the demo company of this database imported its past; None where it did not."""
    return Import.objects.filter(source__key=CRM).order_by("pk").values_list("as_of", flat=True).first()


def write_files(files: Sequence[ExportFile], folder: Path) -> list[Path]:
    """Each file and, beside it, its mapping document; returns the paths of the files. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for each in files:
        path = folder / each.name
        path.write_bytes(each.body)
        document = json.dumps(each.mapping, indent=2, ensure_ascii=False) + "\n"
        path.with_suffix(".mapping.json").write_text(document, encoding="utf-8")
        paths.append(path)
    return paths
