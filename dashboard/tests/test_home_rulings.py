"""How home counts the disputes that wait for a ruling."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from handoff.tests.pages import client_of
from sla.tests.disputing import case
from testing.world import World


def test_a_dispute_to_rule_on_is_not_called_an_mql(world: World) -> None:
    found = case(world)
    found.file(at=found.at + timedelta(hours=1))
    with time_machine.travel(found.at + timedelta(hours=2), tick=False):
        page = client_of(found.revops).get("/").content.decode()
    assert '<strong>1</strong> <a href="/disputes/">dispute waits for your ruling</a>' in page
