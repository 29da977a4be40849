"""Write-back: what is decided here is put into the outbox once, and what comes back as an echo decides nothing."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from alignment.intake.drafts import Event
from alignment.models import (
    DeadEvent,
    Destination,
    Endpoint,
    Fact,
    Lead,
    MqlCycle,
    OutgoingMessage,
    OutgoingState,
    Person,
    PersonIdentity,
    Role,
    Source,
)
from alignment.pipeline import apply_events, drain
from alignment.services.destinations import create_destination, switch_off
from alignment.services.merges import merge_leads, undo_merge
from handoff.models import Assignment
from handoff.services.acts import assign_by_hand, dispose, log_attempt
from sla.models import Clock
from sla.services import mark_breached
from testing.state import end_state
from testing.world import World, add_user, event

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def crm(world: World) -> Destination:
    return create_destination(
        source=world.crm, address="https://crm.example.com/hooks", by=None, at=world.at - HOUR
    ).destination


def cycle() -> MqlCycle:
    return MqlCycle.objects.get()


def written() -> list[tuple[str, dict[str, Any]]]:
    """(type, data) of all messages in their order, which are taken as delivered."""
    return [(row.type, json.loads(row.body)["data"]) for row in OutgoingMessage.objects.order_by("pk")]


def kinds() -> list[str]:
    return [kind for kind, _ in written()]


def delivered(at: datetime) -> None:
    OutgoingMessage.objects.pending().update(state=OutgoingState.DELIVERED, delivered_at=at)


def ownership() -> tuple[Any, ...]:
    found = cycle()
    return found.owner, found.assigned_by, found.assigned_at, found.team, found.disposition, found.closed_at


def routed(world: World, *, crossed_before: timedelta = timedelta(0)) -> Person:
    world.send(event("lead.updated", "L", world.at - crossed_before, score=80))
    delivered(world.at)
    owner = cycle().owner
    assert owner is not None
    return owner


def decide(world: World, at: datetime, disposition: str, reason: str = "") -> None:
    user = world.users.get("ops") or world.users.setdefault("ops", add_user(world, Role.REVOPS, "Ops"))
    dispose(cycle=cycle(), disposition=disposition, reason=reason, by=user, at=at, act=uuid4())


# --- what is written --------------------------------------------------------------------------------------


def test_a_routed_mql_goes_out_with_its_whole_state(world: World, crm: Destination) -> None:
    PersonIdentity.objects.create(source=world.crm, external_id="u1", person=world.reps[0])
    world.send(event("lead.updated", "L", world.at, score=80))
    message = OutgoingMessage.objects.get()
    due = dict(Clock.objects.values_list("kind", "due_at"))
    body = json.loads(message.body)
    assert (message.type, message.sequence, message.state) == ("mql.assigned", 1, "pending")
    assert body == {
        "type": "mql.assigned",
        "timestamp": "2026-11-17T10:00:00Z",
        "data": {
            "lead": "L",
            "sequence": 1,
            "mql": {"number": 1, "status": "open", "crossed_at": "2026-11-17T10:00:00Z", "closed_at": None},
            "owner": {"name": "Rep 1", "email": "rep.1@example.com", "external_id": "u1"},
            "assigned_at": "2026-11-17T10:00:00Z",
            "assigned_by": "routed",
            "disposition": None,
            "reason": None,
            "opportunity": None,
            "due": {kind: f"{due[kind]:%Y-%m-%dT%H:%M:%SZ}" for kind in ("follow_up", "disposition")},
        },
    }


def test_each_decision_is_written_once_and_repetition_writes_nothing(world: World, crm: Destination) -> None:
    routed(world)
    world.send(event("lead.updated", "L", world.at + MINUTE, company="Other"))
    decide(world, world.at + HOUR, "working")
    decide(world, world.at + 2 * HOUR, "disqualified", "bad_fit")
    call_command("rebuild", verbosity=0, stdout=StringIO())
    assert kinds() == ["mql.assigned", "mql.dispositioned", "mql.dispositioned"]
    last = written()[-1][1]
    assert (last["disposition"], last["reason"], last["sequence"]) == ("disqualified", "bad_fit", 3)
    assert (last["mql"]["status"], last["due"], last["owner"]["email"]) == ("closed", {}, "rep.1@example.com")


def test_an_attempt_moves_the_due_times_and_says_so(world: World, crm: Destination) -> None:
    routed(world)
    log_attempt(
        cycle=cycle(), channel="call", outcome="no_answer", by=world.users["rep.1"], at=world.at + HOUR,
        act=uuid4(),
    )  # fmt: skip
    kind, data = written()[-1]
    assert kind == "mql.rescheduled" and set(data["due"]) == {"attempt", "disposition"}


def test_a_breach_by_the_sweep_is_no_news(world: World, crm: Destination) -> None:
    routed(world)
    later = world.at + timedelta(days=5)
    assert mark_breached(at=later) == 2
    world.send(event("lead.updated", "L", later, company="Other"), at=later)
    assert kinds() == ["mql.assigned"]


def test_an_owner_and_a_disposition_of_the_crm_are_not_told_to_it(world: World, crm: Destination) -> None:
    world.send(event("lead.updated", "L", world.at, score=80, owner=world.reps[1].email))
    assert kinds() == ["mql.rescheduled"], "the due times are ours"
    delivered(world.at)
    world.send(
        event("lead.updated", "L", world.at + MINUTE, owner=world.reps[2].email),
        event("lead.dispositioned", "L", world.at + HOUR, disposition="disqualified", reason="bad_fit"),
        at=world.at + HOUR,
    )
    assert kinds() == ["mql.rescheduled"]


def test_nothing_is_written_without_a_destination_or_after_it_is_off(world: World) -> None:
    routed(world)
    assert not OutgoingMessage.objects.exists()
    found = create_destination(source=world.crm, address="https://crm.example.com", by=None, at=world.at)
    Destination.objects.filter(pk=found.destination.pk).update(is_active=False)
    decide(world, world.at + HOUR, "working")
    assert not OutgoingMessage.objects.exists()


def test_a_destination_set_up_anew_goes_on_counting_so_that_no_receiver_takes_its_messages_for_old(
    world: World, crm: Destination
) -> None:
    """The receiver of docs/write-back.md keeps what it applied when the product's side is set up again."""
    applied: dict[str, int] = {}

    def receive() -> list[str]:
        taken = []
        for row in OutgoingMessage.objects.pending().order_by("pk"):
            data = json.loads(row.body)["data"]
            if data["sequence"] >= applied.get(data["lead"], 0):
                applied[data["lead"]] = data["sequence"]
                taken.append(row.type)
        delivered(world.at)
        return taken

    world.send(event("lead.updated", "L", world.at, score=80))
    world.send(event("lead.updated", "other", world.at, score=80))
    decide_on = MqlCycle.objects.get(lead__external_id="L")
    for n, disposition in enumerate(("working", "recycled"), start=1):
        dispose(
            cycle=decide_on,
            disposition=disposition,
            reason="bad_fit" if disposition == "recycled" else "",
            by=world.users.setdefault("ops", add_user(world, Role.REVOPS, f"Ops {n}")),
            at=world.at + n * MINUTE,
            act=uuid4(),
        )
    assert len(receive()) == 4
    for again in range(1, 3):
        at = world.at + again * HOUR
        switch_off(destination=Destination.objects.active().get(), by=None, at=at)
        create_destination(source=world.crm, address="https://crm.example.com/hooks", by=None, at=at)
        world.send(event("lead.updated", "L", at, score=10))
        world.send(event("lead.updated", "L", at + MINUTE, score=80), at=at + MINUTE)
        cycle = MqlCycle.objects.filter(lead__external_id="L").latest("number")
        assert receive() == ["mql.assigned"], again
        decide_at = at + 2 * MINUTE
        dispose(
            cycle=cycle, disposition="recycled", reason="bad_fit",
            by=world.users["ops"], at=decide_at, act=uuid4(),
        )  # fmt: skip
        assert receive() == ["mql.dispositioned"], again
    assert applied == {"L": 7, "other": 1}


