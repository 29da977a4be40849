"""Calls of EspoCRM: planned, held, moved, of several leads, updated with nothing but what changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alignment.models import DeadEvent, Endpoint, MqlCycle, Source, Touch
from alignment.pipeline import drain
from sla.models import Clock
from testing.world import World

HOUR = timedelta(hours=1)
MAPPING = {"fields": {"lead": {"score": "cScore"}}}


@pytest.fixture
def espo(world: World) -> dict[str, Endpoint]:
    source = Source.objects.create(key="espo", name="Espo", kind="espocrm", mapping=MAPPING)
    events = ("Lead.update", "Call.create", "Call.update", "Call.delete")
    found = {event: world.endpoint(source, event) for event in events}
    for lead in ("A", "B", "C"):
        world.deliver([{"id": lead, "cScore": 80}], endpoint=found["Lead.update"])
    drain(at=world.at)
    return found


def call(world: World, espo: dict[str, Endpoint], change: str, after: timedelta, **fields: Any) -> None:
    body = [{"id": "K", **fields}]
    world.deliver(body, endpoint=espo[f"Call.{change}"], received_at=world.at + after)
    drain(at=world.at + after)


def when(world: World, after: timedelta) -> str:
    return (world.at + after).strftime("%Y-%m-%d %H:%M:%S")


def attempts() -> dict[str, int]:
    return dict(MqlCycle.objects.values_list("lead__external_id", "attempts"))


def test_a_planned_call_that_is_held_later_is_an_attempt_when_it_is_held(
    world: World, espo: dict[str, Endpoint]
) -> None:
    planned = {
        "parentType": "Lead",
        "parentId": "A",
        "direction": "Outbound",
        "dateStart": when(world, 72 * HOUR),
    }
    call(world, espo, "create", HOUR, status="Planned", **planned)
    assert attempts()["A"] == 0
    call(world, espo, "update", 72 * HOUR, status="Held")
    assert attempts()["A"] == 1
    follow_up = Clock.objects.get(cycle__lead__external_id="A", kind="follow_up")
    assert follow_up.met_at == world.at + 72 * HOUR
    assert not follow_up.is_suspect


def test_an_inbound_call_is_no_attempt(world: World, espo: dict[str, Endpoint]) -> None:
    call(world, espo, "create", HOUR, status="Held", direction="Inbound", parentType="Lead", parentId="A")
    assert attempts()["A"] == 0
    assert Touch.objects.get(external_id="K").function == "other"


def test_a_call_with_several_leads_counts_for_each_and_follows_its_changes(
    world: World, espo: dict[str, Endpoint]
) -> None:
    call(
        world, espo, "create", HOUR, status="Planned", direction="Outbound", leadsIds=["B", "A"],
        dateStart=when(world, HOUR),
    )  # fmt: skip
    call(world, espo, "update", 2 * HOUR, status="Held")
    assert attempts() == {"A": 1, "B": 1, "C": 0}
    call(world, espo, "update", 3 * HOUR, leadsIds=["C", "B", "A"])
    assert attempts() == {"A": 1, "B": 1, "C": 1}
    call(world, espo, "update", 4 * HOUR, leadsIds=["B", "C"])
    assert attempts() == {"A": 0, "B": 1, "C": 1}
    call(world, espo, "delete", 5 * HOUR)
    assert attempts() == {"A": 0, "B": 0, "C": 0}


@pytest.mark.parametrize("leads", [5, "A", {"a": 1}, [5], [None], [""]])
def test_leads_in_a_form_that_cannot_be_read_are_told(
    world: World, espo: dict[str, Endpoint], leads: object
) -> None:
    call(world, espo, "create", HOUR, status="Held", direction="Outbound", leadsIds=leads)
    assert DeadEvent.objects.get().code in {"bad_lead", "cannot_read"}
