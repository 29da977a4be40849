"""Gate 3 from events to its answer: through routing, clocks, sweep and roll-up, with disputes and the clause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alignment.models import MqlCycle, Role, User
from alignment.services import sources
from handoff.models import PoolMember
from handoff.services.acts import assign_by_hand
from sla.models import Clock, ClockKind, Decision, Dispute, Outcome
from sla.queries import gate_rows
from sla.queries.weeks import EVERYTHING, handoff_now
from sla.services import compare_roll_up, execute_consequences, mark_breached, roll_up
from sla.services.disputes import Decided, file_dispute, rule
from sla.weeks import JudgedWeek, Verdict
from testing.weeks import after, monday, signed_world
from testing.world import NOW, World, add_user, event

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TAGGED = {"disposition": "disqualified", "reason": "bad_fit"}


@pytest.fixture
def signed(world: World) -> World:
    """The SLA is signed; two MQLs a week are enough. High intent: followed up in 5 minutes, tagged in 8 hours."""
    signed_world(world, minimum=2)
    sources.update_mapping(source=world.crm, mapping={"closed_statuses": ["Dead"]}, by=None, at=world.at)
    return world


def on(number: int) -> datetime:
    """Wednesday, 10:00, of a full week."""
    return NOW + timedelta(days=8 + 7 * number)


def mqls(world: World, number: int, *names: str, is_followed: bool = True, is_tagged: bool = True) -> None:
    """High-intent MQLs of a full week: followed up in 3 minutes and tagged in an hour, unless said otherwise."""
    at = on(number)
    for name in names:
        world.send(event("lead.updated", name, at, score=80, intent="demo_request"), at=at)
        if is_followed:
            touch = event(
                "touch.recorded", f"T{name}", at + 3 * MINUTE, lead=name, channel="call", is_attempt=True
            )
            world.send(touch, at=at + 3 * MINUTE)
        if is_tagged:
            world.send(event("lead.dispositioned", name, at + HOUR, **TAGGED), at=at + HOUR)


def settle(at: datetime) -> None:
    mark_breached(at=at)
    roll_up(at=at)


def weeks(number: int, *, at: datetime | None = None) -> list[JudgedWeek]:
    """The full weeks up to this one, as known on the Monday after it; the rows behind them are as many as they say."""
    at = at or after(number)
    settle(at)
    assert compare_roll_up(at=at) == []
    found = [week for week in handoff_now(at=at).weeks if week.week.monday <= monday(number)]
    for week in found:
        for kind, measure in ((ClockKind.FOLLOW_UP, week.follow_up), (ClockKind.DISPOSITION, week.tagging)):
            for outcome in gate_rows.OUTCOMES:
                rows = gate_rows.clocks(week.week, kind, outcome, EVERYTHING).count()
                assert rows == gate_rows.count_of(measure, outcome), (week.week.monday, kind, outcome)
    return found


def follow_up(number: int) -> tuple[int, int]:
    """(kept, due) of the last week."""
    measure = weeks(number)[-1].follow_up
    return measure.met, measure.due


def tagging(number: int) -> tuple[int, int]:
    measure = weeks(number)[-1].tagging
    return measure.met, measure.due


def test_two_weeks_of_good_work_open_it_a_holiday_week_leaves_it_and_a_bad_one_shuts_it(
    signed: World,
) -> None:
    mqls(signed, 0, "A", "B")
    settle(after(0))
    assert not handoff_now(at=after(0)).standing.is_open
    mqls(signed, 1, "C", "D")
    assert [week.verdict for week in weeks(1)] == [Verdict.PASSES, Verdict.PASSES]
    assert handoff_now(at=after(1)).standing.is_open
    assert weeks(2)[-1].verdict == Verdict.TOO_FEW
    assert handoff_now(at=after(2)).standing.is_open
    mqls(signed, 3, "E", "F", is_followed=False, is_tagged=False)
    assert (follow_up(3), tagging(3)) == ((0, 2), (0, 2))
    assert not handoff_now(at=after(3)).standing.is_open


def test_a_due_clock_that_no_sweep_judged_makes_its_week_unknown(signed: World) -> None:
    mqls(signed, 0, "A", "B", is_followed=False)
    roll_up(at=after(0))
    week = handoff_now(at=after(0)).weeks[-1]
    assert week.verdict == Verdict.UNKNOWN
    assert week.doubts == ("2 clocks that fell due in it are not judged yet",)


def test_an_mql_of_nobody_counts_as_missed_even_where_the_crm_closed_it_at_once(signed: World) -> None:
    PoolMember.objects.all().delete()
    mqls(signed, 0, "A", "B", is_followed=False)
    clocks = Clock.objects.filter(kind=ClockKind.FOLLOW_UP)
    assert {clock.owner_id for clock in clocks} == {None}
    assert follow_up(0) == (0, 2)
    assert tagging(0) == (2, 2)


def test_reassignment_restarts_nothing(signed: World) -> None:
    mqls(signed, 0, "A", is_followed=False, is_tagged=False)
    mqls(signed, 0, "B")
    due = Clock.objects.get(cycle__lead__external_id="A", kind=ClockKind.FOLLOW_UP).due_at
    cycle = MqlCycle.objects.get(lead__external_id="A")
    new = next(rep for rep in signed.reps if rep != cycle.owner)
    assign_by_hand(cycle=cycle, person=new, by=add_user(signed, Role.REVOPS), at=on(0) + 6 * MINUTE)
    touch = event("touch.recorded", "TA", on(0) + 7 * MINUTE, lead="A", channel="call", is_attempt=True)
    signed.send(touch, at=on(0) + 7 * MINUTE)
    assert follow_up(0) == (1, 2)
    clock = Clock.objects.get(cycle__lead__external_id="A", kind=ClockKind.FOLLOW_UP)
    assert (clock.due_at, clock.outcome) == (due, Outcome.MISSED)


def file_on(clock: Clock, *, by: User, at: datetime) -> Dispute:
    fresh = Clock.objects.select_related("cycle__lead", "owner").get(pk=clock.pk)
    return file_dispute(subject=fresh, text="The CRM was down.", asked="Leave it out.", by=by, at=at)


def test_a_dispute_on_every_overdue_mql_opens_nothing_until_it_is_ruled_on(signed: World) -> None:
    mqls(signed, 0, "A", "B")
    mqls(signed, 1, "C", "D", is_followed=False, is_tagged=False)
    revops = add_user(signed, Role.REVOPS)
    filed_at = on(1) + 2 * MINUTE
    clocks = list(Clock.objects.filter(cycle__lead__external_id__in=["C", "D"], kind__in=gate_rows.KINDS))
    disputes = [file_on(clock, by=revops, at=filed_at) for clock in clocks]
    (before, week) = weeks(1)
    assert (week.follow_up.met, week.follow_up.due, week.follow_up.held) == (0, 2, 2)
    assert (week.tagging.met, week.tagging.due, week.tagging.held) == (0, 2, 2)
    assert (before.verdict, week.verdict) == (Verdict.PASSES, Verdict.FAILS), "held, so it waits for no sweep"
    judge = next(user for user in User.objects.filter(role=Role.REVOPS) if user != revops)
    for dispute in disputes:
        decided = Decided(Decision.REJECTED, "No outage", "The log shows none.")
        rule(dispute=dispute, decided=decided, by=judge, at=after(1))
    week = weeks(1)[-1]
    assert (week.follow_up.held, week.follow_up.due, week.verdict) == (0, 2, Verdict.FAILS)


def test_a_breach_that_a_ruling_sets_aside_counts_as_kept_and_stays_in_the_raw_figure(signed: World) -> None:
    mqls(signed, 0, "A", is_followed=False)
    mqls(signed, 0, "B")
    clock = Clock.objects.get(cycle__lead__external_id="A", kind=ClockKind.FOLLOW_UP)
    mark_breached(at=on(0) + HOUR)
    revops = add_user(signed, Role.REVOPS)
    dispute = file_on(clock, by=revops, at=on(0) + 2 * HOUR)
    assert follow_up(0) == (1, 2)
    judge = next(user for user in User.objects.filter(role=Role.REVOPS) if user != revops)
    rule(
        dispute=dispute,
        decided=Decided(Decision.UPHELD, "An outage", "Nobody could have called."),
        by=judge,
        at=on(0) + DAY,
    )
    week = weeks(0)[-1]
    assert (week.follow_up.met, week.follow_up.due, week.follow_up.set_aside) == (2, 2, 1)
    assert Clock.objects.get(pk=clock.pk).outcome == Outcome.MISSED


def test_what_the_crm_closes_untagged_counts_against_the_week_of_its_disposition(signed: World) -> None:
    mqls(signed, 0, "A", "B", is_tagged=False)
    for name in ("A", "B"):
        signed.send(event("lead.dispositioned", name, on(0) + HOUR, disposition="working"), at=on(0) + HOUR)
    assert tagging(0) == (2, 2)
    late = after(0) + DAY
    signed.send(event("lead.updated", "A", late, status="Dead"), at=late)
    week = weeks(0, at=late + HOUR)[-1]
    assert (week.tagging.met, week.tagging.due, week.tagging.against) == (1, 2, 1)
    signed.send(event("lead.dispositioned", "A", late + DAY, **TAGGED), at=late + DAY)
    assert weeks(0, at=late + 2 * DAY)[-1].tagging.met == 2


def test_what_the_clause_recycles_counts_against_tagging_though_it_is_no_longer_owed(signed: World) -> None:
    at = datetime(2026, 12, 31, 16, tzinfo=UTC)  # its disposition is due on the next day
    signed.send(*(event("lead.updated", name, at, score=80, intent="demo_request") for name in "AB"), at=at)
    signed.send(event("lead.dispositioned", "B", at + MINUTE, disposition="working"), at=at + MINUTE)
    settle(at + HOUR)
    midnight = at + 8 * HOUR + 30 * MINUTE
    settle(midnight)
    assert execute_consequences(at=midnight) == 2
    outcomes = Clock.objects.filter(kind=ClockKind.DISPOSITION).order_by("cycle__lead__external_id")
    assert [clock.outcome for clock in outcomes] == [Outcome.NOT_OWED, Outcome.MET]
    week = weeks(5)[-1]
    assert (week.tagging.met, week.tagging.due) == (0, 2)
    assert (week.tagging.recycled, week.tagging.against) == (1, 1)
    assert week.follow_up.due == 2 and week.verdict == Verdict.FAILS