def test_of_what_was_over_before_the_destination_came_nothing_is_told(world: World) -> None:
    routed(world)
    decide(world, world.at + HOUR, "recycled", "bad_timing")
    create_destination(source=world.crm, address="https://crm.example.com", by=None, at=world.at + 2 * HOUR)
    world.send(event("lead.updated", "L", world.at + 3 * HOUR, company="Other"), at=world.at + 3 * HOUR)
    call_command("rebuild", verbosity=0, stdout=StringIO())
    assert not OutgoingMessage.objects.exists()


def test_a_disproved_crossing_is_told_as_void(world: World, crm: Destination) -> None:
    world.send(
        event("lead.updated", "L", world.at, score=80),
        event("lead.dispositioned", "L", world.at + HOUR, disposition="recycled", reason="bad_timing"),
        event("lead.updated", "L", world.at + 2 * HOUR, score=1),
        event("lead.updated", "L", world.at + 3 * HOUR, score=90),
        at=world.at + 3 * HOUR,
    )
    second = MqlCycle.objects.order_by("pk").last()
    # the CRM tells late that the closing was not one
    world.send(
        event("lead.dispositioned", "L", world.at + HOUR + MINUTE, disposition="working"),
        at=world.at + 4 * HOUR,
    )
    assert second is not None
    last = OutgoingMessage.objects.filter(cycle=second).order_by("pk").last()
    assert last is not None and last.type == "mql.rescheduled"
    data = json.loads(last.body)["data"]
    assert (data["mql"]["status"], data["due"]) == ("void", {})


