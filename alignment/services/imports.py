"""Imports of history: asked for, cancelled, gone on with; the file itself kept in pieces for any worker."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from django.db import transaction

from alignment.importing.encoding import up_to_a_line
from alignment.importing.headers import digest_of_headers
from alignment.importing.look import headers_of
from alignment.importing.mapping import ImportMapping
from alignment.importing.rows import read_rows
from alignment.models import Erasure, Import, ImportPiece, ImportState, Source, User
from alignment.models.imports import LIVE_STATES
from alignment.recognised import hold_off_erasures
from alignment.services.authority import require_revops

PIECE = 1 << 20  # bytes
START_PIECES = 4  # of a file, which tell what it is
WHAT = "Imports"


class AsOfInFuture(ValueError):
    """A file cannot say what will hold."""


class AlreadyImporting(Exception):
    """The same file with the same mapping is under way."""

    def __init__(self, found: Import) -> None:
        super().__init__(
            f"This file is {'waiting' if found.state == ImportState.WAITING else 'being imported'} already."
        )
        self.found = found


class NotUnderWay(Exception):
    """The import has ended: there is nothing to cancel."""


class NothingToResume(Exception):
    """The import is under way or done, or its file is no longer kept."""


def mapping_of(document: dict[str, Any], source: Source) -> ImportMapping:
    """The checked mapping of a file of this source. Raises InvalidMapping."""
    return ImportMapping.of(
        document, source_kind=source.kind, source_mapping=source.mapping, zone=source.zone
    )


def start_import(
    *,
    file: BinaryIO,
    file_name: str,
    source: Source,
    mapping: dict[str, Any],
    is_dry_run: bool = False,
    as_of: datetime | None = None,
    written_at: datetime | None = None,
    by: User | None,
    at: datetime,
) -> Import:
    """Keep the file and have a worker import it. `file` can be read twice.

    `as_of`: when what the file states held; else that of an earlier import of the same file with the same mapping, so
    that it states the same facts; else `written_at`, when the file was last changed; else `at`. Raises OnlyRevOps,
    InvalidMapping, UnreadableFile, AsOfInFuture, AlreadyImporting.
    """
    require_revops(by, WHAT)
    parsed = mapping_of(mapping, source)
    if as_of is not None and as_of > at + timedelta(seconds=60):
        raise AsOfInFuture("A file says what held when it was exported: that time cannot be in the future.")
    next(read_rows(file, parsed), None)  # raises UnreadableFile
    digest, size = digest_of(file)
    file.seek(0)
    headers = digest_of_headers(headers_of(up_to_a_line(file.read(START_PIECES * PIECE), size)))
    with transaction.atomic():
        Source.objects.select_for_update(of=("self",), no_key=True).get(pk=source.pk)
        same = Import.objects.filter(source=source, sha256=digest, mapping=mapping).order_by("pk")
        same = same.exclude(state=ImportState.DRAFT)
        if found := same.filter(state__in=LIVE_STATES, is_dry_run=is_dry_run).first():
            raise AlreadyImporting(found)
        earlier = same.applied().first() or same.first()
        made = Import.objects.create(
            source=source,
            subject=parsed.kind,
            mapping=mapping,
            file_name=file_name[-200:],
            sha256=digest,
            size=size,
            headers=headers,
            as_of=as_of or (earlier.as_of if earlier else min(written_at or at, at)),
            is_dry_run=is_dry_run,
            requested_by=by,
            requested_at=at,
        )
        warn_of_older(made)
        keep_file(file, made)
    return made


def live_import_like(found: Import) -> Import | None:
    """Another import of the same file with the same mapping that is under way, a trial for a trial. The caller has
    locked the source, so that none begins meanwhile."""
    same = Import.objects.filter(
        source=found.source_id, sha256=found.sha256, mapping=found.mapping, is_dry_run=found.is_dry_run
    )
    return same.filter(state__in=LIVE_STATES).exclude(pk=found.pk).order_by("pk").first()


def warn_of_older(made: Import) -> None:
    """What an older file says of MQL cycles counts as a correction, since it reached us last."""
    later = Import.objects.applied().filter(
        source=made.source, subject=made.subject, state=ImportState.DONE, as_of__gt=made.as_of
    )
    if found := later.order_by("-as_of").first():
        made.warnings = {"older_than_imported": {"count": 1, "samples": [found.file_name]}}
        made.save(update_fields=["warnings"])


def digest_of(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 of the file in hexadecimal, and its bytes."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def keep_file(file: BinaryIO, made: Import) -> None:
    """Store the file in pieces, for any process."""
    file.seek(0)
    number = 0
    while piece := file.read(PIECE):
        ImportPiece.objects.create(file=made, number=number, body=zlib.compress(piece, 1))
        number += 1


def pieces_of(found: Import) -> Iterator[bytes]:
    """The file, a piece at a time."""
    for number in range(-(-found.size // PIECE)):
        body = ImportPiece.objects.values_list("body", flat=True).get(file=found, number=number)
        yield zlib.decompress(body)


def open_file(found: Import) -> BinaryIO:
    """The file as a stream that can be rewound: a copy without a name, gone once it is closed."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    for piece in pieces_of(found):
        copy.write(piece)
    copy.seek(0)
    return copy


@transaction.atomic
def cancel_import(found: Import, *, by: User | None, at: datetime) -> Import:
    """Stop it; what is in stays in. Waits for the chunk under way. Raises OnlyRevOps, NotUnderWay."""
    require_revops(by, WHAT)
    hold_off_erasures()
    locked = Import.objects.select_for_update(of=("self",)).get(pk=found.pk)
    if not locked.is_live:
        raise NotUnderWay(f"It has ended already: {locked.get_state_display().lower()}.")
    locked.state, locked.finished_at, locked.runner = ImportState.CANCELLED, at, ""
    locked.save(update_fields=["state", "finished_at", "runner"])
    drop_file_of_erased(locked)
    return locked


def drop_file_of_erased(ended: Import) -> None:
    """Remove the file of an ended import that named somebody erased, or that lay here when somebody of its source was
    erased. Going on with it then needs the file again. The caller holds off erasures."""
    since = Erasure.objects.filter(lead__source=ended.source_id, erased_at__gte=ended.requested_at)
    if ended.names_erased or since.exists():
        ImportPiece.objects.filter(file=ended).delete()


@transaction.atomic
def resume_import(found: Import, *, by: User | None, at: datetime) -> Import:
    """Go on behind the last row that is in. Raises OnlyRevOps, NothingToResume, AlreadyImporting (another import of the
    same file with the same mapping was begun since and is under way)."""
    require_revops(by, WHAT)
    Source.objects.select_for_update(of=("self",), no_key=True).get(pk=found.source_id)
    locked = Import.objects.select_for_update(of=("self",)).get(pk=found.pk)
    if locked.state not in (ImportState.CANCELLED, ImportState.FAILED):
        raise NothingToResume(f"It is {locked.get_state_display().lower()}.")
    if not locked.has_file:
        raise NothingToResume("The file is no longer kept: upload it again, and what is in is recognised.")
    if other := live_import_like(locked):
        raise AlreadyImporting(other)
    locked.state, locked.finished_at, locked.error = ImportState.WAITING, None, ""
    locked.requested_at = at
    locked.save(update_fields=["state", "finished_at", "error", "requested_at"])
    return locked
