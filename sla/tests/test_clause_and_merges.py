"""What the clause recycled, and what late facts, merges and rebuilds make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alignment.models import Lead, MqlCycle, Role
from alignment.pipeline import refold_leads
from alignment.services.merges import merge_leads, undo_merge
from sla.models import ClockKind, ConsequenceCycle, CycleState, Outcome
from sla.services import execute_consequences, mark_breached, roll_up
from sla.tests.october import AFTER, CROSSED, attempt, october
from testing.artifacts import user_with
from testing.world import World, event


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
