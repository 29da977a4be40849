"""The document in which an agreement writes a team's open hours, and what is refused in it."""

import copy
import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest

from alignment.business_time import InvalidSchedule, Schedule

DOCUMENT: dict[str, Any] = {
    "zone": "America/New_York",
    "weekly": {"mon": [["09:00", "12:00"], ["13:00", "24:00"]], "fri": [["22:00", "06:00"]]},
    "holidays": ["2026-11-26", "2026-12-25"],
    "overrides": {"2026-11-27": [["09:00", "13:00"]], "2026-12-24": []},
}


def changed(**changes: object) -> dict[str, object]:
    return {**DOCUMENT, **changes}


def test_a_document_survives_reading_and_writing() -> None:
    schedule = Schedule.from_json(DOCUMENT)
    assert schedule.to_json() == DOCUMENT
    assert schedule.weekly == {0: ((540, 720), (780, 1440)), 4: ((1320, 360),)}
    assert schedule.holidays == {date(2026, 11, 26), date(2026, 12, 25)}
    assert schedule.overrides == {date(2026, 11, 27): ((540, 780),), date(2026, 12, 24): ()}


def test_a_document_is_written_in_one_order_whatever_order_it_came_in() -> None:
    shuffled = {
        "overrides": dict(reversed(DOCUMENT["overrides"].items())),
        "holidays": DOCUMENT["holidays"][::-1],
        "weekly": {"sun": [], **dict(reversed(DOCUMENT["weekly"].items()))},
        "zone": DOCUMENT["zone"],
    }
    assert str(Schedule.from_json(shuffled).to_json()) == str(DOCUMENT)


def test_holidays_and_overrides_may_be_left_out() -> None:
    schedule = Schedule.from_json({"zone": "Asia/Tokyo", "weekly": {"mon": [["09:00", "17:00"]]}})
    assert schedule.to_json() == {
        "zone": "Asia/Tokyo",
        "weekly": {"mon": [["09:00", "17:00"]]},
        "holidays": [],
        "overrides": {},
    }


def test_a_schedule_can_be_compared_hashed_and_copied_but_not_changed() -> None:
    schedule = Schedule.from_json(DOCUMENT)
    assert schedule == Schedule.from_json(copy.deepcopy(DOCUMENT))
    assert hash(schedule) == hash(Schedule.from_json(copy.deepcopy(DOCUMENT)))
    assert schedule != Schedule.from_json(changed(holidays=[]))
    assert copy.deepcopy(schedule) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule  # noqa: S301  our own bytes
    with pytest.raises(TypeError):
        schedule.weekly[0] = ()  # type: ignore[index]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (["mon"], r"A schedule is an object with the keys zone, weekly, holidays, overrides"),
        (
            changed(weekley={}),
            r"Unknown key 'weekley' in the schedule; use zone, weekly, holidays, overrides",
        ),
        ({"weekly": DOCUMENT["weekly"]}, r"lacks 'zone'; add it"),
        ({"zone": "Asia/Tokyo"}, r"lacks 'weekly'; add it"),
        (
            changed(zone="America/Newyork"),
            r"'America/Newyork' is not a time zone; .* such as 'America/New_York'",
        ),
        (changed(zone="america/new_york"), r"'america/new_york' is not a time zone"),
        (changed(zone="../../etc/passwd"), r"is not a time zone"),
        (changed(zone=""), r"'' is not a time zone"),
        (changed(zone=None), r"None is not a time zone; use a name of the IANA database"),
        (changed(zone=["UTC"]), r"is not a time zone"),
        (changed(weekly=[]), r"'weekly' must be an object that gives weekdays their windows"),
        (changed(weekly={"monday": []}), r"Unknown weekday 'monday'; use mon, tue, wed"),
        (changed(weekly={"mon": "09:00-17:00"}), r"'mon' must be a list of windows, not '09:00-17:00'"),
        (changed(weekly={"mon": ["09:00", "17:00"]}), r"'09:00' in mon is not a window; write it like"),
        (changed(weekly={"mon": [["09:00"]]}), r"\['09:00'\] in mon is not a window"),
        (changed(weekly={"mon": [["9:00", "17:00"]]}), r"'9:00' in mon is not a time; write 00:00 to 23:59"),
        (changed(weekly={"mon": [["09:60", "17:00"]]}), r"'09:60' in mon is not a time"),
        (changed(weekly={"mon": [["24:00", "06:00"]]}), r"'24:00' in mon is not a time"),
        (changed(weekly={"mon": [["09:00", "24:01"]]}), r"'24:01' in mon is not a time"),
        (changed(weekly={"mon": [["09:00", "17:00\n"]]}), r"is not a time"),
        (changed(weekly={"mon": [["٠9:00", "17:00"]]}), r"is not a time"),
        (changed(weekly={"mon": [[540, 1020]]}), r"540 in mon is not a time"),
        (changed(holidays="2026-11-26"), r"'holidays' must be a list of dates"),
        (changed(holidays=["2026-02-29"]), r"'2026-02-29' is not a date; write it like '2026-11-26'"),
        (changed(holidays=["20261126"]), r"'20261126' is not a date"),
        (changed(holidays=[20261126]), r"20261126 is not a date"),
        (changed(overrides=[]), r"'overrides' must be an object that gives dates their windows"),
        (changed(overrides={"26 Nov": []}), r"'26 Nov' is not a date"),
        (changed(overrides={"2026-11-27": [["09:00", "25:00"]]}), r"'25:00' in 2026-11-27 is not a time"),
    ],
)
def test_a_faulty_document_is_refused_with_what_is_wrong_and_what_to_write(
    document: object, message: str
) -> None:
    with pytest.raises(InvalidSchedule, match=message):
        Schedule.from_json(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "document",
    [
        {"zone": "Asia/Tokyo", "weekly": {}},
        {"zone": "Asia/Tokyo", "weekly": {"mon": [], "tue": []}},
        {"zone": "Asia/Tokyo", "weekly": {}, "overrides": {"2026-11-27": []}},
        {
            "zone": "Asia/Tokyo",
            "weekly": {},
            "overrides": {"2026-11-27": [["09:00", "13:00"]]},
            "holidays": ["2026-11-27"],
        },
    ],
    ids=["no weekday", "weekdays without windows", "an empty override", "an override on a holiday"],
)
def test_a_schedule_that_is_never_open_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(InvalidSchedule, match="never open; add a weekly window"):
        Schedule.from_json(document)
    assert not Schedule.from_json(document, allow_closed=True).has_working_time


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"zone": "Mars/Base", "weekly": {}}, "'Mars/Base' is not a time zone"),
        ({"zone": "UTC", "weekly": {7: ((0, 60),)}}, "Weekday 7 does not exist; count from 0 for Monday"),
        ({"zone": "UTC", "weekly": {0: ((1440, 60),)}}, "1440-60 of mon is outside the day"),
        ({"zone": "UTC", "weekly": {0: ((0, 1441),)}}, "0-1441 of mon is outside the day"),
        (
            {"zone": "UTC", "weekly": {}, "overrides": {date(2026, 1, 1): ((-1, 5),)}},
            "-1-5 of 2026-01-01 is outside",
        ),
        ({"zone": "UTC", "weekly": {}, "holidays": {datetime(2026, 1, 1, tzinfo=UTC)}}, "is not a date"),
    ],
)
def test_a_schedule_built_in_code_is_checked_as_well(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSchedule, match=message):
        Schedule(**fields)  # type: ignore[arg-type]
