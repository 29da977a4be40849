"""Setting up pools by the API, with the effect that it has on who gets leads."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.models import Role
from handoff.models import Pool, PoolMember
from testing.api import Api, by_token, done, refusal
from testing.world import World, add_user, event


@pytest.fixture
def api(world: World, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(add_user(world, Role.REVOPS), ["read", "setup:write"])


def test_a_pool_that_was_made_gets_the_leads_of_its_segment(world: World, api: Api) -> None:
    first, second = world.reps[:2]
    pool = done(api.post("pools/new", {"name": "Big", "segment": "big", "fallback": first.pk}), 201)
    member = done(api.post(f"pools/{pool['id']}/members", {"person": second.pk, "weight": 2}), 201)
    assert (member["person"]["id"], member["weight"]) == (second.pk, 2)
    world.send(event("lead.updated", "L1", world.at, score=80, segment="big"))
    assert api.results("mql-cycles", segment="big")[0]["owner"]["id"] == second.pk
    assert done(api.post(f"pool-members/{member['id']}/weight", {"weight": 5}))["weight"] == 5
    assert done(api.post(f"pool-members/{member['id']}/remove"))["id"] == member["id"]
    assert not PoolMember.objects.filter(pool=pool["id"]).exists()
    cleared = done(api.post(f"pools/{pool['id']}/fallback", {"person": None}))
    assert (cleared["fallback"], cleared["members"]) == (None, [])


def test_what_the_page_refuses_is_refused_here(world: World, api: Api) -> None:
    member = world.pool.members.all()[0]
    where = f"pools/{world.pool.pk}"
    assert refusal(api.post(f"{where}/members", {"person": member.person_id})) == "already-member"
    assert refusal(api.post("pools/new", {"name": world.pool.name})) == "pool-exists"
    world.reps[2].is_active = False
    world.reps[2].save()
    wrong: list[tuple[str, dict[str, Any]]] = [
        (f"{where}/members", {"person": world.reps[2].pk}),
        (f"{where}/members", {"person": 10**30}),
        (f"{where}/fallback", {"person": world.reps[2].pk}),
        (f"{where}/fallback", {}),
        (f"pool-members/{member.pk}/weight", {"weight": 0}),
        (f"pool-members/{member.pk}/weight", {"weight": 17}),
        ("pools/new", {"name": " "}),
    ]
    for address, body in wrong:
        assert api.post(address, body).status_code == 400, (address, body)
    assert Pool.objects.count() == 1
