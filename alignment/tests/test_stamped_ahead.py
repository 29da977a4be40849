"""An event stamped far ahead of its receipt freezes no record: it is set apart with what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alignment.models import DeadEvent, Fact, Lead
from alignment.pipeline import drain
from testing.state import end_state
from testing.world import World, event

pytestmark = pytest.mark.django_db


def test_later_news_counts_whatever_year_an_event_claimed(world: World) -> None:
    far = datetime(2150, 1, 1, tzinfo=UTC)
    world.send(event("lead.updated", "L9", far, id="far", email="far@x.example"))
    world.send(event("lead.updated", "L9", world.at, id="now", email="now@x.example"))
    assert Lead.objects.get(external_id="L9").email == "now@x.example"
    dead = DeadEvent.objects.get()
    assert dead.code == "ahead_of_receipt"
    assert "2150-01-01 00:00 UTC" in dead.message and "under a new id" in dead.message


def test_the_clock_of_a_sender_may_be_a_day_ahead(world: World) -> None:
    day = timedelta(days=1)
    world.send(event("lead.updated", "L1", world.at + day, email="a@x.example"))
    assert Fact.objects.get().occurred_at == world.at + day
    world.send(event("lead.updated", "L2", world.at + day + timedelta(seconds=1), email="b@x.example"))
    assert not Lead.objects.filter(external_id="L2").exists()


def test_order_of_arrival_decides_nothing(world: World) -> None:
    far = event("lead.updated", "L1", world.at + timedelta(days=400), id="far", score=90)
    now = event("lead.updated", "L1", world.at, id="now", score=10)
    world.deliver([now, far])
    drain(at=world.at)
    before = end_state()
    world.deliver([far, now], received_at=world.at + timedelta(days=4))
    drain(at=world.at + timedelta(days=4))
    assert end_state() == before
    assert Lead.objects.get().score == 10
