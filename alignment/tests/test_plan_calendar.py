"""The weeks of a program as a calendar file that calendars can read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.business_days import BusinessDays
from alignment.business_time import BusinessCalendar, Schedule
from alignment.models import Notification, Organisation, OutgoingMail, Program, Role
from alignment.plan_calendar import blocks, checkpoints, write
from alignment.services.programs import ProgramIsClosed, change_program, close_program, mail_plan, take_plan
from testing.artifacts import user_with
from testing.programs import open_one

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MONDAY = date(2026, 11, 30)


@given(start=st.dates(date(2020, 1, 1), date(2030, 1, 1)), weeks=st.integers(6, 10))
def test_the_blocks_fill_the_weeks_without_gap_or_overlap(start: date, weeks: int) -> None:
    found = blocks(start, weeks)
    assert [block.step.value for block in found] == [1, 2, 3, 4, 5]
    assert found[0].first == start
    assert found[-1].last == start + timedelta(weeks=weeks) - timedelta(days=1)
    for before, after in pairwise(found):
        assert after.first == before.last + timedelta(days=1)
    assert all(block.last >= block.first for block in found)
    assert abs((found[3].first - start).days - weeks * 7 / 2) < 1


def test_eight_weeks_give_two_one_one_two_two() -> None:
    assert [(b.last - b.first).days + 1 for b in blocks(MONDAY, 8)] == [14, 7, 7, 14, 14]


def test_a_checkpoint_is_on_the_last_business_day_of_each_week() -> None:
    week = dict.fromkeys(range(5), ((540, 1020),))
    holiday = BusinessCalendar([(Schedule("UTC", week, frozenset({date(2026, 12, 4)})), None)])
    found = list(checkpoints(MONDAY, 6, BusinessDays("UTC", holiday)))
    assert found[0] == date(2026, 12, 3)
    assert found[1:] == [date(2026, 12, 11) + timedelta(weeks=n) for n in range(5)]


@pytest.mark.django_db
class TestFile:
    @pytest.fixture
    def program(self) -> Program:
        Organisation.objects.create(pk=1, zone="America/New_York")
        return open_one(NOW, starts_on=date(2026, 10, 26), weeks=6)

    def read(self, program: Program) -> list[Any]:
        text = take_plan(program=program, by=user_with(Role.REVOPS), at=NOW)
        return events(text)

    def test_a_calendar_reads_back_all_day_blocks_and_checkpoints(self, program: Program) -> None:
        found = self.read(program)
        steps = [event for event in found if "step" in event["uid"]]
        assert [str(event["summary"]) for event in steps] == [
            f"Alignment 2026: step {n}, {label}"
            for n, label in enumerate(["Scorecard", "SLA", "Handoff", "Plan", "Dashboard"], start=1)
        ]
        assert steps[0]["dtstart"].dt == date(2026, 10, 26)
        assert steps[-1]["dtend"].dt == date(2026, 12, 7)  # the day after the last
        assert all(type(event["dtstart"].dt) is date for event in steps)
        assert len(found) == 5 + 6

    def test_checkpoints_keep_their_local_time_across_the_change_of_clocks(self, program: Program) -> None:
        points = [event for event in self.read(program) if "checkpoint" in event["uid"]]
        starts = [event["dtstart"].dt for event in points]
        assert {start.strftime("%H:%M") for start in starts} == {"10:00"}
        assert starts[0].astimezone(UTC) == datetime(2026, 10, 30, 14, tzinfo=UTC)
        assert starts[1].astimezone(UTC) == datetime(2026, 11, 6, 15, tzinfo=UTC)
        assert points[0]["dtstart"].params["TZID"] == "America/New_York"
        text = take_plan(program=program, by=user_with(Role.REVOPS), at=NOW)
        assert "BEGIN:VTIMEZONE" in text and "TZID:America/New_York" in text
        assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))

    def test_a_name_with_signs_of_the_format_comes_back_as_it_was(self) -> None:
        program = open_one(NOW, name="Plan; A, B\\C: ünïcode")
        (first, *_) = self.read(program)
        assert str(first["summary"]).startswith("Plan; A, B\\C: ünïcode: step 1")

    def test_a_later_file_has_a_higher_sequence_under_the_same_names(self, program: Program) -> None:
        first, second = self.read(program), self.read(program)
        assert [event["uid"] for event in first] == [event["uid"] for event in second]
        assert second[0]["sequence"] > first[0]["sequence"]

    def test_taking_it_is_noted_where_revops_takes_it(self, program: Program) -> None:
        take_plan(program=program, by=user_with(Role.CRO), at=NOW)
        program.refresh_from_db()
        assert program.plan_taken_at is None
        take_plan(program=program, by=user_with(Role.REVOPS), at=NOW)
        taken = Program.objects.get()
        assert (taken.plan_taken_at, taken.plan_taken_by) == (NOW, user_with(Role.REVOPS))

    def test_it_is_mailed_to_cro_cmo_and_owner_with_the_file(self, program: Program) -> None:
        user_with(Role.CRO)
        user_with(Role.CMO)
        assert mail_plan(program=program, by=user_with(Role.REVOPS), at=NOW) == 3
        assert set(Notification.objects.values_list("user__role", flat=True)) == {"cro", "cmo", "revops"}
        (attachment,) = OutgoingMail.objects.first().attachments  # type: ignore[union-attr]
        assert (attachment["name"], attachment["type"]) == ("program-1.ics", "text/calendar")
        assert len(events(attachment["text"])) == 11

    def test_dates_that_are_changed_back_on_one_day_are_mailed_again_and_nothing_else_is(
        self, program: Program
    ) -> None:
        revops, day = user_with(Role.REVOPS), program.starts_on

        def mailed() -> int:
            return mail_plan(program=Program.objects.get(), by=revops, at=NOW)

        assert (mailed(), mailed()) == (1, 0)
        for starts_on in (day + timedelta(days=7), day):
            change(program, starts_on=starts_on)
            assert (mailed(), mailed()) == (1, 0)

    @pytest.mark.parametrize("take", [take_plan, mail_plan])
    def test_the_dates_that_are_taken_are_those_of_now(self, program: Program, take: Any) -> None:
        seen = Program.objects.get()
        change(program, starts_on=program.starts_on + timedelta(days=7))
        found = take(program=seen, by=user_with(Role.REVOPS), at=NOW)
        text = found if isinstance(found, str) else OutgoingMail.objects.get().attachments[0]["text"]
        assert min(event["dtstart"].dt for event in events(text) if "checkpoint" not in event["uid"]) == (
            Program.objects.get().starts_on
        )

    def test_a_closed_program_has_no_plan(self, program: Program) -> None:
        closed = close_program(program=program, reason="x", by=user_with(Role.REVOPS), at=NOW)
        with pytest.raises(ProgramIsClosed):
            take_plan(program=closed, by=user_with(Role.REVOPS), at=NOW)


def change(program: Program, **changes: Any) -> None:
    names = ("name", "owner", "hours_per_week", "has_admin_access", "starts_on", "weeks")
    given = {name: getattr(program, name) for name in names} | changes
    change_program(program=program, **given, reason="Other dates", by=user_with(Role.REVOPS), at=NOW)


def events(text: str) -> list[Any]:
    """As a calendar reads them."""
    calendar: Any = icalendar.Calendar.from_ical(text)
    return list(calendar.walk("VEVENT"))


def test_a_zone_without_a_change_of_clocks_is_written_too() -> None:
    program = Program(number=3, name="Kathmandu", starts_on=MONDAY, weeks=6)
    text = write(program, days=BusinessDays("Asia/Kathmandu"), zone="Asia/Kathmandu", sequence=1, at=NOW)
    point = next(e for e in events(text) if "checkpoint" in e["uid"])
    assert point["dtstart"].dt.astimezone(UTC) == datetime(2026, 12, 4, 4, 15, tzinfo=UTC)
