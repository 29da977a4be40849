"""How often a token may ask: exact also when many ask at once, refilled with time, and said with every answer."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from alignment.models import RateBucket, Role
from alignment.services.rates import take
from testing.api import Api, by_session, by_token
from testing.world import World, add_user


def let_pass(seconds: float) -> None:
    """As if this much time had passed for every bucket."""
    RateBucket.objects.update(filled_at=F("filled_at") - timedelta(seconds=seconds))


@pytest.fixture
def few(settings: Any) -> None:
    settings.API_BURST, settings.API_RATE_PER_MINUTE = 3, 1  # too slow to refill while a test runs


def test_a_bucket_empties_and_fills_again(db: None) -> None:
    def ask() -> tuple[bool, int]:
        found = take(holder="token:1", burst=3, per_second=0.5)
        return found.is_allowed, found.left

    assert [ask() for _ in range(4)] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    let_pass(1.9)
    assert not ask()[0]
    let_pass(0.2)
    assert ask()[0] and not ask()[0]
    let_pass(10_000)
    assert [ask()[0] for _ in range(4)] == [True, True, True, False]


def test_the_wait_is_what_is_missing_to_one_request(db: None) -> None:
    take(holder="token:1", burst=1, per_second=0.5)
    refused = take(holder="token:1", burst=1, per_second=0.5)
    assert not refused.is_allowed and 1.5 < refused.wait <= 2


def test_a_clock_that_runs_backwards_takes_nothing_away(db: None) -> None:
    take(holder="token:1", burst=3, per_second=0.001)
    let_pass(-3600)
    assert take(holder="token:1", burst=3, per_second=0.001).left == 1


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_exactly_as_many_as_the_bucket_holds_go_on() -> None:
    barrier, allowed = threading.Barrier(50), []

    def ask() -> None:
        try:
            barrier.wait()
            allowed.append(take(holder="token:1", burst=20, per_second=0.0001).is_allowed)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(allowed), sum(allowed)) == (50, 20)


def test_too_many_requests_are_a_problem_that_says_how_long_to_wait(world: World, few: None) -> None:
    api = by_token(add_user(world, Role.REVOPS))
    left = [api.get("calendars") for _ in range(3)]
    assert [answer["RateLimit"].partition(";t=")[0] for answer in left] == [f'"api";r={n}' for n in (2, 1, 0)]
    assert left[0]["RateLimit-Policy"] == '"api";q=3;w=180'
    refused = api.get("calendars")
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert 55 <= int(refused["Retry-After"]) <= 60
    assert refused["RateLimit"].startswith('"api";r=0;t=')
    let_pass(60)
    assert api.get("calendars").status_code == 200


def test_what_a_token_may_not_do_counts_as_well(world: World, few: None) -> None:
    rep = by_token(world.users["rep.1"])
    assert [rep.get("people").status_code for _ in range(4)] == [403, 403, 403, 429]


def test_each_token_and_the_browser_have_a_bucket_of_their_own(world: World, few: None) -> None:
    user = add_user(world, Role.REVOPS)
    for asker in (by_token(user), by_token(user), by_session(user)):
        assert [asker.get("calendars").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert RateBucket.objects.count() == 3


def test_who_is_not_known_has_no_bucket(world: World, few: None) -> None:
    assert {Api().get("leads").status_code for _ in range(5)} == {401}
    assert not RateBucket.objects.exists()
