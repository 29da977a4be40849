"""What a fold says of one MQL cycle, and which of two times a live clock believes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from alignment.models import Fact
from alignment.models.cycles import NEEDS_REASON, Disposition
from alignment.pipeline.batch import Key
from sla.terms import Terms

BELIEVED_BEFORE = timedelta(hours=72)
BELIEVED_AFTER = timedelta(seconds=60)


class AgreementVersion(Protocol):
    """What the fold needs of sla.queries.agreements.InForce."""

    @property
    def agreement(self) -> Any: ...
    @property
    def terms(self) -> Terms: ...


class AgreementBook(Protocol):
    """Which version judges an instant."""

    def at(self, instant: datetime) -> AgreementVersion | None: ...


def believe(occurred_at: datetime, received_at: datetime) -> tuple[datetime, bool]:
    """(instant for live clocks, whether the source's time was set aside)."""
    if received_at - BELIEVED_BEFORE <= occurred_at <= received_at + BELIEVED_AFTER:
        return occurred_at, False
    return received_at, True


@dataclass(frozen=True)
class OwnerEvent:
    """The CRM named an owner (its external id there) at this believed instant."""

    source_id: int
    person: str
    at: datetime
    received_at: datetime
    is_suspect: bool


@dataclass(frozen=True)
class Attempt:
    at: datetime
    is_connected: bool
    is_suspect: bool


@dataclass
class FoldedCycle:
    """`version` is None for a cycle of imported history, which ran on none of ours. `closed_until`: the end of the day,
    where a file gives the day of its closing alone. `decided_by` is the fact that
    set the disposition or its reason as it stands, no echo of one. `by_clause`: the ref of the fact by which the
    consequence clause recycled it, while that stands; `before_clause`: disposition and deciding fact until then.
    `records`: those of the person that crossed the trigger in it, the one that opened it among them; `let_go`: of these
    the ones whose own MQL the clause recycled, with its act. While sales still has another one, it goes on."""

    opened_by: Fact
    version: AgreementVersion | None
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
    decided_by: Fact | None = field(default=None, repr=False)
    by_clause: str = ""
    before_clause: tuple[str, Fact | None] = field(default=("", None), repr=False)
    records: set[Key] = field(default_factory=set, repr=False)
    let_go: dict[Key, Fact] = field(default_factory=dict, repr=False)
    accepted_at: datetime | None = None
    disposed_at: datetime | None = None
    is_disposal_suspect: bool = False
    closed_at: datetime | None = None
    closed_believed_at: datetime | None = None
    closed_until: datetime | None = None
    is_closing_suspect: bool = False
    crm_closed_at: datetime | None = None
    opportunity: str = ""
    opportunity_source_id: int | None = None
    owner: str = ""
    assigned_at: datetime | None = None
    followed_up_at: datetime | None = None

    @property
    def is_history(self) -> bool:
        return self.version is None

    @property
    def is_by_clause(self) -> bool:
        return bool(self.by_clause)

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
        """First attempt by sales, or the closing of the cycle: that too is an answer to the lead, unless the clause
        closed it. `working` alone claims work without showing it and stops nothing."""
        return self._first_follow_up[0]

    @property
    def is_follow_up_suspect(self) -> bool:
        return self._first_follow_up[1]

    @property
    def _first_follow_up(self) -> tuple[datetime | None, bool]:
        found = [(attempt.at, attempt.is_suspect) for attempt in self.attempts[:1]]
        if self.followed_up_at:
            found.append((self.followed_up_at, False))
        if self.closed_believed_at and not self.is_by_clause:
            found.append((self.closed_believed_at, self.is_closing_suspect))
        return min(found, default=(None, False))
