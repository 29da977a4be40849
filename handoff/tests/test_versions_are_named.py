"""Every place that shows a cycle, a clock or a report names its version, and says where that is unsigned."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from alignment.models import Lead, Role
from sla.models import Clock
from sla.services import roll_up
from sla.tests.pages import signed_in
from testing.artifacts import user_with
from testing.sla import signed_sla
from testing.world import NOW, World, event, terms

HOUR = timedelta(hours=1)
WEEK = (NOW + timedelta(days=3)).date().isoformat()


@pytest.fixture
def revops(world: World) -> Client:
    """Of a company with one lead on the working terms and one on the signed SLA."""
    world.send(event("lead.created", "old", NOW, score=70))
    signed_sla(terms(world.calendar), at=NOW + HOUR)
    world.send(event("lead.created", "new", NOW + 2 * HOUR, score=70), at=NOW + 2 * HOUR)
    roll_up(at=NOW + 2 * HOUR)
    return signed_in(user_with(Role.REVOPS))


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW + 3 * HOUR, tick=False):
        yield


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_pages_name_the_version(world: World, revops: Client) -> None:
    pages = [f"/leads/{Lead.objects.get(external_id=name).pk}/" for name in ("old", "new")]
    old, new = text(revops, pages[0]), text(revops, pages[1])
    assert old.count("SLA v1, not signed") == 4  # the cycle and each of its clocks
    assert new.count("SLA v2") == 4 and "not signed" not in new
    for page in (
        "/queue/",
        "/mqls/",
        f"/compliance/rows/?week={WEEK}&kind=follow_up",
        f"/compliance/?week={WEEK}",
    ):
        shown = text(revops, page)
        assert "SLA v1, not signed" in shown and "SLA v2" in shown, page


def test_the_download_names_the_version(world: World, revops: Client) -> None:
    response = revops.get(f"/compliance/rows.csv?week={WEEK}&kind=follow_up&outcome=all")
    rows = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    found = {(row["lead_id"], row["agreement_version"], row["agreement_signed"]) for row in rows}
    assert found == {("old", "1", "no"), ("new", "2", "yes")}


def test_the_api_names_the_version_and_what_was_signed(world: World, revops: Client) -> None:
    def read(what: str) -> Any:
        response = revops.get(f"/api/v1/{what}")
        assert response.status_code == 200
        return response.json()

    unsigned, signed = read("agreements/1"), read("agreements/2")
    assert (unsigned["is_signed"], unsigned["clauses"], unsigned["version"]) == (False, None, None)
    assert (unsigned["sha256"], unsigned["state"]) == (None, None)
    agreement = Clock.objects.filter(cycle__lead__external_id="new")[0].agreement
    assert agreement.version is not None
    assert signed["sha256"] == agreement.version.digest and signed["version"] == 2
    assert signed["state"] == "in_force" and signed["clauses"] == agreement.clauses
    clocks = {(row["agreement_number"], row["agreement_is_signed"]) for row in read("clocks")["results"]}
    assert clocks == {(1, False), (2, True)}
    assert {row["agreement_number"] for row in read("mql-cycles")["results"]} == {1, 2}
    assert read(f"compliance?week={WEEK}")["agreement_numbers"] == [1, 2]
