"""The adherence report: its figures against counts by hand, and each of them against the rows that it leads to."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from alignment.models import Role
from sla.tests.pages import signed_in
from sla.tests.test_compliance_page import eventful_week
from testing.sla import signed_sla
from testing.world import World, add_user, terms


def test_smoke(world: World) -> None:
    signed_sla(terms(world.calendar), at=world.at - timedelta(days=60))
    now = eventful_week(world, seed=7, leads=45) + timedelta(days=7)
    user = add_user(world, Role.REVOPS)
    with time_machine.travel(now, tick=False):
        client = signed_in(user)
        page = client.get("/adherence/")
        assert page.status_code == 200
