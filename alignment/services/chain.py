"""The hash chain of what happened to signed artifacts: entries are only ever added, one after the other.

digest = SHA-256(0x00 ‖ previous digest ‖ mark ‖ SHA-256 of the canonical event), each as 32 bytes, so that a change
of any entry changes all digests after it, and the chain can be shown without the events. The mark names the document
to whoever has its “sent” event, and to nobody else (see alignment.verification.verify.marked).
alignment.artifacts.events says what the events hold; alignment.verification reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from alignment.artifacts.canonical import canonical
from alignment.artifacts.events import stamp
from alignment.models import ArtifactVersion, ChainEntry
from alignment.verification.verify import GENESIS, NO_MARK, chained, marked, sha256


class NoEvent(ValueError):
    """The payload uses a name that every event has of its own."""


@transaction.atomic
def append(
    kind: str, payload: Mapping[str, Any], *, version: ArtifactVersion | None = None, at: datetime
) -> ChainEntry:
    """Add an event to the end of the chain, in the caller's transaction: with its act or not at all.

    Everybody who appends waits here for the transaction before, until its end: lock the rows of the act first.
    Raises NoEvent, or NotCanonical for a payload that has no canonical form.
    """
    if taken := {"sequence", "kind", "at"} & payload.keys():
        raise NoEvent(f"An event's {', '.join(sorted(taken))} is given by the chain, not by the payload.")
    wait_for_the_chain()
    last = ChainEntry.objects.order_by("-sequence").values_list("sequence", "digest").first()
    sequence, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    event = canonical({**payload, "sequence": sequence, "kind": kind, "at": stamp(at)})
    return ChainEntry.objects.create(
        sequence=sequence,
        kind=kind,
        event=event.decode(),
        previous=previous,
        digest=chained(previous, _mark(sequence, kind, event, version), sha256(event)),
        added_at=at,
        version=version,
    )


def _mark(sequence: int, kind: str, event: bytes, version: ArtifactVersion | None) -> str:
    if version is None:
        return NO_MARK
    if kind == "sent":
        return marked(sequence, event)
    sent = version.chain.filter(kind="sent").values_list("event", flat=True).first()
    return marked(sequence, sent.encode()) if sent else NO_MARK


def wait_for_the_chain() -> None:
    """Nobody else appends until the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.chain'))")
