"""An act of the API and an erasure do not fall into each other: what is answered and kept names nobody erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import psycopg2
import pytest

from alignment.models import DuplicatePair, KeptAnswer, Lead, MqlCycle, Role
from alignment.services import erasure
from handoff.tests.pages import add_mql
from testing.api import Api, by_token
from testing.processes import database_url
from testing.world import World, add_user, event

EMAIL = "wilma@feathers.example"
TAKEN = "SELECT pg_try_advisory_xact_lock(hashtext('alignment.erasure'))"


def can_erase() -> bool:
    """Whether an erasure could begin now, on another connection."""
    other = psycopg2.connect(database_url())
    try:
        with other.cursor() as cursor:
            cursor.execute(TAKEN)
            return cursor.fetchone() == (True,)
    finally:
        other.close()


@pytest.fixture
def api(world: World, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(add_user(world, Role.REVOPS))


@pytest.fixture
def pair(world: World) -> DuplicatePair:
    world.send(*(event("lead.updated", f"L{n}", world.at, email=EMAIL) for n in range(2)))
    return DuplicatePair.objects.get()


def watched(place: str, seen: list[bool]) -> Any:
    """Ask at the moment when a function is called whether an erasure could begin."""
    module, _, name = place.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def ask(*given: Any, **more: Any) -> Any:
        seen.append(can_erase())
        return real(*given, **more)

    return mock.patch(place, ask)


@pytest.mark.django_db(transaction=True)
class TestOneAtATime:
    def act(self, world: World, api: Api, send: Callable[[Api], Any]) -> list[bool]:
        seen: list[bool] = []
        assert can_erase()
        with watched("alignment.api.acts.keep", seen):
            assert send(api).status_code in (200, 201)
        assert can_erase()
        return seen

    def test_a_dismissal_ends_before_an_erasure_begins(
        self, world: World, api: Api, pair: DuplicatePair
    ) -> None:
        said = {"reason": "Mother and daughter"}
        assert self.act(
            world, api, lambda api: api.post(f"duplicate-pairs/{pair.pk}/dismiss", said, key="k")
        ) == [False]
        assert EMAIL in KeptAnswer.objects.get().body

    def test_so_does_every_other_act(self, world: World, api: Api) -> None:
        cycle: MqlCycle = add_mql(world, "Ada")
        given = {"channel": "call", "outcome": "no_answer"}
        assert self.act(
            world, api, lambda api: api.post(f"mql-cycles/{cycle.pk}/attempts", given, key="k")
        ) == [False]

    def test_an_erasure_by_the_api_waits_for_no_lock_of_its_own(self, world: World, api: Api) -> None:
        world.send(event("lead.updated", "L", world.at, email=EMAIL))
        lead = Lead.objects.get()
        seen: list[bool] = []
        given = {"asked_by": "person", "reason": "asked", "confirmation": "L"}
        with watched("alignment.services.erasure.bodies_that_name", seen):
            answer = api.post(f"leads/{lead.pk}/erasure", given, key="k")
        assert answer.status_code == 201 and seen[0]


def test_what_an_erasure_took_before_is_answered_to_nobody(
    world: World, api: Api, pair: DuplicatePair
) -> None:
    """The pair is found, then somebody is erased, then the act is tried."""
    lead = Lead.objects.get(external_id="L0")

    def erased_meanwhile() -> None:
        erasure.erase_person(leads=[lead], asked_by="person", reason="asked", by=None, at=world.at)

    with mock.patch("alignment.api.acts.hold_off_erasures", erased_meanwhile):
        answer = api.post(f"duplicate-pairs/{pair.pk}/dismiss", {"reason": "Two people"}, key="k")
    assert answer.json()["refusal"] == "already-settled", "there is no pair any more"
    assert EMAIL not in answer.content.decode() and not KeptAnswer.objects.exists()