@pytest.mark.parametrize("with_destination", [True, False])
def test_a_batch_takes_as_many_statements_for_200_as_for_one(world: World, with_destination: bool) -> None:
    if with_destination:
        create_destination(source=world.crm, address="https://crm.example.com", by=None, at=world.at - HOUR)
    world.send(event("lead.updated", "warm", world.at, score=80))
    taken = {}
    for count in (1, 200):
        for n in range(count):
            world.deliver(
                event("lead.updated", f"n{count}-{n}", world.at, score=80), external_id=f"{count}-{n}"
            )
        with CaptureQueriesContext(connection) as queries:
            drain(at=world.at, batch_size=500)
        taken[count] = len(queries)
        outbox = [query for query in queries if "alignment_destination" in query["sql"]]
        assert len(outbox) == 1
    assert taken[1] == taken[200], taken
    assert OutgoingMessage.objects.count() == (202 if with_destination else 0)


def test_a_halved_batch_writes_each_message_once(world: World, crm: Destination, monkeypatch: Any) -> None:
    """The transaction that failed takes its messages along; the halves write them again."""

    def fragile(events: Any, **options: Any) -> Any:
        batch = apply_events(events, **options)
        if any(fact.external_id == "bad" for each in events for fact in each.facts):
            raise ValueError("poison")
        return batch

    monkeypatch.setattr(sys.modules["alignment.pipeline.drain"], "apply_events", fragile)
    for name in ["a", "b", "bad", "c", "d", "e"]:
        world.deliver(event("lead.updated", name, world.at, score=80), external_id=f"x-{name}")
    drain(at=world.at)
    assert sorted(data["lead"] for _, data in written()) == ["a", "b", "c", "d", "e"]
    assert OutgoingMessage.objects.count() == Assignment.objects.count() == 5


def test_a_batch_that_the_database_undoes_is_written_once_by_the_next_try(
    world: World, crm: Destination, monkeypatch: Any
) -> None:
    tries: list[int] = []

    def deadlocked(events: Any, **options: Any) -> Any:
        batch = apply_events(events, **options)
        tries.append(OutgoingMessage.objects.count())
        if len(tries) < 3:
            raise OperationalError("deadlock detected")
        return batch

    monkeypatch.setattr(sys.modules["alignment.pipeline.drain"], "apply_events", deadlocked)
    world.send(*(event("lead.updated", name, world.at, score=80) for name in "AB"))
    assert len(tries) == 3 and tries[-1] == 2
    assert OutgoingMessage.objects.count() == MqlCycle.objects.count() == 2


def test_imported_history_is_never_written_back(world: World, crm: Destination) -> None:
    long_ago = world.at - timedelta(days=90)
    fields = {
        "mql_at": long_ago.isoformat(),
        "assigned_at": long_ago.isoformat(),
        "owner": world.reps[0].email,
    }
    facts = [
        Fact(
            source=world.crm, ref="id:file-1", subject="lead", external_id="H", action="cycle", fields=fields,
            occurred_at=long_ago, received_at=world.at, order_key="file-1", is_history=True,
        )
    ]  # fmt: skip
    apply_events([Event(None, 0, facts)], at=world.at)
    assert cycle().is_history and cycle().owner == world.reps[0]
    assert not OutgoingMessage.objects.exists()


# --- echoes -----------------------------------------------------------------------------------------------


