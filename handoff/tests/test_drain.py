"""The drain: set-based, poison set aside with its reason, every good event applied once."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from alignment.intake import standard
from alignment.intake.drafts import Event
from alignment.models import (
    Account,
    DeadEvent,
    Delivery,
    DeliveryState,
    Fact,
    Lead,
    MqlCycle,
    Opportunity,
    Touch,
)
from alignment.pipeline import drain, leads
from handoff.models import Assignment
from testing.world import World, build_world, event


def crossings(world: World, count: int, prefix: str) -> list[dict[str, Any]]:
    return [
        event(
            "lead.updated",
            f"{prefix}{n}",
            world.at,
            id=f"{prefix}-{n}",
            score=80,
            channel="email",
            first_name="X",
        )
        for n in range(count)
    ]


def test_a_batch_of_500_takes_as_many_statements_as_one(world: World) -> None:
    world.send(*crossings(world, 1, "warm"))
    taken = {}
    for count in (1, 500):
        for body in crossings(world, count, f"n{count}-"):
            world.deliver(body, external_id=body["id"])
        with CaptureQueriesContext(connection) as queries:
            drain(at=world.at, batch_size=500)
        taken[count] = len(queries)
    assert MqlCycle.objects.count() == 502 and Assignment.objects.count() == 502
    assert taken[1] == taken[500], taken


def everything(world: World, count: int, prefix: str) -> list[dict[str, Any]]:
    """Events of every kind, about records, people and links that nobody has heard of before."""
    found = []
    for key in (f"{prefix}{n}" for n in range(count)):
        later = world.at + timedelta(minutes=1)
        lead = {"score": 80, "owner": f"o{key}", "account": f"AA{key}", "opportunity": f"O{key}"}
        touch = {"lead": f"L{key}", "is_attempt": True, "person": f"p{key}", "campaign": f"CC{key}"}
        deal = {"stage": "x", "lead": f"L{key}", "account": f"AB{key}"}
        end = {"disposition": "recycled", "reason": "bad_fit"}
        found += [
            event("account.updated", f"A{key}", world.at, id=f"a{key}", name="n"),
            event("campaign.updated", f"C{key}", world.at, id=f"c{key}", name="n"),
            event("lead.updated", f"L{key}", world.at, id=f"l{key}", **lead),
            event("touch.recorded", f"T{key}", later, id=f"t{key}", **touch),
            event("opportunity.created", f"O{key}", world.at, id=f"o{key}", **deal),
            event("lead.dispositioned", f"L{key}", later, id=f"d{key}", **end),
        ]
    return found


def test_a_batch_of_everything_takes_as_many_statements_for_480_events_as_for_six(world: World) -> None:
    world.send(*everything(world, 1, "warm"))
    taken = {}
    for count in (1, 80):
        for body in everything(world, count, f"n{count}-"):
            world.deliver(body, external_id=body["id"])
        with CaptureQueriesContext(connection) as queries:
            drain(at=world.at, batch_size=500)
        taken[count] = len(queries)
    assert not DeadEvent.objects.exists()
    assert taken[1] == taken[80], taken


GARBAGE: list[bytes] = [
    b"", b"{", b"nonsense", b"[1, 2", b'"text"', b"12", b"null", b"\xff\xfe", b'{"type": "lead.updated"}',
    b'{"type": "lead.exploded", "data": {"external_id": "x"}}',
    b'{"type": "lead.updated", "data": []}',
    b'{"type": "lead.updated", "data": {"external_id": ""}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "score": "many"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "score": 1e400}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "score": 99999999999}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "disposition": "maybe"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "first_name": "a\\u0000b"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "first_name": "\\ud800"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x"}, "data": {"external_id": "y"}}',
    b'{"type": "lead.updated", "timestamp": "yesterday", "data": {"external_id": "x"}}',
    b'{"type": "lead.updated", "timestamp": "9999-12-31T23:59:59+00:00", "data": {"external_id": "x"}}',
    b'{"type": "lead.updated", "data": {"external_id": "' + b"x" * 300 + b'"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "company": "' + b"y" * 300 + b'"}}',
    b'{"type": "opportunity.updated", "data": {"external_id": "o", "amount": "1.005"}}',
    b'{"type": "opportunity.updated", "data": {"external_id": "o", "close_on": "2026-02-31"}}',
    b'{"type": "touch.recorded", "data": {"external_id": "t", "function": "magic"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "score": NaN}}',
    b"[" * 5000 + b"]" * 5000,
    b'{"type": "opportunity.updated", "data": {"external_id": "o", "amount": "9e999999"}}',
    b'{"type": "opportunity.updated", "data": {"external_id": "o", "amount": "sNaN"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "score": "-9e999999"}}',
    b'{"type": "lead.updated", "data": {"external_id": "x", "score": "Infinity"}}',
]  # fmt: skip


def test_poison_among_good_events_is_dead_with_reasons_and_stops_nobody(
    world: World, examples: Callable[[int, int], int]
) -> None:
    good, poison = examples(1_000, 10_000), examples(100, 200)
    bodies = [(json.dumps(body).encode(), body["id"]) for body in crossings(world, good, "good")]
    bodies += [(GARBAGE[n % len(GARBAGE)], f"poison-{n}") for n in range(poison)]
    random.Random(4).shuffle(bodies)
    for raw, external_id in bodies:
        world.deliver(raw, external_id=external_id)
    while Delivery.objects.pending().exists():
        drain(at=world.at)
    assert Lead.objects.filter(external_id__startswith="good").count() == good
    assert MqlCycle.objects.count() == good and Delivery.objects.pending().count() == 0
    dead = DeadEvent.objects.all()
    assert dead.count() == poison
    assert all(row.message and row.code for row in dead)
    assert not dead.filter(delivery__external_id__startswith="good").exists()


def test_one_bad_event_of_an_array_is_set_aside_alone(world: World) -> None:
    good = crossings(world, 3, "a")
    bad = event("lead.updated", "b", world.at, id="bad", score="many")
    world.deliver([good[0], bad, good[1], good[2]], external_id="array")
    drain(at=world.at)
    assert MqlCycle.objects.count() == 3
    dead = DeadEvent.objects.get()
    assert (dead.position, dead.code) == (1, "bad_field") and "score" in dead.message
    assert dead.delivery.state == DeliveryState.DONE


def test_an_event_that_only_the_database_refuses_is_halved_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = leads.fold_lead

    def refuse(batch: Any, lead: Lead, *rest: Any) -> None:
        fold(batch, lead, *rest)
        if lead.external_id == "c7":
            lead.sourced_function = "nobody"  # breaks a check constraint

    monkeypatch.setattr(leads, "fold_lead", refuse)
    world.send(*crossings(world, 20, "c"))
    assert MqlCycle.objects.count() == 19
    assert DeadEvent.objects.get().code == "cannot_apply"
    assert not Fact.objects.filter(external_id="c7").exists()


def test_an_id_that_comes_again_with_other_content_is_kept_as_a_conflict(world: World) -> None:
    first = event("lead.updated", "L1", world.at, id="same", score=80)
    world.deliver([first], external_id="one")
    world.deliver([first | {"data": {"external_id": "L1", "score": 10}}], external_id="two")
    drain(at=world.at)
    assert Lead.objects.get().score == 80
    assert DeadEvent.objects.get().code == "id_conflict"


@pytest.mark.django_db(transaction=True)
def test_two_drainers_with_facts_about_the_same_records_lose_none() -> None:
    world = build_world()
    bodies = []
    for n in range(40):
        bodies += [
            event("opportunity.created", f"O{n}", world.at, id=f"c{n}", name=f"Deal {n}"),
            event("opportunity.updated", f"O{n}", world.at, id=f"u{n}", stage="Proposal"),
            event("opportunity.updated", f"O{n}", world.at, id=f"a{n}", amount="10"),
            event("account.updated", f"A{n % 3}", world.at, id=f"n{n}", name="Northwind"),
            event("account.updated", f"A{n % 3}", world.at, id=f"d{n}", domain="northwind.example"),
        ]
    random.Random(3).shuffle(bodies)
    for body in bodies:
        world.deliver(body, external_id=body["id"])
    drain_at_once(world, 3)
    assert not DeadEvent.objects.exists()
    found = Opportunity.objects.values_list("stage", "amount_minor").exclude(name="")
    assert list(found) == [("Proposal", 1000)] * 40
    assert set(Account.objects.values_list("name", "domain")) == {("Northwind", "northwind.example")}


def test_an_event_of_a_form_that_nobody_foresaw_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = standard.parse

    def fail(delivery: Delivery, position: int, *rest: Any) -> Event:
        if delivery.external_id == "f-3":
            raise ArithmeticError("with ada@example.com in it")
        return parse(delivery, position, *rest)

    monkeypatch.setattr(standard, "parse", fail)
    world.send(*crossings(world, 6, "f"))
    assert MqlCycle.objects.count() == 5
    dead = DeadEvent.objects.get()
    assert dead.code == "cannot_read" and "ada@" not in dead.message


def test_what_the_database_refuses_is_told_without_the_row(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fold = leads.fold_lead

    def refuse(batch: Any, lead: Lead, *rest: Any) -> None:
        fold(batch, lead, *rest)
        lead.sourced_function = "nobody"

    monkeypatch.setattr(leads, "fold_lead", refuse)
    world.send(event("lead.updated", "L", world.at, score=80, email="ada@example.com"))
    dead = DeadEvent.objects.get()
    assert "lead_sourced_function_is_known" in dead.message
    told = dead.message + caplog.text + " ".join(str(record.__dict__) for record in caplog.records)
    assert "ada@example.com" not in told


def test_a_huge_batch_is_claimed_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["alignment.pipeline.drain"], "CLAIM_BYTES", 400)
    world.send(*crossings(world, 7, "h"))
    assert MqlCycle.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_drainers_at_once_keep_a_touch_with_its_lead() -> None:
    """A call is made with its lead and updated without it: whoever folds last must see both."""
    world = build_world()
    bodies = []
    for n in range(40):
        at = world.at + timedelta(seconds=n)
        bodies += [
            event(
                "touch.recorded", f"T{n}", at, id=f"m{n}", lead=f"L{n % 5}", channel="call", is_attempt=True
            ),
            event("touch.recorded", f"T{n}", at, id=f"p{n}", outcome="sent"),
        ]
    random.Random(8).shuffle(bodies)
    for body in bodies:
        world.deliver(body, external_id=body["id"])
    drain_at_once(world, 4)
    assert not DeadEvent.objects.exists()
    assert Touch.objects.filter(lead__isnull=True).count() == 0
    assert Touch.objects.filter(outcome="sent", is_attempt=True).count() == 40


def drain_at_once(world: World, drainers: int) -> None:
    start = threading.Barrier(drainers)

    def work() -> None:
        start.wait()
        drain(at=world.at, batch_size=2)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(drainers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Delivery.objects.pending().count() == 0
