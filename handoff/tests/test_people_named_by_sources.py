"""Whom a source names before anybody set them up is called by the best name heard, in whatever order it comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from io import StringIO
from itertools import permutations
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from alignment.importing.drafts import Draft
from alignment.merging import Chunk, Stager, merge
from alignment.models import Person, PersonIdentity, Role, Source, User
from alignment.pipeline import drain
from alignment.services.people import create_user, link_login, merge_people
from alignment.services.teams import change_person
from testing.world import World, add_user, event

MINUTE = timedelta(minutes=1)


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


def told(
    world: World, name: str | None, minutes: int = 0, *, ref: str = "u7", lead: str = "L"
) -> dict[str, Any]:
    at = world.at + minutes * MINUTE
    return event("lead.updated", lead, at, owner=ref, **({"owner_name": name} if name is not None else {}))


def person(ref: str = "u7") -> Person:
    return PersonIdentity.objects.select_related("person").get(external_id=ref).person


def change(one: Person, name: str, by: User, world: World) -> Person:
    return change_person(
        person=one, name=name, email="", function="sales", team=world.team, by=by, at=world.at
    )


@pytest.mark.parametrize("worse", [None, "", "u7", "ada@example.com", "Ada"])
def test_a_full_name_improves_whatever_was_heard_before_it(world: World, worse: str | None) -> None:
    world.send(told(world, worse))
    assert person().name == (worse or "u7")
    world.send(told(world, "Ada Lovelace", 5))
    assert person().name == "Ada Lovelace"
    world.send(told(world, worse, 9), told(world, "Ada Byron", 10))
    assert person().name == "Ada Lovelace"
    assert Person.objects.count() == len(world.reps) + 1


def test_the_order_of_arrival_and_the_size_of_batches_name_nobody_otherwise(
    world: World, examples: Callable[[int, int], int]
) -> None:
    said = [
        (None, 0),
        ("ada@example.com", 1),
        ("Ada", 2),
        ("Ada Lovelace", 4),
        ("Augusta Byron", 3),
        ("u7", 5),
    ]
    for number, order in enumerate(permutations(range(len(said)))):
        if number % examples(35, 7):
            continue
        ref = f"u7-{number}"
        for place in order:
            world.deliver(told(world, *said[place], ref=ref), external_id=f"{number}-{place}")
            if number % 2:
                drain(at=world.at)
        drain(at=world.at)
        assert person(ref).name == "Augusta Byron"


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_a_file_names_as_events_do_wherever_its_chunks_end(world: World, rows: int) -> None:
    said = [("", 9), ("Ada", 1), ("Ada Lovelace", 8), ("Augusta Byron", 2), ("ada@example.com", 0)]
    drafts = [
        Draft("lead", f"L{n}", {"owner": "u7", "owner_name": name}, world.at + after * MINUTE)
        for n, (name, after) in enumerate(said)
    ]
    drafts.append(Draft("touch", "T", {"lead": "L1", "person": "u8", "person_name": "Rex Caller"}, None))
    for start in range(0, len(drafts), rows):
        stager = Stager(world.at)
        for line, draft in enumerate(drafts[start : start + rows], start=start + 2):
            stager.add(line, [draft])
        with transaction.atomic():
            merge(Chunk(world.crm.pk, at=world.at, now=world.at), stager.take())
    assert (person().name, person("u8").name) == ("Augusta Byron", "Rex Caller")
    world.send(told(world, "Ada King", 1), told(world, "Ada King", 30))
    assert person().name == "Ada King"


def test_a_rebuild_names_people_as_the_ledger_has_them(world: World, revops: User) -> None:
    world.send(told(world, None), told(world, "Ada Lovelace", 5), told(world, None, ref="u8", lead="M"))
    change(person("u8"), "Rex by hand", revops, world)
    before = list(Person.objects.order_by("pk").values())
    call_command("rebuild", stdout=StringIO())
    assert list(Person.objects.order_by("pk").values()) == before
    Person.objects.filter(name="Ada Lovelace").update(name="damaged", named_from="3")
    call_command("rebuild", stdout=StringIO())
    assert list(Person.objects.order_by("pk").values()) == before


def test_a_name_given_by_hand_stays(world: World, revops: User) -> None:
    world.send(told(world, None))
    change(person(), "Countess", revops, world)
    world.send(told(world, "Ada Lovelace", 5))
    call_command("rebuild", stdout=StringIO())
    assert person().name == "Countess"


def test_a_team_given_by_hand_is_no_name(world: World, revops: User) -> None:
    world.send(told(world, None))
    change(person(), "u7", revops, world)
    world.send(told(world, "Ada Lovelace", 5))
    assert (person().name, person().team) == ("Ada Lovelace", world.team)


def test_somebody_with_a_login_or_merged_by_hand_keeps_the_name(world: World, revops: User) -> None:
    for ref in ("u1", "u2", "u3", "u4"):
        world.send(told(world, "Ada", ref=ref, lead=ref))
    create_user(
        email="a@example.com", name="Ada A", role=Role.REP, password="x9-Trellis-forty", person=person("u1"),
        by=revops, at=world.at,
    )  # fmt: skip
    login = create_user(email="b@example.com", name="Ada B", role=Role.REP, by=revops, at=world.at)
    link_login(user=login, person=person("u2"), by=revops, at=world.at)
    merge_people(stub=person("u3"), into=person("u4"), by=revops, at=world.at)
    for ref in ("u1", "u2", "u3", "u4"):
        world.send(told(world, "Ada Lovelace", 5, ref=ref, lead=ref))
    call_command("rebuild", stdout=StringIO())
    assert {person(ref).name for ref in ("u1", "u2", "u3", "u4")} == {"Ada"}


def test_who_is_set_up_here_is_called_as_here(world: World) -> None:
    world.send(told(world, "Somebody Else", ref=world.reps[0].email))
    assert Person.objects.get(pk=world.reps[0].pk).name == "Rep 1"


def test_two_sources_that_name_one_person_give_one_name(world: World) -> None:
    other = Source.objects.create(key="other", name="Other", kind="standard")
    door = world.endpoint(other, "", scheme="standard_webhooks")
    world.send(told(world, None, ref="ada@example.com"))
    world.deliver(told(world, "Ada Lovelace", 5, ref="Ada@Example.com"), external_id="o", endpoint=door)
    drain(at=world.at)
    named = PersonIdentity.objects.filter(external_id="ada@example.com")
    assert [(one.source.key, one.person.name) for one in named.order_by("pk")] == [
        (world.crm.key, "Ada Lovelace"),
        ("other", "Ada Lovelace"),
    ]
    assert Person.objects.count() == len(world.reps) + 1


def test_the_migration_marks_whom_nobody_touched(world: World, revops: User) -> None:
    world.send(
        told(world, None), told(world, "Rex", ref="u8", lead="M"), told(world, "Kim", ref="u9", lead="N")
    )
    change(person("u8"), "Rex by hand", revops, world)
    Person.objects.update(named_from="")
    with connection.cursor() as cursor:
        cursor.execute(import_module("alignment.migrations.0030_named_from_sources").MARK)
    world.send(*(told(world, "Ada Lovelace", 5, ref=ref, lead=ref) for ref in ("u7", "u8", "u9")))
    assert [person(ref).name for ref in ("u7", "u8", "u9")] == ["Ada Lovelace", "Rex by hand", "Ada Lovelace"]


def test_a_name_that_is_repeated_costs_no_statement(world: World, django_assert_max_num_queries: Any) -> None:
    def statements(minutes: int) -> int:
        world.deliver(told(world, "Ada Lovelace", minutes), external_id=f"m{minutes}")
        with django_assert_max_num_queries(1000) as seen:
            drain(at=world.at)
        return sum("named_from = n.named_from" in one["sql"] for one in seen.captured_queries)

    assert [statements(5), statements(6), statements(4), statements(7)] == [0, 0, 1, 0]
