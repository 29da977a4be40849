"""Delivering what waits in the outbox: at least once, under one key, in order per lead.

Heads are claimed for a while in a short transaction; the sending happens outside of any, in threads that never touch
the database; the outcome is written in another. Whoever is killed in between leaves a claim that runs out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from alignment.models import Destination, Heartbeat, OutgoingMessage, OutgoingState
from alignment.outbox import backoff
from alignment.outbox.send import Answer, post, signed_headers
from alignment.outbox.signing import signing
from alignment.services.history import save_with_history

log = logging.getLogger(__name__)
RUN_FOR = 10.0  # seconds in which further messages are claimed
PERIOD = timedelta(
    seconds=10
)  # a run with a receiver that hangs takes longer than the three seconds between ticks
LEASE = timedelta(seconds=90)  # far longer than one attempt may take
GONE = "The receiver answered 410 Gone: it wants no more messages."

# The oldest waiting message of each lead, of those that are due and claimed by nobody.
CLAIM = """
WITH heads AS (
    SELECT m.id FROM alignment_outgoingmessage m
    WHERE m.destination_id = %(destination)s AND m.state = 'pending' AND m.next_attempt_at <= %(at)s
      AND (m.claimed_until IS NULL OR m.claimed_until <= %(at)s)
      AND NOT EXISTS (
          SELECT 1 FROM alignment_outgoingmessage older
          WHERE older.destination_id = m.destination_id AND older.lead_id = m.lead_id
            AND older.state = 'pending' AND older.sequence < m.sequence
      )
    ORDER BY m.next_attempt_at, m.id LIMIT %(limit)s
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE alignment_outgoingmessage m
SET claim = %(claim)s, claimed_until = %(until)s, attempts = m.attempts + 1, last_attempt_at = %(at)s
FROM heads WHERE m.id = heads.id
RETURNING m.id, m.key, m.body, m.attempts
"""


@dataclass(frozen=True)
class Claimed:
    """A message that this deliverer may send until its claim runs out."""

    pk: int
    key: str
    body: str
    attempts: int
    claim: UUID
    destination: Destination


@contextmanager
def alone() -> Iterator[bool]:
    """Whether nobody else holds this, on any machine; a deliverer that dies lets go of it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('alignment.write_back'))")
        is_alone = bool(cursor.fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('alignment.write_back'))")


def deliver(*, at: datetime, now: Callable[[], datetime] | None = None) -> int:
    """Send what is due until nothing is, or 10 s have passed; how many messages were delivered.

    `at` is the time of the first attempts, and of all where the door gives no clock (`now`) to ask for later ones.
    Any number of deliverers may run at once.
    """
    started, delivered = time.monotonic(), 0
    flying: dict[Future[Answer], Claimed] = {}
    _beat(at)
    with ThreadPoolExecutor(settings.OUTGOING_THREADS, "write-back") as pool:
        while True:
            if time.monotonic() - started < RUN_FOR:
                for message, headers in _claim_due(settings.OUTGOING_THREADS - len(flying), at=at):
                    flying[pool.submit(post, message.destination.address, message.body, headers)] = message
            if not flying:
                break
            # what comes up meanwhile for other receivers is not kept waiting by one that hangs
            done, _ = wait(flying, timeout=1 if now else None, return_when=FIRST_COMPLETED)
            at = now() if now else at
            for future in done:
                delivered += _settle(flying.pop(future), future.result(), at=at)
    _beat(at)
    return delivered


def _beat(at: datetime) -> None:
    Heartbeat.objects.update_or_create(name="write-back", defaults={"beat_at": at, "period": PERIOD})


def _claim_due(free: int, *, at: datetime) -> list[tuple[Claimed, dict[str, str]]]:
    """Up to `free` messages with their headers, of all destinations in turn.

    What nothing can sign is not claimed, so that it uses up no attempts until somebody rotates the secret.
    """
    found: list[tuple[Claimed, dict[str, str]]] = []
    due = OutgoingMessage.objects.pending().filter(destination=OuterRef("pk"), next_attempt_at__lte=at)
    destinations = Destination.objects.active().filter(
        Exists(due), Q(retry_at__isnull=True) | Q(retry_at__lte=at), paused_at__isnull=True
    )
    for destination in destinations.order_by("retry_at", "pk") if free > 0 else ():
        signed_with = signing(destination, at=at)
        if signed_with.problem:
            _say_why(destination, signed_with.problem, at=at)
            continue
        limit = min(free - len(found), _room(destination, at))
        for message in _claim(destination, limit, at=at) if limit > 0 else ():
            headers = signed_headers(message.key, message.body, signed_with.secrets, at=at)
            found.append((message, headers))
    return found


