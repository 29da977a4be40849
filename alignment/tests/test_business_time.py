"""Business time on worked examples: what is due when, and what the calendar refuses."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alignment.business_time import BusinessCalendar, NoOpenTime, Schedule

HOUR = 3600
ALL_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def team(zone: str, days: str, *windows: str, holidays: str = "", **overrides: str) -> Schedule:
    """`team("Asia/Tokyo", "mon fri", "09:00-12:00", d20261127="09:00-13:00")`."""
    weekly = {day: [window.split("-") for window in windows] for day in days.split()}
    special = {
        f"{name[1:5]}-{name[5:7]}-{name[7:]}": [window.split("-") for window in text.split()]
        for name, text in overrides.items()
    }
    document = {"zone": zone, "weekly": weekly, "holidays": holidays.split(), "overrides": special}
    return Schedule.from_json(document, allow_closed=True)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


WEEKDAYS, EVERY_DAY = "mon tue wed thu fri", " ".join(ALL_DAYS)
NEW_YORK = team("America/New_York", WEEKDAYS, "09:00-17:00")
CLOSED_FOR_FEASTS = team(
    "America/New_York",
    WEEKDAYS,
    "09:00-17:00",
    holidays="2026-11-26 2026-12-25 2027-01-01",
    d20261127="09:00-13:00",
    d20261224="09:00-12:00",
)
LONDON = team("Europe/London", WEEKDAYS, "09:00-17:30")
LUNCH = team("America/New_York", WEEKDAYS, "09:00-12:00", "13:00-17:00")
OVERLAPPING = team("America/New_York", WEEKDAYS, "09:00-13:00", "12:00-17:00")
NIGHTS = team("America/New_York", EVERY_DAY, "22:00-06:00")
WEEKDAY_NIGHTS = team("America/New_York", WEEKDAYS, "22:00-06:00", holidays="2026-12-25")
RIYADH = team("Asia/Riyadh", "sun mon tue wed thu", "08:00-16:00")

# name, schedule, start, hours, due
EXAMPLES = [
    ("within a day", NEW_YORK, "2026-03-03T10:00-05:00", 4, "2026-03-03T14:00-05:00"),
    (
        "due at closing, not at the next opening",
        NEW_YORK,
        "2026-03-03T13:00-05:00",
        4,
        "2026-03-03T17:00-05:00",
    ),
    ("closing time is closed", NEW_YORK, "2026-03-03T17:00-05:00", 1, "2026-03-04T10:00-05:00"),
    ("waits for the opening", NEW_YORK, "2026-03-02T07:00-05:00", 1, "2026-03-02T10:00-05:00"),
    ("over a weekend", NEW_YORK, "2026-03-13T16:30-04:00", 1, "2026-03-16T09:30-04:00"),
    ("over spring forward", NEW_YORK, "2026-03-06T16:00-05:00", 24, "2026-03-11T16:00-04:00"),
    ("over fall back", NEW_YORK, "2026-10-30T16:00-04:00", 24, "2026-11-04T16:00-05:00"),
    ("nothing at once", NEW_YORK, "2026-06-06T12:00-04:00", 0, "2026-06-06T12:00-04:00"),
    ("a leap day is a day", NEW_YORK, "2028-02-28T16:00-05:00", 9, "2028-02-29T17:00-05:00"),
    ("a night of seven hours", NIGHTS, "2026-03-07T22:00-05:00", 8, "2026-03-08T23:00-04:00"),
    ("a night of nine hours", NIGHTS, "2026-10-31T22:00-04:00", 8, "2026-11-01T05:00-05:00"),
    ("a holiday cuts a night off", WEEKDAY_NIGHTS, "2026-12-24T22:00-05:00", 3, "2026-12-28T23:00-05:00"),
    (
        "Friday's night ends on Saturday",
        WEEKDAY_NIGHTS,
        "2026-06-05T23:00-04:00",
        4,
        "2026-06-06T03:00-04:00",
    ),
    ("lunch is closed", LUNCH, "2026-06-09T11:30-04:00", 2, "2026-06-09T14:30-04:00"),
    ("no hour counts twice", OVERLAPPING, "2026-06-09T09:00-04:00", 8, "2026-06-09T17:00-04:00"),
    ("holiday, then half a day", CLOSED_FOR_FEASTS, "2026-11-25T16:00-05:00", 6, "2026-11-30T10:00-05:00"),
    ("another weekend", RIYADH, "2026-05-14T15:00+03:00", 4, "2026-05-17T11:00+03:00"),
    (
        "an hour that is skipped is no hour",
        team("America/New_York", "sun", "02:00-03:00"),
        "2026-03-07T12:00-05:00",
        1,
        "2026-03-15T03:00-04:00",
    ),
    (
        "an hour that is repeated is two",
        team("America/New_York", "sun", "01:00-02:00"),
        "2026-10-31T12:00-04:00",
        1.5,
        "2026-11-01T01:30-05:00",
    ),
    (
        "the first of two 01:30s",
        team("America/New_York", EVERY_DAY, "00:00-24:00"),
        "2026-11-01T01:30-04:00",
        1,
        "2026-11-01T01:30-05:00",
    ),
    (
        "clocks that change by half an hour",
        team("Australia/Lord_Howe", EVERY_DAY, "00:00-24:00"),
        "2026-04-05T00:00+11:00",
        3,
        "2026-04-05T02:30+10:30",
    ),
    (
        "a day without its first hour",
        team("Africa/Cairo", EVERY_DAY, "00:00-08:00"),
        "2026-04-23T07:00+02:00",
        3,
        "2026-04-24T03:00+03:00",
    ),
    (
        "a holiday of 25 hours",
        team("Asia/Beirut", EVERY_DAY, "00:00-24:00", holidays="2026-10-24"),
        "2026-10-23T23:00+03:00",
        2,
        "2026-10-25T01:00+02:00",
    ),
    (
        "a date that never was",
        team("Pacific/Apia", EVERY_DAY, "00:00-24:00"),
        "2011-12-29T23:00-10:00",
        2,
        "2011-12-31T01:00+14:00",
    ),
    (
        "holidays are local dates",
        team("Pacific/Auckland", WEEKDAYS, "08:00-18:00", holidays="2026-10-26"),
        "2026-10-23T17:00+13:00",
        3,
        "2026-10-27T10:00+13:00",
    ),
    (
        "an override opens a closed date",
        team("America/New_York", WEEKDAYS, "09:00-17:00", d20260627="10:00-14:00"),
        "2026-06-26T16:00-04:00",
        3,
        "2026-06-27T12:00-04:00",
    ),
    (
        "an override without windows closes",
        team("America/New_York", WEEKDAYS, "09:00-17:00", d20260626=""),
        "2026-06-25T16:00-04:00",
        2,
        "2026-06-29T10:00-04:00",
    ),
    (
        "a holiday beats an override",
        team("America/New_York", WEEKDAYS, "09:00-17:00", holidays="2026-06-26", d20260626="10:00-14:00"),
        "2026-06-25T16:00-04:00",
        2,
        "2026-06-29T10:00-04:00",
    ),
    (
        "an override leaves the night before alone",
        team("America/New_York", EVERY_DAY, "22:00-06:00", d20260626="12:00-13:00"),
        "2026-06-26T05:00-04:00",
        2,
        "2026-06-26T13:00-04:00",
    ),
    (
        "British Columbia keeps summer time in 2026",
        team("America/Vancouver", WEEKDAYS, "09:00-17:00"),
        "2026-10-30T16:00-07:00",
        2,
        "2026-11-02T10:00-07:00",
    ),
]


@pytest.mark.parametrize(
    ("schedule", "start", "hours", "due"), [pytest.param(*e[1:], id=e[0]) for e in EXAMPLES]
)
def test_a_budget_is_due_when_it_is_used_up(schedule: Schedule, start: str, hours: float, due: str) -> None:
    calendar = BusinessCalendar([(schedule, None)])
    seconds = round(hours * HOUR)
    assert calendar.add(at(start), seconds) == at(due)
    assert calendar.add(at(start), seconds).tzinfo is UTC
    assert calendar.between(at(start), at(due)) == seconds


def shared_cases(shared: Path) -> Any:
    path = shared / "business_hours_cases.json"
    if not path.exists():
        pytest.skip("business_hours_cases.json is not beside the project")
    return json.loads(path.read_text())


def test_every_recorded_timing_case_is_reproduced(shared: Path) -> None:
    recorded = shared_cases(shared)
    answers, expected, mistaken = {}, {}, {}
    for case in recorded["cases"]:
        versions = [
            (Schedule.from_json(recorded["schedules"][name], allow_closed=True), since and at(since))
            for name, since in case["schedule_versions"]
        ]
        calendar = BusinessCalendar(versions)
        holds = [(at(since), at(until)) for since, until in case["holds"]]
        start, seconds = at(case["start_utc"]), case["business_seconds"]
        expected[case["id"]] = case["due_utc"]
        try:
            due = calendar.add(start, seconds, holds)
        except NoOpenTime:
            answers[case["id"]] = "NEVER"
            continue
        answers[case["id"]] = due.isoformat()
        if calendar.between(start, due, holds) != seconds:
            mistaken[case["id"]] = calendar.between(start, due, holds)
    assert len(answers) == 51
    assert answers == expected
    assert mistaken == {}


def test_every_recorded_date_case_is_reproduced(shared: Path) -> None:
    recorded = shared_cases(shared)
    dates = [case for case in recorded["date_cases"] if case["op"] == "add_business_days"]
    answers = {
        case["id"]: BusinessCalendar([(Schedule.from_json(recorded["schedules"][case["schedule"]]), None)])
        .add_business_days(date.fromisoformat(case["from"]), case["n"])
        .isoformat()
        for case in dates
    }
    assert len(answers) == 3
    assert answers == {case["id"]: case["expect"] for case in dates}


MOVE = BusinessCalendar([(NEW_YORK, None), (LONDON, at("2026-06-10T20:00Z"))])


def test_each_instant_is_judged_by_the_version_in_force() -> None:
    assert MOVE.add(at("2026-06-10T15:00-04:00"), 8 * HOUR) == at("2026-06-11T16:00+01:00")
    assert not MOVE.is_open(at("2026-06-10T16:30-04:00"))
    assert MOVE.is_open(at("2026-06-09T16:30-04:00"))


def test_a_holiday_entered_during_the_day_closes_only_the_rest_of_it() -> None:
    with_holiday = team("America/New_York", WEEKDAYS, "09:00-17:00", holidays="2026-06-10")
    calendar = BusinessCalendar([(NEW_YORK, None), (with_holiday, at("2026-06-10T11:00-04:00"))])
    assert calendar.open_seconds_on(date(2026, 6, 10)) == 2 * HOUR
    assert calendar.add(at("2026-06-10T10:00-04:00"), 2 * HOUR) == at("2026-06-11T10:00-04:00")
    assert calendar.add_business_days(date(2026, 6, 9), 1) == date(2026, 6, 10)


def test_a_move_between_zones_gives_each_date_the_hours_of_both_parts() -> None:
    assert MOVE.open_seconds_on(date(2026, 6, 10)) == 7 * HOUR
    assert MOVE.open_seconds_on(date(2026, 6, 11)) == 8.5 * HOUR


@pytest.mark.parametrize(
    "versions",
    [
        [],
        [(NEW_YORK, at("2026-06-10T20:00Z"))],
        [(NEW_YORK, None), (LONDON, None)],
        [(NEW_YORK, None), (LONDON, at("2026-06-10T20:00Z")), (NEW_YORK, at("2026-06-09T20:00Z"))],
        [(NEW_YORK, None), (LONDON, datetime(2026, 6, 10))],
    ],
    ids=["none", "first with an instant", "second without one", "unsorted", "naive"],
)
def test_versions_out_of_order_are_refused(versions: list[tuple[Schedule, datetime | None]]) -> None:
    with pytest.raises(ValueError, match=r"schedule|time zone"):
        BusinessCalendar(versions)


def test_the_clock_stands_still_during_a_hold() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    start = at("2026-06-09T09:00-04:00")
    overlapping = [
        (at("2026-06-09T11:00-04:00"), at("2026-06-09T12:00-04:00")),
        (at("2026-06-09T10:00-04:00"), at("2026-06-09T12:00-04:00")),
        (at("2026-06-09T08:00-04:00"), at("2026-06-09T08:30-04:00")),
        (at("2026-06-09T13:00-04:00"), at("2026-06-09T13:00-04:00")),
    ]
    assert calendar.add(start, 4 * HOUR, overlapping) == at("2026-06-09T15:00-04:00")
    assert calendar.between(start, at("2026-06-09T15:00-04:00"), overlapping) == 4 * HOUR
    assert calendar.between(start, at("2026-06-09T11:00-04:00"), overlapping) == HOUR


def test_a_hold_that_starts_when_the_budget_is_used_up_changes_nothing() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    hold = (at("2026-06-09T11:00-04:00"), at("2026-06-09T15:00-04:00"))
    assert calendar.add(at("2026-06-09T09:00-04:00"), 2 * HOUR, [hold]) == hold[0]
    assert calendar.add(at("2026-06-09T09:00-04:00"), 2 * HOUR + 1, [hold]) == hold[1] + timedelta(seconds=1)


def test_a_hold_outside_open_time_costs_nothing() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    weekend = (at("2026-06-05T18:00-04:00"), at("2026-06-08T08:00-04:00"))
    assert calendar.add(at("2026-06-05T16:00-04:00"), 2 * HOUR, [weekend]) == at("2026-06-08T10:00-04:00")


def test_a_hold_that_ends_before_it_starts_is_refused() -> None:
    backwards = [(at("2026-06-09T12:00Z"), at("2026-06-09T11:00Z"))]
    calendar = BusinessCalendar([(NEW_YORK, None)])
    with pytest.raises(ValueError, match=r"ends 3600\.0 s before it starts"):
        calendar.add(at("2026-06-09T09:00Z"), HOUR, backwards)
    with pytest.raises(ValueError, match=r"ends 3600\.0 s before it starts"):
        calendar.between(at("2026-06-09T09:00Z"), at("2026-06-09T10:00Z"), backwards)


def test_microseconds_are_neither_lost_nor_invented() -> None:
    start = at("2026-06-09T16:59:30.123457-04:00")
    assert BusinessCalendar.always_open().add(start, 86_401) - start == timedelta(seconds=86_401)
    calendar = BusinessCalendar([(NEW_YORK, None)])
    assert calendar.add(start, 60) == at("2026-06-10T09:00:30.123457-04:00")
    assert calendar.between(start, at("2026-06-10T09:00:30.123457-04:00")) == 60
    assert calendar.between(start, at("2026-06-10T09:00:30.123456-04:00")) == 59


def test_elapsed_time_is_open_at_every_instant() -> None:
    elapsed = BusinessCalendar.always_open()
    night = at("2026-10-25T01:30:00.5+02:00")
    assert elapsed.is_open(night)
    assert elapsed.next_opening(night) == night
    assert elapsed.between(night, night + timedelta(days=400)) == 400 * 86_400
    assert elapsed.open_seconds_on(date(2026, 10, 25)) == 86_400
    assert elapsed.add_business_days(date(2026, 10, 23), 3) == date(2026, 10, 26)
    hold = (night + timedelta(hours=1), night + timedelta(hours=3))
    assert elapsed.add(night, 2 * HOUR, [hold]) == night + timedelta(hours=4)


def test_a_closed_calendar_raises_instead_of_searching_for_ever() -> None:
    never = BusinessCalendar([(team("America/New_York", ""), None)])
    with pytest.raises(NoOpenTime, match="3600 s of open time in the 800 days after 2026-06-08"):
        never.add(at("2026-06-08T12:00-04:00"), HOUR)
    with pytest.raises(NoOpenTime, match="does not open in the 800 days"):
        never.next_opening(at("2026-06-08T12:00-04:00"))
    with pytest.raises(NoOpenTime, match="business days"):
        never.add_business_days(date(2026, 6, 8), 1)
    assert never.between(at("2026-06-08T12:00Z"), at("2027-06-08T12:00Z")) == 0
    assert never.add(at("2026-06-08T12:00-04:00"), 0) == at("2026-06-08T12:00-04:00")


def test_the_horizon_lies_800_days_after_the_start() -> None:
    start = at("2026-06-08T12:00Z")
    elapsed = BusinessCalendar.always_open()
    assert elapsed.add(start, 800 * 86_400) == start + timedelta(days=800)
    with pytest.raises(NoOpenTime):
        elapsed.add(start, 800 * 86_400 + 1)
    once = BusinessCalendar([(team("UTC", "", d20280815="12:00-13:00"), None)])
    opening = at("2028-08-15T12:00Z")
    assert once.next_opening(opening - timedelta(days=800)) == opening
    assert once.add(opening - timedelta(days=799), HOUR) == opening + timedelta(hours=1)
    with pytest.raises(NoOpenTime):
        once.next_opening(opening - timedelta(days=800, microseconds=1))
    with pytest.raises(NoOpenTime):
        once.add(opening - timedelta(days=800), HOUR)


def test_a_hold_beyond_the_horizon_leaves_no_open_time() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    start = at("2026-06-08T10:00-04:00")
    with pytest.raises(NoOpenTime):
        calendar.add(start, 2 * HOUR, [(start + timedelta(hours=1), start + timedelta(days=3000))])
    assert calendar.add(start, HOUR, [(start + timedelta(hours=1), start + timedelta(days=3000))]) == (
        start + timedelta(hours=1)
    )


def test_opening_and_closing_instants() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    tick = timedelta(microseconds=1)
    opens, closes = at("2026-06-12T09:00-04:00"), at("2026-06-12T17:00-04:00")
    assert [calendar.is_open(i) for i in (opens - tick, opens, closes - tick, closes)] == [
        False,
        True,
        True,
        False,
    ]
    assert calendar.next_opening(opens - tick) == opens
    assert calendar.next_opening(closes - tick) == closes - tick
    assert calendar.next_opening(closes) == at("2026-06-15T09:00-04:00")


def test_years_are_met_in_any_order() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    assert calendar.add(at("2100-02-26T16:00-05:00"), 9 * HOUR) == at("2100-03-01T17:00-05:00")
    assert calendar.add(at("2026-12-31T16:30-05:00"), HOUR) == at("2027-01-01T09:30-05:00")
    assert calendar.between(at("2026-12-31T16:30-05:00"), at("2027-01-01T09:30-05:00")) == HOUR


def test_datetimes_of_any_zone_mean_the_same_instant() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    due = at("2026-11-02T15:00Z")
    for zone in (
        UTC,
        ZoneInfo("America/New_York"),
        ZoneInfo("Asia/Kathmandu"),
        timezone(timedelta(hours=-3)),
    ):
        assert calendar.add(at("2026-10-30T20:00Z").astimezone(zone), 2 * HOUR) == due
    second_half_past_one = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1)
    assert BusinessCalendar.always_open().add(second_half_past_one, HOUR) == at("2026-11-01T07:30Z")


def test_a_datetime_without_a_zone_is_refused() -> None:
    calendar, naive, aware = (
        BusinessCalendar([(NEW_YORK, None)]),
        datetime(2026, 6, 8),
        at("2026-06-08T12:00Z"),
    )
    for call in (
        lambda: calendar.add(naive, HOUR),
        lambda: calendar.add(naive, 0),
        lambda: calendar.add(aware, HOUR, [(aware, naive)]),
        lambda: calendar.between(naive, aware),
        lambda: calendar.between(aware, naive),
        lambda: calendar.is_open(naive),
        lambda: calendar.next_opening(naive),
    ):
        with pytest.raises(ValueError, match="Expected a datetime with a time zone"):
            call()


def test_negative_budgets_and_far_years_are_refused() -> None:
    calendar = BusinessCalendar([(NEW_YORK, None)])
    with pytest.raises(ValueError, match="cannot be negative, got -1 seconds"):
        calendar.add(at("2026-06-08T12:00Z"), -1)
    with pytest.raises(ValueError, match="cannot be negative, got -1"):
        calendar.add_business_days(date(2026, 6, 8), -1)
    with pytest.raises(ValueError, match="1900 to 2199, not 9999"):
        calendar.is_open(at("9999-06-08T12:00Z"))
    with pytest.raises(ValueError, match="1900 to 2199, not 1899"):
        calendar.open_seconds_on(date(1899, 12, 31))


def test_time_does_not_run_backwards_between_two_instants() -> None:
    assert BusinessCalendar([(NEW_YORK, None)]).between(at("2026-06-09T15:00Z"), at("2026-06-08T15:00Z")) == 0


def test_business_days_are_dates_on_which_a_shift_begins() -> None:
    feasts = BusinessCalendar([(CLOSED_FOR_FEASTS, None)])
    assert feasts.add_business_days(date(2026, 12, 21), 10) == date(2027, 1, 6)
    assert feasts.add_business_days(date(2026, 6, 6), 10) == date(2026, 6, 19)
    assert feasts.add_business_days(date(2026, 6, 6), 0) == date(2026, 6, 6)
    assert BusinessCalendar([(RIYADH, None)]).add_business_days(date(2026, 5, 14), 5) == date(2026, 5, 21)
    nights = BusinessCalendar([(WEEKDAY_NIGHTS, None)])
    assert nights.open_seconds_on(date(2026, 6, 6)) == 6 * HOUR
    assert nights.add_business_days(date(2026, 6, 5), 1) == date(2026, 6, 8)
    samoa = BusinessCalendar([(team("Pacific/Apia", EVERY_DAY, "00:00-24:00"), None)])
    assert samoa.open_seconds_on(date(2011, 12, 30)) == 0
    assert samoa.add_business_days(date(2011, 12, 29), 1) == date(2011, 12, 31)


def test_open_seconds_on_a_date_follow_the_clock_changes() -> None:
    nights = BusinessCalendar([(NIGHTS, None)])
    hours = [nights.open_seconds_on(date(2026, *day)) / HOUR for day in ((3, 7), (3, 8), (11, 1), (11, 2))]
    assert hours == [8, 7, 9, 8]
    feasts = BusinessCalendar([(CLOSED_FOR_FEASTS, None)])
    assert [feasts.open_seconds_on(date(2026, 11, day)) / HOUR for day in (25, 26, 27, 28)] == [8, 0, 4, 0]
