"""The roll-up equals a count by hand, day by day and group by group, and finds and mends what does not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import DirtyDay, MqlCycle, Organisation, Team
from alignment.services.organisation import change_organisation
from sla.models import METRIC, Clock, ClockKind, ComplianceDay, Outcome
from sla.queries import compliance, gate_rows
from sla.queries.weeks import Ground, weeks
from sla.services import compare_roll_up, roll_up
from testing.world import World, add_rep, event

# On a Sunday within these weeks the clocks of New York go back by an hour, those of Lord Howe forward by half of one.
CHANGES = {"America/New_York": date(2026, 11, 1), "Australia/Lord_Howe": date(2026, 10, 4)}
EVERYTHING = Scope(is_all=True)
Counts = dict[str, int]
FIGURES = ("met", "missed", "restated", "running", "untagged", "recycled")


def is_over_untagged(cycle: MqlCycle) -> bool:
    """The CRM ended it without a closing disposition, or what it was closed with lacks what that requires."""
    is_open_with_us = not cycle.closed_at
    return bool(cycle.crm_closed_at) if is_open_with_us else not cycle.is_tagged


def count(clocks: Iterable[Clock], key: Callable[[Clock], Any]) -> dict[Any, Counts]:
    """What the roll-up should say, per `key` of a clock: each clock that counts is looked at by itself."""
    found: dict[Any, Counts] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for clock in clocks:
        is_recycled = clock.kind == ClockKind.DISPOSITION and clock.cycle.is_by_clause
        if clock.cycle.voided_at is not None or (clock.outcome == Outcome.NOT_OWED and not is_recycled):
            continue
        figures = found[key(clock)]
        figures["met"] += clock.outcome == Outcome.MET
        figures["missed"] += clock.outcome in (Outcome.MISSED, Outcome.RESTATED)
        figures["restated"] += clock.outcome == Outcome.RESTATED
        figures["recycled"] += clock.outcome == Outcome.NOT_OWED
        figures["running"] += clock.outcome == Outcome.OPEN
        is_met_disposition = clock.kind == ClockKind.DISPOSITION and clock.outcome == Outcome.MET
        figures["untagged"] += is_met_disposition and is_over_untagged(clock.cycle)
    return dict(found)


def outcome_of(outcome: Outcome, due_at: datetime) -> dict[str, Any]:
    """The fields that go with an outcome."""
    return {
        "outcome": outcome,
        "settled_at": None if outcome == Outcome.OPEN else due_at,
        "met_at": due_at if outcome == Outcome.MET else None,
        "breached_at": due_at if outcome in (Outcome.MISSED, Outcome.RESTATED) else None,
    }


def near_midnight(random: Random, middle: date, zone: str) -> datetime:
    """An instant some days around `middle`: at a midnight of the zone, just beside one, or anywhere."""
    day = middle + timedelta(days=random.randrange(-9, 10))
    midnight = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    beside = [timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1), timedelta(minutes=-45)]
    return midnight + random.choice([*beside, random.random() * timedelta(hours=24)])


def add_clocks(clocks: Iterable[dict[str, Any]]) -> None:
    """Rows of clocks as they are given, due when they say."""
    template, cycle = Clock.objects.order_by("pk").first(), MqlCycle.objects.standing().first()
    assert template is not None and cycle is not None
    always = {
        "cycle": cycle,
        "agreement": template.agreement,
        "tzdata": template.tzdata,
        "budget_seconds": 7200,
    }
    Clock.objects.bulk_create(
        Clock(ordinal=1000 + n, started_at=given["due_at"], warn_at=given["due_at"], **always | given)
        for n, given in enumerate(clocks)
    )


def scatter(world: World, random: Random, zone: str, amount: int) -> None:
    """Adds random clocks: over standing and disproved cycles, people, teams (or none), segments and outcomes."""
    cycles, people = list(MqlCycle.objects.all()), [*world.reps, None]
    clocks = []
    for _ in range(amount):
        due_at = near_midnight(random, CHANGES[zone], zone)
        owner = random.choice(people)
        clocks.append(
            {
                "cycle": random.choice(cycles),
                "kind": random.choice(ClockKind.values),
                "due_at": due_at,
                "owner": owner,
                "team": owner.team if owner else random.choice([world.team, None]),
                "segment": random.choice(["", "smb", "mid market"]),
            }
            | outcome_of(random.choice(list(Outcome)), due_at)
        )
    add_clocks(clocks)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is taken back at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def local_day(clock: Clock, zone: str) -> date:
    return clock.due_at.astimezone(ZoneInfo(zone)).date()


def mark_dirty(days: Iterable[date]) -> None:
    DirtyDay.objects.bulk_create([DirtyDay(metric=METRIC, day=day) for day in sorted(days)])


def all_clocks() -> list[Clock]:
    return list(Clock.objects.select_related("cycle"))


@pytest.fixture
def crowd(world: World) -> World:
    """Ten cycles, two of them disproved, four over without all that their end requires, and two teams."""
    other = Team.objects.create(name="Outbound", calendar=world.calendar)
    world.reps.append(add_rep(world, "Other", team=other))
    world.send(*(event("lead.updated", f"L{n}", world.at, score=80) for n in range(10)))
    voided = MqlCycle.objects.order_by("pk").values("pk")[:2]
    MqlCycle.objects.filter(pk__in=voided).update(voided_at=world.at, void_reason="disproved")
    one, two, three, four, five = MqlCycle.objects.order_by("-pk").values_list("pk", flat=True)[:5]
    MqlCycle.objects.filter(pk=five).update(
        is_by_clause=True, disposition="recycled", is_tagged=False, closed_at=world.at
    )
    closed = {"disposition": "disqualified", "closed_at": world.at}
    MqlCycle.objects.filter(pk=one).update(crm_closed_at=world.at)
    MqlCycle.objects.filter(pk=two).update(**closed)
    MqlCycle.objects.filter(pk=three).update(crm_closed_at=world.at, **closed)
    MqlCycle.objects.filter(pk=four).update(
        crm_closed_at=world.at, is_tagged=True, reason="bad_fit", **closed
    )
    return world


def rolled_up() -> dict[Any, Counts]:
    return {
        (row.day, row.kind, row.team_id, row.owner_id, row.segment): {name: getattr(row, name) for name in FIGURES}
        for row in ComplianceDay.objects.all()
    }  # fmt: skip


@pytest.mark.parametrize("zone", CHANGES)
def test_days_and_weeks_equal_a_count_by_hand_where_clocks_are_changed(
    crowd: World, examples: Callable[[int, int], int], zone: str
) -> None:
    Organisation.objects.update(zone=zone)
    for seed in range(examples(3, 60)):
        with undone():
            scatter(crowd, Random(seed), zone, 300)
            clocks = all_clocks()
            mark_dirty({local_day(clock, zone) for clock in clocks})
            roll_up(at=crowd.at)
            assert rolled_up() == count(
                clocks,
                lambda clock: (
                    local_day(clock, zone),
                    clock.kind,
                    clock.team_id,
                    clock.owner_id,
                    clock.segment,
                ),
            )
            assert compare_roll_up(at=crowd.at) == []
            weeks_equal_a_count_by_hand(clocks, zone)


def weeks_equal_a_count_by_hand(clocks: list[Clock], zone: str) -> None:
    """Figures of the three weeks around the change: of everybody, per rep, per team and per segment."""
    change = CHANGES[zone]
    for monday in (change - timedelta(days=13), change - timedelta(days=6), change + timedelta(days=1)):
        week = Week.starting(monday, zone)
        days = {monday + timedelta(days=n) for n in range(7)}
        due = [clock for clock in clocks if local_day(clock, zone) in days]
        assert due
        by_kind = {kind: as_counts(figure) for kind, figure in compliance.by_kind(week, EVERYTHING).items()}
        assert without_nothing(by_kind) == without_nothing(count(due, lambda clock: clock.kind))
        keys: dict[str, Callable[[Clock], str]] = {
            "rep": lambda clock: str(clock.owner_id or ""),
            "team": lambda clock: str(clock.team_id or ""),
            "segment": lambda clock: clock.segment,
        }
        for group, key in keys.items():
            shown = {
                (found.key, kind): as_counts(figure)
                for found in compliance.by_group(week, EVERYTHING, group)
                for kind, figure in found.figures.items()
            }
            expected = count(due, lambda clock, key=key: (key(clock), clock.kind))
            assert without_nothing(shown) == without_nothing(expected), group
        gate_measures_equal_a_count_by_hand(due, week)


def gate_measures_equal_a_count_by_hand(due: list[Clock], week: Week) -> None:
    """Both shares by which gate 3 judges the week, and the rows behind them."""
    (judged,) = weeks(week, 1, Ground.at_hand(at=week.ends_at))
    mqls = {
        clock.cycle_id
        for clock in due
        if clock.kind in (ClockKind.FOLLOW_UP, ClockKind.DISPOSITION) and clock.cycle.voided_at is None
        if clock.outcome != Outcome.NOT_OWED
        or (clock.kind == ClockKind.DISPOSITION and clock.cycle.is_by_clause)
    }
    assert gate_rows.mqls_due([week]) == {week.monday: len(mqls)}
    for kind, measure in ((ClockKind.FOLLOW_UP, judged.follow_up), (ClockKind.DISPOSITION, judged.tagging)):
        kept, counted, running = set(), set(), 0
        for clock in due:
            if clock.kind != kind or clock.cycle.voided_at is not None:
                continue
            is_recycled = clock.outcome == Outcome.NOT_OWED and clock.cycle.is_by_clause
            running += clock.outcome == Outcome.OPEN
            if clock.outcome in (Outcome.MET, Outcome.MISSED, Outcome.RESTATED) or (
                kind == ClockKind.DISPOSITION and is_recycled
            ):
                counted.add(clock.pk)
            is_lost = clock.owner_id is None if kind == ClockKind.FOLLOW_UP else is_over_untagged(clock.cycle)
            if clock.outcome == Outcome.MET and not is_lost:
                kept.add(clock.pk)
        assert (measure.met, measure.due, measure.running) == (len(kept), len(counted), running), kind
        for outcome, expected in (("gate_due", counted), ("gate_met", kept), ("gate_unmet", counted - kept)):
            rows = gate_rows.clocks(week, kind, outcome, EVERYTHING)
            assert set(rows.values_list("pk", flat=True)) == expected, (kind, outcome)


def as_counts(figure: compliance.Figure) -> Counts:
    return {
        "met": figure.met,
        "missed": figure.missed,
        "restated": figure.restated,
        "running": figure.running,
    }


def without_nothing(figures: dict[Any, Counts]) -> dict[Any, Counts]:
    """Of what the compliance page shows: not what the gate of the handoff alone counts."""
    shown = {key: {name: counts[name] for name in FIGURES[:4]} for key, counts in figures.items()}
    return {key: counts for key, counts in shown.items() if any(counts.values())}


def test_a_week_with_a_change_of_clocks_ends_at_its_own_midnight(crowd: World) -> None:
    zone = "America/New_York"
    Organisation.objects.update(zone=zone)
    # Sunday 23:59:59 and Monday 00:00 in New York, by then five hours behind UTC and no longer four
    moments = ["2026-11-02T04:59:59+00:00", "2026-11-02T05:00:00+00:00", "2026-11-02T04:00:00+00:00"]
    due = [datetime.fromisoformat(moment) for moment in moments]
    add_clocks({"kind": "attempt", "due_at": at} | outcome_of(Outcome.MET, at) for at in due)
    mark_dirty({date(2026, 11, 1), date(2026, 11, 2)})
    roll_up(at=crowd.at)
    week = Week.starting(date(2026, 10, 26), zone)
    assert compliance.by_kind(week, EVERYTHING)["attempt"].met == 2
    assert compliance.by_kind(week.next(), EVERYTHING)["attempt"].met == 1


TAMPERED = {
    "a figure": "UPDATE sla_complianceday SET met = met + 1 WHERE id = %(row)s",
    "a part of a figure": "UPDATE sla_complianceday SET missed = missed + 1, restated = restated + 1 "
    "WHERE id = %(row)s",
    "an owner": "UPDATE sla_complianceday SET owner_id = NULL, segment = 'nowhere' WHERE id = %(row)s",
    "a kind": "UPDATE sla_complianceday SET kind = 'attempt', segment = 'nowhere' WHERE id = %(row)s",
    "a row that is gone": "DELETE FROM sla_complianceday WHERE id = %(row)s",
    "a row too many": "INSERT INTO sla_complianceday (day, kind, segment, met, missed, restated, running) "
    "VALUES (%(day)s, 'assign', 'nowhere', 0, 0, 0, 1)",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_day_that_was_tampered_with_is_found_alone_and_mended(crowd: World, what: str) -> None:
    zone = "America/New_York"
    Organisation.objects.update(zone=zone)
    scatter(crowd, Random(2), zone, 100)
    mark_dirty({local_day(clock, zone) for clock in all_clocks()})
    roll_up(at=crowd.at)
    right = rolled_up()
    row = ComplianceDay.objects.filter(owner__isnull=False).order_by("pk")[20]
    with connection.cursor() as cursor:
        cursor.execute(TAMPERED[what], {"row": row.pk, "day": row.day})
        assert cursor.rowcount == 1
    assert rolled_up() != right

    assert compare_roll_up(at=crowd.at) == [row.day]
    assert list(DirtyDay.objects.values_list("metric", "day")) == [(METRIC, row.day)]
    assert compare_roll_up(at=crowd.at) == [], "a day that waits already is reported again"
    assert roll_up(at=crowd.at) == 1
    assert rolled_up() == right
    assert compare_roll_up(at=crowd.at) == []


def test_a_row_on_a_day_without_any_clock_is_found_and_goes(crowd: World) -> None:
    mark_dirty({local_day(clock, "UTC") for clock in all_clocks()})
    roll_up(at=crowd.at)
    right, day = rolled_up(), date(2019, 5, 6)
    with connection.cursor() as cursor:
        cursor.execute(TAMPERED["a row too many"], {"day": day})
    assert compare_roll_up(at=crowd.at) == [day]
    roll_up(at=crowd.at)
    assert rolled_up() == right


def test_only_days_that_are_dirty_are_recomputed_and_no_clock_is_counted_twice(crowd: World) -> None:
    zone = "America/New_York"
    Organisation.objects.update(zone=zone)
    scatter(crowd, Random(3), zone, 200)
    mark_dirty({local_day(clock, zone) for clock in all_clocks()})
    roll_up(at=crowd.at)
    kept = {row.pk: row.day for row in ComplianceDay.objects.all()}
    again = set(sorted(set(kept.values()))[::3])
    days: Counter[date] = Counter(kept.values())
    mark_dirty([*again, *again])
    right = rolled_up()
    assert roll_up(at=crowd.at) == len(again)
    assert rolled_up() == right
    replaced = {pk for pk, day in kept.items() if day in again}
    now = set(ComplianceDay.objects.values_list("pk", flat=True))
    assert not now & replaced and now >= set(kept) - replaced
    assert len(replaced) == sum(days[day] for day in again)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
def test_another_zone_of_the_organisation_has_every_day_counted_anew(crowd: World, zone: str) -> None:
    scatter(crowd, Random(4), "America/New_York", 150)
    mark_dirty({local_day(clock, "UTC") for clock in all_clocks()})
    roll_up(at=crowd.at)
    before = rolled_up()
    change_organisation(name="Northwind", zone=zone, currency="USD", weekly_minimum=10, by=None, at=crowd.at)
    assert rolled_up() == before
    roll_up(at=crowd.at)
    assert rolled_up() != before
    assert compare_roll_up(at=crowd.at) == []


def test_another_name_of_the_organisation_leaves_the_days_alone(crowd: World) -> None:
    DirtyDay.objects.all().delete()
    change_organisation(name="New", zone="UTC", currency="USD", weekly_minimum=10, by=None, at=crowd.at)
    assert not DirtyDay.objects.exists()
