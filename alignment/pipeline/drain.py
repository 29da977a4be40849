"""The drain: claim what waits in the inbox, apply it set-based, keep what cannot be applied as dead.

A batch is one transaction under one savepoint; one that fails is halved down to the event that fails. Killed at any
moment it leaves either nothing or everything of a batch; any number of drainers may run at once.
"""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Coalesce, Length

from alignment.intake.drafts import Event, Problem
from alignment.intake.parse import parse_delivery
from alignment.matching.accounts import match_waiting
from alignment.models import DeadEvent, Delivery, DeliveryState, Endpoint, Heartbeat, Source
from alignment.pipeline.erased import empty_bodies, note_unapplied
from alignment.pipeline.ledger import IdConflict
from alignment.pipeline.records import apply_events

log = logging.getLogger(__name__)
RUN_FOR = 20.0
CLAIM_BYTES = 16 * 1024 * 1024


def drain(*, at: datetime, now: Callable[[], datetime] | None = None, batch_size: int | None = None) -> int:
    """Apply pending deliveries until none waits or 20 s have passed; how many events were applied.

    `at` is the time of the first batch, and of all where the door gives no clock (`now`) to ask for later ones.
    """
    started, applied = time.monotonic(), 0
    while True:
        events, claimed = _drain_batch(batch_size or settings.DRAIN_BATCH, at=at)
        match_waiting()
        applied += events
        Heartbeat.objects.update_or_create(
            name="drain", defaults={"beat_at": at, "period": timedelta(seconds=2)}
        )
        if not claimed or time.monotonic() - started > RUN_FOR:
            return applied
        at = now() if now else at


def _drain_batch(size: int, *, at: datetime) -> tuple[int, int]:
    """(events applied, deliveries claimed)."""
    for attempt in (1, 2, 3):
        try:
            with transaction.atomic():
                deliveries = _claim(size)
                if not deliveries:
                    return 0, 0
                return _apply_deliveries(deliveries, at=at), len(deliveries)
        except OperationalError as problem:
            # A deadlock or a lost connection undid everything; the rows are still pending.
            log.warning("drain failed on the database", extra={"attempt": attempt, **describe(problem)})
            if attempt == 3:
                raise
            time.sleep(0.1 * attempt)
    return 0, 0


def _claim(size: int) -> list[Delivery]:
    """The oldest pending deliveries that no other drainer holds, up to `size` rows and some 16 MiB of bodies."""
    rows = (
        Delivery.objects.pending()
        .select_for_update(skip_locked=True)
        .annotate(size=Coalesce(Length("body"), 0))
        .order_by("pk")
        .values_list("pk", "size")[:size]
    )
    chosen: list[int] = []
    total = 0
    for pk, length in rows:
        total += length
        if chosen and total > CLAIM_BYTES:
            break
        chosen.append(pk)
    return with_origins(Delivery.objects.filter(pk__in=chosen).order_by("pk"))


def with_origins(found: Iterable[Delivery]) -> list[Delivery]:
    """Deliveries with source and endpoint at hand, each of these read once."""
    deliveries = list(found)
    sources = Source.objects.in_bulk({delivery.source_id for delivery in deliveries})
    endpoints = Endpoint.objects.in_bulk({delivery.endpoint_id for delivery in deliveries})
    for delivery in deliveries:
        delivery.source = sources[delivery.source_id]
        delivery.endpoint = endpoints[delivery.endpoint_id]
    return deliveries


def _apply_deliveries(deliveries: Sequence[Delivery], *, at: datetime) -> int:
    events: list[Event] = []
    problems: list[Problem] = []
    size: Counter[int] = Counter()
    for delivery in deliveries:
        found, wrong = parse_delivery(delivery)
        events += found
        problems += wrong
        size[delivery.pk] = len(found) + sum(problem.position >= 0 for problem in wrong)
    with _collecting_no_garbage():
        failed = apply_or_halve(events, at=at)
    problems += failed
    write_dead(problems, at=at)
    note_unapplied({problem.delivery_id for problem in problems}, at=at)
    unreadable = {problem.delivery_id for problem in problems if problem.position < 0}
    _close_deliveries({delivery.pk: size[delivery.pk] for delivery in deliveries}, unreadable, at=at)
    empty_bodies([delivery.pk for delivery in deliveries], at=at)
    return len(events) - len(failed)


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """A batch is tens of thousands of objects that live to its end: looking for cycles among them costs a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _close_deliveries(sizes: dict[int, int], unreadable: set[int], *, at: datetime) -> None:
    states = [DeliveryState.DEAD.value if pk in unreadable else DeliveryState.DONE.value for pk in sizes]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE alignment_delivery d SET state = k.state, items = k.items, applied_at = %s
            FROM unnest(%s::bigint[], %s::text[], %s::integer[]) AS k(id, state, items) WHERE d.id = k.id
            """,
            [at, list(sizes), states, list(sizes.values())],
        )


