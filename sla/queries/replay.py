"""Past MQLs under proposed terms: what their promises would have come to. Reads what sla.services.elapsed keeps.

A promise counts in the local week and month in which it would have fallen due under the terms replayed, as it does on
the compliance page; so another window moves some of them. What a dispute holds is counted apart; rulings count for
nothing here, and late evidence counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from alignment.access import Scope
from alignment.business_time.zones import start_of_day
from alignment.models import Person
from alignment.queries.calendars import CompiledCalendar, compiled
from sla.models import ClockKind, Profile
from sla.queries.held import Held, held_promises
from sla.queries.open_time import BY_THE_CLOCK, OpenTime, micros, open_time
from sla.terms import Terms, Window

LIVE, HISTORY, ALL = "live", "history", "all"
WHICH = {ALL: "All MQLs", LIVE: "Those that ran here", HISTORY: "Those of imported history"}
KINDS = (ClockKind.FOLLOW_UP, ClockKind.DISPOSITION, ClockKind.ASSIGN)
OUTCOMES = ("met", "missed", "running", "held", "not_owed")


@dataclass(frozen=True)
class Span:
    """Local days from `first` until before `end`, on the clocks of `zone`."""

    first: date
    end: date
    zone: str

    @property
    def starts_at(self) -> datetime:
        return start_of_day(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        return start_of_day(self.end, self.zone)

    def cells(self) -> list[date]:
        """The days on which a week or a month begins, and the first day: in order."""
        days = {self.first}
        for day in (self.first + timedelta(days=n) for n in range((self.end - self.first).days)):
            if day.weekday() == 0 or day.day == 1:
                days.add(day)
        return sorted(days)


@dataclass(frozen=True)
class Replayed:
    """Terms to replay, and on which MQLs. `threshold`: those whose score at the crossing was lower drop out, None: none
    do. `version`: only those that ran on this version of the agreement."""

    terms: Terms
    span: Span
    cut: datetime
    which: str = ALL
    threshold: int | None = None
    version: int | None = None
    scope: Scope = field(default_factory=lambda: Scope(is_all=True))


@dataclass
class Tally:
    """Counts of promises of one kind. `due` = met + missed; running ones, those that an undecided dispute holds and
    those no longer owed are left out."""

    met: int = 0
    missed: int = 0
    running: int = 0
    held: int = 0
    not_owed: int = 0

    @property
    def due(self) -> int:
        return self.met + self.missed

    def add(self, outcome: str, count: int = 1) -> None:
        setattr(self, outcome, getattr(self, outcome) + count)


@dataclass
class KindFound:
    """Of one kind of promise: in all, by Monday of the local week, by first day of the month, rep and segment."""

    total: Tally = field(default_factory=Tally)
    weeks: dict[date, Tally] = field(default_factory=lambda: defaultdict(Tally))
    months: dict[date, Tally] = field(default_factory=lambda: defaultdict(Tally))
    reps: dict[int | None, Tally] = field(default_factory=lambda: defaultdict(Tally))
    segments: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def add_on(self, day: date, outcome: str, count: int = 1) -> None:
        """Promises that fell due on a day: in all, in its week and in its month."""
        self.total.add(outcome, count)
        self.weeks[day - timedelta(days=day.weekday())].add(outcome, count)
        self.months[day.replace(day=1)].add(outcome, count)


def replay(asked: Replayed, kinds: Sequence[str] = KINDS) -> dict[str, KindFound]:
    """What each kind of promise that fell due in the span came to. `bring_up_to_date` first."""
    found = {kind: KindFound() for kind in kinds}
    _count(found, asked, kinds)
    for held, outcome, _, cell in held_outcomes(asked, kinds):
        if cell is not None:
            one = found[held.kind]
            one.add_on(cell, outcome)
            one.reps[held.owner_id].add(outcome)
            one.segments[held.segment].add(outcome)
    return found


def outcomes(asked: Replayed, kinds: Sequence[str]) -> dict[tuple[int, str, int], str]:
    """By (cycle, kind, ordinal) what each promise would have come to, whenever it fell due."""
    found: dict[tuple[int, str, int], str] = {}
    statement, given = statement_of(asked, kinds)
    if given["calendars"]:
        with connection.cursor() as cursor:
            cursor.execute(statement + _EACH, given)
            found = {(cycle, kind, ordinal): outcome for cycle, kind, ordinal, outcome in cursor.fetchall()}
    for held, outcome, _, _ in held_outcomes(asked, kinds):
        found[held.cycle_id, held.kind, held.ordinal] = outcome
    return found


_EACH = "SELECT cycle_id, kind, ordinal, outcome FROM judged"
_GROUPED = """
, grouped AS (
    SELECT kind, cell, owner_id, segment, outcome, count(*) AS promises FROM judged
    WHERE cell BETWEEN 1 AND %(cells)s
    GROUP BY kind, cell, owner_id, segment, outcome
)
SELECT kind, outcome, grouping(cell, owner_id, segment), cell, owner_id, segment, sum(promises)::bigint FROM grouped
GROUP BY GROUPING SETS ((kind, outcome, cell), (kind, outcome, owner_id), (kind, outcome, segment))
"""
# Some thousands of groups out of a million rows: the planner cannot know how few, and would sort the rows on disk.
_BY_HASHING = "SET LOCAL enable_sort = off; SET LOCAL work_mem = '64MB'"
_OF_CELL, _OF_OWNER = 0b011, 0b101  # bits of what a row is summed over


def _count(found: dict[str, KindFound], asked: Replayed, kinds: Sequence[str]) -> None:
    """Add what the database counts by cell, by rep and by segment."""
    statement, given = statement_of(asked, kinds)
    if not given["calendars"]:
        return
    cells = asked.span.cells()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_BY_HASHING)
        cursor.execute(statement + _GROUPED, given)
        rows = cursor.fetchall()
    for kind, outcome, over, cell, owner, segment, count in rows:
        one = found[kind]
        if over == _OF_CELL:
            one.add_on(cells[cell - 1], outcome, count)
        elif over == _OF_OWNER:
            one.reps[owner].add(outcome, count)
        else:
            one.segments[segment].add(outcome, count)


_JUDGED = """
WITH lane AS (
    SELECT * FROM unnest(%(lane_kinds)s::text[], %(lane_profiles)s::bigint[], %(lane_windows)s::bigint[],
                         %(lane_business)s::boolean[]) AS l(kind, profile_id, budget, is_business)
), team AS (
    SELECT * FROM unnest(%(teams)s::bigint[], %(team_calendars)s::bigint[]) AS t(team_id, calendar_id)
), promised AS (
    SELECT e.*, l.budget, e.base_position + l.budget AS due
    FROM sla_elapsed e
    JOIN lane l ON l.kind = e.kind AND l.profile_id = e.profile_id
    LEFT JOIN team t ON t.team_id = e.team_id
    WHERE e.calendar_id = CASE WHEN l.is_business THEN coalesce(t.calendar_id, %(default)s) ELSE 0 END
      AND e.calendar_id = ANY(%(calendars)s::bigint[]) AND e.kind = ANY(%(kinds)s::text[])
      AND e.waits_seconds IN (0, %(waits)s) AND NOT e.is_held {narrowed}
), judged AS (
    SELECT cycle_id, kind, ordinal, owner_id, segment, calendar_id, due,
           CASE calendar_id {bounds} END AS cell,
           CASE WHEN need <= budget THEN 'met' WHEN not_owed <= budget THEN 'not_owed'
                WHEN due < least(CASE calendar_id {cuts} END, known_to) THEN 'missed' ELSE 'running' END AS outcome
    FROM promised
)
"""


def statement_of(asked: Replayed, kinds: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """SQL up to `judged`, and its parameters."""
    terms = asked.terms
    lanes = _lanes(terms, kinds)
    tables = tables_of(asked, kinds)
    cells = asked.span.cells()
    starts = [start_of_day(day, asked.span.zone) for day in (*cells, asked.span.end)]
    given: dict[str, Any] = {
        "lane_kinds": [lane[0] for lane in lanes],
        "lane_profiles": [lane[1] for lane in lanes],
        "lane_windows": [lane[2].seconds * 1_000_000 for lane in lanes],
        "lane_business": [lane[2].is_business for lane in lanes],
        "teams": list(terms.team_calendars),
        "team_calendars": list(terms.team_calendars.values()),
        "default": terms.default_calendar,
        "calendars": sorted(tables),
        "kinds": list(kinds),
        "waits": terms.assign_within.seconds,
        "cells": len(cells),
        "threshold": asked.threshold,
        "version": asked.version,
        "owners": owners_of(asked.scope),
    }
    bounds, cuts = "", ""
    for number, (pk, table) in enumerate(sorted(tables.items())):
        given[f"bounds{number}"] = [table.mark(start) for start in starts]
        given[f"cut{number}"] = table.mark(asked.cut)
        bounds += f" WHEN {pk} THEN width_bucket(due, %(bounds{number})s::bigint[])"
        cuts += f" WHEN {pk} THEN %(cut{number})s"
    narrowed = ""
    if asked.which != ALL:
        narrowed += f" AND e.agreement_number IS {'NOT ' if asked.which == LIVE else ''}NULL"
    if asked.threshold is not None:
        narrowed += " AND (e.score IS NULL OR e.score >= %(threshold)s)"
    if asked.version is not None:
        narrowed += " AND e.agreement_number = %(version)s"
    if not asked.scope.is_all:
        narrowed += " AND e.owner_id = ANY(%(owners)s::bigint[])"
    if ClockKind.ATTEMPT in kinds:
        narrowed += f" AND (e.kind <> 'attempt' OR e.ordinal <= {terms.attempts})"
    return _JUDGED.format(bounds=bounds, cuts=cuts, narrowed=narrowed), given


def tables_of(asked: Replayed, kinds: Sequence[str]) -> dict[int, OpenTime]:
    """Open time of the calendars that promises of these kinds run on, by id."""
    windows = (lane[2] for lane in _lanes(asked.terms, kinds))
    return {pk: _open_time(calendar, asked) for pk, calendar in calendars_of(asked.terms, windows).items()}


_BEGUN = """
), begun AS (
    SELECT budget AS lane, need FROM promised
    WHERE base_position >= CASE calendar_id {begins} END AND base_position < CASE calendar_id {ends} END
)
"""


def lanes_sql(asked: Replayed, kind: str) -> tuple[str, dict[str, Any]]:
    """SQL up to `begun`: promises of a kind that begin in the span, whatever their window, with `lane`: the number of
    the tier. A few that a dispute held are left out."""
    statement, given = statement_of(asked, [kind])
    terms = asked.terms
    profiles = {profile.pk: profile.fields for profile in Profile.objects.all()}
    given["lane_windows"] = [terms.tiers.index(terms.tier_of(profiles[pk])) for pk in given["lane_profiles"]]
    begins, ends = "", ""
    windows = [tier.follow_up_within for tier in terms.tiers]
    for number, (pk, calendar) in enumerate(sorted(calendars_of(terms, windows).items())):
        table = _open_time(calendar, asked)
        given[f"begin{number}"] = table.position(micros(asked.span.starts_at))
        given[f"end{number}"] = table.position(micros(asked.span.ends_at))
        begins += f" WHEN {pk} THEN %(begin{number})s"
        ends += f" WHEN {pk} THEN %(end{number})s"
    head = statement.partition("), judged AS (")[0]
    return head + _BEGUN.format(begins=begins, ends=ends), given


def calendars_of(terms: Terms, windows: Iterable[Window]) -> dict[int, CompiledCalendar | None]:
    """The calendars that these windows run on, by id; `BY_THE_CLOCK` has none."""
    found: dict[int, CompiledCalendar | None] = {}
    for window in windows:
        if not window.is_business:
            found[BY_THE_CLOCK] = None
        elif terms.default_calendar not in found:
            found |= compiled({terms.default_calendar, *terms.team_calendars.values()})
    return found


def _open_time(calendar: CompiledCalendar | None, asked: Replayed) -> OpenTime:
    instants = (asked.span.starts_at, asked.span.ends_at, asked.cut)
    return open_time(calendar, min(instants) - timedelta(days=1), max(instants))


def window_of(terms: Terms, kind: str, fields: Mapping[str, Any]) -> Window:
    """The window of a kind of promise for a lead that was like this when it crossed."""
    if kind == ClockKind.ASSIGN:
        return terms.assign_within
    if kind == ClockKind.ATTEMPT:
        return terms.attempt_gap
    tier = terms.tier_of(fields)
    return tier.follow_up_within if kind == ClockKind.FOLLOW_UP else tier.disposition_within


def _lanes(terms: Terms, kinds: Sequence[str]) -> list[tuple[str, int, Window]]:
    """(kind, profile, window): tiers are taken here, by the same code that the engine takes them by."""
    profiles = [(profile.pk, profile.fields) for profile in Profile.objects.all()]
    return [(kind, pk, window_of(terms, kind, fields)) for kind in kinds for pk, fields in profiles]


def owners_of(scope: Scope) -> list[int]:
    """Ids of the people whose promises a scope shows; none where it shows all."""
    if scope.is_all:
        return []
    found = set(Person.objects.filter(team__in=scope.teams).values_list("pk", flat=True))
    return sorted(found | ({scope.person} if scope.person else set()))


def held_outcomes(asked: Replayed, kinds: Sequence[str]) -> Iterable[tuple[Held, str, datetime, date | None]]:
    """The few promises that a dispute held, one by one: outcome, due time, and the first day of their cell, None
    outside of the span."""
    owners = None if asked.scope.is_all else set(owners_of(asked.scope))
    cells = asked.span.cells()
    starts = [(start_of_day(day, asked.span.zone), day) for day in cells]
    for held in held_promises(kinds, asked.terms.assign_within.seconds):
        if asked.version is not None and held.agreement_number != asked.version:
            continue
        if asked.which == HISTORY or (owners is not None and held.owner_id not in owners):
            continue
        if asked.threshold is not None and held.score is not None and held.score < asked.threshold:
            continue
        if held.kind == ClockKind.ATTEMPT and held.ordinal > asked.terms.attempts:
            continue
        window = window_of(asked.terms, held.kind, held.fields)
        calendar = None
        if window.is_business:
            pk = asked.terms.calendar_of(held.team_id)
            calendar = compiled([pk])[pk].calendar
        due_at = held.due_at(window, calendar)
        is_within = asked.span.starts_at <= due_at < asked.span.ends_at
        day = max((start, day) for start, day in starts if start <= due_at)[1] if is_within else None
        yield held, held.outcome(due_at, asked.cut), due_at, day
