"""Completeness of MQLs: every number counted again by hand, and the rows behind it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from alignment.access import Scope
from alignment.models import Erasure, Fact, Lead, MqlCycle, Organisation, Role, Source
from alignment.queries import drift
from alignment.queries.completeness import Which, completeness, mqls
from alignment.queries.definitions import definition_in_force
from alignment.tests.pages import signed_in
from testing.definitions import COMPLETE, mql, put_in_force
from testing.world import World, add_user, event

ALL = Scope(is_all=True)
REQUIRED = ("company", "segment", "country", "title", "intent", "score", "email")


def make_mql(world: World, number: int, crossed_at: datetime, **changes: Any) -> MqlCycle:
    """An MQL as it lies in the database, complete but for `changes`."""
    more: dict[str, Any] = {
        name: changes.pop(name) for name in ("source", "is_history", "voided_at", "owner") if name in changes
    }
    source = more.pop("source", world.crm)
    lead = Lead.objects.create(
        source=source, external_id=f"m{number}", first_seen_at=crossed_at, **COMPLETE | changes
    )
    fact = Fact.objects.create(
        source=source, ref=f"m{number}", subject="lead", external_id=lead.external_id, fields={},
        occurred_at=crossed_at, received_at=crossed_at, order_key=str(number),
    )  # fmt: skip
    is_history = more.get("is_history", False)
    if more.get("voided_at"):
        more["void_reason"] = "Disproved"
    if more.get("owner"):
        more |= {"assigned_at": crossed_at, "assigned_by": "manual"}
    return MqlCycle.objects.create(
        lead=lead, number=1, opened_by=fact, crossed_at=crossed_at, received_at=crossed_at,
        started_at=crossed_at, segment=lead.segment, agreement_number=None if is_history else 1,
        tier="" if is_history else "standard", **more,
    )  # fmt: skip


def in_force() -> Any:
    found = definition_in_force("mql")
    assert found is not None
    return found.definition


def test_a_blank_field_of_one_of_fifty_makes_98_percent_and_lists_the_record(world: World) -> None:
    put_in_force("mql", at=world.at)
    for number in range(50):
        make_mql(world, number, world.at - timedelta(hours=number))
    last = drift.last_mqls(in_force())
    assert (last.filled, last.total, last.lacking) == (50, 50, [])
    world.send(event("lead.updated", "m30", world.at, **COMPLETE | {"title": None}))
    last = drift.last_mqls(in_force())
    assert (last.filled, last.total) == (49, 50)
    assert [(row.cycle.lead.external_id, [f.name for f in row.missing]) for row in last.lacking] == [
        ("m30", ["title"])
    ]
    assert {each.part.name: each.filled for each in last.parts} == {
        "firmographic": 50, "role": 49, "intent": 50, "engagement": 50, "disqualifiers": 49,
    }  # fmt: skip
    with time_machine.travel(world.at, tick=False):
        client = signed_in(add_user(world, Role.CMO))
        page = client.get(reverse("alignment:drift")).content.decode()
        assert "98.0% (49 of 50)" in page
        assert "m30" not in page
        assert f"/leads/{Lead.objects.get(external_id='m30').pk}/" in page
        page = client.get(reverse("alignment:mqls-incomplete")).content.decode()
    assert "98.0% (49 of 50)" in page
    assert "<strong>1 MQL</strong>" in page


@pytest.mark.parametrize("name", REQUIRED)
def test_each_field_that_the_definition_names_is_required(world: World, name: str) -> None:
    put_in_force("mql", at=world.at)
    empty = None if name == "score" else " "
    cycle = make_mql(world, 1, world.at, **{name: empty})
    make_mql(world, 2, world.at)
    assert [found.pk for found in mqls(Which(), in_force(), scope=ALL)] == [cycle.pk]


def test_what_only_has_to_be_empty_is_not_required(world: World) -> None:
    content = mql()
    content["parts"][4]["rows"] = [{"field": "phone", "operator": "is_empty", "value": None}]
    put_in_force("mql", content, at=world.at)
    make_mql(world, 1, world.at, phone="", email="")
    assert not mqls(Which(), in_force(), scope=ALL).exists()


@pytest.mark.parametrize(
    ("period", "zone"), [("week", "UTC"), ("week", "Pacific/Apia"), ("month", "America/New_York")]
)
def test_every_number_is_what_counting_by_hand_gives_and_has_exactly_its_rows(
    world: World, period: str, zone: str
) -> None:
    Organisation.objects.update(zone=zone)
    put_in_force("mql", at=world.at)
    rng = Random(f"{period}{zone}")
    hers = Source.objects.create(key="other", name="Other", kind="standard")
    cycles = []
    for number in range(120):
        crossed = world.at - timedelta(seconds=rng.randrange(400 * 86400))
        blank = {name: (None if name == "score" else "") for name in REQUIRED if rng.random() < 0.1}
        more = {"source": rng.choice([world.crm, hers]), "is_history": rng.random() < 0.4}
        if rng.random() < 0.1:
            more["voided_at"] = world.at
        cycles.append(make_mql(world, number, crossed, **blank, **more))
    erased = cycles[5].lead
    Erasure.objects.create(
        lead=erased, pseudonym="erased-1", asked_by="person", reason="x", erased_at=world.at, counts={}
    )

    def first_day(at: datetime) -> date:
        day = at.astimezone(ZoneInfo(zone)).date()
        return day - timedelta(days=day.weekday()) if period == "week" else day.replace(day=1)

    kept = [cycle for cycle in cycles if cycle.voided_at is None and cycle.lead != erased]
    counted = Counter(first_day(cycle.crossed_at) for cycle in kept)
    complete = Counter(
        first_day(cycle.crossed_at)
        for cycle in kept
        if all(getattr(cycle.lead, name) not in (None, "") for name in REQUIRED)
    )
    definition = in_force()
    found = completeness(definition, period, at=world.at, scope=ALL)
    assert len(found) == 12
    assert found[0].start == first_day(world.at)
    for each in found:
        assert (each.mqls, each.complete) == (counted[each.start], complete[each.start])
        for state, count in (
            ("all", each.mqls),
            ("complete", each.complete),
            ("incomplete", each.incomplete),
        ):
            rows = mqls(Which(state, each.start, each.end), definition, scope=ALL)
            assert rows.count() == count
            assert {first_day(row.crossed_at) for row in rows} <= {each.start}
    assert sum(each.incomplete for each in found) > 5
    for origin, is_history in (("live", False), ("history", True)):
        rows = mqls(Which("all", origin=origin, source=hers.pk), definition, scope=ALL)
        assert {row.pk for row in rows} == {
            cycle.pk for cycle in kept if cycle.is_history is is_history and cycle.lead.source_id == hers.pk
        }


def test_nothing_is_measured_by_a_draft_or_without_a_signed_definition(world: World) -> None:
    make_mql(world, 1, world.at, title="")
    client = signed_in(add_user(world, Role.REVOPS))
    client.post(reverse("alignment:definition-start", args=["mql"]))
    for name in ("definitions", "drift", "mqls-incomplete"):
        page = client.get(reverse(f"alignment:{name}")).content.decode()
        assert "Nothing is measured before" in page
        assert "%" not in re.sub(r"<[^>]*>", "", page)


def test_a_rep_and_a_manager_see_the_mqls_of_their_scope(world: World) -> None:
    put_in_force("mql", at=world.at)
    owned = make_mql(world, 1, world.at, title="", owner=world.reps[0])
    make_mql(world, 2, world.at, title="", owner=world.reps[1])
    make_mql(world, 3, world.at, title="")
    with time_machine.travel(world.at, tick=False):
        for user, count in (
            (world.users["rep.1"], 1),
            (add_user(world, Role.SALES_MANAGER), 2),
            (add_user(world, Role.MARKETING), 3),
        ):
            page = signed_in(user).get(reverse("alignment:mqls-incomplete")).content.decode()
            assert f"<strong>{count} MQL" in page
            assert f"/leads/{owned.lead_id}/" in page
        assert (
            signed_in(add_user(world, Role.FINANCE)).get(reverse("alignment:mqls-incomplete")).status_code
            == 403
        )


def test_pages_of_the_list_hold_each_row_once_and_take_as_many_queries_however_long(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    put_in_force("mql", at=world.at)
    client = signed_in(add_user(world, Role.CMO))
    for number in range(1, 2):
        make_mql(world, number, world.at, title="")
    with time_machine.travel(world.at, tick=False):
        with django_assert_max_num_queries(16):
            client.get(reverse("alignment:mqls-incomplete"))
        for number in range(2, 61):
            make_mql(world, number, world.at - timedelta(minutes=number // 3), title="", email="")
        seen, url = [], reverse("alignment:mqls-incomplete")
        while url:
            with django_assert_max_num_queries(16):
                page = client.get(url).content.decode()
            seen += re.findall(r'<th scope="row"><a href="/leads/(\d+)/"', page)
            more = re.search(
                r'href="(\?[^"]*after=[^"]*)"[^>]*rel="next"|rel="next"[^>]*href="(\?[^"]*)"', page
            )
            url = (
                reverse("alignment:mqls-incomplete") + (more[1] or more[2]).replace("&amp;", "&")
                if more
                else ""
            )
    assert len(seen) == 60
    assert len(set(seen)) == 60


@pytest.mark.parametrize(
    "bad", ["start=2026", "start=²", "source=nobody", "segment=none-such", "by=day", "state=x"]
)
def test_an_address_that_cannot_be_read_is_told(world: World, bad: str) -> None:
    put_in_force("mql", at=world.at)
    client = signed_in(add_user(world, Role.CMO))
    assert client.get(reverse("alignment:mqls-incomplete") + f"?{bad}").status_code == 422
    assert client.get(reverse("alignment:mqls-incomplete") + "?after=x").status_code == 404


def test_a_period_begins_and_ends_at_midnight_of_the_organisation(world: World) -> None:
    Organisation.objects.update(zone="Europe/Berlin")
    put_in_force("mql", at=world.at)
    before = make_mql(world, 1, datetime(2026, 11, 15, 22, 59, 59, tzinfo=UTC))
    first = make_mql(world, 2, datetime(2026, 11, 15, 23, 0, tzinfo=UTC))
    found = completeness(in_force(), "week", at=world.at, scope=ALL)
    assert [(each.start, each.mqls) for each in found[:2]] == [
        (date(2026, 11, 16), 1), (date(2026, 11, 9), 1),
    ]  # fmt: skip
    rows = mqls(Which("all", date(2026, 11, 16), date(2026, 11, 23)), in_force(), scope=ALL)
    assert [row.pk for row in rows] == [first.pk] != [before.pk]


def test_the_list_comes_as_a_file_for_those_who_mend_it_in_the_crm(world: World) -> None:
    put_in_force("mql", at=world.at)
    make_mql(world, 1, world.at, title="", company="=SUM(A1)", owner=world.reps[0])
    make_mql(world, 2, world.at - timedelta(hours=1), email="", score=None, is_history=True)
    make_mql(world, 3, world.at)
    url = reverse("alignment:mqls-incomplete-csv")
    lines = _lines(signed_in(add_user(world, Role.CMO)).get(url))
    assert lines[0][0] == "Source"
    assert [(line[1], line[7], line[8]) for line in lines[1:]] == [
        ("m1", "no", "Title"), ("m2", "yes", "Score, E-mail"),
    ]  # fmt: skip
    assert not lines[1][3].startswith("=")
    rep = signed_in(world.users["rep.1"])
    assert [line[1] for line in _lines(rep.get(url))[1:]] == ["m1"]
    assert rep.get(url, {"state": "nonsense"}).status_code == 404


def _lines(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
