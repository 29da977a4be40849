"""The home page leads signers to what waits for their signature."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from alignment.models import Role
from alignment.services.delegations import grant
from alignment.tests.artifact_pages import pact
from handoff.tests.pages import client_of
from testing.artifacts import sent, sign_all, sign_as, user_with
from testing.world import NOW, World, event


@pytest.fixture(autouse=True)
def now(world: World) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False), pact():
        yield


def needs(role: Role) -> str:
    page = client_of(user_with(role)).get("/").content.decode()
    return page.partition('id="needs"')[2].partition("</section>")[0]


def test_whose_turn_it_is_is_led_to_the_document_before_all_else(world: World) -> None:
    version = sent("pact", {"text": "x", "title": "One pact"}, at=NOW)
    said = needs(Role.CRO)
    assert "<strong>1</strong>" in said and "document waiting for your signature: One pact" in said
    assert 'href="/artifacts/"' in said and "Now" in said
    assert "your signature" not in needs(Role.CMO)
    assert "your signature" not in needs(Role.FINANCE)
    sign_as(user_with(Role.CRO), version, at=NOW)
    assert "your signature" not in needs(Role.CRO)
    assert "waiting for your signature: One pact" in needs(Role.CMO)


def test_several_are_counted_and_the_oldest_is_named(world: World) -> None:
    sent("pact", {"text": "x", "title": "Second"}, key="b", at=NOW)
    sent("pact", {"text": "x", "title": "First"}, key="a", at=NOW - timedelta(hours=1))
    said = needs(Role.CRO)
    assert "<strong>2</strong>" in said and "documents waiting for your signature: First and others" in said


def test_a_delegate_is_led_there_too(world: World) -> None:
    given = grant(
        role=Role.CRO,
        holder=user_with(Role.CRO),
        delegate=user_with(Role.FINANCE),
        from_on=NOW.date(),
        until_on=NOW.date(),
        reason="Leave",
        by=user_with(Role.CRO),
        at=NOW,
    )
    sign_all(given, at=NOW)
    sent("pact", {"text": "x"}, at=NOW)
    assert "waiting for your signature" in needs(Role.FINANCE)


def test_it_is_there_as_well_once_events_have_come_in(world: World) -> None:
    world.send(event("lead.updated", "1", world.at, score=80))
    sent("pact", {"text": "x", "title": "One pact"}, at=NOW)
    assert "waiting for your signature: One pact" in needs(Role.CMO) + needs(Role.CRO)
