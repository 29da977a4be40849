"""Clocks: derived from a cycle's facts, kept as rows, judged by the sweep.

A clock that no sweep has judged follows the facts. Once a breach is stamped its due time stays, and facts that
disprove it append a correction. Time in which a clock stood still, by the ruling on a dispute, does not count for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alignment.business_time import BusinessCalendar, tzdata_version
from alignment.business_time.calendar import Holds
from alignment.models import MqlCycle, Organisation
from alignment.pipeline import Batch
from alignment.pipeline.rows import Changes
from alignment.pipeline.writing import insert
from alignment.queries.calendars import compiled
from sla.folded import AgreementVersion, FoldedCycle
from sla.models import METRIC, Clock, ClockCorrection, ClockKind, ClockRedating, Outcome
from sla.queries.disputes import standing_holds
from sla.services.cycles import CycleFold
from sla.terms import Terms, Window

COLUMNS = [
    "started_at", "due_at", "warn_at", "met_at", "settled_at", "outcome", "budget_seconds", "agreement",
    "calendar_version", "tzdata", "is_suspect", "team", "owner", "segment", "not_owed_from", "restated_start_at",
]  # fmt: skip


@dataclass
class Promise:
    """What one clock should be, by the facts."""

    kind: str
    ordinal: int
    started_at: datetime
    window: Window
    met_at: datetime | None
    is_suspect: bool
    not_owed_from: datetime | None = None

    @property
    def not_owed_before_met(self) -> datetime | None:
        """From when on it was no longer owed, where that can matter: what was met before is met."""
        ended, met = self.not_owed_from, self.met_at
        return ended if ended is not None and (met is None or ended < met) else None


def promises(item: CycleFold, fold: FoldedCycle, terms: Terms) -> Iterable[Promise]:
    """The clocks that a cycle owes.

    Follow-up and disposition run from the assignment; while nobody is assigned, from the moment by which somebody
    should have been. The next attempt is owed one gap after the attempt before, until the agreed number is made,
    a two-way contact came about, or the cycle closed.
    """
    cycle = item.cycle
    tier = terms.tier(fold.tier)
    assign_due = cycle.started_at + timedelta(seconds=terms.assign_within.seconds)
    is_doubtful = fold.is_clock_suspect or any(owning.is_suspect for owning in item.ownings[:1])
    yield Promise(
        ClockKind.ASSIGN, 1, cycle.started_at, terms.assign_within, cycle.assigned_at, is_doubtful,
        fold.closed_believed_at,
    )  # fmt: skip
    base = cycle.assigned_at or assign_due
    taken_back = fold.closed_believed_at if fold.is_by_clause else None  # nothing more is owed from then on
    yield Promise(
        ClockKind.FOLLOW_UP, 1, base, tier.follow_up_within, fold.first_follow_up_at,
        is_doubtful or fold.is_follow_up_suspect, taken_back,
    )  # fmt: skip
    yield Promise(
        ClockKind.DISPOSITION, 1, base, tier.disposition_within, fold.disposed_at,
        is_doubtful or fold.is_disposal_suspect, taken_back,
    )  # fmt: skip
    ended = [end for end in (fold.closed_believed_at,) if end is not None]
    for number, attempt in enumerate(fold.attempts[: terms.attempts - 1], start=1):
        if attempt.is_connected:
            ended.append(attempt.at)
        following = fold.attempts[number] if number < len(fold.attempts) else None
        if following is None or not ended or min(ended) > attempt.at:
            yield Promise(
                ClockKind.ATTEMPT, number + 1, attempt.at, terms.attempt_gap, following.at if following else None,
                attempt.is_suspect or (following is not None and following.is_suspect), min(ended, default=None),
            )  # fmt: skip


def keep_clocks(batch: Batch) -> None:
    """Make the clock rows of the batch's live cycles equal to what their facts say."""
    items: list[CycleFold] = batch.extra["cycles"]
    zone = Organisation.get().zone
    existing: dict[tuple[int, str, int], Clock] = {
        (clock.cycle_id, clock.kind, clock.ordinal): clock
        for clock in Clock.objects.filter(cycle__in=[item.cycle for item in items if not item.is_new])
        .select_for_update(of=("self",))
        .order_by("pk")
    }
    judge = Judge(items, batch, zone, standing_holds([clock.pk for clock in existing.values()]))
    judge.changes.remember(existing.values())
    wanted: set[tuple[int, str, int]] = set()
    for item in items:
        version = item.fold.version if item.fold else None
        if item.fold is None or version is None:
            continue
        for promise in promises(item, item.fold, version.terms):
            key = (item.cycle.pk, promise.kind, promise.ordinal)
            wanted.add(key)
            judge.keep(item, version, promise, existing.get(key))
        judge.tagging(item, existing.get((item.cycle.pk, ClockKind.DISPOSITION, 1)))
    for key, clock in existing.items():
        if key not in wanted:
            judge.drop(clock)
    judge.write()


