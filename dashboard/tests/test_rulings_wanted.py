"""Who may rule on a dispute finds it on the home page; nobody else does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alignment.models import Role
from dashboard.queries.needs import rulings
from sla.models import ClockKind
from sla.tests.disputing import WEEK, case
from testing.world import World, add_user

HOUR = timedelta(hours=1)


def test_disputes_wait_for_whoever_may_rule_on_them(world: World, django_assert_num_queries: Any) -> None:
    found = case(world)
    cro, cmo = add_user(world, Role.CRO), add_user(world, Role.CMO)
    found.file(at=found.at + HOUR)
    later = found.at + 2 * HOUR
    assert [need.text for need in rulings(found.revops, at=later)] == ["dispute waits for your ruling"]
    assert not rulings(cro, at=later) and not rulings(found.rep, at=later)
    with django_assert_num_queries(3):
        rulings(cmo, at=later)

    # one that RevOps filed is ruled on by the escalation owner from the beginning
    found.file(at=later, subject=found.clock(ClockKind.DISPOSITION), by=found.revops)
    assert [need.count for need in rulings(found.revops, at=later)] == [1]
    assert [need.count for need in rulings(cro, at=later)] == [1]

    late = later + WEEK + HOUR
    assert [need.text for need in rulings(cro, at=late)] == [
        "disputes wait for your ruling, 2 of them past the time for it"
    ]
