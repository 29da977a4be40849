"""A ruling takes back what a consequence did; marketing's conversion raw and after the clause, by hand and by force."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment.models import (
    CLAUSE_UNDONE,
    Fact,
    Lead,
    MqlCycle,
    Opportunity,
    OutgoingMessage,
    Role,
)
from alignment.services.destinations import create_destination
from alignment.services.merges import merge_leads, undo_merge
from sla.disputed import Term
from sla.models import (
    Clock,
    Consequence,
    ConsequenceCycle,
    CycleState,
    Decision,
    Dispute,
    Effect,
    Outcome,
    Override,
    Ruling,
)
from sla.periods import Period
from sla.queries.conversion import Rate, conversion, rows
from sla.services import execute_consequences, mark_breached, roll_up
from sla.services.clause_periods import judge_follow_ups
from sla.services.consequences import NothingToUndo, recycle_waiting, undo
from sla.services.disputes import Decided, file_dispute, rule
from sla.services.disputes.refusals import NamesThePerson
from sla.tests.october import AFTER, CROSSED, attempt, october
from testing.artifacts import user_with
from testing.world import World, event

OCTOBER = Period(date(2026, 10, 1))
RULED = AFTER + timedelta(days=3)


def ruling(clock: Clock) -> Ruling:
    """A ruling on a dispute about one breach."""
    dispute = Dispute.objects.create(
        kind="clock", clock=clock, cycle=clock.cycle, clock_due_at=clock.due_at, text="late mail", asked="set aside",
        evidence={}, evidence_digest="0" * 64, filed_by=user_with(Role.CRO), filed_at=AFTER,
        rule_by=AFTER + timedelta(days=7),
    )  # fmt: skip
    return Ruling.objects.create(
        dispute=dispute, decision=Decision.UPHELD, about="a breach", summary="Set aside.", reason="It was met.",
        ruled_by=user_with(Role.REVOPS), ruled_at=RULED,
    )  # fmt: skip


def fired(world: World, **figures: int) -> tuple[Consequence, Ruling]:
    october(world, **figures)
    execute_consequences(at=AFTER)
    consequence = Consequence.objects.get()
    return consequence, ruling(consequence.cycles.order_by("pk")[0].clock)


def settle() -> None:
    mark_breached(at=AFTER)
    roll_up(at=AFTER)


def cycle_of(name: str) -> MqlCycle:
    return MqlCycle.objects.get(lead__external_id=name, number=1)


def win(world: World, name: str, at: datetime) -> None:
    world.send(event("opportunity.updated", f"O-{name}", at, lead=name, stage="Proposal"), at=at)


def test_both_conversions_before_and_after_by_hand(world: World) -> None:
    # ten MQLs: four missed (one of them called late, and converted), six in time of which two converted
    october(world, missed=4, met=6, touched=1)
    for name in ("L0", "L4", "L5"):
        win(world, name, datetime(2026, 10, 20, tzinfo=UTC))
    before = conversion(OCTOBER, at=AFTER)
    assert (before.raw, before.after) == (Rate(3, 10), Rate(3, 10))
    execute_consequences(at=AFTER)
    found = conversion(OCTOBER, at=AFTER)
    assert (found.raw, found.after, found.taken_out) == (Rate(3, 10), Rate(2, 6), 4)
    consequence = Consequence.objects.get()
    decided = ruling(cycle_of("L0").clocks.get(kind="follow_up"))
    undo(consequence=consequence, cycles=[cycle_of("L0")], ruling=decided, at=RULED)
    found = conversion(OCTOBER, at=RULED)
    assert (found.raw, found.after) == (Rate(3, 10), Rate(3, 7))
    undo(consequence=consequence, ruling=decided, at=RULED)
    found = conversion(OCTOBER, at=RULED)
    assert (found.raw, found.after) == (Rate(3, 10), Rate(3, 10))


@pytest.mark.usefixtures("as_application_role")
def test_what_was_recycled_and_is_still_so_goes_on_and_no_clock_restarts(world: World) -> None:
    consequence, decided = fired(world, missed=2, met=0)
    clocks = list(Clock.objects.order_by("pk").values_list("pk", "due_at", "breached_at", "outcome"))
    undone = undo(consequence=consequence, cycles=[cycle_of("L0")], ruling=decided, at=RULED)
    assert [row.is_reopened for row in undone] == [True]
    back, other = cycle_of("L0"), cycle_of("L1")
    assert (back.is_open, back.disposition, back.is_by_clause) == (True, "", False)
    assert (other.is_open, other.is_by_clause) == (False, True)
    assert list(Clock.objects.order_by("pk").values_list("pk", "due_at", "breached_at", "outcome")) == clocks
    with pytest.raises(NothingToUndo):
        undo(consequence=consequence, cycles=[back], ruling=decided, at=RULED)
    assert Fact.objects.filter(action=CLAUSE_UNDONE).count() == 1
    # sales works on it as before; what the clause did is not done again
    assert execute_consequences(at=RULED + timedelta(hours=1)) == 0
    world.send(
        event("lead.dispositioned", "L0", RULED + timedelta(days=1), disposition="working"),
        at=RULED + timedelta(days=1),
    )
    assert cycle_of("L0").disposition == "working"


def test_what_was_working_comes_back_as_working(world: World) -> None:
    october(world, missed=1, met=0)
    at = CROSSED + timedelta(hours=2)
    world.send(event("lead.dispositioned", "L0", at, disposition="working"), at=at)
    settle()
    execute_consequences(at=AFTER)
    assert cycle_of("L0").disposition == "recycled"
    undo(
        consequence=Consequence.objects.get(),
        ruling=ruling(cycle_of("L0").clocks.get(kind="follow_up")),
        at=RULED,
    )
    back = cycle_of("L0")
    assert (back.disposition, back.is_open, back.accepted_at) == ("working", True, at)


def test_what_came_back_goes_on_when_its_person_is_merged_with_one_that_stays_recycled(world: World) -> None:
    consequence, decided = fired(world, missed=2, met=0)
    undo(consequence=consequence, cycles=[cycle_of("L1")], ruling=decided, at=RULED)
    first, second = Lead.objects.order_by("external_id")
    by, later = user_with(Role.REVOPS), RULED + timedelta(hours=1)
    merge = merge_leads(survivor=first, merged=second, reason="the same person", by=by, at=later)
    (cycle,) = MqlCycle.objects.standing()
    assert (cycle.is_open, cycle.is_by_clause, cycle.disposition) == (True, False, "")
    undo_merge(merge=merge, reason="two persons", by=by, at=later)
    assert (cycle_of("L0").is_by_clause, cycle_of("L1").is_open) == (True, True)


@pytest.mark.parametrize("missed", [1, 2], ids=["one recycled", "both"])
def test_what_a_ruling_takes_back_of_merged_records_goes_on_when_they_part(world: World, missed: int) -> None:
    consequence, decided = fired(world, missed=missed, met=2 - missed)
    first, second = Lead.objects.order_by("external_id")
    by, later = user_with(Role.REVOPS), AFTER + timedelta(hours=1)
    merge = merge_leads(survivor=first, merged=second, reason="the same person", by=by, at=later)
    undo(consequence=consequence, ruling=decided, at=RULED)
    assert [cycle.is_open for cycle in MqlCycle.objects.standing()] == [True]
    undo_merge(merge=merge, reason="two persons", by=by, at=RULED + timedelta(hours=1))
    assert [cycle.is_open for cycle in MqlCycle.objects.standing()] == [True, True]


def test_a_lead_that_crossed_anew_keeps_its_new_cycle(world: World) -> None:
    consequence, decided = fired(world, missed=1, met=0)
    again = AFTER + timedelta(days=1)
    world.send(event("lead.updated", "L0", again, score=10), at=again)
    world.send(
        event("lead.updated", "L0", again + timedelta(hours=1), score=90), at=again + timedelta(hours=1)
    )
    assert MqlCycle.objects.count() == 2
    undone = undo(consequence=consequence, ruling=decided, at=RULED)
    assert [row.is_reopened for row in undone] == [False]
    assert cycle_of("L0").is_by_clause
    assert not Fact.objects.filter(action=CLAUSE_UNDONE).exists()
    assert conversion(OCTOBER, at=RULED).taken_out == 0


@pytest.mark.parametrize(
    ("decision", "is_all_undone", "out"),
    [(Decision.REJECTED, False, 3), (Decision.UPHELD, False, 2), (Decision.REJECTED, True, 2)],
)
def test_what_a_dispute_held_when_the_clause_fired_follows_when_its_miss_stands(
    world: World, decision: str, is_all_undone: bool, out: int
) -> None:
    october(world, missed=2, met=0)
    running = datetime(2026, 10, 27, 9, tzinfo=UTC)  # due on Thursday, two days before the month ends
    world.send(event("lead.updated", "H", running, score=80), at=running)
    clock = cycle_of("H").clocks.get(kind="follow_up")
    cro = user_with(Role.CRO)
    dispute = file_dispute(
        subject=clock, by=cro, at=running + timedelta(hours=1), text="Down.", asked="Hold it."
    )
    settle()
    execute_consequences(at=AFTER)
    consequence = Consequence.objects.get()
    assert (consequence.judged.part, consequence.judged.held, consequence.cycles.count()) == (3, 1, 2)
    if is_all_undone:
        whole = file_dispute(subject=consequence, by=cro, at=AFTER, text="Down.", asked="Undo it.")
        rule(dispute=whole, decided=Decided("upheld", "Down.", "Down."), by=user_with(Role.REVOPS), at=AFTER)
    decided = Decided(decision, "Decided.", "The CRM was up.")
    rule(dispute=dispute, decided=decided, by=user_with(Role.REVOPS), at=RULED)
    mark_breached(at=RULED + timedelta(minutes=1))
    assert execute_consequences(at=RULED + timedelta(minutes=2)) == out - 2
    assert execute_consequences(at=RULED + timedelta(minutes=3)) == 0
    assert consequence.cycles.count() == out
    assert cycle_of("H").is_by_clause is (out == 3)


def test_what_waited_to_be_recycled_is_spared_when_a_ruling_comes_first(world: World) -> None:
    october(world, missed=1, met=0)
    judge_follow_ups(at=AFTER)
    consequence = Consequence.objects.get()
    undo(consequence=consequence, ruling=ruling(consequence.cycles.get().clock), at=RULED)
    assert recycle_waiting(at=RULED) == 0
    assert consequence.cycles.get().state == CycleState.SPARED
    assert cycle_of("L0").is_open


def test_the_crm_is_told_of_both(world: World) -> None:
    october(world, missed=1, met=0)
    create_destination(source=world.crm, address="https://8.8.8.8/hooks", by=None, at=CROSSED)
    execute_consequences(at=AFTER)
    undo(
        consequence=Consequence.objects.get(),
        ruling=ruling(cycle_of("L0").clocks.get(kind="follow_up")),
        at=RULED,
    )
    sent = list(OutgoingMessage.objects.order_by("sequence").values_list("type", flat=True))
    assert sent == ["mql.dispositioned", "mql.dispositioned"]
    bodies = OutgoingMessage.objects.order_by("sequence").values_list("body", flat=True)
    assert ['"disposition":"recycled","reason":null' in body for body in bodies] == [True, False]
    assert '"status":"open"' in bodies[1]


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neither_rate_passes_one_and_both_equal_brute_force(world: World, seed: int) -> None:
    random = Random(seed)
    Opportunity.objects.all().delete()
    if not Consequence.objects.exists():
        october(world, missed=5, met=5)
        execute_consequences(at=AFTER)
    for number in range(random.randrange(15)):
        Opportunity.objects.create(
            source=world.crm,
            external_id=f"O{number}",
            lead=MqlCycle.objects.get(lead__external_id=f"L{random.randrange(10)}").lead,
            is_deleted=random.random() < 0.3,
            first_seen_at=CROSSED + timedelta(days=random.randrange(-5, 20)),
        )
    found = conversion(OCTOBER, at=AFTER)
    cohort = list(MqlCycle.objects.all())
    out = set(ConsequenceCycle.objects.values_list("cycle", flat=True))
    won = {
        cycle.pk
        for cycle in cohort
        if any(
            deal.lead_id == cycle.lead_id
            and not deal.is_deleted
            and cycle.crossed_at <= deal.first_seen_at <= AFTER
            for deal in Opportunity.objects.all()
        )
    }
    everybody = {cycle.pk for cycle in cohort}
    assert found.raw == Rate(len(won), len(everybody))
    assert found.after == Rate(len(won - out), len(everybody - out))
    assert found.raw.part <= found.raw.whole
    assert found.after.part <= found.after.whole
    assert rows(OCTOBER, OCTOBER, at=AFTER).count() == len(everybody)


@pytest.mark.parametrize(("is_whole", "open_again"), [(False, {"L0"}), (True, {"L0", "L1"})])
def test_an_upheld_dispute_takes_back_its_mql_or_the_whole_consequence(
    world: World, is_whole: bool, open_again: set[str]
) -> None:
    october(world, missed=2, met=0)
    execute_consequences(at=AFTER)
    clock = cycle_of("L0").clocks.get(kind="follow_up")
    dispute = file_dispute(
        subject=Consequence.objects.get() if is_whole else clock, by=user_with(Role.CRO), at=AFTER,
        text="The CRM was down.", asked="Set it aside.",
    )  # fmt: skip
    decided = Decided(Decision.UPHELD, "An outage excuses.", "Nobody could have called.")
    rule(dispute=dispute, decided=decided, by=user_with(Role.REVOPS), at=RULED)
    names = MqlCycle.objects.filter(closed_at=None).values_list("lead__external_id", flat=True)
    assert set(names) == open_again
    assert conversion(OCTOBER, at=RULED).taken_out == 2 - len(open_again)


def test_an_upheld_dispute_takes_back_its_mql_where_late_evidence_disproved_the_breach_meanwhile(
    world: World,
) -> None:
    october(world, missed=2, met=0)
    execute_consequences(at=AFTER)
    clock = cycle_of("L0").clocks.get(kind="follow_up")
    dispute = file_dispute(
        subject=clock, by=user_with(Role.CRO), at=AFTER, text="I called.", asked="Set it aside."
    )
    world.send(attempt(0, CROSSED + timedelta(hours=2)), at=CROSSED + timedelta(hours=73))
    decided = Decided(Decision.UPHELD, "The call was made.", "Late evidence.")
    rule(dispute=dispute, decided=decided, by=user_with(Role.REVOPS), at=RULED)
    assert Clock.objects.get(pk=clock.pk).outcome == Outcome.RESTATED
    assert conversion(OCTOBER, at=RULED).taken_out == 1


def test_texts_about_a_whole_consequence_name_no_lead_in_it(world: World) -> None:
    october(world, missed=1, met=0)
    named = event("lead.updated", "L0", AFTER - timedelta(hours=1), last_name="Lovelace", email="ada@ex.com")
    world.send(named, at=AFTER)
    execute_consequences(at=AFTER)
    filed: dict[str, Any] = {"subject": Consequence.objects.get(), "by": user_with(Role.CRO), "at": AFTER}
    for text in ("Nobody could call LOVELACE.", "See ada@ex.com."):
        with pytest.raises(NamesThePerson):
            file_dispute(**filed, text=text, asked="Undo it.")
    for text in (
        "As with Ada@ex.com.",
        "“ada@ex.com” says",
        "in ada@ex.com's case",
        "'ada@ex.com'",
        "ada@ex.com/1",
    ):
        with pytest.raises(NamesThePerson):
            file_dispute(**filed | {"subject": Term("mql")}, text=text, asked="Read it so.")
    dispute = file_dispute(**filed, text="The CRM was down.", asked="Undo it.")
    for texts in (
        ("Lovelace had called.", "So."),
        ("An outage.", "Ask ada@ex.com."),
        ("An outage.", "So.", "lovelace"),
    ):
        with pytest.raises(NamesThePerson):
            rule(dispute=dispute, decided=Decided("upheld", *texts), by=user_with(Role.REVOPS), at=RULED)


def test_a_rejected_dispute_takes_nothing_back(world: World) -> None:
    october(world, missed=1, met=0)
    execute_consequences(at=AFTER)
    clock = cycle_of("L0").clocks.get(kind="follow_up")
    dispute = file_dispute(subject=clock, by=user_with(Role.CRO), at=AFTER, text="No.", asked="Set it aside.")
    decided = Decided(Decision.REJECTED, "It stands.", "Nobody called.")
    rule(dispute=dispute, decided=decided, by=user_with(Role.REVOPS), at=RULED)
    assert cycle_of("L0").is_by_clause


@pytest.mark.parametrize("is_late", [False, True], ids=["missed", "disproved besides"])
def test_a_missed_clock_that_a_ruling_set_aside_before_is_not_taken_out(world: World, is_late: bool) -> None:
    october(world, missed=4, met=16)
    clock = Clock.objects.filter(kind="follow_up", outcome=Outcome.MISSED).order_by("pk")[0]
    decided = ruling(clock)
    Override.objects.create(
        ruling=decided, effect=Effect.SET_ASIDE, clock=clock, cycle=clock.cycle, made_at=AFTER
    )
    if is_late:  # the call of the same day is told within 72 hours and after the breach
        world.send(attempt(0, CROSSED + timedelta(hours=2)), at=CROSSED + timedelta(hours=73))
        settle()
        assert Clock.objects.get(pk=clock.pk).outcome == Outcome.RESTATED
    execute_consequences(at=AFTER)
    # 3 of 20 are 15%: nothing
    assert not Consequence.objects.exists()


def test_a_disputed_clock_counts_as_missed_until_ruled_on(world: World) -> None:
    october(world, missed=3, met=16)
    running = CROSSED + timedelta(days=20)
    world.send(event("lead.updated", "L40", running, score=80), at=running)
    clock = Clock.objects.get(cycle__lead__external_id="L40", kind="follow_up")
    Dispute.objects.create(
        kind="clock", clock=clock, cycle=clock.cycle, clock_due_at=clock.due_at, text="x", asked="y", evidence={},
        evidence_digest="0" * 64, filed_by=user_with(Role.CRO), filed_at=running, rule_by=AFTER + timedelta(days=7),
    )  # fmt: skip
    Clock.objects.filter(pk=clock.pk).update(held_since=running)
    settle()
    execute_consequences(at=AFTER)
    judged = Consequence.objects.get().judged
    assert (judged.part, judged.whole, judged.held) == (4, 20, 1)
    assert judged.consequence.cycles.count() == 3