def _say_why(destination: Destination, problem: str, *, at: datetime) -> None:
    waiting = destination.messages.pending().filter(next_attempt_at__lte=at).exclude(last_error=problem)
    if told := waiting.update(last_error=problem):
        log.warning("write-back cannot be signed", extra={"destination": destination.pk, "waiting": told})


def _room(destination: Destination, at: datetime) -> int:
    """How many more messages may be under way to a destination; one at a time where the last attempts failed, so
    that a receiver that hangs holds up no other."""
    most = 1 if destination.failures else settings.OUTGOING_THREADS_PER_DESTINATION
    under_way = (
        OutgoingMessage.objects.pending().filter(destination=destination, claimed_until__gt=at).count()
    )
    return max(0, most - under_way)


def _claim(destination: Destination, limit: int, *, at: datetime) -> list[Claimed]:
    claim = uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "destination": destination.pk,
                "at": at,
                "until": at + LEASE,
                "claim": claim,
                "limit": limit,
            },
        )
        return [
            Claimed(pk, key, body, attempts, claim, destination)
            for pk, key, body, attempts in cursor.fetchall()
        ]


def _settle(message: Claimed, answer: Answer, *, at: datetime) -> bool:
    """Write what became of an attempt; whether it was delivered."""
    with transaction.atomic():
        rows = OutgoingMessage.objects.pending().filter(pk=message.pk)
        if answer.is_delivered:
            # a claim that ran out meanwhile changes nothing: the receiver has it
            is_first = bool(
                rows.update(
                    state=OutgoingState.DELIVERED,
                    delivered_at=at,
                    claim=None,
                    claimed_until=None,
                    last_error="",
                    last_answer="",
                )
            )
            _reached(message.destination)
            return is_first
        rows = rows.filter(claim=message.claim)
        change = {
            "claim": None,
            "claimed_until": None,
            "last_error": answer.problem,
            "last_answer": answer.said,
        }
        if answer.status == 410:
            rows.update(**change, next_attempt_at=at)
            _pause(message.destination, at=at)
            return False
        wanted = backoff.retry_after(answer.retry_after, at=at)
        pause = backoff.delay(message.attempts)
        if pause is None:
            rows.update(**change, state=OutgoingState.DEAD)
        else:
            rows.update(**change, next_attempt_at=at + max(pause, wanted or timedelta(0)))
        if answer.is_unreachable:
            _hold(message.destination, wanted, at=at)
        else:
            _reached(message.destination)
    log.info(
        "write-back not delivered",
        extra={"outgoing": message.pk, "attempt": message.attempts, "status": answer.status},
    )
    return False


def _reached(destination: Destination) -> None:
    """It answers: nothing holds its messages back."""
    Destination.objects.filter(pk=destination.pk).filter(~Q(failures=0) | Q(retry_at__isnull=False)).update(
        failures=0, retry_at=None
    )


def _hold(destination: Destination, wanted: timedelta | None, *, at: datetime) -> None:
    """Out of reach: all its messages wait, at first shortly. Several that fail together count once."""
    row = Destination.objects.select_for_update(of=("self",)).get(pk=destination.pk)
    if row.retry_at is None or row.retry_at <= at:
        row.failures += 1
    until = at + max(backoff.hold(row.failures), wanted or timedelta(0))
    Destination.objects.filter(pk=row.pk).update(
        failures=row.failures, retry_at=max(until, row.retry_at or until)
    )


def _pause(destination: Destination, *, at: datetime) -> None:
    row = Destination.objects.select_for_update(of=("self",)).get(pk=destination.pk)
    if row.paused_at is None:
        row.paused_at, row.paused_reason = at, GONE
        save_with_history(row, reason="paused: the receiver answered 410", by=None, at=at)
        log.warning("write-back paused", extra={"destination": row.pk})
