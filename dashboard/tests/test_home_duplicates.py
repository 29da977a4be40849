"""Home tells RevOps of pairs of open MQLs that look like one person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from alignment.access import scope_of
from alignment.models import Role
from dashboard.queries.needs import needs
from handoff.tests.pages import client_of
from testing.world import World, add_user, event


def twins(world: World, names: str, score: int) -> None:
    at = timezone.now() - timedelta(hours=1)
    for name in names:
        body = event("lead.updated", name, at, email=f"{names.lower()}@acme.com", score=score)
        world.send(body, at=at)


@pytest.mark.parametrize("role", Role)
def test_revops_is_told_of_pairs_where_both_have_an_open_mql(world: World, role: Role) -> None:
    user = add_user(world, role)
    twins(world, "AB", 80)
    twins(world, "CD", 3)
    found = [
        need.count for need in needs(user, scope_of(user), at=timezone.now()) if need.code == "duplicates"
    ]
    assert found == ([1] if role == Role.REVOPS else [])
    link = reverse("handoff:duplicates") + "?urgent=1"
    assert (link in client_of(user).get("/").content.decode()) == (role == Role.REVOPS)
