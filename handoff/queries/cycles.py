"""MQL cycles as lists: the queue of a rep, what is unassigned, what the CRM closed without a disposition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Prefetch, QuerySet

from alignment.access import Scope
from alignment.models import MqlCycle
from sla.models import Clock, ClockKind

STATES = {
    "open": "Open",
    "unassigned": "Unassigned",
    "untagged": "Closed in the CRM without a disposition",
    "closed": "Closed",
    "voided": "Voided by later facts",
    "all": "All",
}


@dataclass(frozen=True)
class QueueRow:
    """One MQL in a queue. `next_clock` is the running clock that falls due first: what to do next."""

    cycle: MqlCycle
    next_clock: Clock | None
    clocks: dict[str, Clock]

    @property
    def is_overdue(self) -> bool:
        return self.next_clock is not None and self.next_clock.breached_at is not None


def visible(scope: Scope) -> QuerySet[MqlCycle]:
    return MqlCycle.objects.filter(scope.q())


def in_state(state: str, scope: Scope) -> QuerySet[MqlCycle]:
    """Cycles of one of STATES, newest crossing first."""
    found = visible(scope).select_related("lead__source", "owner", "team")
    if state == "open":
        found = found.filter(voided_at__isnull=True, closed_at__isnull=True)
    elif state == "unassigned":
        found = found.filter(voided_at__isnull=True, closed_at__isnull=True, owner__isnull=True)
    elif state == "untagged":
        found = found.filter(pk__in=MqlCycle.objects.closed_in_crm_untagged().values("pk"))
    elif state == "closed":
        found = found.filter(voided_at__isnull=True, closed_at__isnull=False)
    elif state == "voided":
        found = found.filter(voided_at__isnull=False)
    return found.order_by("-started_at", "-pk")


def queue(owner_id: int) -> list[QueueRow]:
    """Open MQLs of one person by time left, the most urgent first."""
    cycles = (
        MqlCycle.objects.open()
        .filter(owner_id=owner_id)
        .select_related("lead", "owner__team")
        .prefetch_related(
            Prefetch(
                "clocks", Clock.objects.exclude(outcome="not_owed").order_by("due_at"), to_attr="due_clocks"
            )
        )
    )
    return sort_by_urgency(queue_row(cycle) for cycle in cycles)


def queue_row(cycle: MqlCycle) -> QueueRow:
    """A cycle whose clocks are prefetched as `due_clocks`."""
    clocks: list[Clock] = cycle.due_clocks  # type: ignore[attr-defined]
    waiting = [c for c in clocks if c.met_at is None and c.kind != ClockKind.ASSIGN]
    return QueueRow(cycle, waiting[0] if waiting else None, {c.kind: c for c in clocks})


def sort_by_urgency(rows: Iterable[QueueRow]) -> list[QueueRow]:
    far = datetime.max
    return sorted(
        rows,
        key=lambda row: (
            row.next_clock is None,
            row.next_clock.due_at.replace(tzinfo=None) if row.next_clock else far,
            row.cycle.pk,
        ),
    )


def oldest_unassigned(scope: Scope, limit: int = 20) -> QuerySet[MqlCycle]:
    return in_state("unassigned", scope).order_by(F("started_at"))[:limit]
