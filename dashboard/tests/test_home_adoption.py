"""The CRO's home leads to a case about tagging; RevOps and the CMO see that the CRO has it."""

from __future__ import annotations

from alignment.access import Scope
from alignment.models import Role
from dashboard.queries.needs import needs
from testing.artifacts import user_with
from testing.weeks import adoption_case, after
from testing.world import World

EVERYTHING = Scope(is_all=True)


def test_a_case_waits_for_the_cro_and_the_others_know(world: World) -> None:
    people = {role: user_with(role) for role in (Role.CRO, Role.CMO, Role.REVOPS)}
    assert not any(need.code == "adoption" for need in needs(people[Role.CRO], EVERYTHING, at=after(1)))
    adoption_case(world.agreement)
    for role, user in people.items():
        (need,) = [one for one in needs(user, EVERYTHING, at=after(1)) if one.code == "adoption"]
        assert need.is_for_others == (role != Role.CRO)
        assert need.url_name == "sla:adoption-cases"
        assert "tagging under 90% in the weeks of 23 November and 30 November 2026" in need.text
