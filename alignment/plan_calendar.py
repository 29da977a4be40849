"""The plan of a program as a calendar file (RFC 5545): a block of days per step, and a checkpoint each week.

The first half of the weeks is for steps 1 to 3, which show operational change in the first month of eight weeks: two
weeks for the scorecard (its ten business days), one each for SLA and handoff. The second half is for plan and
dashboard, two weeks each. Other lengths keep these proportions, in whole days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from alignment.business_days import BusinessDays
from alignment.ics import calendar_of, text_of
from alignment.ics import event as event_of
from alignment.models import Program, Step

_EIGHTHS = {Step.SCORECARD: 2, Step.SLA: 1, Step.HANDOFF: 1, Step.PLAN: 2, Step.DASHBOARD: 2}
_ABOUT = {
    Step.SCORECARD: "Diagnose with a scored audit; the one page is signed by both function leads.",
    Step.SLA: "Design the joint revenue SLA; signed by both function leads.",
    Step.HANDOFF: "Configure routing, timers and dispositions in the CRM, and inspect them.",
    Step.PLAN: "One working session, one page, signed by CRO and CMO.",
    Step.DASHBOARD: "Five tiles with signed metric definitions.",
}
CHECKPOINT = time(10, 0)
LENGTH = timedelta(minutes=30)


@dataclass(frozen=True)
class Block:
    """The days of one step; `last` belongs to it."""

    step: Step
    first: date
    last: date


def blocks(starts_on: date, weeks: int) -> list[Block]:
    """One block per step: without a gap, in order, `weeks` × 7 days in all."""
    found, passed = [], 0
    for step, eighths in _EIGHTHS.items():
        first = starts_on + timedelta(days=passed * weeks * 7 // 8)
        passed += eighths
        found.append(Block(step, first, starts_on + timedelta(days=passed * weeks * 7 // 8 - 1)))
    return found


def checkpoints(starts_on: date, weeks: int, days: BusinessDays) -> Iterator[date]:
    """The last business day of each week of the program; none of a week without one."""
    for week in range(weeks):
        for offset in range(6, -1, -1):
            day = starts_on + timedelta(days=7 * week + offset)
            if days.is_business(day):
                yield day
                break


def write(program: Program, *, days: BusinessDays, zone: str, sequence: int, at: datetime) -> str:
    """The file's text. `zone`: of the checkpoints (IANA); `sequence`: raised with every change of the program, so that
    calendars take the newer file."""
    calendar = calendar_of("Program", name=program.name)
    for block in blocks(program.starts_on, program.weeks):
        event = event_of(f"program-{program.number}-step-{block.step.value}", sequence=sequence, at=at)
        event.add("summary", f"{program.name}: step {block.step.value}, {block.step.label}")
        event.add("description", _ABOUT[block.step])
        event.add("dtstart", block.first)
        event.add("dtend", block.last + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    for number, day in enumerate(checkpoints(program.starts_on, program.weeks, days), start=1):
        begins = datetime.combine(day, CHECKPOINT, tzinfo=ZoneInfo(zone))
        event = event_of(f"program-{program.number}-checkpoint-{number}", sequence=sequence, at=at)
        event.add("summary", f"{program.name}: checkpoint of week {number}")
        event.add("description", f"What blocks which gate: {settings.BASE_URL}/program/")
        event.add("dtstart", begins)
        event.add("dtend", begins + LENGTH)
        calendar.add_component(event)
    return text_of(calendar)


def file_name(program: Program) -> str:
    return f"program-{program.number}.ics"
