"""Positions in a calendar's open time: the same verdict as the engine's due time, in Python and in PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from alignment.business_time import BusinessCalendar, Schedule
from alignment.queries.calendars import CompiledCalendar
from sla.queries.open_time import arrays, micros, open_time, position_sql

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
WEEKS = (
    {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    {day: [["08:30", "12:00"], ["13:00", "17:15"]] for day in ("mon", "wed", "fri", "sat")},
    {"sun": [["22:00", "06:00"]], "tue": [["00:00", "24:00"]]},
    {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
)
FIRST = datetime(2025, 3, 1, tzinfo=UTC)

POSITIONS = f"""
WITH o AS MATERIALIZED (
    SELECT %(starts)s::bigint[] AS starts, %(ends)s::bigint[] AS ends, %(closed)s::bigint[] AS closed
)
SELECT {position_sql("t")} FROM o, unnest(%(drawn)s::bigint[]) WITH ORDINALITY AS d(t, n) ORDER BY n
"""  # noqa: S608 - what is put in is a constant


def calendars() -> list[CompiledCalendar]:
    """Of all zones and weeks, each with a holiday and an exception from some instant on."""
    found = []
    for zone in ZONES:
        for week in WEEKS:
            plain = Schedule.from_json({"zone": zone, "weekly": week, "holidays": ["2025-05-01"]})
            changed = Schedule.from_json(
                {"zone": zone, "weekly": week, "holidays": ["2025-05-01", "2025-06-10", "2025-06-11"]}
            )
            calendar = BusinessCalendar([(plain, None), (changed, FIRST + timedelta(days=99, hours=13))])
            found.append(CompiledCalendar(calendar, (), ()))
    return found


def instants(calendar: CompiledCalendar, draw: random.Random, count: int) -> list[datetime]:
    """Any microsecond, and the edges of open time and what lies beside them."""
    edges = [edge for interval in calendar.calendar.open_time(2025, 2025) for edge in interval]
    found = []
    for _ in range(count):
        if draw.random() < 0.5:
            found.append(FIRST + timedelta(microseconds=draw.randrange(240 * 86_400 * 1_000_000)))
        else:
            edge = draw.choice(edges) + draw.choice([-1, 0, 0, 1])
            found.append(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=edge))
    return found


def test_a_window_is_kept_by_its_position_as_by_its_due_time(examples: Callable[[int, int], int]) -> None:
    draw, kinds = random.Random(5), set()
    for calendar in calendars():
        table = open_time(calendar, FIRST - timedelta(days=90), FIRST + timedelta(days=400))
        drawn = instants(calendar, draw, examples(120, 4000))
        for base, action in zip(drawn, reversed(drawn), strict=True):
            begins = table.position(micros(base))
            exact = max(table.mark(action) - begins, 0) // 1_000_000
            for seconds in {60, max(exact, 60), exact + 1, max(exact - 1, 1), draw.randrange(1, 400_000)}:
                due = calendar.calendar.add(base, seconds)
                is_kept = begins + seconds * 1_000_000 >= table.mark(action)
                assert is_kept == (action <= due) or action <= base, (base, action, seconds)
                kinds.add((is_kept, action > base))
    assert kinds == {(True, True), (False, True), (True, False)}  # before its beginning nothing is late


def test_before_1970_and_years_asked_for_change_no_position() -> None:
    calendar = calendars()[1]
    wide = open_time(calendar, datetime(1999, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    narrow = open_time(calendar, FIRST, FIRST + timedelta(days=30))
    for at in instants(calendar, random.Random(7), 50):
        assert wide.position(micros(at)) == narrow.position(micros(at))


@pytest.mark.django_db
def test_the_database_finds_the_same_positions() -> None:
    draw = random.Random(11)
    for calendar in calendars()[::3]:
        table = open_time(calendar, FIRST, FIRST + timedelta(days=400))
        drawn = [micros(at) for at in instants(calendar, draw, 200)]
        with connection.cursor() as cursor:
            cursor.execute(
                POSITIONS,
                {"drawn": drawn, **arrays(table)},
            )
            assert [row[0] for row in cursor.fetchall()] == [table.position(at) for at in drawn]
