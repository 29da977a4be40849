"""Import a file of history in the foreground; run again after a kill, it goes on where it stopped."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from alignment.importing.mapping import InvalidMapping, read_document
from alignment.importing.problems import UnreadableFile
from alignment.models import Import, ImportState, Source
from alignment.queries.imports import warnings_of
from alignment.services import imports
from alignment.services.import_rejects import write_rejects
from alignment.services.import_run import TakenOver, run_import
from alignment.services.sources import create_source


class Command(BaseCommand):
    help = (
        "Import an export of a CRM (CSV, TSV or JSON lines) as history: never routed, notified or timed. Rows that "
        "cannot be read are listed with line and reason and stop no others. The same file twice changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="Key of the source whose records these are.")
        parser.add_argument("--create-source", metavar="NAME", help="Make the source where there is none.")
        parser.add_argument("--mapping", type=Path, required=True, help="JSON: which columns mean what.")
        parser.add_argument("--object", help="What the rows are about, where the mapping does not say it.")
        parser.add_argument(
            "--as-of",
            type=_moment,
            help="When the file was exported: 2026-03-02T14:00:00Z; else the file's own time of last change.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Everything but the writing.")
        parser.add_argument("--rejects", type=Path, help="CSV file for the rows that could not be read.")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = _mapping(options["mapping"], options["object"])
        source = self._source(options["source"], options["create_source"])
        try:
            found = self._find_or_start(source, mapping, options)
            row = run_import(found, now=timezone.now, on_progress=self._progress, is_taken_by_force=True)
        except (InvalidMapping, UnreadableFile, imports.AsOfInFuture) as problem:
            raise CommandError(str(problem)) from problem
        except TakenOver as problem:
            raise CommandError(str(problem)) from problem
        except OSError as problem:
            raise CommandError(f"{options['file']}: {problem.strerror}.") from problem
        except DatabaseError:
            # without the cause, which quotes the row
            message = "The database gave up; what is in stays in. Run the same command again to go on."
            raise CommandError(message) from None
        if row.state == ImportState.FAILED:
            raise CommandError(row.error)
        self._report(row, options["rejects"])

    def _source(self, key: str, name: str | None) -> Source:
        found = Source.objects.filter(key=key).first()
        if found is not None:
            return found
        if not name:
            known = ", ".join(Source.objects.order_by("key").values_list("key", flat=True)) or "none yet"
            raise CommandError(f"No source “{key}”; there are: {known}. --create-source NAME makes it.")
        return create_source(key=key, name=name, kind="standard", by=None, at=timezone.now())

    def _find_or_start(self, source: Source, mapping: dict[str, Any], options: dict[str, Any]) -> Import:
        path: Path = options["file"]
        with path.open("rb") as file:
            try:
                found = imports.start_import(
                    file=file,
                    file_name=path.name,
                    source=source,
                    mapping=mapping,
                    is_dry_run=options["dry_run"],
                    as_of=options["as_of"],
                    written_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
                    by=None,
                    at=timezone.now(),
                )
            except imports.AlreadyImporting as under_way:
                if under_way.found.position:
                    self.stdout.write(f"Going on behind line {under_way.found.position}.")
                return under_way.found
        told = f"Its rows hold as of {found.as_of:%Y-%m-%d %H:%M} UTC"
        if options["as_of"] is None:
            told += ", when the file was last changed or first imported; --as-of says another time"
        self.stdout.write(f"{told}.")
        return found

    def _progress(self, row: Import) -> None:
        left = f", about {row.remaining} left" if row.remaining is not None else ""
        self.stdout.write(
            f"{row.share:4.0%}  {row.rows} rows, {row.rejected} rejected, {row.rate:.0f} a second{left}"
        )

    def _report(self, row: Import, rejects: Path | None) -> None:
        would = "would be " if row.is_dry_run else ""
        self.stdout.write(
            f"{row.rows} rows: {row.facts_new} new statements {would}kept, {row.facts_unchanged} known already, "
            f"{row.rejected} rows rejected."
        )
        for kind, counts in row.counts.items():
            said = ", ".join(f"{number} {what}" for what, number in counts.items())
            self.stdout.write(f"  {kind}: {said}")
        for number, sentence, samples in warnings_of(row):
            self.stdout.write(f"  {number} {sentence}: {', '.join(samples[:3])}…")
        if rejects is not None:
            with rejects.open("w", encoding="utf-8-sig", newline="") as out:
                write_rejects(row, out)
            self.stdout.write(f"Rejects are in {rejects}.")
        elif row.rejected:
            for reject in row.rejects.order_by("line")[:5]:
                self.stdout.write(f"  line {reject.line}: {reject.message}")
            self.stdout.write("  --rejects FILE lists them all.")
        self.stdout.write(self.style.SUCCESS("Done."))


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError("write a time with its offset: 2026-03-02T14:00:00Z")
    return found


def _mapping(path: Path, kind: str | None) -> dict[str, Any]:
    try:
        document = read_document(path.read_bytes())
    except OSError as problem:
        raise CommandError(f"{path}: {problem.strerror}.") from problem
    except InvalidMapping as problem:
        raise CommandError(f"{path}: {problem}") from problem
    return {**document, "object": kind} if kind else document
