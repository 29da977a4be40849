"""Clocks: budgets in business and elapsed time, what stops them, re-dating, the sweep."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections

from alignment.models import DirtyDay, MqlCycle
from alignment.services.calendars import add_exception
from handoff.services.acts import log_attempt
from sla.models import Breach, Clock, ClockRedating, Outcome
from sla.services import mark_breached, mark_warned, redate_clocks
from testing.world import World, build_world, event

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def clocks(lead: str = "L") -> dict[str, Clock]:
    return {clock.kind: clock for clock in Clock.objects.filter(cycle__lead__external_id=lead)}


def test_high_intent_has_its_own_tier(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80, intent="demo_request"))
    assert MqlCycle.objects.get().tier == "high_intent"
    found = clocks()["follow_up"]
    assert found.due_at == world.at + timedelta(minutes=5)
    assert found.agreement == world.agreement and found.calendar_version is not None


def test_closed_hours_stop_the_clock_but_not_the_routing(world: World) -> None:
    night = world.at.replace(hour=23)
    world.send(event("lead.updated", "L", night, score=80, intent="demo_request"), at=night)
    cycle = MqlCycle.objects.get()
    assert cycle.assigned_at == night
    assert clocks()["follow_up"].due_at == night.replace(hour=9, minute=5) + DAY
    assert clocks()["assign"].due_at == night + timedelta(minutes=5)


def test_met_exactly_at_the_due_time_is_met_and_a_second_later_is_missed(world: World) -> None:
    for name, late in (("A", timedelta(0)), ("B", timedelta(seconds=1))):
        world.send(event("lead.updated", name, world.at, score=80))
        due = clocks(name)["follow_up"].due_at
        world.send(
            event("touch.recorded", f"T{name}", due + late, lead=name, channel="call", is_attempt=True),
            at=due + late,
        )
    mark_breached(at=clocks("A")["follow_up"].due_at + HOUR)
    assert clocks("A")["follow_up"].outcome == Outcome.MET
    assert clocks("B")["follow_up"].outcome == Outcome.MISSED


def test_the_cadence_owes_the_next_attempt_until_contact_or_the_agreed_number(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    cycle = MqlCycle.objects.get()
    user = world.users["rep.1"]
    for n in range(6):
        log_attempt(
            cycle=cycle,
            channel="call",
            outcome="no_answer",
            by=user,
            at=world.at + (n + 1) * HOUR,
            act=uuid4(),
        )
    ordinals = Clock.objects.filter(kind="attempt").order_by("ordinal").values_list("ordinal", "outcome")
    assert list(ordinals) == [(n, "met") for n in range(2, 7)]


def test_a_two_way_contact_ends_the_cadence(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    log_attempt(
        cycle=MqlCycle.objects.get(),
        channel="call",
        outcome="connected",
        by=world.users["rep.1"],
        at=world.at + HOUR,
        act=uuid4(),
    )
    assert not Clock.objects.filter(kind="attempt", outcome=Outcome.OPEN).exists()


def test_reassignment_restarts_nothing(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    before = clocks()["follow_up"].due_at
    later = world.at + 5 * HOUR
    world.send(event("lead.updated", "L", later, owner=world.reps[2].email), at=later)
    after = clocks()["follow_up"]
    assert (after.due_at, after.owner) == (before, world.reps[2])


def test_nobody_assigned_means_the_follow_up_runs_from_when_somebody_should_have_been(world: World) -> None:
    world.pool.members.update(is_paused=True)
    world.send(event("lead.updated", "L", world.at, score=80, intent="demo_request"))
    assert clocks()["follow_up"].started_at == world.at + timedelta(minutes=5)
    mark_breached(at=world.at + DAY)
    assert clocks()["follow_up"].outcome == clocks()["assign"].outcome == Outcome.MISSED


def test_a_calendar_exception_re_dates_running_clocks_with_an_audit_row_and_no_closed_one(
    world: World,
) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    due = clocks()["follow_up"].due_at
    thursday = date(2026, 11, 19)
    add_exception(
        calendar=world.calendar, day=thursday, windows=None, reason="Power cut", by=None, at=world.at + HOUR
    )
    # until it is re-dated, no sweep judges it by the old calendar
    mark_breached(at=due + timedelta(minutes=1))
    assert clocks()["follow_up"].outcome == Outcome.OPEN
    assert redate_clocks(at=world.at + 2 * HOUR) == 1
    moved = clocks()["follow_up"]
    # Thursday's eight hours are gone and the weekend comes after Friday
    assert moved.due_at == datetime(2026, 11, 23, 10, 0, tzinfo=due.tzinfo)
    assert ClockRedating.objects.filter(clock=moved).get().old_due_at == due
    assert redate_clocks(at=world.at + 2 * HOUR) == 0
    assert clocks()["assign"].redatings.count() == 0


def test_what_is_no_longer_owed_keeps_its_due_time_whatever_is_entered_or_done_later(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    closing = event("lead.dispositioned", "L", world.at + HOUR, disposition="recycled", reason="bad_fit")
    attempt = event("touch.recorded", "T", world.at + HOUR, lead="L", channel="call", is_attempt=True)
    world.send(attempt, closing, at=world.at + HOUR)
    before = {clock.pk: (clock.due_at, clock.outcome) for clock in Clock.objects.all()}
    assert Outcome.NOT_OWED in {outcome for _, outcome in before.values()}
    thursday = date(2026, 11, 19)
    add_exception(
        calendar=world.calendar, day=thursday, windows=None, reason="Power cut", by=None, at=world.at + HOUR
    )
    redate_clocks(at=world.at + 2 * HOUR)
    again = event("lead.updated", "L", world.at + 2 * HOUR, owner=world.reps[2].email)
    world.send(again, at=world.at + 2 * HOUR)
    assert {clock.pk: (clock.due_at, clock.outcome) for clock in Clock.objects.all()} == before


def test_late_news_of_who_met_a_clock_or_when_gives_it_no_other_due_time(world: World) -> None:
    attempt = {"lead": "L", "channel": "call", "is_attempt": True}
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("touch.recorded", "T", world.at + HOUR, **attempt), at=world.at + HOUR)
    met = clocks()["follow_up"]
    thursday, later = date(2026, 11, 19), world.at + 3 * HOUR
    add_exception(calendar=world.calendar, day=thursday, windows=None, reason="Power cut", by=None, at=later)
    redate_clocks(at=later)
    world.send(event("lead.updated", "L", world.at + HOUR / 4, owner=world.reps[2].email), at=later)
    assert (clocks()["follow_up"].owner, clocks()["follow_up"].due_at) == (world.reps[2], met.due_at)
    world.send(event("touch.recorded", "earlier", world.at + HOUR / 2, **attempt), at=later)
    again = clocks()["follow_up"]
    assert (again.met_at, again.due_at) == (world.at + HOUR / 2, met.due_at)
    assert (again.outcome, again.settled_at) == (Outcome.MET, met.settled_at)


def test_the_sweep_does_not_judge_past_what_the_inbox_has_processed(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    due = clocks()["follow_up"].due_at
    world.deliver(
        event("touch.recorded", "T", due - HOUR, lead="L", channel="call", is_attempt=True),
        external_id="waiting",
        received_at=due - HOUR,
    )
    assert mark_breached(at=due + HOUR) == 0
    world.send(at=due + HOUR)
    assert mark_breached(at=due + HOUR) == 1  # the disposition, not the follow-up
    assert clocks()["follow_up"].outcome == Outcome.MET


def test_a_warning_is_marked_once_before_the_breach(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    follow_up = clocks()["follow_up"]
    assert follow_up.warn_at == world.at + 2 * DAY + 2 * HOUR  # 18 of 24 business hours
    assert mark_warned(at=follow_up.warn_at - timedelta(seconds=1)) == 0
    assert mark_warned(at=follow_up.warn_at) == 2
    assert mark_warned(at=follow_up.warn_at) == 0


@pytest.mark.django_db(transaction=True)
def test_four_sweepers_at_once_stamp_each_breach_once() -> None:
    world = build_world()
    for n in range(120):
        world.deliver(event("lead.updated", f"L{n}", world.at, id=f"L{n}", score=80), external_id=f"L{n}")
    world.send()
    start = threading.Barrier(4)
    stamped: list[int] = []

    def sweep() -> None:
        start.wait()
        stamped.append(mark_breached(at=world.at + 30 * DAY))
        connections.close_all()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stamped) == 240 == Breach.objects.count()
    assert DirtyDay.objects.filter(day=(world.at + 3 * DAY).date()).exists()
