"""Replaying what could not be read, as after a mended mapping."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max

from alignment.models import DeadEvent, Source, User
from alignment.pipeline import replay
from alignment.services.authority import require_revops

BATCH = 200


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
    """Try these dead events again, or all of a source, in batches of one transaction each.

    Rows are locked, so that two replays at once apply each event once; what was replayed before is left alone.
    An event that fails again counts a failure and keeps its newest reason. Raises OnlyRevOps.
    """
    require_revops(by, "Replays")
    waiting = DeadEvent.objects.filter(replayed_at__isnull=True)
    if events is not None:
        waiting = waiting.filter(pk__in=[event.pk for event in events])
    if source is not None:
        waiting = waiting.filter(delivery__source=source)
    # Replaying a whole delivery can make new dead rows: those are for the next time.
    last = waiting.aggregate(last=Max("pk"))["last"] or 0
    seen, applied, dead = 0, 0, 0
    while True:
        with transaction.atomic():
            batch = list(
                waiting.filter(pk__gt=seen, pk__lte=last)
                .select_for_update(of=("self",))
                .order_by("pk")[:BATCH]
            )
            if not batch:
                return Replayed(applied, dead)
            now_applied, still_dead = replay(batch, at=at)
        seen = batch[-1].pk
        applied, dead = applied + now_applied, dead + still_dead