def apply_or_halve(events: Sequence[Event], *, at: datetime) -> list[Problem]:
    """Apply events under a savepoint; halve on failure until only those that fail by themselves are left."""
    if not events:
        return []
    try:
        with transaction.atomic():
            apply_events(events, at=at)
        return []
    except OperationalError:
        raise
    except IdConflict as problem:
        if len(events) == 1:
            return [_problem(events[0], "id_conflict", str(problem))]
    except Exception as problem:
        if len(events) == 1:
            found = describe(problem)
            log.warning("event could not be applied", extra={"delivery": events[0].delivery_id, **found})
            return [_problem(events[0], "cannot_apply", ", ".join(found.values()))]
    middle = len(events) // 2
    return apply_or_halve(events[:middle], at=at) + apply_or_halve(events[middle:], at=at)


def describe(problem: Exception) -> dict[str, str]:
    """What went wrong, without the values that it went wrong with: those may be personal data."""
    found = {"problem": type(problem).__name__}
    diagnostics = getattr(problem.__cause__, "diag", None)
    if diagnostics is not None:
        found |= {
            key: value
            for key, value in (
                ("state", diagnostics.sqlstate),
                ("table", diagnostics.table_name),
                ("constraint", diagnostics.constraint_name),
            )
            if value
        }
    return found


def _problem(event: Event, code: str, message: str) -> Problem:
    return Problem(event.delivery_id or 0, event.position, code, message.strip()[:500])


def write_dead(problems: Iterable[Problem], *, at: datetime) -> None:
    rows = [
        DeadEvent(
            delivery_id=problem.delivery_id,
            position=problem.position,
            code=problem.code,
            message=problem.message,
            failed_at=at,
        )
        for problem in problems
    ]
    DeadEvent.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["delivery", "position"],
        update_fields=["code", "message", "failed_at"],
    )


def replay(dead: Sequence[DeadEvent], *, at: datetime) -> tuple[int, int]:
    """Try dead events again, as after a mended mapping; (applied, still dead). Applying twice changes nothing.

    The caller holds a transaction and has locked the rows of `dead`.
    """
    wanted = {(event.delivery_id, event.position): event for event in dead}
    deliveries = Delivery.objects.filter(pk__in={event.delivery_id for event in dead}).order_by("pk")
    events: list[Event] = []
    problems: list[Problem] = []
    whole = {event.delivery_id for event in dead if event.position < 0}
    for delivery in with_origins(deliveries):
        found, wrong = parse_delivery(delivery)
        if unreadable := [p for p in wrong if p.position < 0]:
            # nothing of it can be read now: that holds for each of its events that wait
            places = [position for pk, position in wanted if pk == delivery.pk]
            wrong = [replace(unreadable[0], position=position) for position in places]
        events += [e for e in found if (delivery.pk, e.position) in wanted or delivery.pk in whole]
        problems += [p for p in wrong if (p.delivery_id, p.position) in wanted or delivery.pk in whole]
        if delivery.pk in whole and not unreadable:
            delivery.state = DeliveryState.DONE
            delivery.items = len(found) + len(wrong)
            delivery.save(update_fields=["state", "items"])
    problems += apply_or_halve(events, at=at)
    write_dead(problems, at=at)
    failed = {(problem.delivery_id, problem.position) for problem in problems}
    done = [event for key, event in wanted.items() if key not in failed]
    for event in done:
        event.replayed_at = at
    again = [event for key, event in wanted.items() if key in failed]
    for event in again:
        event.failures += 1
    DeadEvent.objects.bulk_update(done, ["replayed_at"])
    DeadEvent.objects.bulk_update(again, ["failures"])
    note_unapplied({problem.delivery_id for problem in problems}, at=at)
    empty_bodies({event.delivery_id for event in dead}, at=at)
    return len(done), len(again)
