"""Erasures and retention by the API: the person goes once it is confirmed who is meant, and the evidence is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from alignment.models import Erasure, KeptAnswer, Lead, Role, User
from alignment.services.inbox import ReasonMissing
from alignment.services.retention import expire_bodies
from testing.api import Api, by_token
from testing.world import World, add_user, event

ASKED = {"asked_by": "person", "reason": "Asked in writing", "reference": "T-1", "confirmation": "L1"}


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def api(revops: User, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(revops)


def person(world: World, name: str, email: str = "ada@example.com") -> Lead:
    world.send(event("lead.updated", name, world.at, email=email, last_name="Lovelace", score=80))
    return Lead.objects.get(external_id=name)


def test_a_person_is_erased_and_the_evidence_holds_nothing_of_the_person(
    world: World, api: Api, revops: User
) -> None:
    lead = person(world, "L1")
    api.get(f"leads/{lead.pk}")
    answer = api.post(f"leads/{lead.pk}/erasure", ASKED, key="once")
    assert answer.status_code == 201, answer.content
    (told,) = answer.json()["erasures"]
    assert (told["lead"], told["asked_by"], told["by"], told["withheld"]) == (lead.pk, "person", revops.pk, 0)
    assert sum(told["counts"].values()) > 0
    lead.refresh_from_db()
    assert lead.email != "ada@example.com" and lead.last_name == told["pseudonym"]
    again = api.post(f"leads/{lead.pk}/erasure", ASKED, key="once")
    assert again["Idempotent-Replayed"] == "true" and Erasure.objects.count() == 1
    listed = api.results("erasures", lead=lead.pk, asked_by="person", reference="T-1")
    assert [row["id"] for row in listed] == [told["id"]]
    assert api.get(f"erasures/{told['id']}").json() == listed[0]
    kept = json.dumps([listed, *KeptAnswer.objects.values_list("body", flat=True)])
    assert "ada@" not in kept and "Lovelace" not in kept


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"confirmation": "L2"}, "#/confirmation"),
        ({"confirmation": "l1"}, "#/confirmation"),
        ({"confirmation": "L1 "}, "#/confirmation"),
        ({"reason": " "}, "#/reason"),
        ({"asked_by": "nobody"}, "#/asked_by"),
        ({"also": [10**9]}, "#/also"),
        ({"also": ["x"]}, "#/also/0"),
    ],
)
def test_without_a_clear_confirmation_nobody_is_erased(
    world: World, api: Api, change: dict[str, Any], pointer: str
) -> None:
    lead = person(world, "L1")
    answer = api.post(f"leads/{lead.pk}/erasure", ASKED | change)
    assert answer.status_code == 400, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Erasure.objects.exists() and Lead.objects.get().email == "ada@example.com"


def test_a_reason_that_names_the_person_is_refused(world: World, api: Api) -> None:
    lead = person(world, "L1")
    answer = api.post(f"leads/{lead.pk}/erasure", ASKED | {"reason": "Ada@Example.com asked"})
    assert (answer.status_code, answer.json()["refusal"]) == (409, "reason-names-the-person")
    assert not Erasure.objects.exists()


def test_the_search_of_all_bodies_may_take_longer_than_a_request_for_a_list(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, found = person(world, "L1"), []

    def look(**_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            found.append(cursor.fetchone()[0])
        raise ReasonMissing("Enough seen.")

    monkeypatch.setattr("alignment.api.privacy.erase_person", look)
    assert api.post(f"leads/{lead.pk}/erasure", ASKED).status_code == 409
    assert found == ["1min"]


def test_records_of_the_same_address_go_along_where_they_are_named(world: World, api: Api) -> None:
    lead, other, stranger = person(world, "L1"), person(world, "L2"), person(world, "L3", "bob@example.com")
    refused = api.post(f"leads/{lead.pk}/erasure", ASKED | {"also": [other.pk, stranger.pk]})
    assert refused.status_code == 400 and str(stranger.pk) in refused.json()["errors"][0]["detail"]
    told = api.post(f"leads/{lead.pk}/erasure", ASKED | {"also": [other.pk]}).json()
    assert [erasure["lead"] for erasure in told["erasures"]] == [lead.pk, other.pk]
    assert Lead.objects.get(pk=stranger.pk).email == "bob@example.com"


def test_runs_of_retention_are_told_of(world: World, api: Api, revops: User) -> None:
    runs = expire_bodies(at=world.at, by=revops) + expire_bodies(at=world.at.replace(year=2027))
    rows = api.results("retention-runs", ordering="-ran_at", limit=100)
    assert len(rows) == len(runs) and rows[0]["by"] is None and rows[-1]["by"] == revops.pk
    part = rows[0]["part"]
    found = api.results("retention-runs", part=part, ran_before=world.at.replace(month=12).isoformat())
    assert [(row["part"], row["months"], row["rows"]) for row in found] == [(part, runs[0].months, 0)]
    assert api.get(f"retention-runs/{rows[0]['id']}").json() == rows[0]


def test_lists_take_no_more_queries_for_more_erasures(
    world: World, api: Api, django_assert_max_num_queries: Any
) -> None:
    for n in range(6):
        lead = person(world, f"L{n}", f"{n}@example.com")
        api.post(f"leads/{lead.pk}/erasure", ASKED | {"confirmation": f"L{n}"})
        expire_bodies(at=world.at)
        if n in (0, 5):
            for where in ("erasures", "retention-runs"):
                with django_assert_max_num_queries(6):
                    assert len(api.results(where)) > n
