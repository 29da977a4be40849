"""Business time on random schedules against a walk over every minute that shares nothing with the engine."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alignment.business_time import BusinessCalendar, Schedule

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Vancouver",
    "Asia/Almaty",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Riyadh",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "UTC",
]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SKIPPED_DATE = datetime(2011, 12, 30, 10, tzinfo=UTC)

Document = dict[str, Any]


@dataclass(frozen=True)
class Example:
    versions: list[tuple[Document, datetime | None]]
    start: datetime
    seconds: int
    holds: list[tuple[datetime, datetime]]

    @property
    def calendar(self) -> BusinessCalendar:
        return BusinessCalendar([(Schedule.from_json(document), since) for document, since in self.versions])


def windows_of(document: Document, day: date) -> list[list[str]]:
    if day.isoformat() in document["holidays"]:
        return []
    windows: list[list[str]] = document["weekly"].get(DAYS[day.weekday()], [])
    if day.isoformat() in document["overrides"]:
        windows = document["overrides"][day.isoformat()]
    return windows


def shows_open(document: Document, local: datetime) -> bool:
    """Whether a wall clock stands in open time, by comparing times as text."""
    now, today = local.strftime("%H:%M"), local.date()
    if today.isoformat() in document["holidays"]:
        return False
    for opens, closes in windows_of(document, today):
        if opens <= now and (now < closes or closes <= opens):
            return True
    return any(closes <= opens and now < closes for opens, closes in windows_of(document, today - DAY))


def minutes(example: Example, since: datetime) -> Iterator[tuple[datetime, datetime, date, bool, bool]]:
    """Walk from an instant: pieces of up to a minute as (from, to, local date, open, held)."""
    zones = [ZoneInfo(document["zone"]) for document, _ in example.versions]
    edges = {edge for hold in example.holds for edge in hold} | {
        start for _, start in example.versions if start
    }
    while True:
        until = since.replace(second=0, microsecond=0) + MINUTE
        until = min([until, *(edge for edge in edges if since < edge < until)])
        which = max(i for i, (_, start) in enumerate(example.versions) if start is None or start <= since)
        local = since.astimezone(zones[which])
        held = any(begin <= since < end for begin, end in example.holds)
        yield since, until, local.date(), shows_open(example.versions[which][0], local), held
        since = until


@cache
def clock_changes(zone: str) -> list[datetime]:
    """Instants from 2024 to 2027 within six hours before a clock change."""
    tz, probe = ZoneInfo(zone), datetime(2024, 1, 1, tzinfo=UTC)
    found = [SKIPPED_DATE] if zone == "Pacific/Apia" else []
    while probe.year < 2028:
        following = probe + timedelta(hours=6)
        if probe.astimezone(tz).utcoffset() != following.astimezone(tz).utcoffset():
            found.append(probe)
        probe = following
    return found


def random_window(chance: random.Random) -> list[str]:
    step = chance.choice([1, 15, 30, 60])
    opens = chance.randrange(0, 1440, step)
    shape = chance.random()
    closes = 1440 if shape < 0.15 else (opens + chance.randrange(step, 1440, step)) % 1440
    if shape > 0.95:
        closes = opens
    return [f"{minute // 60:02}:{minute % 60:02}" for minute in (opens, closes)]


def random_document(chance: random.Random, zone: str, near: date) -> Document:
    """One to seven weekdays with one to three windows; a few holidays and overrides within ten days."""
    shift = [random_window(chance) for _ in range(chance.choice([1, 1, 2, 3]))]
    days = chance.sample(DAYS, chance.choice([1, 3, 5, 5, 6, 7, 7]))
    weekly = {day: shift if chance.random() < 0.7 else [random_window(chance)] for day in days}
    around = [(near + DAY * n).isoformat() for n in range(-2, 9)]
    return {
        "zone": zone,
        "weekly": weekly,
        "holidays": chance.sample(around, chance.choice([0, 0, 1, 2, 3])),
        "overrides": {
            day: [random_window(chance) for _ in range(chance.choice([0, 1, 1, 2]))]
            for day in chance.sample(around, chance.choice([0, 0, 1, 2, 3]))
        },
    }


def random_example(seed: int) -> Example:
    chance = random.Random(seed)
    zone = ZONES[seed % len(ZONES)]
    changes = clock_changes(zone)

    def moment(earliest: timedelta, latest: timedelta) -> datetime:
        span = (latest - earliest) // timedelta(microseconds=1)
        found = origin + earliest + timedelta(microseconds=chance.randrange(span))
        precision = chance.choice(["minute", "second", "microsecond"])
        return found.replace(
            second=0 if precision == "minute" else found.second,
            microsecond=found.microsecond if precision == "microsecond" else 0,
        )

    origin = datetime(2025, 1, 1, tzinfo=UTC) + DAY * chance.randrange(1000)
    if changes and chance.random() < 0.6:
        origin = chance.choice(changes)
    start = moment(-2 * DAY, DAY)
    versions: list[tuple[Document, datetime | None]] = [(random_document(chance, zone, start.date()), None)]
    for since in sorted(moment(-DAY, 4 * DAY) for _ in range(chance.choice([0, 0, 0, 1, 2]))):
        moved = chance.choice([zone, chance.choice(ZONES)])
        versions.append((random_document(chance, moved, start.date()), since))
    holds = [
        (since, since + timedelta(microseconds=chance.randrange(30 * 3600 * 1_000_000)))
        for since in (moment(-DAY, 4 * DAY) for _ in range(chance.choice([0, 0, 1, 2, 4])))
    ]
    seconds = chance.choice(
        [0, 1, chance.randrange(300), chance.randrange(3600), chance.randrange(16 * 3600)]
    )
    return Example(versions, start, seconds, holds)


def walk_to_due(example: Example) -> datetime:
    left = timedelta(seconds=example.seconds)
    if not left:
        return example.start
    for since, until, _, is_open, held in minutes(example, example.start):
        if is_open and not held:
            if left <= until - since:
                return since + left
            left -= until - since
    raise AssertionError("the walk does not end")


@pytest.fixture(scope="session")
def seeds(examples: Callable[[int, int], int]) -> range:
    return range(examples(200, 2000))


def test_due_times_equal_a_walk_over_every_minute_and_give_the_budget_back(seeds: range) -> None:
    for seed in seeds:
        example = random_example(seed)
        calendar, due = example.calendar, walk_to_due(example)
        assert calendar.add(example.start, example.seconds, example.holds) == due, (seed, example)
        assert calendar.between(example.start, due, example.holds) == example.seconds, (seed, example)
        if example.seconds:
            before = due - timedelta(microseconds=1)
            assert calendar.is_open(before), (seed, example)
            assert calendar.between(example.start, before, example.holds) == example.seconds - 1, (
                seed,
                example,
            )


def test_open_time_between_two_instants_equals_a_walk_over_every_minute(seeds: range) -> None:
    for seed in seeds[: len(seeds) // 2]:
        example = random_example(seed)
        end = example.start + timedelta(microseconds=random.Random(seed).randrange(3 * 86_400 * 1_000_000))
        total, opening = timedelta(0), None
        for since, until, _, is_open, held in minutes(example, example.start):
            if is_open and opening is None:
                opening = since
            if since >= end:
                break
            if is_open and not held:
                total += min(until, end) - since
        calendar = example.calendar
        assert calendar.between(example.start, end, example.holds) == total // timedelta(seconds=1), (
            seed,
            example,
        )
        if opening is not None:
            assert calendar.next_opening(example.start) == opening, (seed, example)


def test_open_seconds_on_a_date_equal_a_walk_over_every_minute(seeds: range) -> None:
    for seed in seeds[: len(seeds) // 4]:
        example = random_example(seed)
        day = example.start.date() + DAY * random.Random(seed).choice([-1, 0, 1])
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        total = timedelta(0)
        for since, until, local_date, is_open, _ in minutes(example, midnight - DAY):
            if since >= midnight + 2 * DAY:
                break
            if is_open and local_date == day:
                total += until - since
        assert example.calendar.open_seconds_on(day) == total // timedelta(seconds=1), (seed, day, example)


def test_two_budgets_in_a_row_end_where_their_sum_ends(seeds: range) -> None:
    for seed in seeds:
        example = random_example(seed)
        calendar = example.calendar
        first = calendar.add(example.start, example.seconds, example.holds)
        available = calendar.between(first, first + 60 * DAY, example.holds)
        more = random.Random(seed).randint(1, available)
        both = calendar.add(example.start, example.seconds + more, example.holds)
        assert calendar.add(first, more, example.holds) == both, (seed, example)


def test_the_random_examples_reach_what_is_hard() -> None:
    examples = [random_example(seed) for seed in range(200)]
    documents = [document for example in examples for document, _ in example.versions]
    windows = [window for document in documents for shift in document["weekly"].values() for window in shift]
    near_changes = [
        example
        for example in examples
        if any(abs(change - example.start) < DAY for change in clock_changes(example.versions[0][0]["zone"]))
    ]
    assert len({document["zone"] for document in documents}) >= 16
    assert sum(closes <= opens for opens, closes in windows) > 50
    assert sum(closes == "24:00" for _, closes in windows) > 20
    assert sum(len(example.versions) > 1 for example in examples) > 40
    assert sum(len(example.holds) > 1 for example in examples) > 40
    assert sum(bool(document["holidays"]) for document in documents) > 40
    assert sum(bool(document["overrides"]) for document in documents) > 40
    assert sum(example.start.microsecond != 0 for example in examples) > 40
    assert len(near_changes) > 40
