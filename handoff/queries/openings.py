"""Clocks in business time that wait for their calendar to open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from alignment.business_time.calendar import NoOpenTime
from alignment.queries.calendars import compiled
from sla.models import Clock


@dataclass(frozen=True)
class Opening:
    """When a closed calendar opens, and the seconds of open time that are left then until the due time.

    `is_first`: no open time has passed since the clock began, so it starts only then.
    """

    at: datetime
    seconds_left: int
    is_first: bool


def openings(clocks: Iterable[Clock], *, at: datetime) -> dict[int, Opening]:
    """By the clock's id, for clocks whose calendar is closed at `at` and opens before they are due.

    One query for all calendars; give the clocks with their `calendar_version`.
    """
    waiting = {
        clock.pk: (clock, clock.calendar_version.calendar_id)
        for clock in clocks
        if clock.calendar_version is not None and clock.met_at is None and clock.due_at > at
    }
    calendars = compiled(calendar for _, calendar in waiting.values())
    found = {}
    for pk, (clock, calendar_id) in waiting.items():
        calendar = calendars[calendar_id].calendar
        if calendar.is_open(at):
            continue
        try:
            opens = calendar.next_opening(at)
        except NoOpenTime:
            continue
        if opens < clock.due_at:
            is_first = clock.started_at >= at or calendar.between(clock.started_at, at) == 0
            found[pk] = Opening(opens, calendar.between(at, clock.due_at), is_first)
    return found
