"""MQL cycles: when they start, what closes them, what later facts do to them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from alignment.models import Lead, MqlCycle
from alignment.services import sources
from handoff.services.acts import CycleIsOver, dispose
from sla.services.agreements import put_in_force
from testing.world import World, event, terms

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_only_the_crossing_starts_a_cycle_not_every_score_above(world: World) -> None:
    for n, score in enumerate([70, 75, 60, 66]):
        at = world.at + n * MINUTE
        world.send(event("lead.updated", "L", at, score=score), at=at)
    assert MqlCycle.objects.count() == 1  # the second crossing finds the first cycle still open


def test_a_recycled_lead_that_crosses_again_starts_a_new_cycle_and_leaves_the_old_one(world: World) -> None:
    steps = [
        event("lead.updated", "L", world.at, score=80),
        event("lead.dispositioned", "L", world.at + HOUR, disposition="recycled", reason="bad_timing"),
        event("lead.updated", "L", world.at + 2 * HOUR, score=90),
        event("lead.updated", "L", world.at + 3 * HOUR, score=10),
        event("lead.updated", "L", world.at + 4 * HOUR, score=80),
    ]
    for step in steps:
        world.send(step, at=world.at + 5 * HOUR)
    first, second = MqlCycle.objects.order_by("crossed_at")
    assert (first.disposition, first.closed_at) == ("recycled", world.at + HOUR)
    assert second.crossed_at == world.at + 4 * HOUR and second.is_open
    assert second.clocks.get(kind="assign").started_at == world.at + 4 * HOUR


def test_a_repeated_old_disposition_does_not_close_the_new_cycle(world: World) -> None:
    """Senders that repeat the whole record carry yesterday's disposition along."""
    full = {"disposition": "recycled", "reason": "bad_fit"}
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.updated", "L", world.at + HOUR, score=10, **full), at=world.at + HOUR)
    world.send(event("lead.updated", "L", world.at + 2 * HOUR, score=80, **full), at=world.at + 2 * HOUR)
    assert MqlCycle.objects.open().count() == 1


