"""When MQLs arrive: by local weekday and hour, and whether the calendar was open then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from alignment.business_time import Schedule
from alignment.business_time.zones import EPOCH, stretches_between
from alignment.queries.calendars import compiled
from sla.queries.open_time import micros
from sla.queries.replay import ALL, HISTORY, Span

HOURS = 168  # of a week


@dataclass(frozen=True)
class Arrivals:
    """`counts[weekday][hour]` of MQLs that crossed in the span, on the clocks of `zone`, Monday first; `open_minutes`
    likewise, the calendar's usual week. `while_open`: those that came at an instant at which it was open."""

    counts: list[list[int]]
    open_minutes: list[list[int]]
    while_open: int
    total: int
    zone: str


_COUNTED = """
SELECT ((local / 3600) + 72) %% 168 AS hour, count(*),  -- 1970 began on a Thursday
       count(*) FILTER (WHERE is_open)
FROM (
    SELECT floor(extract(epoch FROM m.crossed_at))::bigint + z.ahead AS local,
           (o.starts[width_bucket((extract(epoch FROM m.crossed_at) * 1000000)::bigint, o.ends) + 1]
            <= (extract(epoch FROM m.crossed_at) * 1000000)::bigint) AS is_open
    FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(ahead)s::bigint[]) AS z(since, until, ahead)
    JOIN alignment_mqlcycle m ON m.crossed_at >= z.since AND m.crossed_at < z.until
    CROSS JOIN (SELECT %(starts)s::bigint[] AS starts, %(ends)s::bigint[] AS ends) o
    WHERE m.voided_at IS NULL {which}
) arrived GROUP BY 1
"""


def arrivals(span: Span, calendar_id: int, which: str = ALL) -> Arrivals:
    """Local time is that of the calendar's zone: a day there is what its open hours are written in."""
    calendar = compiled([calendar_id])[calendar_id]
    zone = calendar.versions[0].schedule["zone"]
    stretches = list(stretches_between(zone, _seconds(span.starts_at), _seconds(span.ends_at)))
    intervals = calendar.calendar.open_time(span.starts_at.year, span.ends_at.year)
    given: dict[str, Any] = {
        "since": [_instant(since) for since, _, _ in stretches],
        "until": [_instant(until) for _, until, _ in stretches],
        "ahead": [ahead for _, _, ahead in stretches],
        "starts": [start for start, _ in intervals],
        "ends": [end for _, end in intervals],
    }
    narrowed = "" if which == ALL else f"AND {'' if which == HISTORY else 'NOT '}m.is_history"
    hours, while_open = [0] * HOURS, 0
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED.format(which=narrowed), given)
        for hour, count, open_ in cursor.fetchall():
            hours[hour] = count
            while_open += open_
    return Arrivals(_by_day(hours), _usual(calendar.versions[0].schedule), while_open, sum(hours), zone)


def _usual(schedule: dict[str, object]) -> list[list[int]]:
    """Minutes of each hour of the usual week that are open; a shift over midnight goes on on the next day."""
    minutes = [0] * (7 * 1440)
    for weekday, windows in Schedule.from_json(schedule).weekly.items():
        for start, end in windows:
            length = end - start if end > start else end + 1440 - start
            for minute in range(weekday * 1440 + start, weekday * 1440 + start + length):
                minutes[minute % len(minutes)] = 1
    return _by_day([sum(minutes[hour * 60 : hour * 60 + 60]) for hour in range(HOURS)])


def _by_day(hours: list[int]) -> list[list[int]]:
    return [hours[day * 24 : day * 24 + 24] for day in range(7)]


def _seconds(instant: datetime) -> int:
    return micros(instant) // 1_000_000


def _instant(seconds: int) -> datetime:
    return EPOCH.fromtimestamp(seconds, EPOCH.tzinfo)