def echo(world: World, after: timedelta, **fields: Any) -> None:
    at = world.at + after
    world.send(event("lead.updated", "L", at, **fields), at=at)


def test_the_echo_of_a_routed_owner_decides_and_sends_nothing(world: World, crm: Destination) -> None:
    owner = routed(world)
    before, state = ownership(), end_state()["cycles"]
    echo(world, 5 * SECOND, owner=owner.email)
    assert ownership() == before and cycle().assigned_by == "routed"
    assert end_state()["cycles"] == state and kinds() == ["mql.assigned"]
    call_command("rebuild", verbosity=0, stdout=StringIO())
    assert ownership() == before and kinds() == ["mql.assigned"]


@pytest.mark.parametrize("behind", [SECOND, 50 * SECOND])
def test_the_echo_of_a_crm_whose_clock_runs_behind_is_one_too(
    world: World, crm: Destination, behind: timedelta
) -> None:
    owner = routed(world, crossed_before=MINUTE)
    before = ownership()
    body = event("lead.updated", "L", world.at - behind, owner=owner.email)
    world.send(body, at=world.at + SECOND)
    assert ownership() == before


def test_the_same_owner_named_before_we_routed_is_the_crms_own(world: World, crm: Destination) -> None:
    owner = routed(world)
    body = event("lead.updated", "L", world.at + SECOND, owner=owner.email)
    world.at += 2 * HOUR
    boss = add_user(world, Role.REVOPS, "Boss")
    assign_by_hand(cycle=cycle(), person=world.reps[2], by=boss, at=world.at)
    # told late, but it happened when the first assignment stood: an echo of that one
    world.send(body, at=world.at + SECOND)
    assert (cycle().owner, cycle().assigned_by) == (world.reps[2], "manual")


def test_the_echo_of_an_assignment_by_hand_leaves_it_one(world: World, crm: Destination) -> None:
    boss = add_user(world, Role.REVOPS, "Boss")
    routed(world)
    assign_by_hand(cycle=cycle(), person=world.reps[2], by=boss, at=world.at + HOUR)
    delivered(world.at + HOUR)
    before = ownership()
    echo(world, HOUR + 5 * SECOND, owner=world.reps[2].email)
    assert ownership() == before and kinds() == ["mql.assigned", "mql.assigned"]


def test_echoes_of_two_assignments_in_a_row_leave_the_second(world: World, crm: Destination) -> None:
    """The first comes back after the second was made."""
    boss = add_user(world, Role.REVOPS, "Boss")
    first = routed(world)
    assign_by_hand(cycle=cycle(), person=world.reps[2], by=boss, at=world.at + 3 * SECOND)
    before = ownership()
    echo(world, 5 * SECOND, owner=first.email)
    assert ownership() == before
    echo(world, 6 * SECOND, owner=world.reps[2].email)
    assert ownership() == before and kinds() == ["mql.assigned", "mql.assigned"]


def test_an_echo_that_comes_twice_is_none_the_more(world: World, crm: Destination) -> None:
    owner = routed(world)
    before = ownership()
    said = event("lead.updated", "L", world.at + 5 * SECOND, owner=owner.email)
    world.send(said, at=world.at + 6 * SECOND)
    world.send({**said, "id": "another id"}, at=world.at + 7 * SECOND)
    world.send(event("lead.updated", "L", world.at + 2 * SECOND, owner="queue"), at=world.at + 8 * SECOND)
    assert ownership()[2] == before[2]
    assert kinds() == ["mql.assigned"]


def test_another_owner_named_by_the_crm_wins_and_is_not_told_back(world: World, crm: Destination) -> None:
    owner = routed(world)
    echo(world, 5 * SECOND, owner=owner.email)
    echo(world, HOUR, owner=world.reps[2].email)
    assert (cycle().owner, cycle().assigned_by) == (world.reps[2], "crm")
    assert kinds() == ["mql.assigned"]
    echo(world, 2 * HOUR, owner=owner.email)
    assert (cycle().owner, cycle().assigned_by) == (owner, "crm"), "that is the CRM's own decision now"
    assert kinds() == ["mql.assigned"]


