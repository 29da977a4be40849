"""The offline bundle of a signed version: all that somebody needs to verify it without this server."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from alignment.artifacts.canonical import canonical, digest
from alignment.artifacts.events import refusal_record, signature_record
from alignment.models import ArtifactVersion, ChainEntry, ChainHead, Signature
from alignment.verification import verify
from alignment.verification.marks import marks_of

FOLDER = Path(verify.__file__).parent


class NotInBundle(ValueError):
    """There is no bundle of this version; the message says why and when there will be one."""


def bundle_of(version: ArtifactVersion) -> bytes:
    """A .zip, the same bytes each time until the next head of the chain is signed. Raises NotInBundle.

    Its part of the chain goes from the last head before the version was sent to the newest head, so that it shows
    what became of the version since. Events of other documents stand in it as their SHA-256: who reads this one may
    not be a reader of those.
    """
    return packed(files_of(version))


def files_of(version: ArtifactVersion) -> dict[str, bytes]:
    """The files of a bundle by name. Raises NotInBundle."""
    if version.signed_at is None:
        raise NotInBundle("Only what all its signers have signed has a bundle.")
    own = dict(version.chain.filter(kind__in=["sent", "rendered"]).values_list("kind", "sequence"))
    last = ChainHead.objects.select_related("key").order_by("-entry").first()
    pdf = version.renditions.filter(is_signed=True).values_list("pdf", flat=True).first()
    if last is None or pdf is None or last.entry_id < own.get("rendered", 0) or "sent" not in own:
        raise NotInBundle(
            "The server has not sealed the signed PDF yet. It does so within the hour; try again then."
        )
    first = ChainHead.objects.select_related("key").filter(entry__lt=own["sent"]).order_by("-entry").first()
    heads = [first, last] if first else [last]
    entries = ChainEntry.objects.filter(sequence__lte=last.entry_id).order_by("sequence")
    if first:
        entries = entries.filter(sequence__gt=first.entry_id)
    envelope = version.envelope.encode()
    refusal = getattr(version, "refusal", None)
    files = {
        "VERIFY.md": (FOLDER / "VERIFY.md").read_bytes(),
        "verify.py": (FOLDER / "verify.py").read_bytes(),
        "envelope.json": envelope,
        "content.json": canonical(verify.parsed(envelope)["content"]),
        "signatures.jsonl": _lines(canonical(signature_record(row)) for row in _signatures(version)),
        "refusals.jsonl": _lines([canonical(refusal_record(refusal))] if refusal else []),
        "chain.jsonl": _lines(_entries(version, list(entries))),
        "heads.jsonl": _lines(
            f'{{"signature":"{head.signature}","statement":{head.statement}}}'.encode() for head in heads
        ),
        "keys.json": canonical({head.key.name: head.key.public for head in heads}),
        "document.pdf": bytes(pdf),
    }
    manifest = canonical({"files": {name: digest(raw) for name, raw in files.items()}})
    return {**files, "manifest.json": manifest}


def _entries(version: ArtifactVersion, rows: Sequence[ChainEntry]) -> Iterator[bytes]:
    marks = marks_of(rows)
    for row in rows:
        if row.version_id in (version.pk, None):
            yield f'{{"digest":"{row.digest}","event":{row.event}}}'.encode()
        else:
            hidden = {"digest": row.digest, "event": digest(row.event.encode()), "mark": marks[row.sequence]}
            yield canonical(hidden)


def packed(files: dict[str, bytes]) -> bytes:
    """A .zip whose bytes depend on the files alone: no times, no compression that differs between machines."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name)  # of 1980-01-01
            member.create_system = 3  # the same on every system
            member.external_attr = 0o644 << 16
            archive.writestr(member, files[name])
    return buffer.getvalue()


def _signatures(version: ArtifactVersion) -> Iterable[Signature]:
    related = "version__artifact", "delegation__artifact"
    return version.signatures.select_related(*related).order_by("pk")


def _lines(rows: Iterable[bytes]) -> bytes:
    return b"".join(row + b"\n" for row in rows)
