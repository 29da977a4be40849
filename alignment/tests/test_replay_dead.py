"""Dead events come back once their cause is mended: each once, whoever replays it and how often."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from alignment.models import DeadEvent, Delivery, DeliveryState, Fact, Lead, MqlCycle, Role, Source
from alignment.services import inbox
from alignment.services.inbox import Replayed, replay_dead
from alignment.services.sources import update_mapping
from alignment.tests.pages import signed_in
from testing.world import World, add_user, build_world, event

LATER = timedelta(hours=2)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def unreadable(world: World, count: int = 1) -> None:
    """Leads whose disposition nobody has mapped yet."""
    world.send(
        *(
            event("lead.updated", f"L{n}", world.at, score=80, disposition="In Arbeit", id=f"evt_{n}")
            for n in range(count)
        )
    )
    assert DeadEvent.objects.filter(replayed_at__isnull=True).count() == count


def mend(world: World) -> None:
    update_mapping(
        source=world.crm,
        mapping={"values": {"disposition": {"In Arbeit": "working"}}},
        by=None,
        at=world.at,
    )


def test_after_the_mapping_is_mended_a_replay_applies_each_event_once(world: World) -> None:
    unreadable(world, 3)
    assert not Lead.objects.exists()
    mend(world)
    assert replay_dead(source=world.crm, by=None, at=world.at + LATER) == Replayed(3, 0)
    assert replay_dead(source=world.crm, by=None, at=world.at + LATER) == Replayed(0, 0)
    assert replay_dead(events=list(DeadEvent.objects.all()), by=None, at=world.at) == Replayed(0, 0)
    assert MqlCycle.objects.filter(disposition="working").count() == 3
    assert Fact.objects.filter(subject="lead").count() == 3
    assert {dead.replayed_at for dead in DeadEvent.objects.all()} == {world.at + LATER}


def test_what_fails_again_stays_with_its_newest_reason(world: World) -> None:
    unreadable(world)
    world.crm.mapping = {"values": {"disposition": {"In Arbeit": "on it"}}}
    world.crm.save()
    assert replay_dead(source=world.crm, by=None, at=world.at + LATER) == Replayed(0, 1)
    dead = DeadEvent.objects.get()
    assert dead.failures == 2 and dead.replayed_at is None and "on it" in dead.message


def test_all_of_a_source_goes_in_batches_and_leaves_other_sources_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "BATCH", 2)
    unreadable(world, 5)
    other = Source.objects.create(key="other", name="Other", kind="standard")
    world.deliver([{}], endpoint=world.endpoint(other, ""))
    world.send()
    mend(world)
    assert replay_dead(source=world.crm, by=None, at=world.at) == Replayed(5, 0)
    assert DeadEvent.objects.get(replayed_at__isnull=True).delivery.source == other


def test_a_delivery_that_was_dead_as_a_whole_comes_back(world: World) -> None:
    world.crm.mapping = {"nonsense": 1}
    world.crm.save()
    told = event("lead.created", "L1", world.at, score=70)
    world.send(told)
    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.DEAD
    world.crm.mapping = {}
    world.crm.save()
    assert replay_dead(source=world.crm, by=None, at=world.at) == Replayed(1, 0)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DONE and MqlCycle.objects.count() == 1


def test_a_body_that_retention_removed_stays_dead_and_says_so(world: World) -> None:
    unreadable(world)
    Delivery.objects.update(body=None)
    mend(world)
    assert replay_dead(source=world.crm, by=None, at=world.at) == Replayed(0, 1)
    dead = DeadEvent.objects.get()
    assert dead.replayed_at is None and dead.code == "body_expired"
    assert not Lead.objects.exists()


def test_under_a_mapping_that_cannot_be_used_every_event_stays_dead(world: World) -> None:
    bad = {"type": "lead.upsert"}
    good = event("lead.updated", "L1", world.at, score=80, id="evt_good")
    world.deliver([bad, good, bad], external_id="msg")
    world.send()
    assert DeadEvent.objects.count() == 2
    world.crm.mapping = {"nonsense": 1}
    world.crm.save()
    assert replay_dead(source=world.crm, by=None, at=world.at + LATER) == Replayed(0, 2)
    assert {(dead.position, dead.code, dead.replayed_at) for dead in DeadEvent.objects.all()} == {
        (0, "bad_mapping", None),
        (2, "bad_mapping", None),
    }


def test_only_revops_replays(world: World) -> None:
    unreadable(world)
    mend(world)
    with pytest.raises(PermissionDenied):
        replay_dead(source=world.crm, by=world.users["rep.1"], at=world.at)
    assert not Lead.objects.exists()


def test_the_page_lists_reasons_and_replays_one_or_all(world: World, client: Client) -> None:
    unreadable(world, 3)
    client = signed_in(add_user(world, Role.REVOPS))
    page = text(client.get("/sources/crm/dead/"))
    assert page.count("is not one of") == 3 and "Replay all 3" in page and "may hold personal data" in page
    first = DeadEvent.objects.order_by("pk")[0]
    still = text(client.post(f"/sources/crm/dead/{first.pk}/replay/", follow=True))
    assert "0 applied, 1 still cannot be read" in still
    mend(world)
    assert "1 event applied" in text(client.post(f"/sources/crm/dead/{first.pk}/replay/", follow=True))
    assert "Nothing was waiting" in text(client.post(f"/sources/crm/dead/{first.pk}/replay/", follow=True))
    done = text(client.post("/sources/crm/dead/replay/", follow=True))
    assert "2 events applied" in done and "Everything could be read" in done
    assert MqlCycle.objects.count() == 3
    assert client.get("/sources/crm/dead/replay/").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_replays_at_once_apply_each_event_once() -> None:
    world = build_world()
    unreadable(world, 12)
    mend(world)
    results: list[Replayed] = []

    def run() -> None:
        try:
            results.append(replay_dead(source=world.crm, by=None, at=world.at))
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.applied for result in results) == 12 and len(results) == 3
    assert not any(result.dead for result in results)
    assert MqlCycle.objects.count() == Fact.objects.filter(subject="lead").count() == 12
