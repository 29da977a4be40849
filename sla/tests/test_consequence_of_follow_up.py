"""The follow-up clause executes itself: more than the agreed share missed, and what it does then, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction

from alignment.models import BY_CLAUSE, DirtyDay, Fact, Lead, MqlCycle, Notification, OutgoingMail, Role
from alignment.pipeline import apply_events, drain, refold_leads
from alignment.services.merges import merge_leads, undo_merge
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
from sla.queries.agreements import AgreementBook, InForce
from sla.queries.consequence_pages import period_rows
from sla.queries.follow_up_clause import CUT_SHORT, FollowUps, clause_periods
from sla.services import consequences as service
from sla.services import execute_consequences, mark_breached, roll_up
from sla.services.clause_periods import judge_follow_ups
from testing.artifacts import user_with
from testing.at_once import at_once
from testing.sla import amended, clauses, judging, revoke_sla, signed_sla
from testing.world import World, build_world, event, terms

SIGNED = datetime(2026, 9, 28, 9, 0, tzinfo=UTC)
CROSSED = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)  # a Tuesday: due on Friday, after 24 open hours
AFTER = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)


def october(world: World, *, missed: int, met: int, touched: int = 0, **clauses: Any) -> None:
    """MQLs of October of a signed SLA: so many never followed up, or late (`touched` of them), and the rest in time."""
    signed_sla(terms(world.calendar), at=SIGNED, **clauses)
    late = CROSSED + timedelta(days=6)
    events = [event("lead.updated", f"L{n}", CROSSED, score=80) for n in range(missed + met)]
    in_time = range(missed, missed + met)
    world.send(*events, at=CROSSED)
    world.send(*(attempt(n, CROSSED + timedelta(hours=1)) for n in in_time), at=CROSSED + timedelta(hours=1))
    mark_breached(at=late)
    world.send(*(attempt(n, late) for n in range(touched)), at=late)
    mark_breached(at=AFTER)
    roll_up(at=AFTER)


def attempt(number: int, at: datetime) -> dict[str, Any]:
    return event(
        "touch.recorded", f"T{number}-{at:%d%H%M}", at, lead=f"L{number}", channel="call", is_attempt=True
    )


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


@pytest.mark.parametrize("why", ["not over", "inbox", "dirty", "running"])
def test_a_period_that_is_not_settled_is_not_judged(world: World, why: str) -> None:
    october(world, missed=2, met=0)
    at = AFTER
    if why == "not over":
        at = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    elif why == "inbox":
        world.deliver(event("lead.updated", "L9", CROSSED), external_id="x", received_at=CROSSED)
    elif why == "dirty":
        DirtyDay.objects.create(metric="compliance", day="2026-10-09")
    else:  # fell due on 29 October, and no sweep has come by
        late = CROSSED + timedelta(days=20)
        world.send(event("lead.updated", "L8", late, score=80), at=late)
        roll_up(at=at)
    execute_consequences(at=at)
    assert not ClausePeriod.objects.filter(first="2026-10-01").exists()


def test_what_was_over_when_the_sla_was_revoked_is_judged_and_executed_as_signed(world: World) -> None:
    october(world, missed=4, met=0)
    revoke_sla(judging(CROSSED), at=datetime(2026, 11, 1, tzinfo=UTC))  # at the very end of October
    assert execute_consequences(at=AFTER) == 4
    assert Consequence.objects.get().judged.agreement == judging(CROSSED)


def test_nothing_is_judged_of_a_period_that_a_revocation_cut_short_until_another_sla_is_signed(
    world: World,
) -> None:
    october(world, missed=4, met=0)
    revoke_sla(judging(CROSSED), at=datetime(2026, 10, 31, 23, tzinfo=UTC))
    assert execute_consequences(at=AFTER) == 0
    assert not ClausePeriod.objects.filter(first__gte="2026-10-01").exists()
    assert [row.now.unsettled for row in period_rows(at=AFTER) if row.now] == [CUT_SHORT]
    with pytest.raises(IntegrityError, match="was not over when its SLA was revoked"), transaction.atomic():
        ClausePeriod.objects.create(
            kind=ClauseKind.FOLLOW_UP, unit="month", first="2026-10-01", end="2026-11-01", agreement=judging(CROSSED),
            part=4, whole=4, percent=15, is_missed=True, evidence={}, evidence_digest="0" * 64, judged_at=AFTER,
        )  # fmt: skip
    # between the two: on terms that nobody has signed any more
    between, again, end = (datetime(2026, 11, day, 9, tzinfo=UTC) for day in (3, 10, 30))
    world.send(event("lead.updated", "B", between, score=80), at=between)
    signed = amended(at=datetime(2026, 11, 9, tzinfo=UTC))
    world.send(event("lead.updated", "N", again, score=80), at=again)
    assert execute_consequences(at=end) == 0
    over = end + timedelta(days=1)
    mark_breached(at=over)
    roll_up(at=over)
    assert execute_consequences(at=over) == 1
    judged = Consequence.objects.get().judged
    assert (judged.agreement, judged.period.name, judged.part, judged.whole) == (
        signed,
        "November 2026",
        1,
        1,
    )
    assert MqlCycle.objects.get(is_by_clause=True).lead.external_id == "N"


def test_of_periods_that_revocations_cut_short_those_before_the_next_judged_one_are_shown(
    world: World,
) -> None:
    def version(number: int, day: int, unit: str, revoked: int) -> InForce:
        consequences = {"volume_months": 2, "missed_percent": 15, "period": unit}
        agreement = Agreement(
            number=number,
            is_signed=True,
            terms=terms(world.calendar),
            clauses=clauses(at=AFTER, consequences=consequences),
            in_force_from=datetime(2026, 11, day, 9, tzinfo=UTC),
        )
        at = datetime(2026, 11, revoked, 9, tzinfo=UTC) if revoked else None
        return InForce(agreement, agreement.parsed(), agreement.parsed_clauses(), at)

    def shown(*given: tuple[int, str, int]) -> list[tuple[str, bool]]:
        book = AgreementBook(version(number, *each) for number, each in enumerate(given, start=1))
        at = datetime(2026, 11, 28, tzinfo=UTC)
        return [(each.period.name, each.is_cut_short) for each in clause_periods(at=at, book=book)]

    quarter, month = (2, "quarter", 3), (4, "month", 5)
    assert shown(quarter, (6, "month", 0)) == [("Q4 2026", True), ("November 2026", False)]
    assert shown(quarter, month) == [("Q4 2026", True), ("November 2026", True)]
    assert shown(quarter, month, (6, "quarter", 0)) == [("Q4 2026", False)]


def test_clocks_on_an_unsigned_version_count_for_nothing(world: World) -> None:
    before = datetime(2026, 10, 1, 9, tzinfo=UTC)
    world.send(event("lead.updated", "L0", before, score=80), at=before)
    signed_sla(terms(world.calendar), at=datetime(2026, 10, 2, tzinfo=UTC))
    world.send(event("lead.updated", "L1", CROSSED, score=80), at=CROSSED)
    world.send(attempt(1, CROSSED + timedelta(hours=1)), at=CROSSED + timedelta(hours=1))
    mark_breached(at=AFTER)
    roll_up(at=AFTER)
    execute_consequences(at=AFTER)
    judged = ClausePeriod.objects.get(first="2026-10-01")
    assert (judged.part, judged.whole, judged.is_missed) == (0, 1, False)


def test_without_a_signed_sla_nothing_is_judged(world: World) -> None:
    world.send(event("lead.updated", "OLD", CROSSED, score=80), at=CROSSED)
    mark_breached(at=AFTER)
    roll_up(at=AFTER)
    assert execute_consequences(at=AFTER) == 0
    assert not ClausePeriod.objects.exists()


def test_a_quarter_is_judged_whole_where_the_sla_says_so(world: World) -> None:
    october(
        world, missed=2, met=0, consequences={"volume_months": 2, "missed_percent": 15, "period": "quarter"}
    )
    execute_consequences(at=AFTER)
    assert not ClausePeriod.objects.filter(
        kind=ClauseKind.FOLLOW_UP, unit="quarter", first="2026-10-01"
    ).exists()
    execute_consequences(at=datetime(2027, 1, 1, 1, tzinfo=UTC))
    found = ClausePeriod.objects.filter(kind=ClauseKind.FOLLOW_UP).values_list("first", "unit", "part")
    assert [(str(first), unit, part) for first, unit, part in found] == [
        ("2026-07-01", "quarter", 0),
        ("2026-10-01", "quarter", 2),
    ]


def test_no_later_mql_that_late_events_tell_of_is_taken_for_the_one_that_was_recycled(world: World) -> None:
    october(world, missed=1, met=0)
    assert execute_consequences(at=AFTER) == 1
    back = [AFTER - timedelta(hours=ago) for ago in (3, 2, 1)]
    world.send(
        event("lead.dispositioned", "L0", back[0], disposition="disqualified", reason="bad_fit"),
        event("lead.updated", "L0", back[1], score=10),
        event("lead.updated", "L0", back[2], score=90),
        at=AFTER + timedelta(hours=3),
    )
    old, new = MqlCycle.objects.filter(lead__external_id="L0").order_by("crossed_at")
    assert (old.disposition, old.is_by_clause, old.closed_at) == ("disqualified", False, back[0])
    assert (new.is_open, new.is_by_clause, new.disposition) == (True, False, "")
    assert set(new.clocks.filter(kind=ClockKind.FOLLOW_UP).values_list("outcome", flat=True)) == {
        Outcome.OPEN
    }


def test_an_mql_of_a_merged_record_goes_back_with_it_recycled(world: World) -> None:
    october(world, missed=2, met=0)
    first, second = Lead.objects.order_by("external_id")
    by = user_with(Role.REVOPS)
    merge = merge_leads(survivor=second, merged=first, reason="the same person", by=by, at=AFTER)
    roll_up(at=AFTER)
    assert execute_consequences(at=AFTER) == 1
    assert MqlCycle.objects.get(is_by_clause=True).opened_by.external_id == first.external_id
    undo_merge(merge=merge, reason="two persons", by=by, at=AFTER + timedelta(hours=1))
    recycled = MqlCycle.objects.standing().filter(is_by_clause=True)
    entries = ConsequenceCycle.objects.filter(state=CycleState.RECYCLED)
    assert set(recycled.values_list("pk", flat=True)) == set(entries.values_list("cycle", flat=True))


@pytest.mark.parametrize("crossed", [CROSSED - timedelta(days=1), CROSSED + timedelta(days=20)])
def test_an_mql_that_sales_works_on_goes_on_when_its_person_is_merged_with_one_that_was_recycled(
    world: World, crossed: datetime
) -> None:
    october(world, missed=1, met=0)
    world.send(event("lead.updated", "W", crossed, score=80), at=crossed)
    called = crossed + timedelta(hours=1)
    touch = event("touch.recorded", "TW", called, lead="W", channel="call", is_attempt=True)
    world.send(touch, at=called)
    roll_up(at=AFTER)
    assert execute_consequences(at=AFTER) == 1
    recycled, worked_on = (Lead.objects.get(external_id=name) for name in ("L0", "W"))
    by, later = user_with(Role.REVOPS), AFTER + timedelta(days=1)
    merge = merge_leads(survivor=recycled, merged=worked_on, reason="the same person", by=by, at=later)
    (cycle,) = MqlCycle.objects.standing()
    assert (cycle.is_open, cycle.is_by_clause, cycle.attempts) == (True, False, 1)
    undo_merge(merge=merge, reason="two persons", by=by, at=later + timedelta(hours=1))
    apart = MqlCycle.objects.standing().values_list("lead__external_id", "is_by_clause", "closed_at")
    assert set(apart) == {("L0", True, AFTER), ("W", False, None)}


def test_two_that_were_recycled_stay_so_when_they_are_merged_and_when_they_part(world: World) -> None:
    october(world, missed=2, met=0)
    assert execute_consequences(at=AFTER) == 2
    first, second = Lead.objects.order_by("external_id")
    by, later = user_with(Role.REVOPS), AFTER + timedelta(days=1)
    merge = merge_leads(survivor=second, merged=first, reason="the same person", by=by, at=later)
    assert set(MqlCycle.objects.standing().values_list("is_by_clause", "closed_at")) == {(True, AFTER)}
    undo_merge(merge=merge, reason="two persons", by=by, at=later + timedelta(hours=1))
    assert list(MqlCycle.objects.standing().values_list("is_by_clause", "closed_at")) == [(True, AFTER)] * 2


@pytest.mark.parametrize(
    ("facts", "goes_on"),
    [
        ([("lead.dispositioned", 3, {"disposition": "working"})], "working"),
        ([("lead.updated", 3, {"score": 10}), ("lead.updated", 4, {"score": 90})], ""),
    ],
    ids=["decided after all", "crossed anew"],
)
def test_what_sales_has_again_goes_on_when_its_person_is_merged_with_one_recycled_later(
    world: World, facts: list[tuple[str, int, dict[str, Any]]], goes_on: str
) -> None:
    october(world, missed=1, met=0)
    crossed, over = datetime(2026, 10, 30, 9, tzinfo=UTC), datetime(2026, 12, 1, 0, 30, tzinfo=UTC)
    world.send(event("lead.updated", "N", crossed, score=80), at=crossed)
    roll_up(at=AFTER)
    assert execute_consequences(at=AFTER) == 1
    for kind, day, fields in facts:
        at = datetime(2026, 11, 20 + day, 9, tzinfo=UTC)
        world.send(event(kind, "L0", at, **fields), at=at)
    called = datetime(2026, 11, 25, 9, tzinfo=UTC)
    world.send(attempt(0, called), at=called)
    mark_breached(at=over)
    roll_up(at=over)
    assert execute_consequences(at=over) == 1  # of the other record alone
    first, second = (Lead.objects.get(external_id=name) for name in ("L0", "N"))
    merge_leads(survivor=first, merged=second, reason="the same person", by=user_with(Role.REVOPS), at=over)
    last = MqlCycle.objects.standing().latest("crossed_at")
    assert (last.is_open, last.is_by_clause, last.disposition) == (True, False, goes_on)


def test_the_ledger_folds_to_the_same_whatever_comes_after(world: World) -> None:
    october(world, missed=1, met=0)
    execute_consequences(at=AFTER)
    refold_leads({(world.crm.pk, "L0")}, at=AFTER + timedelta(days=1), reason="test")
    cycle = MqlCycle.objects.get()
    assert (cycle.is_by_clause, cycle.disposition) == (True, "recycled")
    # the CRM gives our write-back back: no decision of its own
    echo = AFTER + timedelta(minutes=2)
    world.send(event("lead.dispositioned", "L0", echo, disposition="recycled"), at=echo)
    cycle.refresh_from_db()
    assert cycle.is_by_clause
    # sales gives a reason afterwards: then it is sales' own disposition
    later = AFTER + timedelta(days=2)
    world.send(
        event("lead.dispositioned", "L0", later, disposition="recycled", reason="bad_timing"), at=later
    )
    cycle.refresh_from_db()
    assert (cycle.is_by_clause, cycle.reason, cycle.is_tagged, cycle.closed_at) == (
        False,
        "bad_timing",
        True,
        later,
    )


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
