"""Write-back as RevOps watches it: what waits, what arrived, what was given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from alignment.models import (
    Destination,
    DestinationSecret,
    Function,
    OutgoingMessage,
    OutgoingState,
    Person,
    PersonIdentity,
    Source,
)
from alignment.outbox.signing import signing

SHOWN = ("waiting", "dead", "aside")
SOON, TAKEN_WITHIN = timedelta(seconds=60), timedelta(minutes=2)
TEST_SHOWN_FOR = timedelta(hours=1)
WORDS = {
    "mql.assigned": "Owner",
    "mql.dispositioned": "Disposition",
    "mql.rescheduled": "Due times",
    "webhook.test": "Test",
}


@dataclass(frozen=True)
class OutboxFigures:
    """Messages of one source, or of all. `oldest_at`: when the oldest that waits was written."""

    waiting: int
    oldest_at: datetime | None
    delivered_in_24_h: int
    dead: int
    set_aside: int


def destination_of(source: Source) -> Destination | None:
    return Destination.objects.active().filter(source=source).select_related("source").first()


def is_under_way(destination: Destination, *, at: datetime) -> bool:
    """Whether a message is being sent, or is due within a minute and nothing holds the destination back. What has been
    due for two minutes and nobody took is not: no worker sends."""
    if destination.paused_at or (destination.retry_at and destination.retry_at > at + SOON):
        return False
    if signing(destination, at=at).problem:
        return False
    due = Q(next_attempt_at__range=(at - TAKEN_WITHIN, at + SOON)) | Q(claimed_until__gt=at)
    return OutgoingMessage.objects.pending().filter(due, destination=destination).exists()


def last_test(destination: Destination, *, at: datetime) -> OutgoingMessage | None:
    """The newest test message of the last hour."""
    found = OutgoingMessage.objects.filter(destination=destination, type="webhook.test")
    newest = found.filter(created_at__gt=at - TEST_SHOWN_FOR).defer("body", "basis").order_by("-pk")
    return newest.select_related("set_aside_by", "destination").first()


def live_secrets(destination: Destination, *, at: datetime) -> list[DestinationSecret]:
    """Those that messages are signed with now, the older first; without the ciphertext."""
    found = destination.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    return list(found.defer("ciphertext").order_by("created_at", "pk"))


def unsigned(*, at: datetime) -> list[tuple[Destination, str]]:
    """Active destinations to which nothing is sent as no secret can sign, each with the reason."""
    rows = Destination.objects.active().select_related("source").prefetch_related("secrets")
    found = [(row, signing(row, at=at).problem) for row in rows.order_by("source__name")]
    return [(row, problem) for row, problem in found if problem]


def outbox_figures(*, at: datetime, source: Source | None = None) -> OutboxFigures:
    """Three statements over partial indexes, whatever was delivered before."""
    found = OutgoingMessage.objects.order_by()
    if source is not None:
        found = found.filter(destination__source=source)
    waiting = found.pending().aggregate(count=Count("pk"), oldest=Min("created_at"))
    dead = found.filter(state=OutgoingState.DEAD).aggregate(
        dead=Count("pk", filter=Q(set_aside_at__isnull=True)),
        aside=Count("pk", filter=Q(set_aside_at__isnull=False)),
    )
    delivered = found.filter(state=OutgoingState.DELIVERED, delivered_at__gt=at - timedelta(hours=24)).count()
    return OutboxFigures(waiting["count"], waiting["oldest"], delivered, dead["dead"], dead["aside"])


def messages(source: Source, show: str = "") -> QuerySet[OutgoingMessage]:
    """Messages of a source, also of destinations that were switched off; `show` is one of SHOWN, or all."""
    found = OutgoingMessage.objects.filter(destination__source=source)
    if show == "waiting":
        found = found.pending()
    elif show == "dead":
        found = found.dead()
    elif show == "aside":
        found = found.set_aside()
    return found.waits_for().select_related("lead", "set_aside_by", "destination").defer("body", "basis")


def sellers_without_id(source: Source) -> QuerySet[Person]:
    """Active people of sales whose id in this CRM is unknown here: the CRM gets their e-mail address only."""
    known = PersonIdentity.objects.filter(source=source, person=OuterRef("pk"))
    return Person.objects.filter(
        ~Exists(known.exclude(external_id__startswith="person:")),
        function=Function.SALES,
        is_active=True,
        merged_into__isnull=True,
    ).order_by("name", "pk")
