"""The signed definitions over the API: content, digest and signers; drafts are nobody's business there."""

from __future__ import annotations

import hashlib

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from alignment.definitions.predicate import KEYS
from alignment.definitions.suggestions import suggestion
from alignment.models import Role
from testing.api import by_token
from testing.artifacts import draft, sent
from testing.definitions import put_in_force
from testing.world import World, add_user


def test_the_version_in_force_is_answered_as_it_was_signed(world: World) -> None:
    version = put_in_force("mql", at=world.at)
    draft("definition", suggestion("mql") | {"prose": "Another one."}, key="mql", at=world.at)
    sent("definition", suggestion("sql"), key="sql", at=world.at)
    api = by_token(add_user(world, Role.FINANCE))
    found = api.get("definitions/mql").json()
    assert found["content"] == suggestion("mql")
    assert (found["key"], found["version"]) == ("mql", 1)
    assert found["title"] == "Definition: MQL"
    assert found["sha256"] == hashlib.sha256(version.envelope.encode()).hexdigest()
    assert [(signer["role"], signer["name"]) for signer in found["signers"]] == [
        ("cro", "The CRO"), ("cmo", "The CMO"), ("finance", "The Finance"),
    ]  # fmt: skip
    assert [each["key"] for each in api.get("definitions").json()["results"]] == ["mql"]


def test_what_nobody_signed_is_not_there(world: World) -> None:
    draft("definition", suggestion("lead"), key="lead", at=world.at)
    api = by_token(add_user(world, Role.CRO))
    for key in ("lead", "mql", "inquiry"):
        assert api.get(f"definitions/{key}").status_code == 404
    assert api.get("definitions").json() == {"results": [], "next": None}


def test_a_board_viewer_and_strangers_get_none(world: World) -> None:
    put_in_force("mql", at=world.at)
    assert by_token(add_user(world, Role.BOARD_VIEWER)).get("definitions/mql").status_code == 403
    assert Client().get("/api/v1/definitions").status_code == 401


def test_five_take_as_many_queries_as_one(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for key in KEYS:
        put_in_force(key, at=world.at)
    api = by_token(add_user(world, Role.REP))
    with django_assert_max_num_queries(14):
        assert len(api.get("definitions").json()["results"]) == 5
