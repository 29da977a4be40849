"""MQL cycles of imported history: each stated whole by the facts of a file, never judged by live clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alignment.models import Fact
from alignment.models.cycles import CLOSING, Disposition
from alignment.pipeline.groups import in_order, record_of
from sla.folded import FoldedCycle

STATED = (
    "segment", "owner", "assigned_at", "followed_up_at", "accepted_at", "disposed_at", "disposed_day", "disposition",
    "reason", "opportunity",
)  # fmt: skip


def history_cycles(facts: Sequence[Fact]) -> list[FoldedCycle]:
    """The cycles that imported facts state, in order of crossing: one per MQL date, in which a fact that reached us
    later corrects the one before. `facts` of one record, in any order.

    The order is that of receipt and not of occurrence: a correction of a date, or a disposition taken back, may be
    dated before what it corrects.
    """
    first: dict[str, Fact] = {}
    last: dict[str, Fact] = {}
    stated: dict[str, dict[str, Any]] = {}
    for fact in sorted(facts, key=lambda fact: (fact.received_at, fact.occurred_at, fact.order_key)):
        crossed = fact.fields.get("mql_at") if fact.is_history else None
        if crossed:
            first.setdefault(crossed, fact)
            last[crossed] = fact
            written = {name: fact.fields[name] for name in STATED if name in fact.fields}
            stated[crossed] = stated.get(crossed, {}) | written
    found = [_cycle(crossed, first[crossed], last[crossed], stated[crossed]) for crossed in first]
    return sorted(found, key=lambda cycle: cycle.crossed_at)


def _cycle(crossed: str, first: Fact, last: Fact, stated: dict[str, Any]) -> FoldedCycle:
    """A closing or an acceptance without a date is known only by the date of the file, and marked."""
    crossed_at = datetime.fromisoformat(crossed)
    cycle = FoldedCycle(
        opened_by=first,
        version=None,
        tier="",
        segment=stated.get("segment") or "",
        crossed_at=crossed_at,
        received_at=first.received_at,
        started_at=crossed_at,
        is_clock_suspect=False,
        is_stated=True,
        fields={},
        owner=stated.get("owner") or "",
        assigned_at=_moment(stated, "assigned_at"),
        followed_up_at=_moment(stated, "followed_up_at"),
        accepted_at=_moment(stated, "accepted_at"),
        disposition=stated.get("disposition") or "",
        reason=stated.get("reason") or "",
        opportunity=stated.get("opportunity") or "",
        opportunity_source_id=first.source_id,
    )
    if cycle.disposition:
        disposed_at = _moment(stated, "disposed_at")
        when = disposed_at or last.occurred_at
        cycle.is_clock_suspect = disposed_at is None
        cycle.disposed_at = when if cycle.is_tagged else None
        if cycle.disposition in CLOSING:
            # a date that only the file gives is no evidence of when somebody answered
            cycle.closed_at, cycle.closed_believed_at = when, disposed_at
            day = stated.get("disposed_day")
            if day and day[0] == stated.get("disposed_at"):
                cycle.closed_until = datetime.fromisoformat(day[1])
        if cycle.disposition in (Disposition.WORKING, Disposition.CONVERTED):
            cycle.accepted_at = cycle.accepted_at or when
    return cycle


def _moment(stated: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(stated[name]) if stated.get(name) else None


def one_at_a_time(past: Sequence[FoldedCycle]) -> list[FoldedCycle]:
    """The cycles in order of crossing, but for those that began while one of another record of the person ran: two
    records that a file tells of one person are one pass through the handoff."""
    found: list[FoldedCycle] = []
    for cycle in sorted(past, key=lambda cycle: (cycle.crossed_at, in_order(cycle.opened_by))):
        if not any(_runs_beside(other, cycle) for other in found):
            found.append(cycle)
    return found


def _runs_beside(earlier: FoldedCycle, later: FoldedCycle) -> bool:
    return record_of(earlier.opened_by) != record_of(later.opened_by) and (
        earlier.closed_at is None or later.crossed_at <= earlier.closed_at
    )


def without_overlap(past: Sequence[FoldedCycle], live: Sequence[FoldedCycle]) -> list[FoldedCycle]:
    """The cycles of history but for those that a file tells again although they ran here, under our clocks."""
    return [cycle for cycle in past if not any(_is_retold(cycle, other) for other in live)]


def _is_retold(past: FoldedCycle, live: FoldedCycle) -> bool:
    """They overlap in time, and the file reached us after the live crossing or dates it within the live cycle.

    One that was open in a file read before we went live stands: what crosses later is a cycle of its own.
    """
    starts_later = past.crossed_at >= live.crossed_at
    if not starts_later and past.received_at < live.received_at:
        return False
    ends = [end for end in (past.closed_at, live.closed_at) if end is not None]
    return max(past.crossed_at, live.crossed_at) <= min(
        ends, default=datetime.max.replace(tzinfo=live.crossed_at.tzinfo)
    )
