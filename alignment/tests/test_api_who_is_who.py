"""Who is who by the API: pairs that wait, merging, parting, and saying that two are two."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.models import DuplicatePair, Lead, LeadMerge, Role, User
from testing.api import Api, by_token
from testing.world import World, add_user, event


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def api(revops: User, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(revops)


def twins(world: World, *names: str) -> list[Lead]:
    world.send(*(event("lead.updated", name, world.at, email="ada@example.com") for name in names))
    return [Lead.objects.get(external_id=name) for name in names]


def refusal(answer: Any) -> str:
    assert answer.status_code == 409, answer.content
    return str(answer.json()["refusal"])


def test_a_pair_waits_until_it_is_merged_and_again_once_parted(world: World, api: Api, revops: User) -> None:
    one, two = twins(world, "L1", "L2")
    (pair,) = api.results("duplicate-pairs")
    assert (pair["rule"], pair["lead_a"]["id"], pair["lead_b"]["external_id"]) == ("email", one.pk, "L2")
    answer = api.post(f"leads/{one.pk}/merges", {"merged": two.pk, "reason": "Same phone"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["survivor"]["id"], made["merged"]["id"], made["merged"]["merged_into"]) == (
        one.pk,
        two.pk,
        one.pk,
    )
    assert LeadMerge.objects.get().merged_by == revops
    assert api.results("duplicate-pairs") == []
    assert [row["id"] for row in api.results("merges", survivor=one.pk, is_live="true")] == [made["id"]]
    undone = api.post(f"merges/{made['id']}/undo", {"reason": "Mother and daughter"}).json()
    assert undone["undone_at"] and undone["undone_reason"] == "Mother and daughter"
    assert undone["merged"]["merged_into"] is None
    assert api.results("merges", is_live="true") == [] and len(api.results("merges", merged=two.pk)) == 1
    assert len(api.results("duplicate-pairs")) == 1


def test_a_dismissed_pair_waits_no_more_and_is_still_found(world: World, api: Api) -> None:
    one, _ = twins(world, "L1", "L2")
    (pair,) = api.results("duplicate-pairs", lead=one.pk, rule="email")
    assert api.results("duplicate-pairs", lead=one.pk + 1000) == []
    where = f"duplicate-pairs/{pair['id']}"
    assert api.post(f"{where}/dismiss", {"reason": ""}).status_code == 400
    assert api.post(f"{where}/dismiss", {"reason": "Two people"}).json()["dismissed_at"]
    assert refusal(api.post(f"{where}/dismiss", {"reason": "Two people"})) == "already-settled"
    assert api.results("duplicate-pairs") == []
    assert api.get(where).json()["dismissed_reason"] == "Two people"


def test_what_cannot_be_merged_is_refused_with_what_to_do(world: World, api: Api) -> None:
    one, two, three = twins(world, "L1", "L2", "L3")

    def merge(survivor: Lead, merged: int) -> Any:
        return api.post(f"leads/{survivor.pk}/merges", {"merged": merged, "reason": "Same"})

    assert refusal(merge(one, one.pk)) == "cannot-merge"
    assert merge(one, 10**9).json()["errors"][0]["pointer"] == "#/merged"
    assert api.post("leads/999999/merges", {"merged": one.pk, "reason": "Same"}).status_code == 404
    made = merge(one, two.pk).json()
    for answer in (merge(one, two.pk), merge(two, three.pk), merge(three, one.pk)):
        assert refusal(answer) == "cannot-merge" and "merged into" in answer.json()["detail"]
    undo = f"merges/{made['id']}/undo"
    assert api.post(undo, {"reason": "Two"}).status_code == 200
    assert refusal(api.post(undo, {"reason": "Two"})) == "already-undone"
    assert LeadMerge.objects.count() == 1


def test_lists_take_no_more_queries_for_more_pairs(
    world: World, api: Api, revops: User, django_assert_max_num_queries: Any
) -> None:
    for count in (2, 7):
        twins(world, *(f"{count}.{n}" for n in range(count)))
        leads = twins(world, f"m{count}.1", f"m{count}.2")
        api.post(f"leads/{leads[0].pk}/merges", {"merged": leads[1].pk, "reason": "Same"})
        for where in ("duplicate-pairs", "merges"):
            with django_assert_max_num_queries(7):
                assert api.results(where)
    assert DuplicatePair.objects.count() > 20
