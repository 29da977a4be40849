"""Calibration over past MQLs: `python3 run.py benchmark calibration` (some minutes).

On one scratch database with 100,000 and then 1,000,000 MQLs, by calling what the page calls:

- a changed window: the whole answer for four quarters, today's terms and the proposed ones (target: at most 300 ms at
  the median for 100,000), beside the same count by reading every MQL into Python (its due time is not even computed)
- a changed calendar: the answer where its open time was not measured yet (target: at most 3 s for 100,000), beside
  reading the MQLs and computing their due times, and nothing else, one by one
- growth of the best times from 100,000 to 1,000,000 (target: linear, at most 10 ×, with some noise)
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from sla.terms import Terms
    from testing.world import World

FEW, MANY = 100_000, 1_000_000
REPS, ONE_BY_ONE, ROUNDS = 50, 5_000, 9
AT_ONCE = 100_000  # rows of a statement that makes MQLs: what it wrote is held for the triggers after it
NOW = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)

# MQLs of a year, arriving at any hour, each with an owner at once, a follow-up after some hours or none, a disposition
MADE = """
INSERT INTO alignment_lead (source_id, external_id, is_deleted, email, first_name, last_name, title, phone, company,
        country, segment, intent, product, lifecycle, status, disposition, reason, first_seen_at, sourced_function,
        match_rule)
SELECT %(source)s, 'made-' || n, false, '', '', '', '', '', '', '', '', '', '', '', '', '', '', %(now)s, 'unknown', ''
FROM generate_series(%(first)s, %(last)s) AS n
"""
FACTS = """
INSERT INTO alignment_fact (source_id, ref, subject, external_id, action, fields, occurred_at, received_at, order_key,
        is_timed, is_history)
SELECT %(source)s, 'made-' || n, 'lead', 'made-' || n, '',
       jsonb_build_object('score', 65 + n %% 30,
                          'intent', (ARRAY['demo_request', 'pricing', 'webinar', ''])[1 + n %% 4],
                          'segment', (ARRAY['smb', 'mid', 'enterprise'])[1 + n %% 3]),
       %(now)s - interval '400 days', %(now)s - interval '400 days', '', true, true
FROM generate_series(%(first)s, %(last)s) AS n
"""
CYCLES = """
INSERT INTO alignment_mqlcycle (lead_id, number, opened_by_id, crossed_at, received_at, started_at, is_clock_suspect,
        is_history, tier, segment, team_id, owner_id, assigned_at, assigned_by, first_follow_up_at, attempts,
        disposition, reason, disposed_at, is_tagged, void_reason)
SELECT l.id, 1, f.id, c.at, %(now)s, c.at, false, true, '', (ARRAY['smb', 'mid', 'enterprise'])[1 + c.n %% 3], %(team)s,
       %(owner)s + c.n %% %(reps)s, c.at + interval '2 minutes', 'crm',
       CASE WHEN c.n %% 10 > 0 THEN c.at + (abs(hashint4(c.n)) %% 200000) * interval '1 second' END, 1, 'working', '',
       CASE WHEN c.n %% 5 > 0 THEN c.at + (abs(hashint4(c.n + 7)) %% 500000) * interval '1 second' END, true, ''
FROM (SELECT n, %(now)s - interval '410 days' + (abs(hashint4(n * 31)) %% 31536000) * interval '1 second' AS at
      FROM generate_series(%(first)s, %(last)s) AS n) c
JOIN alignment_lead l ON l.source_id = %(source)s AND l.external_id = 'made-' || c.n
JOIN alignment_fact f ON f.source_id = %(source)s AND f.ref = 'made-' || c.n
"""


def make(world: World, first: int, last: int) -> None:
    from django.db import connection

    given: dict[str, Any] = {
        "source": world.crm.pk, "now": NOW, "team": world.team.pk, "reps": REPS,
        "owner": min(rep.pk for rep in world.reps),
    }  # fmt: skip
    with connection.cursor() as cursor:
        for start in range(first, last + 1, AT_ONCE):
            some = {"first": start, "last": min(start + AT_ONCE - 1, last)}
            for statement in (MADE, FACTS, CYCLES):
                cursor.execute(statement, given | some)
        for table in ("alignment_lead", "alignment_fact", "alignment_mqlcycle"):
            cursor.execute(f"ANALYZE {table}")


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def with_window(document: dict[str, Any], hours: int) -> Terms:
    from sla.terms import Terms

    changed = {**document, "tiers": [dict(tier) for tier in document["tiers"]]}
    changed["tiers"][1]["follow_up_within"] = {"amount": hours, "unit": "hours", "time": "business"}
    return Terms.from_json(changed)


def compare(terms: Terms, today: Terms) -> object:
    """What the page's answer computes for a slider that was moved."""
    from sla.queries.calibration import answer, by_rep, by_segment, by_week, last_quarters
    from sla.services.elapsed import bring_up_to_date, needed_by

    bring_up_to_date(at=NOW, needed=needed_by(terms) | needed_by(today))
    found = answer(terms, today, last_quarters(4, at=NOW, zone="UTC"), cut=NOW)
    return by_week(found), by_rep(found), by_segment(found), found


