"""The course of an opportunity: the stages it entered and when, and when it was closed the way it stands now.

A fact says what holds from its time on, and it may say since when: `stage_at` (the stage was entered then) and
`closed_at` (it was closed then), or, where the source gives a date only, `stage_day` and `closed_day`, the instant at
which that day begins. A day is made exact by a time within it that is known already. So an export counts as of its own
time, and yet dates what happened before it.

The aggregate `alignment_course` (migration) says the same in SQL; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alignment.models import Fact
from alignment.pipeline.rows import moment

DAY = timedelta(days=1)


@dataclass
class Course:
    """Folded facts: `entries` are (stage, entered at), never earlier than the one before; `closed_at` is None while
    the opportunity is open; `first_at` is the earliest time that any fact tells of."""

    entries: list[tuple[str, datetime]] = field(default_factory=list)
    is_closed: bool = False
    is_won: bool = False
    closed_at: datetime | None = None
    first_at: datetime | None = None

    def add(self, said: dict[str, Any], at: datetime, *, is_timed: bool = True) -> None:
        """What a fact says from `at` on; facts come in order.

        A source without times (`is_timed` is false) cannot tell a repeated delivery from a return to a stage: there,
        only the first entry into each stage counts.
        """
        last = self.entries[-1][1] if self.entries else None
        entered = _since(said, "stage", last)
        closed = _since(said, "closed", entered, self.closed_at, last)
        told = [each for each in (at, entered, closed, self.first_at) if each]
        self.first_at = min(told)
        before = (self.is_closed or self.is_won, self.is_won)
        if "is_closed" in said:
            self.is_closed = bool(said["is_closed"])
        if "is_won" in said:
            self.is_won = bool(said["is_won"])
        now = (self.is_closed or self.is_won, self.is_won)
        since = entered or (closed if now[0] else None) or at
        stage = said.get("stage")
        if stage and (not self.entries or self.entries[-1][0] != stage):
            if is_timed or all(stage != known for known, _ in self.entries):
                self.entries.append((stage, max(since, last) if last else since))
        elif stage and entered:
            earlier = self.entries[-2][1] if len(self.entries) > 1 else entered
            self.entries[-1] = (stage, max(entered, earlier))
            if self.closed_at == last:
                self.closed_at = self.entries[-1][1]
        if not now[0]:
            self.closed_at = None
        elif now != before:
            self.closed_at = closed or since
        elif closed:
            self.closed_at = closed


def course_of(facts: Iterable[Fact]) -> Course:
    """Fold the facts about one opportunity, in order of occurrence."""
    course = Course()
    for fact in facts:
        course.add(fact.fields, fact.occurred_at, is_timed=fact.is_timed)
    return course


def _since(said: dict[str, Any], what: str, *known: datetime | None) -> datetime | None:
    """The time that a fact states; of a day, the first of the known times that lies in it, else its beginning."""
    if exact := moment(said.get(f"{what}_at")):
        return exact
    day = moment(said.get(f"{what}_day"))
    if day is None:
        return None
    return next((each for each in known if each and day <= each < day + DAY), day)
