"""Doing an import: chunk by chunk, each one transaction that also says how far the reading has come.

Killed at any moment it leaves whole chunks; whoever goes on goes on behind them. Two workers never do the same one:
a chunk is committed only by the runner whose name the row bears.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from psycopg2 import errors

from alignment.importing.problems import UnreadableFile
from alignment.importing.rows import Reject
from alignment.intake.mapping import InvalidMapping
from alignment.merging import Chunk, Staged, merge
from alignment.merging.chunk import MAX_SAMPLES
from alignment.merging.keys import lock_tables
from alignment.merging.reading import Portion, read_ahead
from alignment.merging.statistics import count_tables
from alignment.models import Fact, Import, ImportReject, ImportState
from alignment.models.imports import ABANDONED_AFTER
from alignment.pipeline.drain import describe
from alignment.recognised import hold_off_erasures
from alignment.services.import_rejects import without_erased
from alignment.services.imports import drop_file_of_erased, mapping_of, open_file

log = logging.getLogger(__name__)
TRIES = 6
LOCKS_FROM = (
    3  # the try from which drains wait for the chunk: beside many that make the same leads it is never first
)
KEPT_REJECTS = 100_000
ANALYZED_FROM = 10_000  # rows
Clock = Callable[[], datetime]
Progress = Callable[[Import], None]


class TakenOver(Exception):
    """Somebody cancelled the import, or another process goes on with it."""

    def __init__(self, message: str = "It was cancelled, or another process goes on with it.") -> None:
        super().__init__(message)


class OtherImportInTheWay(TakenOver):
    """Another import of the source has begun and not ended: one of a source runs at a time."""

    def __init__(self, other: Import, at: datetime) -> None:
        name = f"Import {other.pk} of {other.file_name}, into the same source,"
        if other.is_abandoned(at):
            message = (
                f"{name} was left behind in the middle. Run its own command again, or leave it to a worker, to end "
                "it; or cancel it on the page of imports of the source. Then run this command again."
            )
        else:
            message = f"{name} is running. Run this command again when it is done."
        super().__init__(message)


def run_waiting(*, now: Clock, run_for: float = 20.0) -> Import | None:
    """Work on the oldest import that waits, or that nobody has been heard of for a minute, for about `run_for`
    seconds, so that drains get their turn; None where there is none. One at a time: others that are alive wait."""
    alive = Q(state=ImportState.RUNNING, heartbeat_at__gt=now() - ABANDONED_AFTER) & ~Q(runner="")
    if Import.objects.filter(alive).exists():
        return None
    for found in Import.objects.unfinished().order_by("state", "pk"):  # running before waiting
        try:
            return run_import(found, now=now, run_for=run_for)
        except TakenOver:
            continue
    return None


def run_import(
    found: Import,
    *,
    now: Clock,
    run_for: float | None = None,
    on_progress: Progress | None = None,
    is_taken_by_force: bool = False,
) -> Import:
    """Do the import to its end, or for about `run_for` seconds; then it stays running, free for the next to take.

    Returns it as it is then: done, failed with `error` (the file as a whole cannot be read, or a fault of ours), or
    running.
    `is_taken_by_force`: also from a runner that was alive a moment ago, as after a kill in the foreground. Raises
    TakenOver, and DatabaseError where the database gave up again and again: then any worker goes on later.
    """
    runner = _claim(found, now(), is_taken_by_force)
    stop_at = None if run_for is None else time.monotonic() + run_for
    try:
        return _work(found.pk, runner, now, stop_at, on_progress)
    except (UnreadableFile, InvalidMapping) as problem:
        return _end(found.pk, runner, ImportState.FAILED, now(), str(problem)[:500])
    except TakenOver:
        raise
    except DatabaseError as problem:
        log.warning("import stopped", extra={"import": found.pk, **describe(problem)})
        connection.close_if_unusable_or_obsolete()
        Import.objects.filter(pk=found.pk, runner=runner).update(runner="")
        raise
    except Exception as problem:
        log.error("import failed", extra={"import": found.pk, **describe(problem)})
        message = f"It stopped by a fault of the product ({type(problem).__name__}); what is in stays in."
        return _end(found.pk, runner, ImportState.FAILED, now(), message)


@transaction.atomic
def _claim(found: Import, at: datetime, is_taken_by_force: bool) -> str:
    """Become the runner; raises TakenOver where the import has ended or is in good hands."""
    row = Import.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=found.pk).first()
    if row is None or not row.is_live:
        raise TakenOver
    if row.state == ImportState.RUNNING and not (is_taken_by_force or row.is_abandoned(at)):
        raise TakenOver
    others = Import.objects.filter(source=row.source, state=ImportState.RUNNING).exclude(pk=row.pk)
    if other := others.first():
        raise OtherImportInTheWay(other, at)
    if row.started_at is None:
        row.started_at = at
        row.is_first = not Fact.objects.filter(source=row.source).exists()
    row.state, row.runner, row.heartbeat_at = ImportState.RUNNING, uuid.uuid4().hex, at
    try:
        with transaction.atomic():
            row.save(update_fields=["state", "runner", "heartbeat_at", "started_at", "is_first"])
    except IntegrityError as problem:  # another import of the source began in this moment
        raise TakenOver from problem
    return row.runner


def _work(pk: int, runner: str, now: Clock, stop_at: float | None, on_progress: Progress | None) -> Import:
    row = Import.objects.select_related("source").get(pk=pk)
    with (
        open_file(row) as file,
        read_ahead(
            file,
            mapping_of(row.mapping, row.source),
            as_of=row.as_of,
            read_at=row.started_at,
            after=row.position,
        ) as portions,
    ):
        started = time.monotonic()
        for portion in portions:
            row = _commit(pk, runner, portion, started, now)
            started = time.monotonic()
            if on_progress is not None:
                on_progress(row)
            if stop_at is not None and started > stop_at and not portion.is_last:
                Import.objects.filter(pk=pk, runner=runner).update(runner="")
                row.runner = ""
                return row
    if row.rows >= ANALYZED_FROM and not row.is_dry_run:
        count_tables()
    return _end(pk, runner, ImportState.DONE, now())


def _commit(pk: int, runner: str, portion: Portion, started: float, now: Clock) -> Import:
    """Merge one portion and move the position, once more after a deadlock or a collision with a drain."""
    is_sure = False
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                hold_off_erasures()  # before the row, which an erasure may change
                if attempt >= LOCKS_FROM:
                    lock_tables()
                row = Import.objects.select_for_update(of=("self",)).get(pk=pk)
                if row.runner != runner or row.state != ImportState.RUNNING:
                    raise TakenOver
                at = now()
                chunks, rejects = _merge(row, portion.staged, at, is_fresh=row.is_first and not is_sure)
                _write_down(row, portion, chunks, [*portion.rejects, *rejects])
                row.seconds += time.monotonic() - started
                row.heartbeat_at = at
                row.save()
            return row
        except (OperationalError, IntegrityError) as problem:
            if isinstance(problem, IntegrityError) and not _is_collision(problem):
                raise
            log.info("import chunk again", extra={"import": pk, "attempt": attempt, **describe(problem)})
            if attempt == TRIES:
                raise
            is_sure = True
            connection.close_if_unusable_or_obsolete()
            time.sleep(0.1 * attempt)
    raise AssertionError


def _is_collision(problem: IntegrityError) -> bool:
    """Somebody made the same record in this moment, or the statement was known."""
    return isinstance(problem.__cause__, errors.UniqueViolation)


def _merge(row: Import, staged: Staged, at: datetime, *, is_fresh: bool) -> tuple[list[Chunk], list[Reject]]:
    """Merge; a row that the database refuses is found by halving, and stops no other."""
    if not staged.lines:
        return [], []
    chunk = Chunk(row.source_id, at=row.started_at or at, now=at)
    try:
        with transaction.atomic():
            merge(chunk, staged, is_fresh=is_fresh)
            if row.is_dry_run:
                transaction.set_rollback(True)
        return [chunk], []
    except (DataError, IntegrityError) as problem:
        if isinstance(problem, IntegrityError) and _is_collision(problem):
            raise
        if staged.is_one_row:
            found = ", ".join(describe(problem).values())
            return [], [Reject(staged.row_of(0), "cannot_apply", f"The database refuses the row: {found}.")]
    chunks: list[Chunk] = []
    rejects: list[Reject] = []
    for half in staged.halves():
        done, refused = _merge(row, half, at, is_fresh=False)
        chunks += done
        rejects += refused
    return chunks, rejects


def _write_down(row: Import, portion: Portion, chunks: list[Chunk], rejects: list[Reject]) -> None:
    row.position, row.bytes_read = portion.position, portion.bytes_read
    row.rows += portion.rows
    row.rejected += len(rejects)
    for chunk in chunks:
        row.facts_new += chunk.facts_new
        row.facts_unchanged += chunk.facts_unchanged
        for kind, found in chunk.counts.items():
            row.counts[kind] = dict(Counter(row.counts.get(kind, {})) + found)
        for code, number in chunk.warnings.items():
            known: dict[str, Any] = row.warnings.setdefault(code, {"count": 0, "samples": []})
            known["count"] += number
            known["samples"] = list(dict.fromkeys([*known["samples"], *chunk.samples[code]]))[:MAX_SAMPLES]
        row.names_erased = row.names_erased or chunk.names_erased
    kept = rejects[: max(0, KEPT_REJECTS - (row.rejected - len(rejects)))]
    kept, names_erased = without_erased(kept, row.source_id)
    row.names_erased = row.names_erased or names_erased
    ImportReject.objects.bulk_create(
        [
            ImportReject(file=row, line=each.line, code=each.code[:40], message=each.message[:500])
            for each in kept
        ],
        ignore_conflicts=True,
        batch_size=5000,
    )


@transaction.atomic
def _end(pk: int, runner: str, state: ImportState, at: datetime, error: str = "") -> Import:
    hold_off_erasures()
    row = Import.objects.select_for_update(of=("self",)).get(pk=pk)
    if row.runner != runner or row.state != ImportState.RUNNING:
        raise TakenOver
    row.state, row.finished_at, row.error, row.runner = state, at, error, ""
    if state == ImportState.DONE:
        row.bytes_read = row.size
    row.save(update_fields=["state", "finished_at", "error", "runner", "bytes_read"])
    drop_file_of_erased(row)
    return row