def test_taking_the_lead_back_by_hand_is_told_again(world: World, crm: Destination) -> None:
    owner = routed(world)
    echo(world, HOUR, owner=world.reps[2].email)
    boss = add_user(world, Role.REVOPS, "Boss")
    assign_by_hand(cycle=cycle(), person=owner, by=boss, at=world.at + 2 * HOUR)
    assert kinds() == ["mql.assigned", "mql.assigned"]
    echo(world, 2 * HOUR + SECOND, owner=owner.email)
    assert (cycle().owner, cycle().assigned_by) == (owner, "manual") and len(kinds()) == 2


def test_our_write_that_overtakes_the_crms_own_is_healed_by_what_the_crm_says(
    world: World, crm: Destination
) -> None:
    """The CRM named somebody while our message was under way, and then our message changed the owner there."""
    owner = routed(world)
    echo(world, 2 * SECOND, owner=world.reps[2].email)
    echo(world, 4 * SECOND, owner=owner.email)
    assert (cycle().owner, cycle().assigned_by) == (owner, "crm") and kinds() == ["mql.assigned"]


def test_a_message_still_waiting_does_not_undo_what_the_crm_decided_meanwhile(
    world: World, crm: Destination
) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    echo(world, HOUR, owner=world.reps[2].email)
    assert [data["owner"]["email"] for _, data in written()] == ["rep.1@example.com", "rep.3@example.com"]
    echo(world, HOUR + SECOND, owner=world.reps[0].email)
    echo(world, HOUR + 2 * SECOND, owner=world.reps[2].email)
    assert len(written()) == 2, "echoes of both start no exchange of messages"
    assert cycle().owner == world.reps[2]


@pytest.mark.parametrize("kind", ["lead.dispositioned", "lead.updated"])
def test_the_echo_of_a_disposition_changes_nothing(world: World, crm: Destination, kind: str) -> None:
    routed(world)
    decide(world, world.at + HOUR, "disqualified", "bad_fit")
    delivered(world.at + HOUR)
    before, state = ownership(), end_state()
    said: list[dict[str, Any]] = [{"reason": "bad_fit"}, {}, {"reason": None}]
    for n, fields in enumerate(said):
        at = world.at + HOUR + (n + 1) * SECOND
        world.send(event(kind, "L", at, disposition="disqualified", **fields), at=at)
    assert ownership() == before and cycle().reason == "bad_fit"
    assert {**end_state(), "leads": 0} == {**state, "leads": 0}
    assert kinds() == ["mql.assigned", "mql.dispositioned"]


def test_the_late_echo_of_an_older_disposition_does_not_reopen(world: World, crm: Destination) -> None:
    routed(world)
    decide(world, world.at + MINUTE, "working")
    decide(world, world.at + 2 * MINUTE, "disqualified", "bad_fit")
    before = ownership()
    echo(world, 3 * MINUTE, disposition="working")
    echo(world, 4 * MINUTE, disposition="disqualified", reason="bad_fit")
    assert ownership() == before
    assert kinds() == ["mql.assigned", "mql.dispositioned", "mql.dispositioned"]


def test_the_late_echo_of_a_closing_does_not_close_the_next_cycle(world: World, crm: Destination) -> None:
    routed(world)
    decide(world, world.at + MINUTE, "recycled", "bad_timing")
    echo(world, 2 * MINUTE, score=5)
    echo(world, 3 * MINUTE, score=80)
    echo(world, 4 * MINUTE, disposition="recycled", reason="bad_timing")
    assert MqlCycle.objects.open().count() == 1


RECYCLED = {"disposition": "recycled", "reason": "bad_timing"}


def states() -> list[tuple[int, str, str]]:
    """(number, disposition, whether it is closed) of the lead's cycles."""
    rows = MqlCycle.objects.order_by("number").values_list("number", "disposition", "closed_at")
    return [
        (number, disposition, "closed" if closed_at else "open") for number, disposition, closed_at in rows
    ]


@pytest.mark.parametrize(
    ("kind", "is_emptied"),
    [("lead.updated", True), ("lead.dispositioned", True), ("lead.dispositioned", False)],
)
def test_what_came_back_once_is_the_crms_own_decision_in_the_next_cycle(
    world: World, crm: Destination, kind: str, is_emptied: bool
) -> None:
    """Whichever way the reports arrive."""
    routed(world)
    decide(world, world.at + 10 * MINUTE, "recycled", "bad_timing")
    empty = {"disposition": None, "reason": None} if is_emptied else {}
    reports = [
        event("lead.updated", "L", world.at + 11 * MINUTE, **RECYCLED),
        event("lead.updated", "L", world.at + 15 * MINUTE, score=10, **empty),
        event("lead.updated", "L", world.at + 20 * MINUTE, score=90),
        event(kind, "L", world.at + 40 * MINUTE, **RECYCLED),
    ]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        point = transaction.savepoint()
        for n in order:
            world.send(reports[n], at=world.at + 41 * MINUTE)
        assert states() == [(1, "recycled", "closed"), (2, "recycled", "closed")], order
        assert MqlCycle.objects.get(number=2).closed_at == world.at + 40 * MINUTE
        transaction.savepoint_rollback(point)


