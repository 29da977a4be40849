"""Verifying the whole database: rows against the chain, the chain against itself and against what witnesses have.

Everything is made anew from the rows and compared with what the chain recorded; nothing is believed for being there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alignment.artifacts import events
from alignment.artifacts.canonical import canonical
from alignment.artifacts.events import name_of, stamp
from alignment.models import (
    ArtifactVersion,
    ChainEntry,
    ChainHead,
    ServerKey,
)
from alignment.verification.marks import marks_of
from alignment.verification.rows import OWN, Told, check_rows, payload_of, removed
from alignment.verification.verify import (
    GENESIS,
    check_chain,
    check_head,
    collected,
    witnessed,
)


@dataclass(frozen=True)
class Finding:
    """`where`: chain, head, key, or the artifact's version; `message`: what is wrong there."""

    where: str
    message: str


@dataclass
class Report:
    """What was looked at, and what is wrong.

    `witnessed`: the newest entry that a head given from outside covers (0: none was given). What is after it, up to
    `entries`, may have been cut or added by somebody who holds the server's key, without anything here showing it.
    """

    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    versions: int = 0
    heads: int = 0
    witnessed: int = 0

    @property
    def unwitnessed(self) -> int:
        return max(0, self.entries - self.witnessed)

    def to_json(self) -> dict[str, Any]:
        return {
            "findings": [vars(finding) for finding in self.findings],
            "entries": self.entries,
            "versions": self.versions,
            "heads": self.heads,
            "witnessed": self.witnessed,
            "unwitnessed": self.unwitnessed,
        }


def verify_database(*, heads: Sequence[str] = ()) -> Report:
    """Look at everything. `heads`: texts of mailed files, or SEQUENCE:DIGEST. Run it in one snapshot."""
    report = Report()
    rows = list(ChainEntry.objects.order_by("sequence"))
    told = _told(rows)
    report.entries = rows[-1].sequence if rows else 0

    def note(where: str, messages: Iterator[str]) -> None:
        report.findings += [Finding(where, message) for message in collected(messages)]

    marks = marks_of(rows)
    chain = ((row.digest, marks[row.sequence], row.event.encode()) for row in rows)
    note("chain", check_chain(chain, 0, GENESIS))
    note("chain", _rows_and_events(rows))
    note("key", _keys(told.values()))
    digests = {row.sequence: row.digest for row in rows}
    known = list(ChainHead.objects.order_by("entry"))
    report.heads = len(known)
    keys = {key.pk: key for key in ServerKey.objects.order_by("pk")}
    note("head", _heads(known, keys, digests))
    for text in heads:
        note("witness", _witness(text, digests, known, keys.values(), report))
    of_version = defaultdict(list)
    for event in told.values():
        if "artifact" in event:
            of_version[canonical(event["artifact"])].append(event)
    for version in _versions():
        report.versions += not version.is_draft
        own = of_version.pop(canonical(name_of(version)), [])
        note(str(version), check_rows(version, own))
    for own in of_version.values():
        note(_named(own[0]["artifact"]), removed(own))
    return report


def _told(rows: Iterable[ChainEntry]) -> dict[int, Told]:
    """Events by row; those that are no JSON objects are named by check_chain."""
    found = {}
    for row in rows:
        try:
            event = json.loads(row.event)
            canonical(event)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and {*OWN} <= event.keys():
            found[row.sequence] = event
    return found


def _rows_and_events(rows: Iterable[ChainEntry]) -> Iterator[str]:
    previous = GENESIS
    names = {version.pk: name_of(version) for version in _plain_versions()}
    for row in rows:
        event = _told([row]).get(row.sequence)
        if row.previous != previous:
            yield f"Entry {row.sequence} names another entry before it than the one that is there."
        previous = row.digest
        if event is None:
            continue
        if (row.sequence, row.kind, stamp(row.added_at)) != tuple(event[name] for name in OWN):
            yield f"Entry {row.sequence}: its row names another number, kind or time than its event."
        if (names.get(row.version_id) if row.version_id else None) != event.get("artifact"):
            yield f"Entry {row.sequence}: its row points to another version than its event names."


def _keys(told: Iterable[Told]) -> Iterator[str]:
    recorded = [payload_of(event) for event in told if event["kind"] == "key"]
    rows = [events.key_event(key)[1] for key in ServerKey.objects.order_by("pk")]
    for row in rows:
        if row in recorded:
            recorded.remove(row)
        else:
            yield f"The key {row['name']} is not as the chain recorded it, or not in it."
    for event in recorded:
        yield f"The key {event.get('name')} that the chain recorded is missing or changed."


def _heads(
    heads: Sequence[ChainHead], keys: Mapping[int, ServerKey], digests: dict[int, str]
) -> Iterator[str]:
    before, agreed = 0, 0
    for head in heads:
        told = json.loads(head.statement)
        which = f"The head at entry {head.entry_id}"
        key = keys.get(head.key_id)
        if key is None:
            yield f"{which} names a key that is not there: the key was removed."
        else:
            yield from check_head(told, head.signature, key.public)
        name = key.name if key else told["key"]
        row = (head.entry_id, stamp(head.signed_at), name, head.witnesses, before)
        if row != (told["sequence"], told["at"], told["key"], told["witnesses"], told["previous"]):
            yield f"{which} differs from what was signed, or a head before it is missing."
        if digests.get(head.entry_id) == told["digest"]:
            agreed = head.entry_id
        else:
            yield (
                f"{which} was signed over another chain: something between entries {agreed + 1} and {head.entry_id} "
                "was changed, removed, inserted or moved."
            )
        before = head.entry_id


def _witness(
    text: str,
    digests: dict[int, str],
    known: Iterable[ChainHead],
    keys: Iterable[ServerKey],
    report: Report,
) -> Iterator[str]:
    sequence, expected, problems = witnessed(text)
    public = json.loads(text)["public"] if text.lstrip().startswith("{") else None
    if public and public not in {key.public for key in keys}:
        problems.append(
            f"The head at entry {sequence} that was given is signed by a key that this server does not know: it is of "
            "another server or forged, or the key and the chain here were replaced. Compare the key's name with a mail."
        )
    yield from problems
    if not problems:
        report.witnessed = max(report.witnessed, sequence)
    newest = max(digests, default=0)
    if sequence > newest:
        yield f"A witness has a head at entry {sequence}, but the chain ends at {newest}: its end was cut off."
    elif digests.get(sequence) != expected:
        yield (
            f"A witness has a head at entry {sequence} with the digest {expected}, the chain there has "
            f"{digests.get(sequence)}: at or before entry {sequence} something was changed, removed, inserted or "
            "moved, or the chain was written anew."
        )
    if sequence not in {head.entry_id for head in known}:
        yield f"A witness has a head at entry {sequence} that is missing here."


def _named(artifact: Any) -> str:
    """As versions write themselves, of an event whose artifact may be anything."""
    try:
        return f"{artifact['kind']} {artifact['key']} v{artifact['version']}"
    except (LookupError, TypeError):
        return "chain"


def _plain_versions() -> Iterable[ArtifactVersion]:
    return ArtifactVersion.objects.select_related("artifact").only(
        "number", "artifact__kind", "artifact__key"
    )


def _versions() -> Iterable[ArtifactVersion]:
    return (
        ArtifactVersion.objects.select_related("artifact", "refusal")
        .prefetch_related("signatures__delegation__artifact", "foundations__ground__artifact", "renditions")
        .order_by("pk")
        .iterator(chunk_size=50)  # with their PDFs
    )