class Judge:
    """Collects what changes in one batch and writes it with one statement per kind of row."""

    def __init__(
        self, items: list[CycleFold], batch: Batch, zone: str, holds: Mapping[int, Holds] | None = None
    ) -> None:
        """`holds`: per clock id the intervals in which it stood still."""
        self.batch = batch
        self.holds = holds or {}
        self.zone = ZoneInfo(zone)
        self.tzdata = tzdata_version()
        needed = {
            item.fold.version.terms.calendar_of(item.cycle.team_id)
            for item in items
            if item.fold is not None and item.fold.version is not None
        }
        self.calendars = compiled(needed)
        self.elapsed = BusinessCalendar.always_open()
        self.changes = Changes(Clock, COLUMNS)
        self.old: list[Clock] = []
        self.new: list[Clock] = []
        self.redatings: list[ClockRedating] = []
        self.corrections: list[ClockCorrection] = []

    def keep(self, item: CycleFold, version: AgreementVersion, promise: Promise, clock: Clock | None) -> None:
        cycle = item.cycle
        if clock is not None and _stands(clock, promise, item, version):
            self._follow_closed(item, clock, promise)
            return
        due_at, warn_at, calendar = self._dates(
            promise, version.terms, cycle, self.holds.get(clock.pk, ()) if clock else ()
        )
        before = self._figure(clock) if clock else None
        if clock is None:
            clock = Clock(cycle_id=cycle.pk, kind=promise.kind, ordinal=promise.ordinal)
        clock.met_at, clock.is_suspect = promise.met_at, promise.is_suspect
        clock.not_owed_from, clock.restated_start_at = promise.not_owed_before_met, None
        if clock.breached_at is not None:
            if clock.started_at != promise.started_at:
                clock.restated_start_at = promise.started_at
            self._restate(clock, promise, due_at)
        else:
            if clock.pk and clock.due_at != due_at:
                self.redatings.append(
                    ClockRedating(
                        clock=clock,
                        old_due_at=clock.due_at,
                        new_due_at=due_at,
                        reason=self.batch.reason,
                        redated_at=self.batch.at,
                    )
                )
            clock.started_at, clock.due_at, clock.warn_at = promise.started_at, due_at, warn_at
            clock.budget_seconds = promise.window.seconds
            clock.agreement_id = version.agreement.pk
            clock.calendar_version_id = calendar.pk if calendar else None
            clock.tzdata = self.tzdata
            # whoever had the lead when it was met, or when it fell due, answers for it
            answered_at = min(promise.met_at or due_at, due_at)
            owner = item.owner_at(answered_at)
            clock.owner_id = owner.pk if owner else None
            clock.team_id, clock.segment = cycle.team_id, cycle.segment
            self._settle(clock, _outcome(promise, due_at))
        self._dirty(before, self._figure(clock))
        (self.old if clock.pk else self.new).append(clock)

    def _follow_closed(self, item: CycleFold, clock: Clock, promise: Promise) -> None:
        """What may still change about a clock that stands: never its due time or outcome."""
        before = self._figure(clock)
        answered_at = min(promise.met_at or clock.due_at, clock.due_at)
        owner = item.owner_at(answered_at)
        known = (clock.met_at, clock.not_owed_from, clock.owner_id)
        now = (promise.met_at, promise.not_owed_before_met, owner.pk if owner else None)
        if known != now:
            if clock.owner_id != now[-1]:
                clock.team_id, clock.segment = item.cycle.team_id, item.cycle.segment
            clock.met_at, clock.not_owed_from, clock.owner_id = now
            clock.is_suspect = promise.is_suspect
            self._dirty(before, self._figure(clock))
            self.old.append(clock)

    def drop(self, clock: Clock) -> None:
        """A promise that the facts no longer know: its cycle was voided, or its attempt was not one."""
        before = self._figure(clock)
        clock.not_owed_from = clock.restated_start_at or clock.started_at
        self._settle(clock, Outcome.NOT_OWED)
        self._dirty(before, self._figure(clock))
        self.old.append(clock)

    def tagging(self, item: CycleFold, clock: Clock | None) -> None:
        """Whether the cycle is closed untagged is part of the roll-up too, on the day of its disposition clock."""
        if clock is not None and item.was_untagged != item.cycle.is_closed_untagged:
            self.batch.mark_dirty(METRIC, clock.due_at.astimezone(self.zone).date())

    def write(self) -> None:
        self.changes.write(self.old)
        insert(self.new)
        insert(self.redatings)
        insert(self.corrections)

    def _dates(
        self, promise: Promise, terms: Terms, cycle: MqlCycle, holds: Holds
    ) -> tuple[datetime, datetime, Any]:
        seconds = promise.window.seconds
        warn_after = seconds * terms.warn_at_percent // 100
        if not promise.window.is_business:
            start = promise.started_at
            if holds:
                add = self.elapsed.add
                return add(start, seconds, holds), add(start, warn_after, holds), None
            return start + timedelta(seconds=seconds), start + timedelta(seconds=warn_after), None
        calendar = self.calendars[terms.calendar_of(cycle.team_id)]
        add = calendar.calendar.add
        due_at = add(promise.started_at, seconds, holds)
        return due_at, add(promise.started_at, warn_after, holds), calendar.version_at(due_at)

    def _restate(self, clock: Clock, promise: Promise, due_at: datetime) -> None:
        """A stamped breach follows the facts by corrections only. Late news that the promise was kept, or was no
        longer owed when it fell due, disproves it."""
        is_disproved = _outcome(promise, due_at) != Outcome.OPEN
        outcome = Outcome.RESTATED if is_disproved else Outcome.MISSED
        if clock.outcome != outcome:
            if clock.outcome != Outcome.NOT_OWED or is_disproved:
                self.corrections.append(
                    ClockCorrection(
                        clock=clock,
                        outcome=outcome,
                        met_at=promise.met_at,
                        due_at=due_at,
                        corrected_at=self.batch.at,
                    )
                )
            clock.outcome = outcome

    def _settle(self, clock: Clock, outcome: str) -> None:
        if outcome == Outcome.OPEN:
            clock.settled_at = None
        elif clock.outcome != outcome or clock.settled_at is None:
            clock.settled_at = self.batch.at
        clock.outcome = outcome

    def _figure(self, clock: Clock) -> tuple[Any, ...]:
        """What the roll-up sees of a clock."""
        return (clock.due_at, clock.outcome, clock.team_id, clock.owner_id, clock.segment)

    def _dirty(self, before: tuple[Any, ...] | None, after: tuple[Any, ...]) -> None:
        if before != after:
            for figure in (before, after):
                if figure is not None:
                    self.batch.mark_dirty(METRIC, figure[0].astimezone(self.zone).date())


