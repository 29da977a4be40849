"""Who owns an MQL: what the CRM repeats is no news, what a person decides stands, and who had it answers for it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from alignment.models import Function, MqlCycle, Person, PersonIdentity, Role, Team
from alignment.services.people import merge_people
from handoff.models import Assignment
from handoff.services.acts import NotYours, assign_by_hand, dispose, log_attempt
from handoff.services.unassigned import route_unassigned
from sla.models import Breach, Clock
from sla.services import mark_breached
from testing.world import World, add_rep, add_user, event

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def cycle() -> MqlCycle:
    return MqlCycle.objects.get()


def test_an_unchanged_default_owner_repeated_with_the_crossing_is_no_assignment(world: World) -> None:
    world.send(event("lead.created", "L", world.at - HOUR, score=1, owner="queue-7"))
    world.send(event("lead.updated", "L", world.at, score=80, owner="queue-7"))
    assert (cycle().assigned_by, cycle().owner) == ("routed", world.reps[0])


def test_an_owner_from_before_who_is_known_to_sell_keeps_the_lead(world: World) -> None:
    world.send(event("lead.created", "L", world.at - HOUR, score=1, owner=world.reps[1].email))
    world.send(event("lead.updated", "L", world.at, score=80))
    assert (cycle().assigned_by, cycle().owner, cycle().assigned_at) == ("crm", world.reps[1], world.at)
    assert not Assignment.objects.exists()


def test_an_assignment_by_hand_outlives_the_crm_repeating_its_old_owner(world: World) -> None:
    boss = add_user(world, Role.SALES_MANAGER, "Boss")
    world.send(event("lead.updated", "L", world.at, score=80, owner=world.reps[0].email))
    assign_by_hand(cycle=cycle(), person=world.reps[2], by=boss, at=world.at + HOUR)
    later = world.at + 2 * HOUR
    world.send(event("lead.updated", "L", later, score=81, owner=world.reps[0].email), at=later)
    assert cycle().owner == world.reps[2]


def test_a_disposition_set_here_outlives_the_crm_repeating_its_old_one(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80, disposition="working"))
    user = world.users["rep.1"]
    dispose(
        cycle=cycle(), disposition="disqualified", reason="bad_fit", by=user, at=world.at + HOUR, act=uuid4()
    )
    later = world.at + 2 * HOUR
    world.send(event("lead.updated", "L", later, disposition="working", score=81), at=later)
    assert (cycle().disposition, cycle().closed_at) == ("disqualified", world.at + HOUR)


def test_a_person_who_changes_teams_takes_no_clock_along(world: World) -> None:
    elsewhere = Team.objects.create(name="Elsewhere", function=Function.SALES)
    world.send(event("lead.updated", "L", world.at, score=80))
    before = dict(Clock.objects.values_list("kind", "due_at"))
    Person.objects.filter(pk=world.reps[0].pk).update(team=elsewhere)
    world.send(event("lead.updated", "L", world.at + HOUR, company="New"), at=world.at + HOUR)
    assert cycle().team == world.team
    assert dict(Clock.objects.values_list("kind", "due_at")) == before


@pytest.mark.parametrize("at_once", [True, False])
def test_who_met_a_promise_answers_for_it_however_the_events_arrive(world: World, at_once: bool) -> None:
    events = [
        event("lead.updated", "L", world.at, score=80, owner=world.reps[0].email),
        event("touch.recorded", "T", world.at + MINUTE, lead="L", channel="call", is_attempt=True),
        event("lead.updated", "L", world.at + HOUR, owner=world.reps[1].email),
    ]
    if at_once:
        world.send(*events, at=world.at + 2 * HOUR)
    else:
        for body in events:
            world.send(body, at=world.at + 2 * HOUR)
    owners = dict(Clock.objects.values_list("kind", "owner__name"))
    assert owners["follow_up"] == owners["assign"] == "Rep 1"
    assert owners["disposition"] == "Rep 2"


def test_a_breach_is_its_owners_at_the_due_time_not_at_the_sweep(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80, owner=world.reps[0].email))
    due = Clock.objects.get(kind="follow_up").due_at
    later = due + 2 * HOUR
    world.send(event("lead.updated", "L", due + HOUR, owner=world.reps[1].email), at=later)
    mark_breached(at=later)
    assert Breach.objects.get(clock__kind="follow_up").owner == world.reps[0]


def test_an_assignment_never_comes_before_what_it_answers(world: World) -> None:
    crossed = world.at + timedelta(seconds=40)
    world.send(event("lead.updated", "L", crossed, score=80), at=world.at)
    assert cycle().assigned_at == cycle().started_at == crossed


def test_what_nobody_was_eligible_for_is_routed_once_somebody_is(world: World) -> None:
    world.pool.members.update(is_paused=True)
    world.send(event("lead.updated", "L", world.at, score=80))
    assert route_unassigned(at=world.at + HOUR) == 0
    world.pool.members.filter(person=world.reps[1]).update(is_paused=False)
    assert route_unassigned(at=world.at + HOUR) == 1
    assert (cycle().owner, cycle().assigned_at) == (world.reps[1], world.at + HOUR)
    assert route_unassigned(at=world.at + HOUR) == 0


def test_a_found_person_merged_into_another_gives_its_assignments_too(world: World) -> None:
    boss = add_user(world, Role.REVOPS, "Ops")
    stub = Person.objects.create(name="J. Rep", function=Function.UNKNOWN)
    PersonIdentity.objects.create(source=world.crm, external_id="u7", person=stub)
    world.send(event("lead.updated", "L", world.at, score=80))
    assign_by_hand(cycle=cycle(), person=stub, by=boss, at=world.at + MINUTE)
    merge_people(stub=stub, into=world.reps[2], by=boss, at=world.at + HOUR)
    assert cycle().owner == world.reps[2]


def test_services_refuse_who_has_no_part_in_the_mql(world: World) -> None:
    stranger = add_rep(world, "Stranger", team=Team.objects.create(name="Others", function=Function.SALES))
    world.send(event("lead.updated", "L", world.at, score=80, owner=world.reps[0].email))
    assert stranger.user is not None
    with pytest.raises(NotYours):
        log_attempt(cycle=cycle(), channel="call", outcome="sent", by=stranger.user, at=world.at, act=uuid4())
    with pytest.raises(NotYours):
        dispose(cycle=cycle(), disposition="working", by=stranger.user, at=world.at, act=uuid4())
    with pytest.raises(NotYours):
        assign_by_hand(cycle=cycle(), person=stranger, by=stranger.user, at=world.at)


def test_a_record_deleted_in_the_crm_is_listed_until_it_has_a_disposition(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.deleted", "L", world.at + HOUR), at=world.at + HOUR)
    assert MqlCycle.objects.closed_in_crm_untagged().get().crm_closed_at == world.at + HOUR


def test_the_agreement_of_the_start_judges_a_crossing_that_is_told_late(world: World) -> None:
    """The CRM states an MQL date before a new version began: the cycle runs on the old one."""
    from sla.services.agreements import put_in_force
    from testing.world import terms

    put_in_force(terms=terms(world.calendar), in_force_from=world.at + HOUR, note="v2", by=None, at=world.at)
    told = world.at + 2 * HOUR
    world.send(event("lead.updated", "L", told, score=80, mql_at=world.at.isoformat()), at=told)
    assert (cycle().started_at, cycle().agreement_number) == (world.at, 1)


def test_a_closing_told_late_disproves_the_breach_of_what_was_no_longer_owed(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    user = world.users["rep.1"]
    log_attempt(
        cycle=cycle(), channel="call", outcome="no_answer", by=user, at=world.at + MINUTE, act=uuid4()
    )
    due = Clock.objects.get(kind="attempt").due_at
    mark_breached(at=due + 80 * HOUR)
    world.send(
        event(
            "lead.dispositioned", "L", due + 10 * HOUR - 20 * HOUR, disposition="recycled", reason="bad_fit"
        ),
        at=due + 50 * HOUR,
    )
    attempt = Clock.objects.get(kind="attempt")
    assert (attempt.outcome, attempt.breached_at) == ("restated", due)
