"""The chain stays one unbroken line of events, however many write to it at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, connection, transaction

from alignment.artifacts.canonical import NotCanonical, canonical, digest
from alignment.models import ChainEntry
from alignment.services.chain import NoEvent, append
from alignment.verification.verify import GENESIS, NO_MARK, chained

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_each_entry_carries_the_digest_of_the_one_before() -> None:
    first = append("sent", {"artifact": "a"}, at=NOON)
    second = append("signed", {"artifact": "b"}, at=NOON + timedelta(seconds=1))
    assert (first.sequence, first.previous) == (1, GENESIS)
    assert (second.sequence, second.previous) == (2, first.digest)
    assert second.digest == chained(first.digest, NO_MARK, digest(second.event.encode()))


@pytest.mark.django_db
def test_an_event_names_its_number_kind_and_time_in_utc() -> None:
    at = datetime(2026, 11, 23, 13, tzinfo=timezone(timedelta(hours=1)))
    entry = append("sent", {"é": 1}, at=at)
    assert json.loads(entry.event) == {
        "sequence": 1,
        "kind": "sent",
        "at": "2026-11-23T12:00:00.000000+00:00",
        "é": 1,
    }
    assert canonical(json.loads(entry.event)) == entry.event.encode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["sequence", "kind", "at"])
def test_a_payload_cannot_name_what_the_chain_gives(name: str) -> None:
    with pytest.raises(NoEvent, match=name):
        append("sent", {name: 1}, at=NOON)


@pytest.mark.django_db
@pytest.mark.parametrize("value", [0.5, 2**53, {1}, "\ud800", {1: 2}, {"é": 1, "e\u0301": 2}, b"x"])
def test_what_has_no_canonical_form_is_not_added(value: object) -> None:
    with pytest.raises(NotCanonical):
        append("sent", {"value": value}, at=NOON)
    assert not ChainEntry.objects.exists()


@pytest.mark.django_db
def test_an_act_that_fails_leaves_no_entry() -> None:
    def fail() -> None:
        with transaction.atomic():
            append("sent", {}, at=NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert append("sent", {}, at=NOON).sequence == 1


@pytest.mark.django_db
def test_the_database_takes_no_fork() -> None:
    first = append("sent", {}, at=NOON)
    append("signed", {}, at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        ChainEntry.objects.create(
            sequence=9, kind="sent", event="{}", previous=first.digest, digest="f" * 64, added_at=NOON
        )


@pytest.mark.django_db(transaction=True)
def test_64_writers_at_once_make_one_unbroken_chain(
    as_application_role: str, examples: Callable[[int, int], int]
) -> None:
    each = examples(8, 300)

    def write(writer: int) -> None:
        try:
            for number in range(each):
                with transaction.atomic():
                    append("sent", {"writer": writer, "number": number}, at=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(write, range(64)))
    entries = list(ChainEntry.objects.order_by("sequence"))
    assert [entry.sequence for entry in entries] == list(range(1, 64 * each + 1))
    previous = GENESIS
    for entry in entries:
        assert entry.previous == previous
        previous = chained(previous, NO_MARK, digest(entry.event.encode()))
        assert entry.digest == previous
    told = [json.loads(entry.event) for entry in entries]
    assert len({(event["writer"], event["number"]) for event in told}) == 64 * each
