"""Drafts of imports: an uploaded file on its way through mapping and preview, until it is imported or forgotten."""

from __future__ import annotations

import hashlib
import itertools
import json
import zlib
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from django.db import connection, transaction

from alignment.importing.encoding import up_to_a_line
from alignment.importing.headers import digest_of_headers, rejected_by
from alignment.importing.look import look_at
from alignment.importing.plausible import plausible
from alignment.importing.rows import Reject, Row, read_rows
from alignment.models import Import, ImportPiece, ImportState, Source, User
from alignment.models.imports import LIVE_STATES
from alignment.queries.import_pages import last_with_headers, rejected_from
from alignment.services.authority import require_revops
from alignment.services.imports import (
    PIECE,
    START_PIECES,
    WHAT,
    AlreadyImporting,
    AsOfInFuture,
    digest_of,
    keep_file,
    mapping_of,
    warn_of_older,
)

KEPT_FOR = timedelta(days=1)
_AHEAD = timedelta(seconds=60)


class NoDraft(Exception):
    """The import has begun, or the draft was discarded or forgotten meanwhile."""

    def __init__(self) -> None:
        super().__init__("This upload is no longer there: upload the file again.")


class MappingChanged(Exception):
    """Somebody changed the mapping after this preview was shown."""

    def __init__(self) -> None:
        super().__init__("The mapping was changed meanwhile: look at the preview of the new one first.")


def create_draft(
    *, file: BinaryIO, file_name: str, source: Source, kind: str | None = None, by: User | None, at: datetime
) -> Import:
    """Keep an uploaded file, with a mapping to start from. `file` can be read twice.

    The mapping is that of the last import of a file with the same headers, else what the headers suggest. `kind`:
    what its rows are about; else it is guessed, and is empty where it cannot be. `as_of` begins as that of an
    earlier import of the same file, or for corrected rejects as that of the file that they come from, else `at`.
    Raises OnlyRevOps, UnreadableFile.
    """
    require_revops(by, WHAT)
    digest, size = digest_of(file)
    file.seek(0)
    shape = look_at(up_to_a_line(file.read(START_PIECES * PIECE), size), kind)
    headers = digest_of_headers(shape.headers)
    rejected = rejected_from(source, headers, rejected_by(shape.headers, shape.rows))
    alike = rejected or last_with_headers(source, headers, kind)
    with transaction.atomic():
        earlier = Import.objects.filter(source=source, sha256=digest).exclude(state=ImportState.DRAFT)
        known = earlier.order_by("is_dry_run", "pk").values_list("as_of", flat=True).first()
        if known is None and rejected is not None:
            known = rejected.as_of
        made = Import.objects.create(
            source=source,
            subject=alike.subject if alike else shape.object or "",
            mapping=alike.mapping if alike else shape.document(),
            file_name=file_name[-200:],
            sha256=digest,
            size=size,
            headers=headers,
            rejects_of=rejected,
            as_of=known or at,
            state=ImportState.DRAFT,
            requested_by=by,
            requested_at=at,
        )
        keep_file(file, made)
    return made


def start_of(draft: Import) -> BinaryIO:
    """The first few MiB of the file, up to the end of a line, for looking at it. Raises NoDraft without the file."""
    pieces = ImportPiece.objects.filter(file=draft, number__lt=START_PIECES).order_by("number")
    text = b"".join(zlib.decompress(body) for body in pieces.values_list("body", flat=True).iterator())
    if not text:
        raise NoDraft
    return up_to_a_line(text, draft.size)


def first_rows(draft: Import, number: int) -> list[Row | Reject]:
    """The first rows as its mapping reads them. Raises NoDraft, InvalidMapping, UnreadableFile."""
    parsed = mapping_of(draft.mapping, draft.source)
    rows = itertools.islice(read_rows(start_of(draft), parsed), number)
    return [plausible(row, draft.as_of) for row in rows]


@transaction.atomic
def choose_object(draft: Import, kind: str, *, by: User | None, at: datetime) -> Import:
    """Say what the rows are about; the mapping begins anew. Raises OnlyRevOps, NoDraft."""
    require_revops(by, WHAT)
    locked = _locked(draft)
    locked.mapping, locked.subject = look_at(start_of(locked), kind).document(), kind
    return _saved(locked, at)


