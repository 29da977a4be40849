"""What is known of a digest or of a file that somebody brings: the answers of the public page for verifying.

Whoever has a digest alone may not be a reader of its document: the answer tells its kind, state and times. Whoever
brings the document itself, or may read it here, reads what is on it: its key, and who signed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alignment.artifacts.canonical import canonical, digest
from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.models import (
    ArtifactVersion,
    ChainEntry,
    ChainHead,
    Rendition,
    ServerKey,
    Signature,
    VersionState,
)
from alignment.models.artifacts import SIGNED_STATES
from alignment.queries.bundles import FOLDER
from alignment.verification import verify
from alignment.verification.verify import check_bundle, collected, unzipped, witnessed

LARGEST_UPLOAD = 8 * 1024 * 1024  # bytes of a file that is looked at
LARGEST_TEXT = 1024 * 1024  # bytes of JSON: no signed text is as long
SHORTEST = 16  # hex digits of a digest that documents print
_DIGEST = re.compile(r"[0-9a-f]{16,64}")


class NothingToVerify(ValueError):
    """It is no digest and no file that can be looked up; the message says what to give instead."""


@dataclass(frozen=True)
class Signed:
    """One signature as it was given. `by_delegation`: by a delegate of the holder."""

    name: str
    title: str
    role: str
    at: datetime
    by_delegation: bool


@dataclass(frozen=True)
class Head:
    """An end of the chain that the server signed."""

    sequence: int
    digest: str
    key: str
    signed_at: datetime


@dataclass(frozen=True)
class Known:
    """A version that was sent. `key` and `signatures`: empty where nobody showed to be a reader; `signed`: how many.

    `state`: as of now (a value of VersionState), `since`: when it got there.

    `expires_at`: from then on it is not in force, if it came to be. `successor`: number of the version in force today,
    where that is another one. `head`: the first signed end of the chain that covers all of this; None until then.
    """

    title: str
    label: str
    kind: str
    key: str
    number: int
    organisation: str
    digest: str
    state: str
    state_label: str
    since: datetime | None
    expires_at: datetime | None
    signatures: tuple[Signed, ...]
    signed: int
    successor: int | None
    head: Head | None

    @property
    def is_signed(self) -> bool:
        """By all who had to: it is or was in force."""
        return self.state in SIGNED_STATES


@dataclass(frozen=True)
class Answer:
    """What was found. `matched`: what was given, in words; `known`: None if this server never sent it.

    `findings`: what is wrong with a bundle or a head, in sentences; empty where all of it fits together.
    `warnings`: what should be known of it beside.
    """

    matched: str
    known: Known | None = None
    findings: tuple[str, ...] = field(default=())
    head: Head | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def is_genuine(self) -> bool:
        """Signed by all who had to, and as this server has it."""
        is_signed = self.known.is_signed if self.known else self.head is not None
        return not self.findings and is_signed


def look_up(text: str, *, may_read: Callable[[ArtifactVersion], bool] = lambda _: False) -> Answer:
    """Of a digest in hex, as long as documents print it or longer. Raises NothingToVerify.

    `may_read`: whether whoever asks reads this version here anyway, and so its key and who signed.
    """
    wanted = re.sub(r"[\s:…-]", "", text).lower()
    if not _DIGEST.fullmatch(wanted):
        raise NothingToVerify(
            f"Enter a digest: {SHORTEST} to 64 digits from 0 to 9 and a to f, as at the foot of a signed document."
        )
    version = _versions().filter(digest__startswith=wanted).order_by("pk").first()
    if version:
        return Answer("the digest of a document", known_of(version, is_read=may_read(version)))
    pdf = Rendition.objects.filter(sha256__startswith=wanted).order_by("pk").first()
    if pdf:
        version = _versions().get(pk=pdf.version_id)
        return Answer(_which(pdf), known_of(version, is_read=may_read(version)))
    return Answer("a digest that this server does not know")


def examine(raw: bytes) -> Answer:
    """Of a file: a bundle, a PDF, an envelope, or a head from a witness's mail. Raises NothingToVerify.

    Not of a content alone, which may be short enough to be guessed.
    """
    if not raw:
        raise NothingToVerify("The file is empty.")
    if len(raw) > LARGEST_UPLOAD:
        raise NothingToVerify(f"The file is larger than {LARGEST_UPLOAD // 2**20} MB; no signed document is.")
    if raw[:2] == b"PK":
        return _examine_bundle(raw)
    if raw[:5] == b"%PDF-":
        pdf = Rendition.objects.filter(sha256=digest(raw)).first()
        if pdf is None:
            return Answer(
                "a PDF that this server did not make, or that was changed since: by a viewer that saved it, perhaps"
            )
        return Answer(_which(pdf), known_of(_versions().get(pk=pdf.version_id), is_read=True))
    if len(raw) > LARGEST_TEXT:
        raise NothingToVerify(f"The file is larger than {LARGEST_TEXT // 2**20} MB; no signed text is.")
    return _examine_json(raw)


def _title(version: ArtifactVersion, label: str) -> str:
    """As people call it; `label`: its kind as it was signed, for kinds that no app declares any more."""
    try:
        return kind_named(version.artifact.kind).name_of(version.content, version.artifact.key)
    except UnknownKind:
        return f"{label} {version.artifact.key}"


def known_of(version: ArtifactVersion, *, is_read: bool) -> Known:
    """What there is to say of a version that was sent; names and its key only to a reader of it."""
    signed: dict[str, Any] = json.loads(version.envelope)
    signatures = version.signatures.all()
    successor = ArtifactVersion.objects.in_force().filter(artifact=version.artifact_id).exclude(pk=version.pk)
    last = ChainEntry.objects.filter(version=version).order_by("-sequence").first()
    head = ChainHead.objects.filter(entry__gte=last.sequence).order_by("entry").first() if last else None
    return Known(
        title=_title(version, signed["label"]) if is_read else signed["label"],
        label=signed["label"],
        kind=version.artifact.kind,
        key=version.artifact.key if is_read else "",
        number=version.number,
        organisation=signed["organisation"],
        digest=version.digest,
        state=version.state,
        state_label=version.get_state_display(),
        since=version.ended_at or version.signed_at or version.sent_at,
        expires_at=version.expires_at,
        signatures=tuple(_signed(row) for row in signatures) if is_read else (),
        signed=len(signatures),
        successor=successor.values_list("number", flat=True).first(),
        head=_head(head),
    )


def _examine_bundle(raw: bytes) -> Answer:
    try:
        files = unzipped(raw, largest=2 * LARGEST_UPLOAD)
    except ValueError as problem:
        raise NothingToVerify(f"This is no bundle: {problem}.") from None
    findings = collected(check_bundle(files))
    known = _known_by(digest(files.get("envelope.json", b"")))
    if not findings:
        findings = collected(_strange_keys(files)) if known else []
    warnings = [
        f"{name} in it is not the one of this server: do not run it. Bundles of another release have another one, too."
        for name in ("verify.py", "VERIFY.md")
        if files.get(name) != (FOLDER / name).read_bytes()
    ]
    return Answer("a bundle", known, tuple(findings), warnings=tuple(warnings))


def _strange_keys(files: dict[str, bytes]) -> Iterator[str]:
    """A bundle may fit together and still come from another chain: with another key, or from before a rewrite."""
    keys = verify.parsed(files["keys.json"])
    known = set(ServerKey.objects.values_list("public", flat=True))
    if any(key not in known for key in keys.values()):
        yield "keys.json has a key that this server never had."
    for line in files["heads.jsonl"].splitlines():
        head = json.loads(line)
        told = head["statement"]
        if not ChainEntry.objects.filter(pk=told["sequence"], digest=told["digest"]).exists():
            yield f"The head at entry {told['sequence']} is not of this server's chain."
        yield from _strange_head(told, head["signature"], keys[told["key"]])


def _strange_head(statement: dict[str, Any], signature: str, public: str) -> Iterator[str]:
    """A head must be the one that this server signed at that entry, byte for byte, with a key that it has or had."""
    which = f"The head at entry {statement['sequence']}"
    if not ServerKey.objects.filter(public=public).exists():
        yield f"{which} is signed by a key that this server never had."
    head = ChainHead.objects.filter(entry=statement["sequence"]).first()
    if head is None:
        yield f"{which} is not one of those that this server has signed."
    elif (verify.canonical(statement).decode(), signature) != (head.statement, head.signature):
        yield f"{which} is not written as this server signed it."


def _examine_json(raw: bytes) -> Answer:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
        found = digest(canonical(value))
    except (ValueError, RecursionError):
        raise NothingToVerify(
            "This is neither a bundle (.zip) nor a PDF nor a JSON file of a signed document."
        ) from None
    if isinstance(value, dict) and {"statement", "signature", "public"} <= value.keys():
        return _examine_head(raw.decode("utf-8-sig"))
    known = _known_by(found)
    if known:
        return Answer("the signed text of a document", known)
    return Answer("a JSON file that is not the signed text (envelope.json) of a document of this server")


def _examine_head(text: str) -> Answer:
    try:
        sequence, told, problems = witnessed(text)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise NothingToVerify(
            "This is not the whole file that was attached to the mail; send it as it was."
        ) from None
    entry = ChainEntry.objects.filter(pk=sequence).first() if 0 < sequence < 2**53 else None
    if entry is None:
        problems.append(
            f"This server's chain has no entry {sequence}: its end was cut off, or the head is of another one."
        )
    elif entry.digest != told:
        problems.append(
            f"Entry {sequence} of this server's chain has another digest: the chain was changed since."
        )
    if entry is not None:
        told_in_full = json.loads(text)
        problems += _strange_head(
            told_in_full["statement"], told_in_full["signature"], told_in_full["public"]
        )
    head = ChainHead.objects.select_related("key").filter(entry=entry).first() if entry else None
    return Answer("a head from a witness's mail", findings=tuple(problems), head=_head(head))


def _versions() -> Any:
    return (
        ArtifactVersion.objects.exclude(state=VersionState.DRAFT)
        .select_related("artifact")
        .prefetch_related("signatures")
    )


def _known_by(found: str) -> Known | None:
    version = _versions().filter(digest=found).first()
    return known_of(version, is_read=True) if version else None


def _which(pdf: Rendition) -> str:
    return (
        "the signed PDF of a document"
        if pdf.is_signed
        else "the PDF of a document as it was sent, without signatures"
    )


def _signed(row: Signature) -> Signed:
    return Signed(
        name=row.name,
        title=row.title,
        role=row.get_role_display(),
        at=row.signed_at,
        by_delegation=row.delegation_id is not None,
    )


def _head(head: ChainHead | None) -> Head | None:
    if head is None:
        return None
    return Head(head.entry_id, head.entry.digest, head.key.name, head.signed_at)
