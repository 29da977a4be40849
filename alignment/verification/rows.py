"""Verifying one version: every row that belongs to it against what the chain recorded of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alignment.artifacts import events
from alignment.artifacts.canonical import canonical, digest
from alignment.artifacts.events import Event, name_of
from alignment.models import ArtifactVersion, Refusal, Rendition, Signature
from alignment.verification.verify import check_version, state_of

Told = dict[str, Any]
OWN = ("sequence", "kind", "at")  # of every event, not part of its payload


def check_rows(version: ArtifactVersion, own: list[Told]) -> Iterator[str]:
    """What is wrong between a version, all rows that belong to it, and `own`: the chain's events that name it."""
    signatures = list(version.signatures.all())
    refusals = [version.refusal] if hasattr(version, "refusal") else []
    renditions = list(version.renditions.all())
    if version.is_draft:
        yield from (
            f"It is a draft, but entry {event['sequence']} recorded “{event['kind']}”." for event in own
        )
        if signatures or refusals or renditions:
            yield "It is a draft, but has signatures, a refusal or a PDF."
        return
    raw = version.envelope.encode()
    if digest(raw) != version.digest:
        yield "The digest is not that of the signed text."
    envelope = json.loads(raw)
    if canonical(envelope["content"]) != canonical(version.content):
        yield "The content is not the one that was signed."
    if (envelope["paper"], envelope["previous"] or "") != (version.paper, version.previous_digest):
        yield "Paper size or the version before differ from what was signed."
    grounds = [ground.ground for ground in version.foundations.all()]
    signed_grounds = sorted(canonical(ground) for ground in envelope["rests_on"])
    if (
        sorted(canonical({**name_of(ground), "digest": ground.digest}) for ground in grounds)
        != signed_grounds
    ):
        yield "What it rests on differs from what was signed."
    if state_of(own) != version.state:
        yield f"Its state is “{version.state}”, by the chain it is “{state_of(own) or 'never sent'}”."
    yield from check_version(
        raw,
        [events.signature_record(row) for row in signatures],
        [events.refusal_record(row) for row in refusals],
        own,
    )
    for rendition in renditions:
        if digest(bytes(rendition.pdf)) != rendition.sha256:
            yield f"The {'signed ' if rendition.is_signed else ''}PDF is not the one that was made."
    yield from _compare(_expected(version, signatures, refusals, renditions), own)


def _expected(
    version: ArtifactVersion,
    signatures: Iterable[Signature],
    refusals: Sequence[Refusal],
    renditions: Iterable[Rendition],
) -> Iterator[Event]:
    """The events that would say what the rows say."""
    yield events.sent_event(version)
    yield from (events.signature_event(row) for row in signatures)
    if version.signed_at:
        yield events.in_force_event(version)
    yield from (events.refusal_event(row) for row in refusals)
    if version.ended_at and not refusals:
        yield events.ended_event(version)
    yield from (events.rendered_event(row) for row in renditions)


def _compare(expected: Iterable[Event], own: Iterable[Told]) -> Iterator[str]:
    left = [(event["sequence"], event["kind"], payload_of(event)) for event in own]
    for kind, payload in expected:
        same = next((entry for entry in left if entry[1:] == (kind, payload)), None)
        if same:
            left.remove(same)
            continue
        near = next((entry for entry in left if entry[1] == kind and _same_row(entry[2], payload)), None)
        if near is None:
            yield f"The chain has no entry for what the rows say of “{kind}”{_role(payload)}: added later."
            continue
        left.remove(near)
        fields = sorted(name for name in {*near[2], *payload} if near[2].get(name) != payload.get(name))
        yield f"“{kind}”{_role(payload)} is not as entry {near[0]} recorded it: {', '.join(fields)} changed."
    for sequence, kind, payload in left:
        yield f"Entry {sequence} recorded “{kind}”{_role(payload)}: the row of that is gone or changed."


def _same_row(one: Told, other: Told) -> bool:
    return all(one.get(name) == other.get(name) for name in ("role", "signed"))


def _role(payload: Told) -> str:
    return f" by {payload['role']}" if "role" in payload else ""


def removed(own: Iterable[Told]) -> Iterator[str]:
    """Of events that name a version which is not there."""
    for event in own:
        yield f"Entry {event['sequence']} recorded “{event['kind']}”, but there is no such version: it was removed."


def payload_of(event: Told) -> Told:
    """An event without what every event has of its own."""
    return {name: value for name, value in event.items() if name not in OWN}