@transaction.atomic
def save_mapping(
    draft: Import, *, mapping: dict[str, Any], as_of: datetime | None = None, by: User | None, at: datetime
) -> Import:
    """Keep a complete mapping with the draft. Raises OnlyRevOps, NoDraft, InvalidMapping, AsOfInFuture,
    UnreadableFile (the file lacks a column)."""
    require_revops(by, WHAT)
    parsed = mapping_of(mapping, draft.source)
    if as_of is not None and as_of > at + _AHEAD:
        raise AsOfInFuture("A file says what held when it was exported: that time cannot be in the future.")
    locked = _locked(draft)
    next(read_rows(start_of(locked), parsed), None)
    locked.mapping, locked.subject = mapping, parsed.kind
    locked.as_of = as_of or locked.as_of
    return _saved(locked, at)


@transaction.atomic
def adopt_mapping(draft: Import, *, mapping: dict[str, Any], by: User | None, at: datetime) -> Import:
    """Begin with a mapping made for another file, whose columns this one may lack. Raises OnlyRevOps, NoDraft,
    InvalidMapping."""
    require_revops(by, WHAT)
    parsed = mapping_of(mapping, draft.source)
    locked = _locked(draft)
    locked.mapping, locked.subject = mapping, parsed.kind
    return _saved(locked, at)


def fingerprint(draft: Import) -> str:
    """Names what would be imported: mapping and time. A page carries it, so that what was seen is what is done."""
    said = json.dumps([draft.mapping, draft.as_of.isoformat()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@transaction.atomic
def start_draft(
    draft: Import, *, seen: str, is_dry_run: bool = False, by: User | None, at: datetime
) -> Import:
    """Have a worker import the draft, or try it: then the draft stays and a copy of it is tried.

    `seen`: the fingerprint of what was previewed. Raises OnlyRevOps, NoDraft, MappingChanged, InvalidMapping,
    UnreadableFile, AlreadyImporting.
    """
    require_revops(by, WHAT)
    source = Source.objects.select_for_update(of=("self",), no_key=True).get(pk=draft.source_id)
    locked = _locked(draft)
    if seen != fingerprint(locked):
        raise MappingChanged
    parsed = mapping_of(locked.mapping, source)
    next(read_rows(start_of(locked), parsed), None)
    same = Import.objects.filter(
        source=source, sha256=locked.sha256, mapping=locked.mapping, is_dry_run=is_dry_run
    )
    if found := same.filter(state__in=LIVE_STATES).first():
        raise AlreadyImporting(found)
    locked.requested_at = at
    if is_dry_run:
        locked.save(update_fields=["requested_at"])
        return _copy_to_try(locked, by)
    locked.state, locked.requested_by = ImportState.WAITING, by
    locked.save(update_fields=["state", "requested_by", "requested_at"])
    warn_of_older(locked)
    return locked


def _copy_to_try(draft: Import, by: User | None) -> Import:
    made = Import.objects.create(
        source_id=draft.source_id,
        subject=draft.subject,
        mapping=draft.mapping,
        file_name=draft.file_name,
        sha256=draft.sha256,
        size=draft.size,
        headers=draft.headers,
        rejects_of_id=draft.rejects_of_id,
        as_of=draft.as_of,
        is_dry_run=True,
        requested_by=by,
        requested_at=draft.requested_at,
    )
    warn_of_older(made)
    with connection.cursor() as cursor:  # inside the database: a large file does not travel
        cursor.execute(
            "INSERT INTO alignment_importpiece (file_id, number, body) "
            "SELECT %s, number, body FROM alignment_importpiece WHERE file_id = %s",
            [made.pk, draft.pk],
        )
    return made


@transaction.atomic
def discard_draft(draft: Import, *, by: User | None) -> None:
    """Remove an upload that nobody wants to import. Raises OnlyRevOps, NoDraft."""
    require_revops(by, WHAT)
    _locked(draft).delete()


def forget_drafts(*, at: datetime) -> int:
    """Remove the uploads that nobody has worked on for a day; how many."""
    left = Import.objects.filter(state=ImportState.DRAFT, requested_at__lt=at - KEPT_FOR)
    number = 0
    for draft in left.order_by("pk"):
        try:
            discard_draft(draft, by=None)
        except NoDraft:
            continue
        number += 1
    return number


def _locked(draft: Import) -> Import:
    found = (
        Import.objects.select_for_update(of=("self",)).filter(pk=draft.pk, state=ImportState.DRAFT).first()
    )
    if found is None:
        raise NoDraft
    return found


def _saved(draft: Import, at: datetime) -> Import:
    draft.requested_at = at
    draft.save(update_fields=["mapping", "subject", "as_of", "requested_at"])
    return draft
