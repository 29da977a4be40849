"""Setting up write-back: the address of a source, its secrets, pausing it, and looking after what was given up."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from alignment.intake import secrets
from alignment.models import Destination, OutgoingMessage, OutgoingState, Scheme, Source, User
from alignment.outbox.addresses import check_entry
from alignment.outbox.times import told
from alignment.services import live_secrets
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history
from alignment.services.inbox import ReasonMissing

TEST = "webhook.test"
SUPERSEDED = "A later message about the lead holds the whole state."


class AlreadyWritesBack(Exception):
    """The source has a destination already."""


class NoSuchDestination(Exception):
    """The destination was switched off."""


class CannotBeSentNow(Exception):
    """The message does not wait, is being sent, or something else goes before it."""


class NewDestination(NamedTuple):
    destination: Destination
    secret: str  # plain; there is no way to read it again


class Retried(NamedTuple):
    """How many messages wait again, and how many a later one had made needless."""

    waiting: int
    superseded: int


def create_destination(*, source: Source, address: str, by: User | None, at: datetime) -> NewDestination:
    """Write decisions of this source back to an address, from the next change on.

    Raises OnlyRevOps, alignment.outbox.addresses.Refused, AlreadyWritesBack.
    """
    require_revops(by, "Destinations")
    check_entry(address)
    plain = secrets.generate(Scheme.STANDARD_WEBHOOKS)
    destination = Destination(source=source, address=address, created_at=at)
    try:
        with transaction.atomic():
            save_with_history(destination, reason=f"set up: {_host(address)}", by=by, at=at)
            live_secrets.store_first(destination, plain, at=at)
    except IntegrityError as error:
        raise AlreadyWritesBack("This source has a destination already; change its address.") from error
    return NewDestination(destination, plain)


def change_address(*, destination: Destination, address: str, by: User | None, at: datetime) -> Destination:
    """Send to another address; what waits goes there too, at once. Raises OnlyRevOps, Refused."""
    require_revops(by, "Destinations")
    check_entry(address)
    with transaction.atomic():
        row = _lock(destination)
        row.address, row.failures, row.retry_at = address, 0, None
        save_with_history(row, reason=f"address changed: {_host(address)}", by=by, at=at)
    return row


def rotate_outgoing_secret(*, destination: Destination, by: User | None, at: datetime) -> str:
    """A second secret beside the first; for 24 hours messages are signed with both. Returns the new one, plain.

    Raises OnlyRevOps, AlreadyRotating.
    """
    require_revops(by, "Destinations")
    plain = secrets.generate(Scheme.STANDARD_WEBHOOKS)
    with transaction.atomic():
        row = _lock(destination)
        live_secrets.rotate(row, plain, at=at)
        save_with_history(row, reason="secret rotated", by=by, at=at)
    return plain


def revoke_outgoing_secret(*, destination: Destination, slot: int, by: User | None, at: datetime) -> None:
    """Sign no more with one secret. After the last one messages wait for a rotation.

    Raises OnlyRevOps, NoSuchSecret.
    """
    require_revops(by, "Destinations")
    with transaction.atomic():
        row = _lock(destination)
        live_secrets.revoke(row, slot=slot)
        save_with_history(row, reason=f"secret {slot} revoked", by=by, at=at)


def pause(*, destination: Destination, reason: str, by: User | None, at: datetime) -> Destination:
    """Send nothing until it is resumed; messages are still written. Raises OnlyRevOps, ReasonMissing."""
    require_revops(by, "Destinations")
    reason = reason.strip()
    if not reason:
        raise ReasonMissing("Say why nothing is sent for now.")
    with transaction.atomic():
        row = _lock(destination)
        row.paused_at, row.paused_reason = at, reason[:200]
        save_with_history(row, reason=f"paused: {reason}", by=by, at=at)
    return row


def resume(*, destination: Destination, by: User | None, at: datetime) -> Destination:
    """Send what waits, at once. Raises OnlyRevOps."""
    require_revops(by, "Destinations")
    with transaction.atomic():
        row = _lock(destination)
        row.paused_at, row.paused_reason, row.failures, row.retry_at = None, "", 0, None
        row.messages.pending().update(next_attempt_at=at)
        save_with_history(row, reason="resumed", by=by, at=at)
    return row


def switch_off(*, destination: Destination, by: User | None, at: datetime) -> Destination:
    """Write and send nothing more; what waits is set aside, and what was sent stays on record. Raises OnlyRevOps."""
    require_revops(by, "Destinations")
    with transaction.atomic():
        row = _lock(destination)
        row.is_active, row.paused_at, row.paused_reason = False, None, ""
        row.secrets.all().delete()
        row.messages.filter(Q(state=OutgoingState.PENDING) | Q(pk__in=row.messages.dead())).update(
            state=OutgoingState.DEAD,
            set_aside_at=at,
            set_aside_by=by,
            set_aside_reason="The destination was switched off.",
        )
        save_with_history(row, reason="switched off", by=by, at=at)
    return row


def send_test(*, destination: Destination, by: User | None, at: datetime) -> OutgoingMessage:
    """Put a message into the outbox that changes nothing at the receiver. Raises OnlyRevOps."""
    require_revops(by, "Destinations")
    body = {"type": TEST, "timestamp": told(at), "data": {"source": destination.source.key}}
    return OutgoingMessage.objects.create(
        destination=destination,
        key=f"msg_{uuid4().hex}",
        type=TEST,
        body=json.dumps(body, separators=(",", ":")),
        created_at=at,
        next_attempt_at=at,
    )


def retry(
    *, destination: Destination, messages: Collection[int] | None = None, by: User | None, at: datetime
) -> Retried:
    """Let messages that were given up (these, or all that nobody set aside) wait again, with all attempts before
    them. Only the newest message about a lead is of use: older ones are set aside. Raises OnlyRevOps.
    """
    require_revops(by, "Destinations")
    with transaction.atomic():
        row = _lock(destination)
        dead = row.messages.filter(state=OutgoingState.DEAD).exclude(body="")
        dead = row.messages.dead().exclude(body="") if messages is None else dead.filter(pk__in=messages)
        chosen = list(dead.select_for_update(of=("self",)).order_by("pk"))
        newest = dict(
            row.messages.filter(lead__in=[message.lead_id for message in chosen])
            .values_list("lead")
            .annotate(last=Max("sequence"))
        )
        useful = [message.pk for message in chosen if newest.get(message.lead_id, 0) <= message.sequence]
        waiting = row.messages.filter(pk__in=useful).update(
            state=OutgoingState.PENDING,
            attempts=0,
            next_attempt_at=at,
            set_aside_at=None,
            set_aside_by=None,
            set_aside_reason="",
        )
        superseded = row.messages.dead().filter(pk__in=[m.pk for m in chosen if m.pk not in useful])
        superseded.update(set_aside_at=at, set_aside_by=by, set_aside_reason=SUPERSEDED)
    return Retried(waiting, len(chosen) - waiting)


def send_now(*, destination: Destination, message: int, by: User | None, at: datetime) -> None:
    """Try a waiting message at once, before its time and although the receiver was out of reach; its attempts go on
    counting. Raises OnlyRevOps, NoSuchDestination, CannotBeSentNow.
    """
    require_revops(by, "Destinations")
    with transaction.atomic():
        row = _lock(destination)
        if row.paused_at is not None:
            raise CannotBeSentNow("Write-back is paused: resume it first.")
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=at)
        if not row.messages.heads().filter(free, pk=message).update(next_attempt_at=at):
            raise CannotBeSentNow("It is being sent, was sent already, or waits for an earlier message.")
        Destination.objects.filter(pk=row.pk, retry_at__gt=at).update(retry_at=at)


def set_messages_aside(
    *,
    destination: Destination,
    messages: Collection[int] | None = None,
    reason: str,
    by: User | None,
    at: datetime,
) -> int:
    """Keep messages that were given up (these, or all) for the record only; how many there were.

    Raises OnlyRevOps, ReasonMissing.
    """
    require_revops(by, "Destinations")
    reason = reason.strip()
    if not reason:
        raise ReasonMissing("Say why this need not reach the CRM.")
    dead = destination.messages.dead()
    if messages is not None:
        dead = dead.filter(pk__in=messages)
    return dead.update(set_aside_at=at, set_aside_by=by, set_aside_reason=reason[:200])


def _lock(destination: Destination) -> Destination:
    row = Destination.objects.select_for_update(of=("self",)).get(pk=destination.pk)
    if not row.is_active:
        raise NoSuchDestination("This destination was switched off in the meantime.")
    return row


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""
