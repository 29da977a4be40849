"""MQL cycles of one lead as a pure function of its facts and touches.

State folds by time of occurrence. A second time runs beside it: the instant that a live clock believes, which is
the stated time only within [receipt - 72 h, receipt + 60 s], else the receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from alignment.models import Fact, Touch
from alignment.models.cycles import CLOSING, NEEDS_REASON, Disposition
from sla.terms import Terms

BELIEVED_BEFORE = timedelta(hours=72)
BELIEVED_AFTER = timedelta(seconds=60)


class AgreementVersion(Protocol):
    @property
    def agreement(self) -> Any: ...
    @property
    def terms(self) -> Terms: ...


class AgreementBook(Protocol):
    def at(self, instant: datetime) -> AgreementVersion | None: ...


def believe(occurred_at: datetime, received_at: datetime) -> tuple[datetime, bool]:
    """(instant for live clocks, whether the source's time was set aside)."""
    if received_at - BELIEVED_BEFORE <= occurred_at <= received_at + BELIEVED_AFTER:
        return occurred_at, False
    return received_at, True


@dataclass(frozen=True)
class OwnerEvent:
    """The CRM named an owner (its external id there) at this believed instant."""

    person: str
    at: datetime
    is_suspect: bool


@dataclass(frozen=True)
class Attempt:
    at: datetime
    is_connected: bool
    is_suspect: bool


@dataclass
class FoldedCycle:
    opened_by: Fact
    version: AgreementVersion
    tier: str
    segment: str
    crossed_at: datetime
    received_at: datetime
    started_at: datetime
    is_clock_suspect: bool
    is_stated: bool
    fields: dict[str, Any] = field(repr=False)
    owner_before: str = ""
    owner_events: list[OwnerEvent] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    disposition: str = ""
    reason: str = ""
    accepted_at: datetime | None = None
    disposed_at: datetime | None = None
    is_disposal_suspect: bool = False
    closed_at: datetime | None = None
    closed_believed_at: datetime | None = None
    is_closing_suspect: bool = False
    crm_closed_at: datetime | None = None
    opportunity: str = ""

    @property
    def is_tagged(self) -> bool:
        """The disposition has all that it requires."""
        if self.disposition in NEEDS_REASON:
            return bool(self.reason)
        if self.disposition == Disposition.CONVERTED:
            return bool(self.opportunity)
        return self.disposition == Disposition.WORKING

    @property
    def first_follow_up_at(self) -> datetime | None:
        """First attempt by sales, or the closing of the cycle: that too is an answer to the lead. `working` alone
        claims work without showing it and stops nothing."""
        return self._first_follow_up[0]

    @property
    def is_follow_up_suspect(self) -> bool:
        return self._first_follow_up[1]

    @property
    def _first_follow_up(self) -> tuple[datetime | None, bool]:
        found = [(attempt.at, attempt.is_suspect) for attempt in self.attempts[:1]]
        if self.closed_believed_at:
            found.append((self.closed_believed_at, self.is_closing_suspect))
        return min(found, default=(None, False))


def fold_cycles(facts: Sequence[Fact], touches: Sequence[Touch], book: AgreementBook) -> list[FoldedCycle]:
    """Cycles in order of crossing. `facts` in order of occurrence, `touches` by time.

    Two states run along: `fields`, what is true of the lead, and `crm`, what the CRM last said. A CRM that repeats
    its old disposition after somebody set another one here has decided nothing new.
    """
    fields: dict[str, Any] = {}
    crm: dict[str, Any] = {}
    cycles: list[FoldedCycle] = []
    for fact in facts:
        before, said = dict(fields), dict(crm)
        fields.update(fact.fields)
        if fact.by_id is None:
            crm.update(fact.fields)
        else:
            said = {}
        current = cycles[-1] if cycles else None
        if current is None or current.closed_at is not None:
            opened = _crossing(fact, before, fields, current, book)
            if opened is not None:
                cycles.append(opened)
                current = opened
        if current is not None:
            _advance(current, fact, said, book)
    _place_attempts(cycles, touches)
    return cycles


def _crossing(
    fact: Fact, before: dict[str, Any], after: dict[str, Any], last: FoldedCycle | None, book: AgreementBook
) -> FoldedCycle | None:
    """A cycle, when this fact takes the lead over the trigger of the agreement in force when it would start."""
    crossed_at, is_stated = _crossed_at(fact, last)
    started_at, is_suspect = believe(crossed_at, fact.received_at)
    version = book.at(started_at)
    if version is None:
        return None
    trigger = version.terms.trigger
    if trigger.field not in fact.fields or not trigger.holds(after) or trigger.holds(before):
        return None
    return FoldedCycle(
        opened_by=fact,
        version=version,
        tier=version.terms.tier_of(after).name,
        segment=after.get("segment") or "",
        crossed_at=crossed_at,
        received_at=fact.received_at,
        started_at=started_at,
        is_clock_suspect=is_suspect,
        is_stated=is_stated,
        fields=dict(after),
        owner_before=before.get("owner") or "",
    )


def _crossed_at(fact: Fact, last: FoldedCycle | None) -> tuple[datetime, bool]:
    """The MQL date that the source states beside the crossing, unless it is stale or in the future."""
    stated = fact.fields.get("mql_at")
    if stated:
        instant = datetime.fromisoformat(stated)
        is_future = instant > fact.occurred_at + BELIEVED_AFTER
        is_stale = last is not None and last.closed_at is not None and instant <= last.closed_at
        if not is_future and not is_stale:
            return instant, True
    return fact.occurred_at, False


def _advance(cycle: FoldedCycle, fact: Fact, said: dict[str, Any], book: AgreementBook) -> None:
    """What this fact does to the cycle, open or just closed: later facts may complete a closed one.

    `said` is what the CRM said before, empty for an act of ours: only a change is a statement.
    """
    written = fact.fields
    at, is_suspect = believe(fact.occurred_at, fact.received_at)
    is_open = cycle.closed_at is None
    if is_open and not cycle.is_stated and written.get("mql_at") and fact is not cycle.opened_by:
        _state_crossing(cycle, datetime.fromisoformat(written["mql_at"]), book)
    if is_open and written.get("owner") and written["owner"] != said.get("owner"):
        cycle.owner_events.append(OwnerEvent(written["owner"], at, is_suspect))
    if written.get("opportunity"):
        cycle.opportunity = written["opportunity"]
    if written.get("reason") and (fact.action or written["reason"] != said.get("reason")):
        cycle.reason = written["reason"]
    disposition = written.get("disposition")
    if disposition and (fact.action or disposition != said.get("disposition")):
        _dispose(cycle, fact, disposition, at, is_suspect)
    if (written.get("is_closed") or written.get("is_deleted")) and cycle.crm_closed_at is None:
        cycle.crm_closed_at = at
    if cycle.is_tagged and cycle.disposed_at is None:
        cycle.disposed_at, cycle.is_disposal_suspect = at, is_suspect


def _state_crossing(cycle: FoldedCycle, stated: datetime, book: AgreementBook) -> None:
    """The source states the MQL date after the crossing itself, as one webhook a field does."""
    started_at, is_suspect = believe(stated, cycle.received_at)
    version = book.at(started_at)
    if stated > cycle.crossed_at or version is None:
        return
    cycle.crossed_at, cycle.is_stated = stated, True
    cycle.started_at, cycle.is_clock_suspect = started_at, is_suspect
    cycle.version, cycle.tier = version, version.terms.tier_of(cycle.fields).name


def _dispose(cycle: FoldedCycle, fact: Fact, disposition: str, at: datetime, is_suspect: bool) -> None:
    cycle.disposition = disposition
    if disposition in CLOSING:
        if cycle.closed_at is None:
            cycle.closed_at, cycle.closed_believed_at = fact.occurred_at, at
            cycle.is_closing_suspect = is_suspect
    else:
        cycle.closed_at = cycle.closed_believed_at = None
    if disposition not in NEEDS_REASON:
        cycle.reason = ""
    elif "reason" in fact.fields:
        cycle.reason = fact.fields["reason"] or ""
    if disposition in (Disposition.WORKING, Disposition.CONVERTED):
        cycle.accepted_at = cycle.accepted_at or at


def _place_attempts(cycles: list[FoldedCycle], touches: Sequence[Touch]) -> None:
    for touch in touches:
        if not touch.is_attempt or touch.touched_at is None:
            continue
        for cycle in cycles:
            if cycle.crossed_at <= touch.touched_at and (
                cycle.closed_at is None or touch.touched_at <= cycle.closed_at
            ):
                at, is_suspect = believe(touch.touched_at, touch.received_at)
                cycle.attempts.append(Attempt(at, touch.is_connected, is_suspect))
                break
    for cycle in cycles:
        cycle.attempts.sort(key=lambda attempt: attempt.at)
