"""“No response” waits for the agreed attempts, over as many channels as the signed SLA asks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from alignment.models import MqlCycle, User
from handoff.services.acts import TooFewAttempts, dispose, log_attempt
from testing.sla import signed_sla
from testing.world import NOW, World, event, terms

HOUR = timedelta(hours=1)


def first_rep(world: World) -> User:
    user = world.reps[0].user
    assert user is not None
    return user


def give_up(world: World, cycle: MqlCycle, at: datetime) -> None:
    dispose(
        cycle=cycle,
        disposition="recycled",
        reason="no_response",
        by=first_rep(world),
        at=at,
        act=uuid4(),
    )


def tried(world: World, *channels: str) -> MqlCycle:
    """The MQL of the first rep after these attempts, an hour apart."""
    world.send(event("lead.updated", "L1", NOW + HOUR, score=80), at=NOW + HOUR)
    cycle = MqlCycle.objects.get()
    user = first_rep(world)
    assert cycle.owner == world.reps[0]
    for number, channel in enumerate(channels, start=2):
        log_attempt(
            cycle=cycle, channel=channel, outcome="no_answer", by=user, at=NOW + number * HOUR, act=uuid4()
        )
    return cycle


def test_enough_attempts_over_one_channel_are_refused_under_a_signed_sla(world: World) -> None:
    signed_sla(terms(world.calendar, cadence=_cadence()), at=NOW, channels=2)
    cycle = tried(world, *["call"] * 5)
    with pytest.raises(TooFewAttempts, match="over 2 channels; all recorded are over call alone"):
        give_up(world, cycle, NOW + 7 * HOUR)
    log_attempt(
        cycle=cycle, channel="email", outcome="sent", by=first_rep(world), at=NOW + 8 * HOUR, act=uuid4()
    )
    give_up(world, cycle, NOW + 9 * HOUR)
    cycle.refresh_from_db()
    assert cycle.reason == "no_response"


def test_the_number_is_asked_for_first(world: World) -> None:
    signed_sla(terms(world.calendar, cadence=_cadence()), at=NOW, channels=2)
    cycle = tried(world, "call", "email")
    with pytest.raises(TooFewAttempts, match="needs 5 attempts; 2 recorded"):
        give_up(world, cycle, NOW + 5 * HOUR)


def test_before_the_first_signature_no_channels_are_agreed(world: World) -> None:
    cycle = tried(world, *["call"] * 6)
    give_up(world, cycle, NOW + 9 * HOUR)
    cycle.refresh_from_db()
    assert cycle.closed_at is not None


def _cadence() -> dict[str, object]:
    return {"attempts": 5, "gap": {"amount": 16, "unit": "hours", "time": "business"}}
