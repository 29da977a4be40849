"""The full weeks that the gate of the handoff is judged by, from the roll-up: few statements, however many MQLs.

What a week says and what the weeks say together is in sla.weeks; here is where its figures come from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum

from alignment.access import Scope
from alignment.business_time import Week, tzdata_version
from alignment.models import Organisation
from alignment.queries.inbox import processed_up_to
from sla.models import ClockKind, ComplianceDay, KnownWeek
from sla.queries import gate_rows
from sla.queries.agreements import AgreementBook, InForce, load_book
from sla.queries.disputes import held_clocks, set_aside_clocks
from sla.queries.drilldown import dirty_weeks
from sla.weeks import DECIDED, JudgedWeek, Measure, Standing, decide

EVERYTHING = Scope(is_all=True)
KINDS = (ClockKind.FOLLOW_UP, ClockKind.DISPOSITION)
FIRST_LOOK = 8
"""Weeks that are looked at first; where none of them decides, twice as many before them, and so on."""
_SUMS = {
    "unassigned": Sum("met", filter=Q(owner__isnull=True), default=0),  # before a sum takes the name
    "met": Sum("met"),
    "missed": Sum("missed"),
    "restated": Sum("restated"),
    "running": Sum("running"),
    "untagged": Sum("untagged"),
    "recycled": Sum("recycled"),
}
Cell = tuple[date, str]  # Monday, kind


@dataclass(frozen=True)
class Ground:
    """What every week is judged with, read once. `known_up_to`: everything received before is applied."""

    book: AgreementBook
    zone: str
    at: datetime
    known_up_to: datetime
    tzdata: str

    @classmethod
    def at_hand(cls, *, at: datetime) -> Ground:
        return cls(load_book(), Organisation.get().zone, at, processed_up_to(at=at), tzdata_version())

    @property
    def last_full(self) -> Week:
        """The last week that is over."""
        return Week.of(self.at, self.zone).previous()

    @property
    def first_full(self) -> Week | None:
        """The first full week since the SLA was signed, or signed anew after a revocation; None before that."""
        span = self.book.last_span(self.at)
        if span is None:
            return None
        week = Week.of(span.starts_at, self.zone)
        return week if week.starts_at == span.starts_at else week.next()


@dataclass(frozen=True)
class HandoffNow:
    """What gate 3 finds. `weeks`: all that were looked at, oldest first, the last full one at the end; empty before
    there is one. `first`: the first full week since the SLA was signed; None where none is, or it was revoked."""

    ground: Ground
    standing: Standing
    first: Week | None
    weeks: Sequence[JudgedWeek] = field(default_factory=list)

    @property
    def last(self) -> JudgedWeek | None:
        return self.weeks[-1] if self.weeks else None

    @property
    def newest_decided(self) -> JudgedWeek | None:
        """The last full week that passes or fails."""
        return next((week for week in reversed(self.weeks) if week.verdict in DECIDED), None)

    @property
    def version(self) -> InForce | None:
        """The signed version that judges the last week that counts; without one, the last full week."""
        judged = self.newest_decided or self.last
        return (
            None
            if judged is None or judged.agreement is None
            else self.ground.book.by_number(judged.agreement)
        )


def handoff_now(*, at: datetime) -> HandoffNow:
    """Asked live: the same answer as a replay of all full weeks since the SLA was signed, from the newest of them that
    decide."""
    ground = Ground.at_hand(at=at)
    return handoff_by(ground, weeks(ground.last_full, FIRST_LOOK, ground) if ground.first_full else [])


def handoff_by(ground: Ground, seen: Sequence[JudgedWeek]) -> HandoffNow:
    """As handoff_now. `seen`: weeks up to the last full one that were judged already; older ones are looked at where
    these do not decide."""
    first = ground.first_full if ground.book.span_at(ground.at) else None
    if first is None or first.monday > ground.last_full.monday:
        return HandoffNow(ground, Standing(False), first)
    found = [week for week in seen if week.week.monday >= first.monday]
    while True:
        standing = decide(found)
        oldest = found[0].week
        if standing is not None or oldest.monday <= first.monday:
            return HandoffNow(ground, standing or Standing(False), first, found)
        last = oldest.previous()
        count = min(2 * len(found), (last.monday - first.monday).days // 7 + 1)
        found = weeks(last, count, ground) + found


def weeks(last: Week, count: int, ground: Ground) -> list[JudgedWeek]:
    """`count` weeks up to `last`, oldest first, full or not; seven statements at most, however many."""
    mondays = [last.monday - timedelta(weeks=ago) for ago in reversed(range(count))]
    listed = [Week(monday, ground.zone) for monday in mondays]
    measures = _measures(listed)
    dirty = dirty_weeks(listed[0], last)
    known = set(
        KnownWeek.objects.filter(zone=ground.zone, monday__in=mondays).values_list("monday", flat=True)
    )
    found = [_judged(week, measures, week.monday in dirty, week.monday in known, ground) for week in listed]
    # where either measure alone has enough MQLs nothing has to be counted; elsewhere there are few
    counted = gate_rows.mqls_due([week.week for week in found if week.is_full and not week.has_enough])
    return [replace(week, counted=counted.get(week.week.monday, 0)) for week in found]


def _judged(
    week: Week, measures: Mapping[Cell, Measure], is_dirty: bool, was_known: bool, ground: Ground
) -> JudgedWeek:
    follow_up, tagging = (measures.get((week.monday, kind), Measure()) for kind in KINDS)
    version = ground.book.at(week.starts_at) if week.starts_at <= ground.at else None
    doubts = []
    if ground.known_up_to < week.ends_at:
        doubts.append("events that were received before its end wait to be applied")
    if is_dirty:
        doubts.append("its figures are being counted anew")
    if running := follow_up.running + tagging.running:
        one = running == 1
        doubts.append(
            f"{running} clock{'' if one else 's'} that fell due in it {'is' if one else 'are'} not judged yet"
        )
    span = ground.book.span_at(week.starts_at)
    is_signed = span is not None and span.reaches(week.ends_at)
    if was_known:
        follow_up, tagging = follow_up.with_running_as_unmet(), tagging.with_running_as_unmet()
    return JudgedWeek(
        week,
        follow_up,
        tagging,
        asks=version.clauses.handoff if version and version.clauses and is_signed else None,
        agreement=version.agreement.number if version and is_signed else None,
        is_over=week.ends_at <= ground.at,
        doubts=tuple(doubts),
        was_known=was_known,
    )


def _measures(listed: Sequence[Week]) -> dict[Cell, Measure]:
    """Both measures of each week: the roll-up's figures with what disputes and rulings make of them.

    A held clock counts in the week in which it fell due as of the filing. It is one of those that run, wherever it is
    due by now, and waits for a ruling, not for a sweep.
    """
    first, end = listed[0].monday, listed[-1].next().monday
    days = ComplianceDay.objects.filter(kind__in=KINDS, day__gte=first, day__lt=end)
    sums: dict[Cell, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_SUMS, 0))
    for day, kind, *counted in days.values_list("day", "kind").annotate(**_SUMS).order_by():
        cell = sums[_monday(day), kind]
        for name, count in zip(_SUMS, counted, strict=True):
            cell[name] += count
    zone = ZoneInfo(listed[0].zone)

    def week_of(instant: datetime) -> date:
        return _monday(instant.astimezone(zone).date())

    since, until = listed[0].starts_at, listed[-1].ends_at
    held, waiting, set_aside = Counter[Cell](), Counter[Cell](), Counter[Cell]()
    disputed = held_clocks(since, until).filter(kind__in=KINDS)
    for kind, filed_due, due in disputed.values_list("kind", "disputes__clock_due_at", "due_at"):
        held[week_of(filed_due or due), kind] += 1  # the dispute of a clock always has its due time
        waiting[week_of(due), kind] += 1
    ruled = set_aside_clocks(with_restated=True).filter(kind__in=KINDS, due_at__gte=since, due_at__lt=until)
    for kind, due in ruled.values_list("kind", "due_at"):
        set_aside[week_of(due), kind] += 1
    cells = {*sums, *held, *set_aside}
    return {cell: _measure(cell[1], sums[cell], held[cell], waiting[cell], set_aside[cell]) for cell in cells}


def _measure(kind: str, sums: Mapping[str, int], held: int, waiting: int, set_aside: int) -> Measure:
    against = sums["unassigned"] if kind == ClockKind.FOLLOW_UP else sums["untagged"]
    return Measure(
        met=sums["met"] - against + set_aside,
        due=sums["met"] + sums["missed"] + sums["recycled"] + held,
        restated=sums["restated"],
        held=held,
        set_aside=set_aside,
        against=against,
        recycled=sums["recycled"],
        running=max(0, sums["running"] - waiting),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
