"""The follow-up clause executes itself: more than the agreed share missed, and what it does then, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction

from alignment.models import BY_CLAUSE, Fact, MqlCycle, Notification, OutgoingMail
from alignment.pipeline import apply_events, drain
from sla.models import (
    Agreement,
    ClauseKind,
    ClausePeriod,
    Clock,
    ClockKind,
    Consequence,
    ConsequenceCycle,
    CycleState,
    Outcome,
)
from sla.queries.agreements import InForce
from sla.queries.follow_up_clause import FollowUps
from sla.services import consequences as service
from sla.services import execute_consequences
from sla.services.clause_periods import judge_follow_ups
from sla.tests.october import AFTER, SIGNED, attempt, october
from testing.at_once import at_once
from testing.sla import signed_sla
from testing.world import World, build_world, terms


def test_exactly_the_agreed_percent_fires_nothing(world: World) -> None:
    october(world, missed=3, met=17)
    assert execute_consequences(at=AFTER) == 0
    judged = ClausePeriod.objects.get(kind=ClauseKind.FOLLOW_UP, first="2026-10-01")
    assert (judged.part, judged.whole, judged.percent, judged.is_missed) == (3, 20, 15, False)
    assert not Consequence.objects.exists()


@pytest.mark.usefixtures("as_application_role")
def test_a_little_more_fires_and_recycles_what_is_untouched_and_open(world: World) -> None:
    october(world, missed=4, met=16, touched=1)
    assert execute_consequences(at=AFTER) == 3
    consequence = Consequence.objects.get()
    assert (consequence.judged.part, consequence.judged.whole) == (4, 20)
    states = dict(consequence.cycles.values_list("cycle__lead__external_id", "state"))
    assert states == {"L0": "listed", "L1": "recycled", "L2": "recycled", "L3": "recycled"}
    cycle = MqlCycle.objects.get(lead__external_id="L1")
    assert (cycle.disposition, cycle.reason, cycle.closed_at) == ("recycled", "", AFTER)
    assert (cycle.is_by_clause, cycle.is_tagged, cycle.disposed_at) == (True, False, None)
    assert cycle.first_follow_up_at is None
    assert MqlCycle.objects.closed_in_crm_untagged().filter(pk=cycle.pk).count() == 0
    outcomes = dict(Clock.objects.filter(cycle=cycle).values_list("kind", "outcome"))
    assert outcomes[ClockKind.FOLLOW_UP] == Outcome.MISSED
    assert outcomes[ClockKind.DISPOSITION] == Outcome.MISSED
    told = Notification.objects.filter(kind="sla-consequence")
    assert {row.user.role for row in told} >= {"cro", "cmo", "revops"}
    assert (
        OutgoingMail.objects.filter(key__startswith=f"consequence:{consequence.pk}").count() == told.count()
    )


def test_the_line_is_compared_as_whole_numbers(world: World) -> None:
    agreement = signed_sla(terms(world.calendar), at=SIGNED)
    cases = [
        (30, 200, 15, False), (31, 200, 15, True), (150, 1000, 15, False), (151, 1000, 15, True), (20, 132, 15, True),
        (0, 0, 15, False), (1, 1, 99, True), (99, 100, 99, False),
    ]  # fmt: skip
    for month, (missed, due, percent, fires) in enumerate(cases, start=1):
        first = f"2026-{month:02}-01"
        row = {
            "kind": ClauseKind.FOLLOW_UP, "unit": "month", "first": first, "end": f"2026-{month + 1:02}-01",
            "agreement": agreement, "part": missed, "whole": due, "percent": percent, "evidence": {},
            "evidence_digest": "0" * 64, "judged_at": AFTER,
        }  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            ClausePeriod.objects.create(**row, is_missed=not fires)
        judged = ClausePeriod.objects.create(**row, is_missed=fires)
        by_service = FollowUps(judged.period, signed_with(agreement, percent), missed, due, 0, 0, "")
        assert by_service.is_missed is fires
        consequence = Consequence(judged=judged, kind=judged.kind, first=first, fired_at=AFTER)
        if fires:
            consequence.save()
        else:
            with pytest.raises(IntegrityError, match="was missed"), transaction.atomic():
                consequence.save()


def signed_with(agreement: Agreement, percent: int) -> InForce:
    """The version with another agreed share."""
    clauses = agreement.parsed_clauses()
    assert clauses is not None
    changed = replace(clauses, consequences=replace(clauses.consequences, missed_percent=percent))
    return InForce(agreement, agreement.parsed(), changed)


def test_run_again_it_does_nothing_again(world: World) -> None:
    october(world, missed=4, met=0)
    assert execute_consequences(at=AFTER) == 4
    before = (Fact.objects.count(), Notification.objects.count(), ClausePeriod.objects.count())
    assert execute_consequences(at=AFTER + timedelta(hours=1)) == 0
    assert execute_consequences(at=AFTER + timedelta(days=1)) == 0
    assert (Fact.objects.count(), Notification.objects.count(), ClausePeriod.objects.count()) == before
    assert Consequence.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_decide_and_recycle_once() -> None:
    october(build_world(), missed=4, met=0)
    done = at_once(*[lambda: execute_consequences(at=AFTER)] * 2, refusals=())
    assert sum(done) + execute_consequences(at=AFTER) == 4
    assert Consequence.objects.count() == 1
    assert Fact.objects.filter(action=BY_CLAUSE).count() == 4
    assert set(ConsequenceCycle.objects.values_list("state", flat=True)) == {CycleState.RECYCLED}


def test_after_a_crash_between_decision_and_execution_the_next_run_goes_on(world: World) -> None:
    october(world, missed=4, met=0)
    with patch.object(service, "recycle_waiting", side_effect=RuntimeError), pytest.raises(RuntimeError):
        execute_consequences(at=AFTER)
    assert ConsequenceCycle.objects.filter(state=CycleState.WAITING).count() == 4
    assert not Fact.objects.filter(action=BY_CLAUSE).exists()
    later = AFTER + timedelta(hours=2)
    assert execute_consequences(at=later) == 4
    assert set(MqlCycle.objects.values_list("is_by_clause", "closed_at")) == {(True, later)}


def test_a_crash_within_the_execution_leaves_whole_batches(world: World) -> None:
    october(world, missed=4, met=0)
    calls: list[int] = []

    def crash(*given: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return apply_events(*given, **more)

    with (
        patch.object(service, "BATCH", 2),
        patch.object(service, "apply_events", crash),
        pytest.raises(KeyboardInterrupt),
    ):
        execute_consequences(at=AFTER)
    assert MqlCycle.objects.filter(is_by_clause=True).count() == 2
    assert execute_consequences(at=AFTER) == 2
    assert Fact.objects.filter(action=BY_CLAUSE).count() == 4


def test_an_mql_that_fails_holds_up_no_other_one(world: World) -> None:
    october(world, missed=4, met=0)

    def fail(events: Any, *, at: datetime) -> Any:
        if any(fact.external_id == "L2" for each in events for fact in each.facts):
            raise ValueError("poison")
        return apply_events(events, at=at)

    with patch.object(service, "apply_events", fail):
        assert execute_consequences(at=AFTER) == 3
    poisoned = ConsequenceCycle.objects.filter(state=CycleState.WAITING)
    assert [entry.cycle.lead.external_id for entry in poisoned] == ["L2"]
    assert execute_consequences(at=AFTER) == 1


def test_who_was_called_between_decision_and_execution_is_spared(world: World) -> None:
    october(world, missed=2, met=0)
    judge_follow_ups(at=AFTER)
    world.send(attempt(0, AFTER), at=AFTER)
    assert service.recycle_waiting(at=AFTER + timedelta(minutes=5)) == 1
    states = dict(ConsequenceCycle.objects.values_list("cycle__lead__external_id", "state"))
    assert states == {"L0": "spared", "L1": "recycled"}
    assert MqlCycle.objects.get(lead__external_id="L0").is_open


def test_what_came_before_the_decision_is_applied_before_anything_is_recycled(world: World) -> None:
    october(world, missed=2, met=0)
    called = attempt(0, AFTER + timedelta(hours=1))
    world.deliver(called, external_id=called["id"], received_at=AFTER + timedelta(hours=1))
    fired = AFTER + timedelta(days=2)  # the drain stood still
    assert execute_consequences(at=fired) == 0
    assert Consequence.objects.get().cycles.filter(state=CycleState.WAITING).count() == 2
    drain(at=fired + timedelta(minutes=1))
    assert execute_consequences(at=fired + timedelta(minutes=2)) == 1
    states = dict(ConsequenceCycle.objects.values_list("cycle__lead__external_id", "state"))
    assert states == {"L0": "spared", "L1": "recycled"}


def test_the_database_takes_no_clause_act_without_its_consequence(world: World) -> None:
    october(world, missed=1, met=0)
    fact = Fact(
        source=world.crm, ref="clause:1:1", subject="lead", external_id="L0", action=BY_CLAUSE,
        fields={"disposition": "recycled"}, occurred_at=AFTER, received_at=AFTER, order_key="x",
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="only a consequence recycles"), transaction.atomic():
        fact.save()
    with pytest.raises(IntegrityError, match="without_a_reason_of_sales"), transaction.atomic():
        MqlCycle.objects.update(is_by_clause=True)


def test_judgements_and_consequences_cannot_be_rewritten(world: World) -> None:
    october(world, missed=1, met=0)
    execute_consequences(at=AFTER)
    for change in (
        lambda: ClausePeriod.objects.update(part=0),
        lambda: Consequence.objects.update(first="2026-01-01"),
        lambda: ConsequenceCycle.objects.update(state=CycleState.LISTED, executed_at=None),
        lambda: ConsequenceCycle.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
