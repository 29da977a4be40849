"""Calendars change only forward: an exception makes a version that judges the instants after it."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from alignment.business_time import BusinessCalendar, InvalidSchedule
from alignment.holidays import UnknownCountry, public_holidays
from alignment.models import Calendar, CalendarVersion, Role, User
from alignment.queries.calendars import compiled, version_at
from alignment.services import calendars
from alignment.services.authority import OnlyRevOps

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)  # a Monday
OFFICE = {
    "zone": "UTC",
    "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}


@pytest.fixture
def revops(db: None) -> User:
    return User.objects.create(email="olga@example.com", name="Olga", role=Role.REVOPS)


@pytest.fixture
def rep(db: None) -> User:
    return User.objects.create(email="ann@example.com", name="Ann", role=Role.REP)


@pytest.fixture
def office(revops: User) -> Calendar:
    return calendars.create_calendar(name="Office", schedule=OFFICE, by=revops, at=AT)


def open_time(calendar: int) -> BusinessCalendar:
    return compiled([calendar])[calendar].calendar


def except_on(calendar: Calendar, day: date, windows=None, *, by: User, at: datetime = AT, reason="Move"):
    return calendars.add_exception(calendar=calendar, day=day, windows=windows, reason=reason, by=by, at=at)


def test_the_first_version_judges_all_earlier_instants(office: Calendar) -> None:
    version = office.versions.get()
    assert (version.number, version.effective_from) == (1, None)
    assert version_at(office.pk, datetime(2001, 1, 1, tzinfo=UTC)) == version


def test_holidays_of_the_country_are_seeded_for_three_years_and_the_past_four(revops: User) -> None:
    calendar = calendars.create_calendar(name="Berlin", schedule=OFFICE, country="de-be", by=revops, at=AT)
    version = calendar.versions.get()
    days = version.schedule["holidays"]
    assert {day[:4] for day in days} == {str(year) for year in range(2022, 2029)}
    assert version.holiday_names["2026-03-08"] == public_holidays("DE-BE", [2026])[date(2026, 3, 8)]
    assert version.country == "DE-BE"
    assert not open_time(calendar.pk).is_open(datetime(2026, 12, 25, 12, tzinfo=UTC))


def test_a_date_that_the_document_opens_stays_open_on_a_holiday(revops: User) -> None:
    schedule = {**OFFICE, "overrides": {"2026-12-25": [["10:00", "12:00"]]}}
    calendar = calendars.create_calendar(name="Hotline", schedule=schedule, country="DE", by=revops, at=AT)
    assert open_time(calendar.pk).open_seconds_on(date(2026, 12, 25)) == 7200


@pytest.mark.parametrize(
    ("country", "hint"), [("Germany", "such as DE"), ("DE-XX", "DE-"), ("ZZ", "ISO country")]
)
def test_an_unknown_country_is_refused_with_a_hint(revops: User, country: str, hint: str) -> None:
    with pytest.raises(UnknownCountry, match=hint):
        calendars.create_calendar(name="X", schedule=OFFICE, country=country, by=revops, at=AT)
    assert not Calendar.objects.exists()


def test_a_calendar_that_never_opens_is_refused(revops: User) -> None:
    with pytest.raises(calendars.NoWorkingTime):
        calendars.create_calendar(name="X", schedule={"zone": "UTC", "weekly": {}}, by=revops, at=AT)


def test_an_unknown_zone_is_refused(revops: User) -> None:
    with pytest.raises(InvalidSchedule, match="Mars"):
        calendars.create_calendar(name="X", schedule={**OFFICE, "zone": "Mars/Base"}, by=revops, at=AT)


def test_a_name_is_taken_once(office: Calendar, revops: User) -> None:
    with pytest.raises(calendars.CalendarExists, match="Office"):
        calendars.create_calendar(name="Office", schedule=OFFICE, by=revops, at=AT)


def test_only_revops_sets_up_calendars(office: Calendar, rep: User) -> None:
    with pytest.raises(OnlyRevOps):
        calendars.create_calendar(name="Mine", schedule=OFFICE, by=rep, at=AT)
    with pytest.raises(OnlyRevOps):
        except_on(office, date(2026, 3, 3), by=rep)
    with pytest.raises(OnlyRevOps):
        calendars.extend_holidays(calendar=office, through_year=2030, by=rep, at=AT)


def test_a_closed_day_counts_for_instants_after_it_is_entered(office: Calendar, revops: User) -> None:
    noon = AT + timedelta(hours=2)
    version = except_on(office, AT.date(), by=revops, at=noon, reason="Office flooded")
    calendar = open_time(office.pk)
    assert (version.number, version.effective_from, version.reason) == (2, noon, "Office flooded")
    assert version.holiday_names == {"2026-03-02": "Office flooded"}
    assert calendar.open_seconds_on(AT.date()) == 3 * 3600  # 09:00 to 12:00 stays as it was judged
    assert version_at(office.pk, noon - timedelta(seconds=1)).number == 1
    assert version_at(office.pk, noon) == version


def test_other_hours_replace_the_weekly_ones_and_open_a_holiday_again(office: Calendar, revops: User) -> None:
    day = date(2026, 3, 3)
    except_on(office, day, by=revops)
    assert open_time(office.pk).open_seconds_on(day) == 0
    version = except_on(office, day, [("10:00", "11:30")], by=revops, at=AT + timedelta(minutes=1))
    assert open_time(office.pk).open_seconds_on(day) == 5400
    assert version.holiday_names == {}


def test_a_weekend_may_be_opened(office: Calendar, revops: User) -> None:
    except_on(office, date(2026, 3, 7), [("10:00", "14:00")], by=revops)
    assert open_time(office.pk).open_seconds_on(date(2026, 3, 7)) == 4 * 3600


def test_today_is_the_day_of_the_calendars_own_zone(revops: User) -> None:
    schedule = {**OFFICE, "zone": "Pacific/Auckland"}
    calendar = calendars.create_calendar(name="Auckland", schedule=schedule, by=revops, at=AT)
    late = datetime(2026, 3, 2, 12, tzinfo=UTC)  # already 3 March there
    with pytest.raises(calendars.DayHasPassed, match="Pacific/Auckland"):
        except_on(calendar, date(2026, 3, 2), by=revops, at=late)
    assert except_on(calendar, date(2026, 3, 3), by=revops, at=late).number == 2


def test_a_day_that_is_over_cannot_differ(office: Calendar, revops: User) -> None:
    with pytest.raises(calendars.DayHasPassed):
        except_on(office, date(2026, 3, 1), by=revops)


def test_an_exception_needs_a_reason_and_a_difference(office: Calendar, revops: User) -> None:
    with pytest.raises(calendars.NoReason):
        except_on(office, date(2026, 3, 3), by=revops, reason="  ")
    except_on(office, date(2026, 3, 3), by=revops)
    with pytest.raises(calendars.NothingToChange):
        except_on(office, date(2026, 3, 3), by=revops)
    assert office.versions.count() == 2


def test_unreadable_hours_are_refused(office: Calendar, revops: User) -> None:
    with pytest.raises(InvalidSchedule, match="25:00"):
        except_on(office, date(2026, 3, 3), [("09:00", "25:00")], by=revops)


def test_closing_the_only_open_date_is_refused(revops: User) -> None:
    schedule = {"zone": "UTC", "weekly": {}, "overrides": {"2026-06-01": [["09:00", "10:00"]]}}
    calendar = calendars.create_calendar(name="Once", schedule=schedule, by=revops, at=AT)
    with pytest.raises(calendars.NoWorkingTime):
        except_on(calendar, date(2026, 6, 1), by=revops)


def test_a_clock_that_is_behind_still_appends_after_the_last_version(office: Calendar, revops: User) -> None:
    first = except_on(office, date(2026, 3, 3), by=revops)
    second = except_on(office, date(2026, 3, 4), by=revops, at=AT - timedelta(seconds=5))
    assert second.effective_from == first.effective_from
    assert version_at(office.pk, AT) == second
    assert not open_time(office.pk).is_open(datetime(2026, 3, 4, 12, tzinfo=UTC))


def test_holidays_are_extended_without_touching_what_was_entered_by_hand(revops: User) -> None:
    calendar = calendars.create_calendar(name="Berlin", schedule=OFFICE, country="DE", by=revops, at=AT)
    except_on(calendar, date(2026, 12, 25), [("10:00", "12:00")], by=revops)
    version = calendars.extend_holidays(calendar=calendar, through_year=2030, by=revops, at=AT)
    assert {"2029-12-25", "2030-12-25"} <= set(version.schedule["holidays"])
    assert "2026-12-25" not in version.schedule["holidays"]
    assert version.schedule["overrides"] == {"2026-12-25": [["10:00", "12:00"]]}
    with pytest.raises(calendars.NothingToChange):
        calendars.extend_holidays(calendar=calendar, through_year=2030, by=revops, at=AT)


def test_holidays_need_a_country_and_a_settled_year(office: Calendar, revops: User) -> None:
    with pytest.raises(calendars.NoHolidaySource):
        calendars.extend_holidays(calendar=office, through_year=2030, by=revops, at=AT)
    berlin = calendars.create_calendar(name="Berlin", schedule=OFFICE, country="DE", by=revops, at=AT)
    with pytest.raises(calendars.TooFarAhead):
        calendars.extend_holidays(calendar=berlin, through_year=2037, by=revops, at=AT)


@pytest.mark.parametrize("count", [1, 5])
def test_many_calendars_are_compiled_with_one_query_once_known(
    revops: User, count: int, django_assert_num_queries
) -> None:
    made = [
        calendars.create_calendar(name=f"C{i}", schedule=OFFICE, by=revops, at=AT).pk for i in range(count)
    ]
    with django_assert_num_queries(2):
        first = compiled(made)
    with django_assert_num_queries(1):
        assert compiled(made)[made[0]] is first[made[0]]
    with django_assert_num_queries(0):
        assert compiled([]) == {}


def test_a_new_version_is_seen_at_once(office: Calendar, revops: User) -> None:
    before = compiled([office.pk])[office.pk]
    version = except_on(office, date(2026, 3, 3), by=revops)
    after = compiled([office.pk])[office.pk]
    assert before.version_at(AT).number == 1
    assert after.version_at(AT) == version


@pytest.mark.django_db
def test_an_unknown_calendar_is_named() -> None:
    with pytest.raises(Calendar.DoesNotExist, match="987654"):
        compiled([987654])


@pytest.mark.django_db(transaction=True)
def test_two_exceptions_at_once_become_two_versions() -> None:
    calendar = calendars.create_calendar(name="Office", schedule=OFFICE, by=None, at=AT)
    ready = threading.Barrier(2)
    problems: list[BaseException] = []

    def enter(day: int) -> None:
        try:
            ready.wait(10)
            calendars.add_exception(
                calendar=calendar, day=date(2026, 3, day), windows=None, reason="Move", by=None, at=AT
            )
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=enter, args=(day,)) for day in (3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not problems
    last = CalendarVersion.objects.latest("number")
    assert (last.number, last.schedule["holidays"]) == (3, ["2026-03-03", "2026-03-04"])


@pytest.mark.usefixtures("as_application_role")
def test_the_application_role_can_make_versions() -> None:
    calendar = calendars.create_calendar(name="Office", schedule=OFFICE, by=None, at=AT)
    calendars.add_exception(
        calendar=calendar, day=date(2026, 3, 3), windows=None, reason="Move", by=None, at=AT
    )
    assert calendar.versions.count() == 2