def test_a_late_echo_sent_twice_closes_the_next_cycle_no_more_than_once_sent(
    world: World, crm: Destination
) -> None:
    routed(world)
    decide(world, world.at + MINUTE, "recycled", "bad_timing")
    echo(world, 2 * MINUTE, score=5)
    echo(world, 3 * MINUTE, score=80)
    said = event("lead.dispositioned", "L", world.at + 4 * MINUTE, **RECYCLED)
    world.send(said, at=world.at + 4 * MINUTE)
    world.send({**said, "id": "another id"}, at=world.at + 5 * MINUTE)
    assert states() == [(1, "recycled", "closed"), (2, "", "open")]
    again = event("lead.dispositioned", "L", world.at + 9 * MINUTE, **RECYCLED)
    world.send(again, at=world.at + 9 * MINUTE)
    assert states()[1] == (2, "recycled", "closed")


def test_the_emptying_that_a_new_cycle_asks_for_leaves_our_later_decisions_echoes(
    world: World, crm: Destination
) -> None:
    """The message about the second cycle empties the field, late: what was decided here meanwhile follows it."""
    routed(world)
    decide(world, world.at + MINUTE, "recycled", "bad_timing")
    echo(world, 2 * MINUTE, **RECYCLED)
    echo(world, 3 * MINUTE, score=5)
    echo(world, 4 * MINUTE, score=80)
    user = world.users["ops"]
    second = MqlCycle.objects.get(number=2)
    for after, disposition, reason in ((5, "working", ""), (6, "disqualified", "bad_fit")):
        second.refresh_from_db()
        at = world.at + after * MINUTE
        dispose(cycle=second, disposition=disposition, reason=reason, by=user, at=at, act=uuid4())
    echo(world, 7 * MINUTE, disposition=None, reason=None)
    echo(world, 8 * MINUTE, disposition="working")
    echo(world, 9 * MINUTE, disposition="disqualified", reason="bad_fit")
    assert states()[1] == (2, "disqualified", "closed")
    assert MqlCycle.objects.get(number=2).closed_at == world.at + 6 * MINUTE


def test_a_disposition_of_the_crm_after_the_echo_counts(world: World, crm: Destination) -> None:
    routed(world)
    decide(world, world.at + MINUTE, "recycled", "bad_timing")
    delivered(world.at + MINUTE)
    echo(world, 2 * MINUTE, disposition="recycled", reason="bad_timing")
    echo(world, HOUR, disposition="working")
    assert cycle().is_open
    echo(world, 2 * HOUR, disposition="recycled", reason="bad_timing")
    assert cycle().closed_at == world.at + 2 * HOUR
    echo(world, 3 * HOUR, reason="bad_data")
    assert cycle().reason == "bad_data"
    assert [kind for kind in kinds() if kind == "mql.dispositioned"] == ["mql.dispositioned"]


def test_the_same_disposition_of_the_crm_before_ours_is_its_own(world: World, crm: Destination) -> None:
    routed(world)
    decide(world, world.at + HOUR, "disqualified", "bad_fit")
    world.send(
        event("lead.dispositioned", "L", world.at + MINUTE, disposition="disqualified", reason="bad_fit"),
        at=world.at + 2 * HOUR,
    )
    assert cycle().closed_at == world.at + MINUTE


def test_every_order_of_arrival_of_decisions_and_echoes_leaves_one_state(
    world: World, crm: Destination
) -> None:
    owner = routed(world)
    boss = add_user(world, Role.REVOPS, "Boss")
    assign_by_hand(cycle=cycle(), person=world.reps[2], by=boss, at=world.at + MINUTE)
    decide(world, world.at + HOUR, "working")
    before = ownership()
    echoes = [
        event("lead.updated", "L", world.at + 2 * SECOND, owner=owner.email),
        event("lead.updated", "L", world.at + MINUTE + SECOND, owner=world.reps[2].email),
        event("lead.updated", "L", world.at + HOUR + SECOND, disposition="working"),
    ]
    for said in reversed(echoes):
        world.send(said, at=world.at + 2 * HOUR)
        assert ownership() == before
    assert kinds() == ["mql.assigned", "mql.assigned", "mql.dispositioned"]


