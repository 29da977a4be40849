"""Business days of the organisation: of its default calendar with its holidays, else Monday to Friday."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alignment.business_days import BusinessDays, business_days
from alignment.business_time import BusinessCalendar, Schedule
from alignment.models import Organisation
from alignment.services.calendars import add_exception
from testing.world import World

NINE_TO_FIVE = dict.fromkeys(range(5), ((540, 1020),))


def calendar(zone: str = "UTC", **more: object) -> BusinessCalendar:
    return BusinessCalendar([(Schedule(zone, NINE_TO_FIVE, **more), None)])  # type: ignore[arg-type]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_a_calendar_they_are_monday_to_friday() -> None:
    days = BusinessDays("UTC")
    assert days.add(date(2026, 11, 20), 1) == date(2026, 11, 23)  # a Friday
    assert days.add(date(2026, 11, 21), 1) == date(2026, 11, 23)  # a Saturday
    assert days.add(date(2026, 11, 16), 10) == date(2026, 11, 30)
    assert not days.is_business(date(2026, 11, 21))


def test_the_tenth_has_passed_when_it_ends_and_not_before() -> None:
    passed = BusinessDays("UTC").passed_at(at("2026-11-16 15:00"), 10)
    assert passed == at("2026-12-01 00:00")


def test_a_holiday_moves_the_tenth_by_a_day() -> None:
    days = BusinessDays("UTC", calendar(holidays=frozenset({date(2026, 11, 26)})))
    assert days.passed_at(at("2026-11-16 15:00"), 10) == at("2026-12-02 00:00")


def test_days_are_those_of_the_calendar_s_own_zone() -> None:
    days = BusinessDays("America/New_York", calendar("America/New_York"))
    late = datetime(2026, 11, 16, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    assert days.day_of(late) == date(2026, 11, 16)
    assert days.passed_at(late, 1) == datetime(2026, 11, 18, 5, tzinfo=UTC)


def test_those_that_have_passed_are_counted_as_a_walk_counts_them() -> None:
    days = BusinessDays("UTC", calendar(holidays=frozenset({date(2026, 11, 26), date(2026, 12, 25)})))
    sent = at("2026-11-16 15:00")
    for hours in range(0, 24 * 50, 7):
        until = sent + timedelta(hours=hours)
        counted = days.passed_between(sent, until)
        assert days.passed_at(sent, counted) <= until if counted else days.passed_at(sent, 1) > until
        assert days.passed_at(sent, counted + 1) > until


def test_a_calendar_that_never_opens_counts_monday_to_friday() -> None:
    closed = BusinessCalendar([(Schedule("UTC", {}), None)])
    assert BusinessDays("UTC", closed).add(date(2026, 11, 20), 1) == date(2026, 11, 23)


@pytest.mark.django_db
class TestOfTheOrganisation:
    def test_they_are_those_of_the_calendar_that_the_agreement_names(self, world: World) -> None:
        add_exception(
            calendar=world.calendar,
            day=date(2026, 11, 26),
            windows=[],
            reason="Thanksgiving",
            by=None,
            at=world.at,
        )
        days = business_days(world.at + timedelta(hours=1))
        assert days.name == "Office hours"
        assert not days.is_business(date(2026, 11, 26))
        assert days.is_business(date(2026, 11, 27))

    def test_before_there_is_an_agreement_they_are_monday_to_friday_of_the_organisation(self) -> None:
        Organisation.objects.create(pk=1, zone="Europe/Berlin")
        days = business_days(at("2026-11-16 15:00"))
        assert (days.zone, days.name) == ("Europe/Berlin", "Monday to Friday")