def shortest(terms: Terms, today: Terms) -> object:
    """What the page shows beside it: the windows that most would have met, and when MQLs arrive."""
    from alignment.access import Scope
    from sla.queries.calibration import answer, last_quarters, shortest_windows, when_they_arrive

    found = answer(terms, today, last_quarters(4, at=NOW, zone="UTC"), cut=NOW)
    return shortest_windows(found, Scope(is_all=True)), when_they_arrive(found)


def row_by_row() -> int:
    """Every MQL as an object, and whether its follow-up came within some hours by the clock."""
    from alignment.models import MqlCycle

    within = timedelta(hours=24)
    return sum(
        cycle.first_follow_up_at is not None and cycle.first_follow_up_at - cycle.started_at <= within
        for cycle in MqlCycle.objects.iterator()
    )


def one_by_one(calendar_id: int) -> float:
    """Reading MQLs and their due times by the business calendar, MQLs a second."""
    from alignment.models import MqlCycle
    from alignment.queries.calendars import compiled

    calendar = compiled([calendar_id])[calendar_id].calendar

    def due() -> None:
        for cycle in MqlCycle.objects.order_by("pk")[:ONE_BY_ONE]:
            calendar.add(cycle.started_at, 24 * 3600)
            calendar.add(cycle.started_at, 24 * 3600)

    return ONE_BY_ONE / seconds(due)


def new_calendar(number: int) -> int:
    from alignment.services.calendars import create_calendar
    from testing.world import WEEKDAYS

    made = create_calendar(
        name=f"Other {number}",
        schedule={"zone": "Europe/Berlin", "weekly": dict.fromkeys(("mon", "tue", "thu"), WEEKDAYS["mon"])},
        by=None,
        at=NOW - timedelta(days=1),
    )
    return made.pk


def measure(world: World, document: dict[str, Any], mqls: int) -> dict[str, float]:
    """Best and median seconds of each measure."""
    from sla.services.elapsed import bring_up_to_date, needed_by
    from sla.terms import Terms

    today = Terms.from_json(document)
    first = seconds(lambda: bring_up_to_date(at=NOW, needed=needed_by(today)))
    hours = range(4, 4 + ROUNDS)
    windows = [seconds(partial(compare, with_window(document, each), today)) for each in hours]
    beside = [seconds(lambda: shortest(today, today)) for _ in range(3)]
    calendars = []
    for number in range(3):
        changed = {**document, "calendars": {"default": new_calendar(10 * mqls + number), "teams": {}}}
        calendars.append(seconds(partial(compare, Terms.from_json(changed), today)))
    by_row = seconds(row_by_row)
    alone = mqls / one_by_one(world.calendar.pk)
    load = os.getloadavg()[0]
    print(f"{mqls:>9,} MQLs, load {load:.1f}")
    print(f"  measured for the first time {first:8.2f} s")
    print(
        f"  changed window    {1000 * statistics.median(windows):8.0f} ms median, {1000 * min(windows):.0f} best"
    )
    print(f"  shortest windows and arrivals {1000 * min(beside):8.0f} ms best, with both sides")
    print(f"  changed calendar  {statistics.median(calendars):8.2f} s median, {min(calendars):.2f} best")
    print(
        f"  reading every MQL {by_row:8.2f} s: {by_row / statistics.median(windows):.0f} × a changed window"
    )
    print(
        f"  due times one by one {alone:5.2f} s, and no counts: {alone / statistics.median(calendars):.1f} × "
        "a changed calendar"
    )
    return {"window": min(windows), "calendar": min(calendars)}


def run(few: int = FEW, many: int = MANY) -> None:
    """Both sizes in turn, and how the times grow."""
    from testing.world import add_rep, build_world, terms

    world = build_world(NOW)
    for number in range(REPS):
        world.reps.append(add_rep(world, f"Made {number}"))
    world.reps = sorted(world.reps, key=lambda rep: rep.pk)[-REPS:]
    document = terms(world.calendar)
    print(f"{few:,} MQLs made in {seconds(lambda: make(world, 1, few)):.0f} s")
    small = measure(world, document, few)
    print(f"{many - few:,} more made in {seconds(lambda: make(world, few + 1, many)):.0f} s")
    large = measure(world, document, many)
    for name in small:
        print(
            f"changed {name}, best: {many:,} MQLs take {large[name] / small[name]:.1f} × the time of {few:,}, "
            f"which are {many / few:.0f} × fewer"
        )


if __name__ == "__main__":
    with scratch_database():
        run(*(int(size) for size in os.environ.get("CALIBRATION_SIZES", f"{FEW},{MANY}").split(",")))