def _stands(clock: Clock, promise: Promise, item: CycleFold, version: AgreementVersion) -> bool:
    """Met in time, or no longer owed when it fell due, and it ran the same way: no exception or zone rule that came
    since makes its due time another, whoever had the lead by later news, and whenever it was met by them."""
    if clock.outcome == Outcome.MET:
        owner = item.owner_at(promise.met_at) if promise.met_at else None
        calendar_of = version.terms.calendar_of
        is_same = clock.owner_id == (owner.pk if owner else None) or (
            calendar_of(clock.team_id) == calendar_of(item.cycle.team_id)
        )
    else:
        is_same = clock.breached_at is None and clock.team_id == item.cycle.team_id
    return (
        is_same
        and clock.outcome in (Outcome.MET, Outcome.NOT_OWED)
        and _outcome(promise, clock.due_at) == clock.outcome
        and (clock.started_at, clock.budget_seconds) == (promise.started_at, promise.window.seconds)
        and clock.agreement_id == version.agreement.pk
    )


def _outcome(promise: Promise, due_at: datetime) -> str:
    if promise.met_at is not None and promise.met_at <= due_at:
        return Outcome.MET
    if promise.not_owed_from is not None and promise.not_owed_from <= due_at:
        return Outcome.NOT_OWED
    return Outcome.OPEN
