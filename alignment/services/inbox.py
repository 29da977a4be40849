"""What could not be read: replaying it, as after a mended mapping, or setting it aside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import OperationalError, transaction
from django.db.models import Max, QuerySet

from alignment.models import DeadEvent, Source, User
from alignment.pipeline import replay
from alignment.services.authority import require_revops

BATCH = 200
ATTEMPTS = 3


class ReasonMissing(ValueError):
    """Nothing is set aside without a reason."""


class Replayed(NamedTuple):
    """How many dead events were applied now, and how many are still dead."""

    applied: int
    dead: int


def replay_dead(
    *,
    events: Collection[DeadEvent] | None = None,
    source: Source | None = None,
    by: User | None,
    at: datetime,
) -> Replayed:
    """Try these dead events again, or all open ones (of a source), in batches of one transaction each.

    Rows are locked, so that two replays at once apply each event once; what was replayed before is left alone.
    An event that fails again counts a failure and keeps its newest reason. Raises OnlyRevOps.
    """
    require_revops(by, "Replays")
    waiting = DeadEvent.objects.unapplied() if events is not None else DeadEvent.objects.open()
    # the reason of what lost its body stays beside it; there is nothing to read again
    waiting = waiting.filter(delivery__body_emptied_at__isnull=True)
    if events is not None:
        waiting = waiting.filter(pk__in=[event.pk for event in events])
    if source is not None:
        waiting = waiting.filter(delivery__source=source)
    # Replaying a whole delivery can make new dead rows: those are for the next time.
    last = waiting.aggregate(last=Max("pk"))["last"] or 0
    seen, applied, dead = 0, 0, 0
    while True:
        found = waiting.filter(pk__gt=seen, pk__lte=last).select_for_update(of=("self",)).order_by("pk")
        batch, result = _replay_batch(found[:BATCH], at=at)
        if not batch:
            return Replayed(applied, dead)
        seen = batch[-1].pk
        applied, dead = applied + result.applied, dead + result.dead


def set_aside(
    *,
    events: Collection[DeadEvent] | None = None,
    source: Source | None = None,
    reason: str,
    by: User | None,
    at: datetime,
) -> int:
    """Keep these open dead events, or all of a source, for the record only; how many there were.

    Such an event waits for nobody any more, and it can still be replayed. Who set it aside, when and why stays
    with it. Raises OnlyRevOps, ReasonMissing.
    """
    require_revops(by, "Events that are set aside")
    reason = reason.strip()
    if not reason:
        raise ReasonMissing("Say why nobody needs to mend this.")
    waiting = DeadEvent.objects.open()
    if events is not None:
        waiting = waiting.filter(pk__in=[event.pk for event in events])
    if source is not None:
        waiting = waiting.filter(delivery__source=source)
    # one statement: two people at once set each event aside once
    return waiting.update(set_aside_at=at, set_aside_by=by, set_aside_reason=reason[:200])


def _replay_batch(found: QuerySet[DeadEvent], *, at: datetime) -> tuple[list[DeadEvent], Replayed]:
    """One transaction; a deadlock with the drain undoes it whole, and it is tried again."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _try_batch(found, at=at)
        except OperationalError:
            if transaction.get_connection().in_atomic_block:
                raise
    return _try_batch(found, at=at)


@transaction.atomic
def _try_batch(found: QuerySet[DeadEvent], *, at: datetime) -> tuple[list[DeadEvent], Replayed]:
    batch = list(found.all())
    return batch, Replayed(*replay(batch, at=at)) if batch else Replayed(0, 0)
