"""The MQLs of the last full calendar quarter, live and imported, and what they say of a figure that is being drafted.

A look at the past to write a term by, not a judgement: leads are sorted into tiers by their fields of today, and every
MQL counts in the month or week in which it would have been due under the draft. The whole replay is the calibration.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from alignment.business_time import BusinessCalendar, NoOpenTime
from alignment.models import Organisation
from alignment.queries.calendars import compiled
from alignment.queries.definitions import counted_mqls
from sla.clauses import Consequences, Handoff, Marketing
from sla.periods import Period, periods_up_to
from sla.terms import TIER_FIELDS, Terms, Window

_COLUMNS = (
    "crossed_at", "started_at", "assigned_at", "first_follow_up_at", "disposed_at", "attempts", "segment", "team_id",
    "is_history",
)  # fmt: skip


class Mql(NamedTuple):
    """One MQL; `fields` of its lead decide its tier."""

    crossed_at: datetime
    started_at: datetime
    assigned_at: datetime | None
    followed_up_at: datetime | None
    disposed_at: datetime | None
    attempts: int
    segment: str
    team: int | None
    is_history: bool
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Quarter:
    """The quarter with its months (organisation's zone) and its MQLs."""

    period: Period
    zone: str
    mqls: Sequence[Mql]

    @property
    def months(self) -> list[Period]:
        last = Period.of(self.period.end - timedelta(days=1))
        return periods_up_to(last, 3)

    @property
    def imported(self) -> int:
        return sum(mql.is_history for mql in self.mqls)

    def by_segment(self) -> dict[str, list[int]]:
        """MQLs of each of the three months by segment, the largest first; "" are those without one."""
        edges = [month.starts_at(self.zone) for month in self.months]
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for mql in self.mqls:
            found[mql.segment][sum(mql.crossed_at >= edge for edge in edges) - 1] += 1
        return dict(sorted(found.items(), key=lambda item: (-sum(item[1]), item[0])))


@dataclass(frozen=True)
class Counted:
    """`met` of `of`."""

    met: int
    of: int


@dataclass(frozen=True)
class TierPast:
    """MQLs that a tier would have taken: how many were followed up and disposed of at all, and in time."""

    mqls: int
    follow_up: Counted
    followed_up: int
    disposition: Counted
    disposed: int


@dataclass(frozen=True)
class TermsPast:
    """What the terms of a draft would have come to. `follow_ups`, `dispositions`: by local day of the due time; `mqls`:
    those with either due, by the Monday of the week."""

    assigned: Counted
    attempts: Counted
    tiers: Mapping[str, TierPast]
    arrived_closed: Mapping[int, Counted]
    follow_ups: Mapping[date, Counted] = field(repr=False)
    dispositions: Mapping[date, Counted] = field(repr=False)
    mqls: Mapping[date, int] = field(repr=False)


def last_quarter(*, at: datetime) -> Quarter:
    """One query."""
    organisation = Organisation.get()
    period = Period.of(at.astimezone(organisation.tz).date(), "quarter").previous()
    zone = organisation.zone
    rows = (
        counted_mqls()
        .filter(crossed_at__gte=period.starts_at(zone), crossed_at__lt=period.ends_at(zone))
        .values_list(*_COLUMNS, *(f"lead__{name}" for name in TIER_FIELDS))
        .order_by()
    )
    own = len(_COLUMNS)
    mqls = [
        Mql._make((*row[:own], dict(zip(TIER_FIELDS, row[own:], strict=True)) | {"segment": row[6]}))
        for row in rows
    ]
    return Quarter(period, zone, mqls)


def volume_lines(quarter: Quarter, marketing: Marketing) -> dict[str, list[int]]:
    """MQLs of each month by the segment that a line names ("": all others); what no line counts is left out."""
    found = {volume.segment: [0, 0, 0] for volume in marketing.volumes}
    for segment, months in quarter.by_segment().items():
        line = marketing.line_of(segment)
        if line is not None:
            found[line.segment] = [a + b for a, b in zip(found[line.segment], months, strict=True)]
    return found


def terms_past(quarter: Quarter, terms: Terms, *, at: datetime) -> TermsPast:
    """The quarter's MQLs under these terms, as known at `at`; those that would not have been due by then are left out
    unless they were met. Windows that no calendar ever fills count nothing."""
    ready = {
        pk: found.calendar
        for pk, found in compiled({terms.default_calendar, *terms.team_calendars.values()}).items()
    }
    always = BusinessCalendar.always_open()
    within = timedelta(seconds=terms.assign_within.seconds)
    counts = {tier.name: _Tally() for tier in terms.tiers}
    assigned = attempts = 0
    closed: Counter[int] = Counter()
    arrived: Counter[int] = Counter()
    follow_ups, dispositions = _Days(quarter.zone), _Days(quarter.zone)
    mqls: Counter[date] = Counter()
    for mql in quarter.mqls:
        pk = terms.calendar_of(mql.team)
        arrived[pk] += 1
        closed[pk] += not ready[pk].is_open(mql.started_at)
        assigned += mql.assigned_at is not None and mql.assigned_at <= mql.started_at + within
        attempts += mql.attempts >= terms.attempts
        base = mql.assigned_at or (mql.started_at if mql.is_history else mql.started_at + within)
        tier = terms.tier_of(mql.fields)
        tally = counts[tier.name]
        tally.mqls += 1
        tally.followed_up += mql.followed_up_at is not None
        tally.disposed += mql.disposed_at is not None
        weeks = set()
        for window, done_at, promise, days in (
            (tier.follow_up_within, mql.followed_up_at, tally.follow_up, follow_ups),
            (tier.disposition_within, mql.disposed_at, tally.disposition, dispositions),
        ):
            due_at = _due(ready[pk] if window.is_business else always, base, window)
            if due_at is None:
                continue
            is_met = done_at is not None and done_at <= due_at
            if is_met or due_at <= at:
                promise[0] += is_met
                promise[1] += 1
                weeks.add(days.add(due_at, is_met))
        mqls.update(weeks)
    total = len(quarter.mqls)
    return TermsPast(
        Counted(assigned, sum(mql.assigned_at is not None or not mql.is_history for mql in quarter.mqls)),
        Counted(attempts, total),
        {name: tally.past() for name, tally in counts.items()},
        {pk: Counted(closed[pk], arrived[pk]) for pk in arrived},
        follow_ups.counted(),
        dispositions.counted(),
        mqls,
    )


def missed_periods(past: TermsPast, quarter: Quarter, clause: Consequences) -> Counted:
    """Of the quarter's months (or of the quarter) with follow-ups due those in which more than the share was missed."""
    periods = quarter.months if clause.period == "month" else [quarter.period]
    sums = [_sum(past.follow_ups, period.first, period.end) for period in periods]
    due = [found for found in sums if found.of]
    return Counted(sum(100 * (f.of - f.met) > clause.missed_percent * f.of for f in due), len(due))


def good_weeks(
    days: Mapping[date, Counted], mqls: Mapping[date, int], quarter: Quarter, percent: int, minimum: int
) -> Counted:
    """Of the full weeks within the quarter with at least `minimum` MQLs, and any promise of these, due those strictly
    above the percent."""
    monday = quarter.period.first + timedelta(days=-quarter.period.first.weekday() % 7)
    found = []
    while monday + timedelta(days=7) <= quarter.period.end:
        if mqls.get(monday, 0) >= minimum:
            found.append(_sum(days, monday, monday + timedelta(days=7)))
        monday += timedelta(days=7)
    counting = [week for week in found if week.of]
    return Counted(sum(100 * week.met > percent * week.of for week in counting), len(counting))


def weeks_of(past: TermsPast, quarter: Quarter, gate: Handoff) -> tuple[Counted, Counted]:
    """Good weeks for first follow-up, and for disposition in time."""
    return (
        good_weeks(past.follow_ups, past.mqls, quarter, gate.follow_up_percent, gate.weekly_minimum),
        good_weeks(past.dispositions, past.mqls, quarter, gate.tagging_percent, gate.weekly_minimum),
    )


class _Tally:
    def __init__(self) -> None:
        self.mqls = self.followed_up = self.disposed = 0
        self.follow_up, self.disposition = [0, 0], [0, 0]

    def past(self) -> TierPast:
        return TierPast(
            self.mqls, Counted(*self.follow_up), self.followed_up, Counted(*self.disposition), self.disposed
        )


class _Days:
    """Counts by local day."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self.found: dict[date, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, due_at: datetime, is_met: bool) -> date:
        """The Monday of its week."""
        local = due_at.astimezone(self.zone).date()
        day = self.found[local]
        day[0] += is_met
        day[1] += 1
        return local - timedelta(days=local.weekday())

    def counted(self) -> dict[date, Counted]:
        return {day: Counted(*counts) for day, counts in self.found.items()}


def _sum(days: Mapping[date, Counted], first: date, end: date) -> Counted:
    found = [counted for day, counted in days.items() if first <= day < end]
    return Counted(sum(each.met for each in found), sum(each.of for each in found))


def _due(calendar: BusinessCalendar, base: datetime, window: Window) -> datetime | None:
    try:
        return calendar.add(base, window.seconds)
    except NoOpenTime:
        return None