# --- merged leads -----------------------------------------------------------------------------------------


def test_each_record_of_a_merged_person_is_told_and_undoing_it_goes_on(
    world: World, crm: Destination
) -> None:
    boss = add_user(world, Role.REVOPS, "Boss")
    other = Source.objects.create(key="other", name="Other CRM", kind="standard")
    endpoint = Endpoint.objects.create(source=other, scheme="standard_webhooks")
    create_destination(source=other, address="https://other.example.com", by=None, at=world.at - HOUR)
    told = event("lead.updated", "B", world.at, company="Same")
    world.deliver(told, external_id=told["id"], endpoint=endpoint)
    owner = routed(world)
    a, b = Lead.objects.get(external_id="L"), Lead.objects.get(external_id="B")
    merge = merge_leads(survivor=a, merged=b, reason="Same person", by=boss, at=world.at + MINUTE)
    assert [(kind, data["lead"], data["owner"]["name"]) for kind, data in written()] == [
        ("mql.assigned", "L", owner.name),
        ("mql.assigned", "B", owner.name),
    ]
    delivered(world.at + MINUTE)
    # the echo of either, then an owner by one CRM, which is news to the other only
    for n, (record, named, through) in enumerate(
        [("L", owner, world.crm_endpoint), ("B", owner, endpoint), ("B", world.reps[2], endpoint)]
    ):
        at = world.at + (2 + n) * MINUTE
        said = event("lead.updated", record, at, owner=named.email)
        world.deliver(said, external_id=said["id"], received_at=at, endpoint=through)
        drain(at=at)
    assert (cycle().owner, cycle().assigned_by) == (world.reps[2], "crm")
    assert [(data["lead"], data["owner"]["name"]) for _, data in written()[2:]] == [("L", "Rep 3")]
    delivered(world.at + 5 * MINUTE)
    echo(world, 6 * MINUTE, owner=world.reps[2].email)
    assert len(written()) <= 4 and cycle().owner == world.reps[2]
    undo_merge(merge=merge, reason="Not the same", by=boss, at=world.at + HOUR)
    before = len(written())
    world.deliver(
        event("lead.updated", "B", world.at + HOUR, score=80), external_id="later", endpoint=endpoint,
        received_at=world.at + HOUR,
    )  # fmt: skip
    drain(at=world.at + HOUR)
    assert not DeadEvent.objects.exists()
    assert [data["lead"] for _, data in written()[before:]] == ["B"]
    assert (
        OutgoingMessage.objects.filter(lead=b).count()
        == OutgoingMessage.objects.filter(lead=b).values("sequence").distinct().count()
    )


def test_each_record_of_a_merged_person_gives_our_decisions_back_for_itself(
    world: World, crm: Destination
) -> None:
    """One CRM has come to the last decision already when the other reports the first."""
    boss = add_user(world, Role.REVOPS, "Boss")
    other = Source.objects.create(key="other", name="Other CRM", kind="standard")
    endpoint = Endpoint.objects.create(source=other, scheme="standard_webhooks")
    told = event("lead.updated", "B", world.at, company="Same")
    world.deliver(told, external_id=told["id"], endpoint=endpoint)
    routed(world)
    a, b = Lead.objects.get(external_id="L"), Lead.objects.get(external_id="B")
    merge_leads(survivor=a, merged=b, reason="Same person", by=boss, at=world.at + SECOND)
    decide(world, world.at + MINUTE, "working")
    decide(world, world.at + 2 * MINUTE, "disqualified", "bad_fit")
    before = ownership()
    reports = [("L", "working"), ("L", "disqualified"), ("B", "working"), ("B", "disqualified")]
    for n, (record, disposition) in enumerate(reports, start=3):
        at = world.at + n * MINUTE
        said = event("lead.updated", record, at, disposition=disposition)
        through = world.crm_endpoint if record == "L" else endpoint
        world.deliver(said, external_id=said["id"], received_at=at, endpoint=through)
        drain(at=at)
        assert ownership() == before, (record, disposition)