def test_working_accepts_and_keeps_the_cycle_open(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.dispositioned", "L", world.at + HOUR, disposition="working"), at=world.at + HOUR)
    cycle = MqlCycle.objects.get()
    assert cycle.is_open and cycle.is_tagged and cycle.accepted_at == world.at + HOUR
    assert cycle.clocks.get(kind="disposition").outcome == "met"
    assert cycle.clocks.get(kind="follow_up").outcome == "open"


def test_converted_is_complete_once_it_is_linked_to_an_opportunity(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.updated", "L", world.at + HOUR, disposition="converted"), at=world.at + HOUR)
    cycle = MqlCycle.objects.get()
    assert not cycle.is_tagged and cycle.disposed_at is None and cycle.closed_at == world.at + HOUR
    world.send(event("lead.updated", "L", world.at + 2 * HOUR, opportunity="O"), at=world.at + 2 * HOUR)
    cycle = MqlCycle.objects.get()
    assert cycle.is_tagged and cycle.disposed_at == world.at + 2 * HOUR
    assert cycle.opportunity is not None and cycle.opportunity.lead_id == cycle.lead_id


def test_what_the_crm_closes_without_a_disposition_is_kept_open_and_listed(world: World) -> None:
    sources.update_mapping(source=world.crm, mapping={"closed_statuses": ["Dead"]}, by=None, at=world.at)
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.updated", "L", world.at + HOUR, status="Dead"), at=world.at + HOUR)
    cycle = MqlCycle.objects.closed_in_crm_untagged().get()
    assert cycle.is_open and cycle.crm_closed_at == world.at + HOUR
    world.send(
        event("lead.dispositioned", "L", world.at + 2 * HOUR, disposition="disqualified", reason="bad_data"),
        at=world.at + 2 * HOUR,
    )
    assert not MqlCycle.objects.closed_in_crm_untagged().exists()


def test_a_cycle_that_later_facts_disprove_is_voided_not_removed(world: World) -> None:
    late = world.at + 6 * HOUR
    world.send(
        event("lead.updated", "L", world.at, score=80),
        event("lead.dispositioned", "L", world.at + HOUR, disposition="recycled", reason="bad_fit"),
        event("lead.updated", "L", world.at + 3 * HOUR, score=10),
        event("lead.updated", "L", world.at + 4 * HOUR, score=80),
        at=world.at + 5 * HOUR,
    )
    assert MqlCycle.objects.standing().count() == 2
    # we now learn that sales took the lead up again before it crossed a second time: it never was free to cross
    world.send(event("lead.dispositioned", "L", world.at + 2 * HOUR, disposition="working"), at=late)
    first, second = MqlCycle.objects.order_by("crossed_at")
    assert first.is_open and first.disposition == "working"
    assert second.voided_at == late and second.void_reason
    assert set(second.clocks.values_list("outcome", flat=True)) == {"not_owed"}
    assert second.assignments.count() == 1


def test_an_earlier_crossing_moves_the_cycle_and_keeps_its_owner(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=90))
    owner = MqlCycle.objects.get().owner
    world.send(event("lead.updated", "L", world.at - HOUR, score=70), at=world.at + MINUTE)
    cycle = MqlCycle.objects.get()
    assert (cycle.crossed_at, cycle.owner) == (world.at - HOUR, owner)
    assert cycle.clocks.get(kind="assign").redatings.count() == 1


def test_times_outside_of_belief_are_kept_but_clocks_run_from_receipt(world: World) -> None:
    for name, stated, is_suspect in [
        ("old", world.at - timedelta(hours=72, seconds=1), True),
        ("edge", world.at - timedelta(hours=72), False),
        ("now", world.at + timedelta(seconds=60), False),
        ("future", world.at + timedelta(seconds=61), True),
    ]:
        world.send(event("lead.updated", name, stated, score=80))
        cycle = MqlCycle.objects.get(lead__external_id=name)
        assert cycle.crossed_at == stated
        assert cycle.is_clock_suspect is is_suspect
        assert cycle.started_at == (world.at if is_suspect else stated)


def test_each_cycle_runs_on_the_agreement_in_force_when_it_starts(world: World) -> None:
    world.send(event("lead.updated", "A", world.at, score=70))
    put_in_force(
        terms=terms(world.calendar, trigger={"kind": "score", "threshold": 80}),
        in_force_from=world.at + HOUR,
        by=None,
        at=world.at,
    )
    later = world.at + 2 * HOUR
    world.send(event("lead.updated", "B", later, score=70), at=later)
    world.send(event("lead.updated", "C", later, score=80), at=later)
    found = dict(MqlCycle.objects.values_list("lead__external_id", "agreement_number"))
    assert found == {"A": 1, "C": 2}


def test_a_trigger_on_a_field_crosses_when_the_field_reaches_its_value(world: World) -> None:
    put_in_force(
        terms=terms(world.calendar, trigger={"kind": "field", "field": "lifecycle", "value": "mql"}),
        in_force_from=world.at,
        by=None,
        at=world.at,
    )
    world.send(event("lead.updated", "L", world.at, lifecycle="lead", score=99))
    assert not MqlCycle.objects.exists()
    world.send(event("lead.mql", "L", world.at + MINUTE), at=world.at + MINUTE)
    assert MqlCycle.objects.get().crossed_at == world.at + MINUTE


def test_first_touch_and_sourced_function_come_from_touches(world: World) -> None:
    world.send(event("touch.recorded", "T1", world.at, lead="L", channel="call", is_attempt=True))
    lead = Lead.objects.get(external_id="L")
    assert lead.sourced_function == "sales"
    world.send(event("touch.recorded", "T2", world.at - HOUR, lead="L", channel="partner"))
    lead.refresh_from_db()
    assert lead.first_touch is not None
    assert (lead.sourced_function, lead.first_touch.external_id) == ("other", "T2")
    world.send(event("touch.recorded", "T0", world.at - 2 * HOUR, lead="L", channel="webinar"))
    lead.refresh_from_db()
    assert (lead.sourced_function, lead.first_touch.external_id) == ("marketing", "T0")


def test_a_record_accepted_but_closed_in_the_crm_is_listed(world: World) -> None:
    sources.update_mapping(source=world.crm, mapping={"closed_statuses": ["Dead"]}, by=None, at=world.at)
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.updated", "L", world.at + HOUR, disposition="working"), at=world.at + HOUR)
    assert not MqlCycle.objects.closed_in_crm_untagged().exists()
    world.send(event("lead.updated", "L", world.at + 2 * HOUR, status="Dead"), at=world.at + 2 * HOUR)
    assert MqlCycle.objects.closed_in_crm_untagged().exists()


def test_a_closing_without_its_reason_is_completed_here(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.updated", "L", world.at + HOUR, disposition="recycled"), at=world.at + HOUR)
    cycle = MqlCycle.objects.closed_in_crm_untagged().get()
    later = world.at + 2 * HOUR
    dispose(
        cycle=cycle,
        disposition="recycled",
        reason="bad_timing",
        by=world.users["rep.1"],
        at=later,
        act=uuid4(),
    )
    cycle = MqlCycle.objects.get()
    assert cycle.is_tagged and cycle.reason == "bad_timing"
    assert (cycle.closed_at, cycle.disposed_at) == (world.at + HOUR, later)
    with pytest.raises(CycleIsOver):
        dispose(
            cycle=cycle,
            disposition="recycled",
            reason="bad_fit",
            by=world.users["rep.1"],
            at=later,
            act=uuid4(),
        )
