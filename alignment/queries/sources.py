"""Sources as RevOps watches them: what came, what waits, what could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BinaryField, Count, F, Func, Max, Min, OuterRef, QuerySet, Subquery, Value

from alignment.models import DeadEvent, Delivery, Endpoint, OutgoingMessage, Scheme, Source

EXCERPT_BYTES = 2000
SHOWN_BYTES = 200_000
_HISTORY_READ = 300


@dataclass(frozen=True)
class SourceRow:
    """A source with its figures. Everything received before `processed_up_to` is applied or dead; `dead` are
    events that need somebody, without those that were set aside; `not_written_back` messages that were given up."""

    source: Source
    endpoints: int
    last_received_at: datetime | None
    received_in_24_h: int
    pending: int
    dead: int
    set_aside: int
    conflicts: int
    processed_up_to: datetime
    not_written_back: int = 0


def source_rows(*, at: datetime, only: Source | None = None) -> list[SourceRow]:
    """Every source by name (or one), in as many statements for one as for twenty."""
    newest = Delivery.objects.filter(source=OuterRef("pk")).order_by("-received_at").values("received_at")
    sources = Source.objects.annotate(last_received_at=Subquery(newest[:1])).order_by("name", "pk")
    deliveries, dead_events = Delivery.objects.order_by(), DeadEvent.objects.order_by()
    endpoints = Endpoint.objects.filter(is_active=True).exclude(scheme=Scheme.API_TOKEN).order_by()
    if only is not None:
        sources = sources.filter(pk=only.pk)
        deliveries = deliveries.filter(source=only)
        dead_events = dead_events.filter(delivery__source=only)
        endpoints = endpoints.filter(source=only)
    in_24_h = _counts(deliveries.filter(received_at__gt=at - timedelta(hours=24)), "source_id")
    conflicts = _counts(deliveries.filter(conflicts_with__isnull=False), "source_id")
    dead = _counts(dead_events.open(), "delivery__source_id")
    aside = _counts(dead_events.set_aside(), "delivery__source_id")
    live = _counts(endpoints, "source_id")
    given_up = _counts(OutgoingMessage.objects.dead().order_by(), "destination__source_id")
    pending = {
        row["source_id"]: (row["n"], row["oldest"])
        for row in deliveries.pending().values("source_id").annotate(n=Count("pk"), oldest=Min("received_at"))
    }
    rows = []
    for source in sources:
        waiting, oldest = pending.get(source.pk, (0, None))
        rows.append(
            SourceRow(
                source,
                live.get(source.pk, 0),
                source.last_received_at,
                in_24_h.get(source.pk, 0),
                waiting,
                dead.get(source.pk, 0),
                aside.get(source.pk, 0),
                conflicts.get(source.pk, 0),
                min(oldest, at) if oldest else at,
                given_up.get(source.pk, 0),
            )
        )
    return rows


def _counts(found: QuerySet[Any], by: str) -> dict[int, int]:
    return {row[by]: row["n"] for row in found.values(by).annotate(n=Count("pk"))}


def endpoints(source: Source) -> QuerySet[Endpoint]:
    """Endpoints with their secrets' ages and when each last received something; the live ones first.

    Without the door of the REST API, which has no address and no secret of its own.
    """
    newest = Delivery.objects.filter(endpoint=OuterRef("pk")).order_by("-pk").values("received_at")
    return (
        source.endpoints.exclude(scheme=Scheme.API_TOKEN)
        .annotate(last_received_at=Subquery(newest[:1]))
        .prefetch_related("secrets")
        .order_by("-is_active", "event", "pk")
    )


def dead_events(source: Source, *, is_set_aside: bool = False) -> QuerySet[DeadEvent]:
    """What waits for a replay, or what was set aside, each with the first bytes of its delivery as `excerpt`."""
    found = DeadEvent.objects.set_aside() if is_set_aside else DeadEvent.objects.open()
    return (
        found.filter(delivery__source=source)
        .select_related("delivery__endpoint", "set_aside_by")
        .defer("delivery__body")
        .annotate(excerpt=_excerpt("delivery__body"))
    )


def deliveries(source: Source) -> QuerySet[Delivery]:
    """What came, without the bodies, each with its number of dead events as `dead`."""
    dead = (
        DeadEvent.objects.unapplied()
        .filter(delivery=OuterRef("pk"))
        .order_by()
        .values("delivery")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return (
        Delivery.objects.filter(source=source)
        .defer("body")
        .select_related("endpoint")
        .annotate(dead=Subquery(dead))
    )


def conflicts(source: Source) -> QuerySet[Delivery]:
    """Deliveries whose id came before with another body, each with the first one's id as `first_id`."""
    return (
        Delivery.objects.filter(source=source, conflicts_with__isnull=False)
        .defer("body", "conflicts_with__body")
        .select_related("conflicts_with", "endpoint")
    )


def last_delivery(source: Source) -> Delivery | None:
    """The newest delivery whose body is still there: what the preview reads."""
    newest = Delivery.objects.filter(source=source, body__isnull=False).aggregate(last=Max("pk"))["last"]
    if newest is None:
        return None
    return Delivery.objects.select_related("source", "endpoint").get(pk=newest)


def readable(body: bytes | memoryview | None, limit: int = SHOWN_BYTES) -> str:
    """Raw bytes for a page: what is no UTF-8 is shown as �, what is too long is cut and says so."""
    if body is None:
        return ""
    raw = bytes(body)
    text = raw[:limit].decode("utf-8", "replace").replace("\0", "␀")
    return text if len(raw) <= limit else f"{text}\n… cut after {limit:,} bytes"


def _excerpt(field: str) -> Func:
    return Func(
        F(field),
        Value(1),
        Value(EXCERPT_BYTES),
        function="SUBSTR",
        output_field=BinaryField(),
    )


@dataclass(frozen=True)
class MappingChange:
    """One saved state of a source: who, when, why, and what of the mapping it changed."""

    at: datetime
    by: str
    reason: str
    changes: list[str]


def mapping_history(source: Source, limit: int = 30) -> list[MappingChange]:
    """What changed the mapping, newest first, among the last 300 changes of the source."""
    entries = list(
        source.history.select_related("history_user").order_by("-history_date", "-history_id")[
            : _HISTORY_READ + 1
        ]
    )
    found = []
    for entry, before in zip(entries, [*entries[1:], None], strict=True):
        was = _flat(before.mapping) if before is not None else {}
        changes = list(_differences(was, _flat(entry.mapping)))
        if changes:
            by, reason = str(entry.history_user or ""), entry.history_change_reason or ""
            found.append(MappingChange(entry.history_date, by, reason, changes))
    return found[:limit]


def _flat(document: Any, place: str = "") -> dict[str, str]:
    if isinstance(document, dict):
        flat: dict[str, str] = {}
        for key, value in document.items():
            flat |= _flat(value, f"{place} › {key}" if place else str(key))
        return flat
    if isinstance(document, list):
        return {place: ", ".join(map(str, document)) or "none"}
    return {place: str(document)}


def _differences(was: dict[str, str], now: dict[str, str]) -> Iterable[str]:
    for place in sorted(was.keys() | now.keys()):
        before, after = was.get(place), now.get(place)
        if before == after:
            continue
        if before is None:
            yield f"{place}: {after}"
        elif after is None:
            yield f"{place}: no longer {before}"
        else:
            yield f"{place}: {before} → {after}"
