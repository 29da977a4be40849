"""Imported history: cycles as the file states them, beside the live ones and never in their way."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from alignment.importing.drafts import Draft
from alignment.intake.drafts import Event
from alignment.merging import Chunk, Stager, merge
from alignment.models import Fact, Lead, MqlCycle
from alignment.pipeline import apply_events
from sla.models import Clock
from testing.state import end_state
from testing.world import NOW, World, event

pytestmark = pytest.mark.django_db
LONG_AGO = NOW - timedelta(days=200)
WHOLE = {"score": 80, "segment": "smb", "owner": "ada@example.com", "channel": "webinar"}


def tell(
    world: World, external_id: str, fields: dict[str, Any], *, as_of: datetime, at: datetime = NOW
) -> None:
    """One imported row about a lead."""
    fact = Fact(
        source=world.crm,
        ref=f"im:{external_id}:{as_of.isoformat()}:{sorted(fields.items())}"[:240],
        subject="touch" if "touched_at" in fields else "lead",
        external_id=external_id,
        fields=fields,
        occurred_at=as_of,
        received_at=at,
        order_key=f"im:{external_id}",
        is_history=True,
    )
    with transaction.atomic():
        apply_events([Event(None, 0, [fact])], at=at)


def mql(at: datetime, **fields: Any) -> dict[str, Any]:
    times = {name: value.isoformat() for name, value in fields.items() if isinstance(value, datetime)}
    return WHOLE | {"mql_at": at.isoformat()} | fields | times


def test_a_cycle_of_history_is_as_the_file_states_it(world: World) -> None:
    told = mql(
        LONG_AGO,
        assigned_at=LONG_AGO + timedelta(hours=1),
        followed_up_at=LONG_AGO + timedelta(hours=3),
        disposed_at=LONG_AGO + timedelta(days=2),
        disposition="recycled",
        reason="bad_timing",
    )
    tell(world, "old", told, as_of=NOW - timedelta(days=1))
    cycle = MqlCycle.objects.get()
    assert cycle.is_history and cycle.agreement_number is None and cycle.tier == ""
    assert cycle.crossed_at == cycle.started_at == LONG_AGO
    assert cycle.assigned_at == LONG_AGO + timedelta(hours=1)
    assert cycle.first_follow_up_at == LONG_AGO + timedelta(hours=3)
    assert cycle.closed_at == cycle.disposed_at == LONG_AGO + timedelta(days=2)
    assert cycle.owner is not None and cycle.owner.email == "ada@example.com"
    assert not cycle.is_clock_suspect


def test_history_is_never_routed_and_owes_no_clock(world: World) -> None:
    tell(world, "old", {**mql(LONG_AGO), "owner": None}, as_of=NOW - timedelta(days=1))
    cycle = MqlCycle.objects.get()
    assert cycle.owner is None
    assert not Clock.objects.exists()
    assert not MqlCycle.objects.open().exists()
    assert not MqlCycle.objects.unassigned().exists()


def test_a_closing_without_a_date_takes_the_files_date_and_is_marked(world: World) -> None:
    tell(
        world,
        "old",
        mql(LONG_AGO, disposition="disqualified", reason="bad_fit"),
        as_of=NOW - timedelta(days=1),
    )
    cycle = MqlCycle.objects.get()
    assert cycle.closed_at == NOW - timedelta(days=1)
    assert cycle.is_clock_suspect
    assert cycle.first_follow_up_at is None


def test_a_closing_before_the_crossing_stays_as_it_is_stated(world: World) -> None:
    told = mql(
        LONG_AGO, disposed_at=LONG_AGO - timedelta(days=1), disposition="converted", opportunity="deal"
    )
    tell(world, "old", told, as_of=NOW - timedelta(days=1))
    cycle = MqlCycle.objects.get()
    assert cycle.closed_at is not None and cycle.closed_at < cycle.crossed_at


def test_a_later_file_corrects_the_same_cycle_and_adds_others(world: World) -> None:
    tell(world, "old", mql(LONG_AGO), as_of=NOW - timedelta(days=2))
    again = mql(
        LONG_AGO, disposed_at=LONG_AGO + timedelta(days=3), disposition="recycled", reason="bad_timing"
    )
    tell(world, "old", again, as_of=NOW - timedelta(days=1), at=NOW + timedelta(minutes=1))
    tell(world, "old", mql(LONG_AGO + timedelta(days=30)), as_of=NOW, at=NOW + timedelta(minutes=2))
    first, second = MqlCycle.objects.order_by("number")
    assert first.closed_at == LONG_AGO + timedelta(days=3)
    assert second.closed_at is None and second.number == 2


def test_attempts_of_history_count_by_their_own_time(world: World) -> None:
    tell(world, "old", mql(LONG_AGO), as_of=NOW - timedelta(days=1))
    touched = (LONG_AGO + timedelta(hours=5)).isoformat()
    attempt = {"lead": "old", "function": "sales", "is_attempt": True, "touched_at": touched}
    tell(world, "call", attempt, as_of=NOW - timedelta(days=1))
    cycle = MqlCycle.objects.get()
    assert cycle.attempts == 1
    assert cycle.first_follow_up_at == LONG_AGO + timedelta(hours=5)


def test_a_lead_that_is_an_mql_already_does_not_cross_when_the_crm_repeats_it(world: World) -> None:
    tell(world, "old", mql(LONG_AGO), as_of=NOW - timedelta(days=1))
    world.send(event("lead.updated", "old", NOW + timedelta(hours=1), **WHOLE))
    assert MqlCycle.objects.filter(is_history=False).count() == 0


def test_an_earlier_time_in_a_later_event_does_not_cross_either(world: World) -> None:
    tell(world, "old", mql(LONG_AGO), as_of=NOW)
    world.send(event("lead.updated", "old", NOW - timedelta(hours=1), **WHOLE))
    assert MqlCycle.objects.filter(is_history=False).count() == 0


def test_a_recycled_lead_of_history_crosses_again_into_a_live_cycle(world: World) -> None:
    over = mql(
        LONG_AGO, disposed_at=LONG_AGO + timedelta(days=2), disposition="recycled", reason="bad_timing"
    )
    tell(world, "old", {**over, "score": 20}, as_of=NOW - timedelta(days=1))
    world.send(event("lead.updated", "old", NOW + timedelta(hours=1), score=90))
    past, live = MqlCycle.objects.order_by("number")
    assert past.is_history and past.disposition == "recycled"
    assert not live.is_history and live.owner is not None
    assert Clock.objects.filter(cycle=live).exists()


def test_an_open_cycle_of_history_does_not_stop_a_live_one(world: World) -> None:
    tell(world, "old", {**mql(LONG_AGO), "score": 20}, as_of=NOW - timedelta(days=1))
    later = NOW + timedelta(hours=1)
    world.send(event("lead.updated", "old", later, score=90), at=later)
    assert [cycle.is_history for cycle in MqlCycle.objects.standing().order_by("number")] == [True, False]


def test_a_disposition_that_comes_live_closes_an_open_cycle_of_history(world: World) -> None:
    tell(world, "old", mql(LONG_AGO), as_of=NOW - timedelta(days=1))
    closed = event(
        "lead.dispositioned", "old", NOW + timedelta(hours=1), disposition="recycled", reason="bad_timing"
    )
    world.send(closed)
    cycle = MqlCycle.objects.get()
    assert (
        cycle.is_history and cycle.disposition == "recycled" and cycle.closed_at == NOW + timedelta(hours=1)
    )


def test_a_file_that_comes_later_disproves_no_live_cycle(world: World) -> None:
    world.send(event("lead.created", "new", NOW, score=90, segment="smb", channel="webinar"))
    before = list(MqlCycle.objects.values())
    clocks = list(Clock.objects.values())
    tell(
        world,
        "new",
        {"score": 80, "status": "Open"},
        as_of=NOW - timedelta(days=3),
        at=NOW + timedelta(days=1),
    )
    assert list(MqlCycle.objects.values()) == before
    assert list(Clock.objects.values()) == clocks


def test_a_file_that_tells_a_live_cycle_again_adds_nothing(world: World) -> None:
    world.send(event("lead.created", "new", NOW, score=90, segment="smb", channel="webinar"))
    told = mql(
        NOW - timedelta(minutes=1),
        disposition="recycled",
        reason="bad_fit",
        disposed_at=NOW + timedelta(minutes=9),
    )
    tell(world, "new", told, as_of=NOW + timedelta(hours=1), at=NOW + timedelta(days=1))
    cycle = MqlCycle.objects.get()
    assert not cycle.is_history and cycle.closed_at is None, "a file closes no live cycle"


def test_an_old_score_in_a_file_makes_no_second_crossing(world: World) -> None:
    world.send(event("lead.created", "new", NOW, score=70, segment="smb", channel="webinar"))
    closed = event(
        "lead.dispositioned", "new", NOW + timedelta(hours=1), disposition="recycled", reason="bad_fit"
    )
    world.send(closed, at=NOW + timedelta(hours=1))
    tell(world, "new", {"score": 10}, as_of=NOW + timedelta(hours=2), at=NOW + timedelta(hours=2))
    later = NOW + timedelta(hours=3)
    world.send(event("lead.updated", "new", later, score=75), at=later)
    assert MqlCycle.objects.count() == 1


@pytest.mark.parametrize("days", [0, 9])
def test_attempts_that_only_a_file_tells_of_meet_no_live_clock_and_start_none(
    world: World, days: int
) -> None:
    world.send(event("lead.created", "new", NOW, score=90, segment="smb", channel="webinar"))
    clocks = list(Clock.objects.order_by("pk").values())
    touched = (NOW + timedelta(minutes=1)).isoformat()
    attempt = {"lead": "new", "function": "sales", "is_attempt": True, "touched_at": touched}
    later = NOW + timedelta(days=days, hours=1)
    tell(world, "call", attempt, as_of=NOW + timedelta(minutes=1), at=later)
    assert list(Clock.objects.order_by("pk").values()) == clocks
    assert MqlCycle.objects.get().attempts == 0


def test_an_attempt_that_the_crm_tells_live_counts_whatever_a_file_told_before(world: World) -> None:
    world.send(event("lead.created", "new", NOW, score=90, segment="smb", channel="webinar"))
    touched = NOW + timedelta(minutes=1)
    stated = {"lead": "new", "function": "sales", "is_attempt": True, "touched_at": touched.isoformat()}
    tell(world, "call", stated, as_of=touched, at=NOW + timedelta(minutes=2))
    at = NOW + timedelta(minutes=3)
    world.send(event("touch.recorded", "call", touched, **stated), at=at)
    clock = Clock.objects.get(kind="follow_up")
    assert clock.met_at == touched and not clock.is_suspect
    assert MqlCycle.objects.get().attempts == 1


def test_a_rebuild_gives_the_same_rows(world: World) -> None:
    over = mql(
        LONG_AGO, disposed_at=LONG_AGO + timedelta(days=2), disposition="recycled", reason="bad_timing"
    )
    tell(world, "old", {**over, "score": 20}, as_of=NOW - timedelta(days=1))
    world.send(event("lead.updated", "old", NOW + timedelta(hours=1), score=90))
    state, rows = end_state(), list(MqlCycle.objects.order_by("pk").values())
    call_command("rebuild", stdout=StringIO())
    assert end_state() == state
    assert list(MqlCycle.objects.order_by("pk").values()) == rows
    assert Lead.objects.count() == 1


def test_work_before_the_crossing_stays_as_it_is_stated_and_is_told(world: World) -> None:
    before = (LONG_AGO - timedelta(days=60)).isoformat()
    rows = [
        ("assigned", {"assigned_at": before}),
        ("followed", {"followed_up_at": before}),
        ("accepted", {"accepted_at": before}),
        ("closed", {"disposed_at": before, "disposition": "converted", "opportunity": "deal"}),
        ("fine", {"assigned_at": (LONG_AGO + timedelta(hours=1)).isoformat()}),
    ]
    stager = Stager(NOW)
    for line, (lead, told) in enumerate(rows, start=2):
        stager.add(line, [Draft("lead", lead, {"mql_at": LONG_AGO.isoformat()} | told, None)])
    chunk = Chunk(world.crm.pk, at=NOW, now=NOW)
    with transaction.atomic():
        merge(chunk, stager.take())
    assert chunk.warnings["worked_before_crossing"] == 3
    assert chunk.samples["worked_before_crossing"] == ["accepted", "assigned", "followed"]
    assert chunk.warnings["closed_before_crossing"] == 1
    assert MqlCycle.objects.get(lead__external_id="accepted").accepted_at == LONG_AGO - timedelta(days=60)
