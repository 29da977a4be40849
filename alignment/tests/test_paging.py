"""Lists by key: every row once, in order, however many share a time or a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from alignment.models import Calendar, DeadEvent, Person
from alignment.paging import NoSuchPage, by_moment, by_name, newest_first
from testing.world import World

AT = datetime(2026, 11, 17, 10, 0, 0, 123456, tzinfo=UTC)


def test_rows_are_paged_by_name_with_namesakes(db: None) -> None:
    names = [Random(3).choice(["Ada", "Bo", "Ćira"]) for _ in range(23)] + ["Ada"] * 9
    Person.objects.bulk_create(Person(name=name) for name in names)
    seen: list[Person] = []
    cursor: str | None = ""
    while cursor is not None:
        page = by_name(Person.objects.all(), cursor, size=5)
        seen += page.rows
        cursor = page.cursor
    assert seen == list(Person.objects.order_by("name", "pk"))


def test_rows_are_paged_by_time_to_the_microsecond(world: World) -> None:
    delivery = world.deliver({})
    DeadEvent.objects.bulk_create(
        DeadEvent(delivery=delivery, position=n, code="x", failed_at=AT + timedelta(microseconds=n // 4))
        for n in range(21)
    )
    seen: list[DeadEvent] = []
    cursor: str | None = ""
    while cursor is not None:
        page = by_moment(DeadEvent.objects.all(), "failed_at", cursor, size=3)
        seen += page.rows
        cursor = page.cursor
    assert [event.position for event in seen] == list(range(21))


def test_the_newest_come_first_and_the_last_page_has_no_next(db: None) -> None:
    Calendar.objects.bulk_create(Calendar(name=f"C{n}") for n in range(6))
    first = newest_first(Calendar.objects.all(), "", size=3)
    second = newest_first(Calendar.objects.all(), first.cursor or "", size=3)
    assert [c.name for c in (*first.rows, *second.rows)] == ["C5", "C4", "C3", "C2", "C1", "C0"]
    assert first.cursor is not None
    assert second.cursor is None


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "٣", "9" * 30, "1-2-3"])
def test_a_cursor_that_names_no_place_is_refused(db: None, cursor: str) -> None:
    with pytest.raises(NoSuchPage):
        newest_first(Person.objects.all(), cursor)
    with pytest.raises(NoSuchPage):
        by_name(Person.objects.all(), cursor)
    with pytest.raises(NoSuchPage):
        by_moment(DeadEvent.objects.all(), "failed_at", cursor)
