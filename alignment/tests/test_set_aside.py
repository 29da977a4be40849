"""What no mapping can mend is set aside with a reason: kept, replayable, and nobody's work any more."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from alignment.models import DeadEvent, Role
from alignment.services.authority import OnlyRevOps
from alignment.services.inbox import ReasonMissing, Replayed, replay_dead, set_aside
from alignment.tests.pages import signed_in
from testing.world import World, add_user, event


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Rhea"))


@pytest.fixture
def dead(world: World) -> list[DeadEvent]:
    world.send(
        event("lead.updated", "L1", world.at, score="many"),
        event("lead.updated", "L2", world.at, score="lots"),
    )
    return list(DeadEvent.objects.order_by("pk"))


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_one_event_is_set_aside_with_who_when_and_why(
    world: World, revops: Client, dead: list[DeadEvent]
) -> None:
    page = text(
        revops.post(f"/sources/crm/dead/{dead[0].pk}/aside/", {"reason": " A test of theirs "}, follow=True)
    )
    assert "1 event set aside" in page
    assert "Open (1)" in page
    aside = text(revops.get("/sources/crm/dead/?show=aside"))
    assert "Set aside by Rhea" in aside
    assert "A test of theirs" in aside
    row = DeadEvent.objects.get(pk=dead[0].pk)
    assert (row.set_aside_reason, row.set_aside_by) == ("A test of theirs", world.users[Role.REVOPS])
    assert list(DeadEvent.objects.open()) == [dead[1]]
    # once: a second one changes neither reason nor person
    again = revops.post(f"/sources/crm/dead/{dead[0].pk}/aside/", {"reason": "Other"}, follow=True)
    assert "set aside already" in text(again)
    assert DeadEvent.objects.get(pk=dead[0].pk).set_aside_reason == "A test of theirs"


def test_all_of_a_source_are_set_aside_at_once_and_wait_for_nobody(
    revops: Client, dead: list[DeadEvent]
) -> None:
    assert "could not be applied" in text(revops.get("/"))
    page = text(revops.post("/sources/crm/dead/aside/", {"reason": "Old exports"}, follow=True))
    assert "2 events set aside" in page
    assert "Nothing waits for you" in page
    assert "could not be applied" not in text(revops.get("/"))
    assert not DeadEvent.objects.open().exists()


def test_a_reason_is_owed(world: World, revops: Client, dead: list[DeadEvent]) -> None:
    for path in (f"/sources/crm/dead/{dead[0].pk}/aside/", "/sources/crm/dead/aside/"):
        answer = revops.post(path, {"reason": " "})
        assert answer.status_code == 422
        assert "Say why nobody needs to mend this." in text(answer)
        assert "<details" in text(answer)
    with pytest.raises(ReasonMissing):
        set_aside(reason=" ", by=None, at=world.at)
    assert DeadEvent.objects.open().count() == 2


def test_only_revops_sets_aside(world: World, dead: list[DeadEvent]) -> None:
    with pytest.raises(OnlyRevOps):
        set_aside(reason="x", by=world.users["rep.1"], at=world.at)


def test_the_database_refuses_half_of_it(world: World, dead: list[DeadEvent]) -> None:
    for half in (
        {"set_aside_at": world.at},
        {"set_aside_reason": "x"},
        {"set_aside_by": world.users["rep.1"]},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            DeadEvent.objects.filter(pk=dead[0].pk).update(**half)


def test_what_was_set_aside_can_be_replayed_by_name_but_not_by_the_way(
    world: World, dead: list[DeadEvent]
) -> None:
    set_aside(events=dead, reason="x", by=None, at=world.at)
    assert replay_dead(source=world.crm, by=None, at=world.at) == Replayed(0, 0)
    world.crm.mapping = {"fields": {"lead": {"score": "points"}}}
    world.crm.save()
    assert replay_dead(events=dead[:1], by=None, at=world.at) == Replayed(1, 0)
    assert list(DeadEvent.objects.set_aside()) == [dead[1]]


def test_a_delivery_of_which_nothing_was_readable_is_not_called_applied(world: World, revops: Client) -> None:
    good = event("lead.updated", "L1", world.at, score=70)
    bad = event("lead.updated", "L2", world.at, score="many")
    world.send(bad)
    page = text(revops.get("/sources/crm/deliveries/"))
    assert "Could not be read</span>" in page
    assert "Applied</span>" not in page
    part = world.deliver([good, bad | {"id": "other"}], external_id="both")
    world.send()
    assert "Applied in part" in text(revops.get(f"/sources/crm/deliveries/{part.pk}/"))
