"""A dispute holds only the clock that it concerns; a ruling stands beside the raw value and changes none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from alignment.access import Scope
from alignment.models import MqlCycle, Role
from sla.models import (
    Clock,
    ClockHold,
    ClockKind,
    Decision,
    Dispute,
    Effect,
    Ending,
    Outcome,
    Override,
    Ruling,
)
from sla.queries.disputes import adjustments, set_aside_clocks
from sla.services import mark_breached, redate_clocks
from sla.services.disputes import mark_overdue, withdraw
from sla.services.disputes.refusals import (
    AlreadyDisputed,
    AlreadyRuled,
    DisputeIsOver,
    Incomplete,
    MayNotRule,
    NamesThePerson,
    NotConcerned,
    NothingToDispute,
    NotTheFiler,
)
from sla.tests.disputing import DAY, WEEK, Case, case
from testing.world import World, add_user, event

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def disputed(world: World) -> Case:
    return case(world)


def figures(found: Case) -> tuple[int, int]:
    """(held, set aside) of the follow-ups of the week."""
    day = found.at.date()
    monday = day - timedelta(days=day.weekday())
    got = adjustments(monday, monday + WEEK, ClockKind.FOLLOW_UP, Scope(is_all=True))
    return got.held, got.set_aside


def test_a_held_clock_is_not_stamped_and_the_others_go_on(disputed: Case) -> None:
    due = disputed.clock().due_at
    dispute = disputed.file(at=disputed.at + HOUR)
    others = Clock.objects.exclude(kind=ClockKind.FOLLOW_UP).filter(outcome=Outcome.OPEN).count()
    mark_breached(at=due + WEEK)
    held = disputed.clock()
    assert (held.outcome, held.due_at, held.held_since) == (Outcome.OPEN, due, disputed.at + HOUR)
    assert others and Clock.objects.filter(outcome=Outcome.MISSED).count() == others
    assert figures(disputed) == (1, 0)
    assert dispute.clock_due_at == due


def test_upheld_the_clock_stood_still_until_the_ruling(disputed: Case) -> None:
    due = disputed.clock().due_at
    disputation = disputed.clock(ClockKind.DISPOSITION).due_at
    dispute = disputed.file(at=disputed.at + HOUR)
    ruled_at = disputed.at + DAY + HOUR  # one business day of eight hours later
    ruling = disputed.rule(dispute, at=ruled_at)
    clock = disputed.clock()
    assert clock.due_at == due + timedelta(days=3)  # Friday 10:00 and 8 business hours: Monday 10:00
    assert clock.held_since is None
    redating = clock.redatings.get()
    assert (redating.old_due_at, redating.new_due_at) == (due, clock.due_at)
    assert redating.reason == f"stood still by the ruling on dispute {dispute.pk}"
    assert disputed.clock(ClockKind.DISPOSITION).due_at == disputation
    effect = Override.objects.get(ruling=ruling)
    assert (effect.effect, effect.stood_from, effect.stood_until) == (
        Effect.STOOD_STILL, disputed.at + HOUR, ruled_at,
    )  # fmt: skip
    # later facts keep the time in which it stood still
    disputed.world.send(event("lead.updated", "disputed", ruled_at, segment="smb"), at=ruled_at)
    redate_clocks(at=ruled_at)
    assert disputed.clock().due_at == due + timedelta(days=3)
    assert figures(disputed) == (0, 0)


def test_partly_upheld_it_stood_still_until_an_earlier_moment(disputed: Case) -> None:
    due = disputed.clock().due_at
    dispute = disputed.file(at=disputed.at + HOUR)
    with pytest.raises(Incomplete):
        disputed.rule(dispute, Decision.PARTLY, at=disputed.at + DAY)
    with pytest.raises(Incomplete):
        disputed.rule(dispute, Decision.PARTLY, at=disputed.at + DAY, until=disputed.at + WEEK)
    disputed.rule(dispute, Decision.PARTLY, at=disputed.at + DAY, until=disputed.at + 3 * HOUR)
    assert disputed.clock().due_at == due + 2 * HOUR


@pytest.mark.parametrize("way", ["rejected", "withdrawn"])
def test_rejected_or_withdrawn_the_breach_is_stamped_at_the_old_due_time(disputed: Case, way: str) -> None:
    due = disputed.clock().due_at
    dispute = disputed.file(at=disputed.at + HOUR)
    after = due + 3 * DAY
    mark_breached(at=after)
    if way == "rejected":
        disputed.rule(dispute, Decision.REJECTED, at=after)
        assert not Override.objects.exists()
    else:
        withdraw(dispute=dispute, by=disputed.rep, at=after)
    mark_breached(at=after + HOUR)
    clock = disputed.clock()
    assert (clock.outcome, clock.breached_at, clock.due_at) == (Outcome.MISSED, due, due)
    assert not clock.redatings.exists()
    assert figures(disputed) == (0, 0)
    dispute.refresh_from_db()
    assert dispute.ending == (Ending.RULED if way == "rejected" else Ending.WITHDRAWN)
    assert ClockHold.objects.get().stands is False


def test_what_was_overdue_at_the_filing_is_not_held(disputed: Case) -> None:
    due = disputed.clock().due_at
    disputed.file(at=due + HOUR)
    assert not ClockHold.objects.exists()
    mark_breached(at=due + 2 * HOUR)
    assert disputed.clock().breached_at == due
    assert figures(disputed) == (0, 0)


def test_facts_that_put_the_due_time_before_the_filing_end_the_protection(world: World) -> None:
    """The CRM tells late that the lead had crossed four minutes before: its five minutes were over at the filing."""
    rep = world.reps[0].email
    fields = {"score": 80, "owner": rep, "intent": "demo_request"}
    world.send(event("lead.updated", "urgent", world.at, **fields))
    urgent = Case(world, MqlCycle.objects.get(), world.users["rep.1"], add_user(world, Role.REVOPS))
    urgent.file(at=world.at + 3 * MINUTE)
    world.send(event("lead.updated", "urgent", world.at - 4 * MINUTE, **fields), at=world.at + 4 * MINUTE)
    assert urgent.clock().due_at == world.at + MINUTE
    mark_breached(at=world.at + HOUR)
    assert urgent.clock().breached_at == world.at + MINUTE


def test_an_upheld_dispute_on_a_breach_sets_it_aside_beside_the_raw_value(disputed: Case) -> None:
    after = disputed.breached()
    dispute = disputed.file(at=after)
    assert figures(disputed) == (0, 0)
    disputed.rule(dispute, at=after + HOUR)
    clock = disputed.clock()
    assert (clock.outcome, clock.breached_at) == (Outcome.MISSED, clock.due_at)
    assert list(set_aside_clocks()) == [clock]
    assert figures(disputed) == (0, 1)
    with pytest.raises(AlreadyRuled):
        disputed.file(at=after + DAY)


def test_a_breach_partly_upheld_stays_with_the_reason_beside_it(disputed: Case) -> None:
    after = disputed.breached()
    disputed.rule(disputed.file(at=after), Decision.PARTLY, at=after + HOUR)
    assert figures(disputed) == (0, 0)
    assert not Override.objects.exists()
    with pytest.raises(AlreadyRuled):
        disputed.file(at=after + DAY)


def test_a_clock_ruled_on_while_it_ran_can_be_disputed_once_more_as_a_breach(disputed: Case) -> None:
    disputed.rule(disputed.file(at=disputed.at + HOUR), Decision.REJECTED, at=disputed.at + 2 * HOUR)
    with pytest.raises(AlreadyRuled):
        disputed.file(at=disputed.at + 3 * HOUR)
    after = disputed.breached()
    assert disputed.file(at=after).pk


def test_a_clock_that_has_not_begun_cannot_be_disputed(disputed: Case) -> None:
    """As that of an MQL which nobody was assigned: it begins when somebody should have been."""
    begins = disputed.at + 5 * MINUTE
    Clock.objects.filter(pk=disputed.clock().pk).update(started_at=begins)
    with pytest.raises(NothingToDispute, match="not begun"):
        disputed.file(at=disputed.at + MINUTE)
    assert disputed.file(at=begins).hold.starts_at == begins


def test_a_clock_that_was_met_or_is_not_owed_cannot_be_disputed(disputed: Case) -> None:
    assert disputed.clock(ClockKind.ASSIGN).outcome == Outcome.MET
    with pytest.raises(NothingToDispute):
        disputed.file(at=disputed.at + HOUR, subject=disputed.clock(ClockKind.ASSIGN))


def test_a_clock_met_in_time_while_it_is_held_needs_no_effect(disputed: Case) -> None:
    dispute = disputed.file(at=disputed.at + HOUR)
    at = disputed.at + 2 * HOUR
    disputed.world.send(
        event("touch.recorded", "T", at, lead="disputed", channel="call", is_attempt=True), at=at
    )
    assert disputed.clock().outcome == Outcome.MET
    disputed.rule(dispute, at=disputed.at + DAY)
    assert not Override.objects.exists()
    assert disputed.clock().held_since is None


def test_one_undecided_dispute_at_a_time(disputed: Case) -> None:
    first = disputed.file(at=disputed.at + HOUR)
    with pytest.raises(AlreadyDisputed):
        disputed.file(at=disputed.at + 2 * HOUR, by=disputed.revops)
    first.pk = None
    with pytest.raises(IntegrityError, match="one_undecided_dispute_per_clock"), transaction.atomic():
        first.save(force_insert=True)


def test_who_is_not_concerned_files_nothing(disputed: Case) -> None:
    stranger = disputed.world.reps[1].user
    board = add_user(disputed.world, Role.BOARD_VIEWER)
    for user in (stranger, board):
        with pytest.raises(NotConcerned):
            disputed.file(at=disputed.at + HOUR, by=user)
    for role in (Role.SALES_MANAGER, Role.MARKETING, Role.CRO, Role.CMO):
        dispute = disputed.file(at=disputed.at + HOUR, by=add_user(disputed.world, role))
        withdraw(dispute=dispute, by=dispute.filed_by, at=disputed.at + HOUR)


def test_texts_that_stay_do_not_name_the_lead(disputed: Case) -> None:
    for text in ("I called Lovelace twice.", "See ada@ex.com"):
        with pytest.raises(NamesThePerson) as refusal:
            disputed.file(at=disputed.at + HOUR, text=text)
        assert refusal.value.field == "text"
    with pytest.raises(Incomplete):
        disputed.file(at=disputed.at + HOUR, asked="  ")
    dispute = disputed.file(at=disputed.at + HOUR)
    with pytest.raises(NamesThePerson):
        disputed.rule(dispute, at=disputed.at + DAY, reason="Ms Lovelace was on leave.")
    assert "ovelace" not in str(dispute.evidence) and "ada@" not in str(dispute.evidence)


def test_nobody_rules_on_what_they_filed_or_on_their_own_clock(disputed: Case) -> None:
    dispute = disputed.file(at=disputed.at + HOUR, by=disputed.revops)
    escalation = add_user(disputed.world, Role.CRO)
    for user in (disputed.revops, disputed.rep, add_user(disputed.world, Role.CMO)):
        with pytest.raises(MayNotRule):
            disputed.rule(dispute, at=disputed.at + DAY, by=user)
    with pytest.raises(IntegrityError, match="nobody rules"), transaction.atomic():
        Ruling.objects.create(
            dispute=dispute, decision="upheld", about="x", summary="x", reason="x", ruled_by=disputed.revops,
            ruled_at=disputed.at + DAY,
        )  # fmt: skip
    # arbitration is concerned itself, so the escalation owner rules from the beginning
    assert disputed.rule(dispute, at=disputed.at + DAY, by=escalation).as_escalation


def test_a_dispute_is_ruled_on_once(disputed: Case) -> None:
    dispute = disputed.file(at=disputed.at + HOUR)
    disputed.rule(dispute, at=disputed.at + DAY)
    with pytest.raises(DisputeIsOver):
        disputed.rule(dispute, at=disputed.at + DAY)
    with pytest.raises(DisputeIsOver):
        withdraw(dispute=dispute, by=disputed.rep, at=disputed.at + DAY)


def test_only_who_filed_it_withdraws(disputed: Case) -> None:
    with pytest.raises(NotTheFiler):
        withdraw(dispute=disputed.file(at=disputed.at + HOUR), by=disputed.revops, at=disputed.at + DAY)


def test_what_is_not_ruled_on_in_time_goes_to_the_escalation_owner_once(disputed: Case) -> None:
    cro = add_user(disputed.world, Role.CRO)
    dispute = disputed.file(at=disputed.at + HOUR)
    assert dispute.rule_by == disputed.at + HOUR + WEEK
    assert mark_overdue(at=dispute.rule_by) == 0
    with pytest.raises(MayNotRule):
        disputed.rule(dispute, at=dispute.rule_by, by=cro)
    late = dispute.rule_by + HOUR
    assert (mark_overdue(at=late), mark_overdue(at=late)) == (1, 0)
    assert cro.notifications.get().kind == "dispute-overdue"
    ruling = disputed.rule(dispute, at=late, by=cro)
    assert ruling.as_escalation


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE sla_dispute SET text = 'x'", "stay as they were filed"),
        ("UPDATE sla_dispute SET evidence = '{}'", "stay as they were filed"),
        ("UPDATE sla_dispute SET ended_at = NULL, ending = ''", "ends once"),
        ("DELETE FROM sla_dispute", "stay for good"),
        ("UPDATE sla_ruling SET reason = 'x'", "only ever added"),
        ("DELETE FROM sla_override", "only ever added"),
        ("UPDATE sla_clockhold SET ends_at = now()", "a hold ends once"),
    ],
)
def test_the_database_refuses_to_change_what_was_filed_and_ruled(
    disputed: Case, statement: str, message: str
) -> None:
    disputed.rule(disputed.file(at=disputed.at + HOUR), at=disputed.at + DAY)
    with pytest.raises(IntegrityError, match=message), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_takes_no_effect_without_its_ruling(disputed: Case) -> None:
    after = disputed.breached()
    ruling = disputed.rule(disputed.file(at=after), Decision.REJECTED, at=after + HOUR)
    with pytest.raises(IntegrityError, match="none where it rejects"), transaction.atomic():
        Override.objects.create(ruling=ruling, effect=Effect.SET_ASIDE, clock=disputed.clock(), made_at=after)


def test_a_held_clock_cannot_be_stamped_in_the_database(disputed: Case) -> None:
    disputed.file(at=disputed.at + HOUR)
    clock = disputed.clock()
    clock.outcome, clock.breached_at, clock.settled_at = Outcome.MISSED, clock.due_at, clock.due_at
    with pytest.raises(IntegrityError, match="no_breach_while_held"), transaction.atomic():
        clock.save()


def test_everybody_concerned_is_told_in_the_app_and_by_mail(disputed: Case) -> None:
    manager = add_user(disputed.world, Role.SALES_MANAGER)
    dispute = disputed.file(at=disputed.at + HOUR)
    kinds = {user: sorted(user.notifications.values_list("kind", flat=True)) for user in
             (disputed.rep, manager, disputed.revops)}  # fmt: skip
    assert kinds == {
        disputed.rep: ["dispute-filed"], manager: ["dispute-filed"], disputed.revops: ["dispute-wanted"],
    }  # fmt: skip
    disputed.rule(dispute, at=disputed.at + DAY)
    told = disputed.rep.notifications.get(kind="dispute-ruled")
    assert "An outage stops the clock" in told.text and told.url == f"/disputes/{dispute.pk}/"
    assert not disputed.revops.notifications.filter(kind="dispute-ruled").exists()
    assert Dispute.objects.get().ruling.tags == "crm outage"
