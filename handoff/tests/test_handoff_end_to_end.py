"""From a CRM event to an owner, running clocks, met or breached, and this week's compliance."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import MqlCycle
from handoff.models import Assignment
from handoff.services.acts import dispose, log_attempt
from sla.models import Breach, Clock, ClockCorrection, ClockKind, Outcome
from sla.queries import compliance
from sla.services import mark_breached, roll_up
from testing.world import World, event

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def clock(kind: str) -> Clock:
    return Clock.objects.get(kind=kind)


def test_crossing_the_trigger_starts_a_cycle_with_an_owner_and_clocks(world: World) -> None:
    world.send(event("lead.created", "L1", world.at - HOUR, score=10, first_name="Ada"))
    assert not MqlCycle.objects.exists()
    world.send(event("lead.updated", "L1", world.at, score=70), at=world.at + MINUTE)
    cycle = MqlCycle.objects.get()
    assert cycle.crossed_at == cycle.started_at == world.at
    assert cycle.owner == world.reps[0] and cycle.assigned_at == world.at + MINUTE
    assert Assignment.objects.get().explanation["pool"] == "Everyone"
    assert clock(ClockKind.ASSIGN).outcome == Outcome.MET
    follow_up = clock(ClockKind.FOLLOW_UP)
    assert follow_up.outcome == Outcome.OPEN
    # 24 business hours from Tuesday 10:01 at 8 hours a day
    assert follow_up.due_at == world.at + timedelta(days=3) + MINUTE


def test_an_attempt_meets_the_follow_up_and_opens_the_next_attempt(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score=70))
    cycle = MqlCycle.objects.get()
    user = world.users["rep.1"]
    act = uuid4()
    for _ in range(2):
        log_attempt(cycle=cycle, channel="call", outcome="no_answer", by=user, at=world.at + HOUR, act=act)
    cycle.refresh_from_db()
    assert cycle.attempts == 1
    assert clock(ClockKind.FOLLOW_UP).outcome == Outcome.MET
    assert clock(ClockKind.ATTEMPT).due_at == world.at + HOUR + timedelta(days=2)
    dispose(
        cycle=cycle, disposition="recycled", reason="bad_timing", by=user, at=world.at + 2 * HOUR, act=uuid4()
    )
    cycle.refresh_from_db()
    assert cycle.closed_at == world.at + 2 * HOUR and cycle.is_tagged
    assert clock(ClockKind.DISPOSITION).outcome == Outcome.MET
    assert clock(ClockKind.ATTEMPT).outcome == Outcome.NOT_OWED


def test_a_breach_is_stamped_once_and_late_evidence_corrects_it_without_rewriting(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score=70))
    due = clock(ClockKind.FOLLOW_UP).due_at
    assert mark_breached(at=due) == 0
    assert mark_breached(at=due + HOUR) == 2
    assert mark_breached(at=due + HOUR) == 0
    stamped = Breach.objects.get(clock__kind=ClockKind.FOLLOW_UP)
    assert stamped.breached_at == due and stamped.stamped_at == due + HOUR
    world.send(
        event("touch.recorded", "T1", due - HOUR, lead="L1", channel="call", is_attempt=True),
        at=due + 2 * HOUR,
    )
    late = clock(ClockKind.FOLLOW_UP)
    assert late.outcome == Outcome.RESTATED and late.breached_at == due
    assert ClockCorrection.objects.get().outcome == Outcome.RESTATED
    roll_up(at=due + 2 * HOUR)
    week = Week.of(due, "UTC")
    figure = compliance.by_kind(week, Scope(is_all=True))[ClockKind.FOLLOW_UP]
    assert (figure.met, figure.missed, figure.restated) == (0, 1, 1)
