"""What cannot be applied after an erasure keeps nothing of the person, and everything of everybody else."""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alignment.importing.drafts import Draft
from alignment.intake.endpoints import OpenEndpoint
from alignment.intake.store import store
from alignment.models import (
    DeadEvent,
    Delivery,
    Erasure,
    ErasureArrival,
    Import,
    ImportPiece,
    ImportReject,
    Lead,
    Role,
)
from alignment.pipeline import drain
from alignment.services.erasure import erase_person
from alignment.services.import_run import run_waiting
from alignment.services.imports import cancel_import, start_import
from dashboard.tests.test_erasure import places_naming
from sla.tests.test_history_rows import bring_in
from testing.world import World, add_user, event

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
EMAIL = "wilma@feathers.example"
PERSON = {"email": EMAIL, "first_name": "Wilma", "last_name": "Canary-Sparrow"}
NAMES = ("wilma", "canary-sparrow")
HEADERS = "external_id,email,first_name,last_name,score"
MAPPING = {"object": "lead", "columns": {name: name for name in HEADERS.split(",")}}


@pytest.fixture
def erased(world: World) -> Erasure:
    """L1 and 7, whose id is a number, are erased."""
    world.send(
        event("lead.created", "L1", world.at, id="first", **PERSON),
        event("lead.created", "7", world.at, **PERSON),
    )
    leads = list(Lead.objects.order_by("pk"))
    return erase_person(leads=leads, asked_by="person", reason="asked", by=None, at=world.at)[0]


def unreadable(world: World, ref: str, external_id: Any, **data: Any) -> DeadEvent:
    body = event("lead.updated", "", world.at, id=ref)
    body["data"] = {"external_id": external_id, "score": "many Canary-Sparrow"} | data
    world.deliver(body, external_id=ref)
    drain(at=world.at + HOUR)
    return DeadEvent.objects.get(delivery__external_id=ref)


class TestDeadEvents:
    @pytest.mark.parametrize(
        ("external_id", "data"),
        [("L1", PERSON), (7, {"last_name": "Canary-Sparrow"}), ("L8", {"note": f"<{EMAIL.upper()}>"})],
    )
    def test_one_that_names_the_record_or_the_email_is_emptied_and_set_aside(
        self, world: World, erased: Erasure, external_id: Any, data: dict[str, Any]
    ) -> None:
        dead = unreadable(world, "dead", external_id, **data)
        assert dead.delivery.body is None and dead.delivery.body_bytes
        assert dead.set_aside_at == world.at + HOUR and "cannot be replayed" in dead.set_aside_reason
        assert "“…”" in dead.message
        arrival = ErasureArrival.objects.get(delivery=dead.delivery)
        assert (arrival.kind, arrival.facts) == ("withheld", 0)
        assert places_naming(*NAMES) == set()

    def test_anothers_stays_to_be_replayed(self, world: World, erased: Erasure) -> None:
        dead = unreadable(world, "dead", "L5", email="other@feathers.example", amount=7, room="7")
        assert dead.delivery.body is not None and dead.set_aside_at is None
        assert not ErasureArrival.objects.filter(delivery=dead.delivery).exists()

    def test_one_that_is_no_json_too(self, world: World, erased: Erasure) -> None:
        world.deliver(b'{"external_id": "L1", "last_name": "Canary-Sparrow', external_id="broken")
        drain(at=world.at + HOUR)
        assert DeadEvent.objects.get().set_aside_at is not None
        assert places_naming(*NAMES) == set()

    def test_the_drains_statements_do_not_grow_with_them(self, world: World, erased: Erasure) -> None:
        def statements(number: int) -> int:
            for _ in range(number):
                world.deliver(event("lead.updated", "L1", world.at, score="many", email=EMAIL))
            with CaptureQueriesContext(connection) as found:
                drain(at=world.at + HOUR)
            return len(found)

        statements(1)
        assert statements(1) == statements(15)
        assert places_naming(*NAMES) == set()

    def test_what_waited_at_the_erasure_too(self, world: World) -> None:
        world.send(event("lead.created", "L1", world.at, **PERSON))
        world.deliver(event("lead.updated", "L1", world.at, score="many Canary-Sparrow", email=EMAIL))
        erase_person(leads=[Lead.objects.get()], asked_by="person", reason="x", by=None, at=world.at)
        drain(at=world.at + HOUR)
        assert DeadEvent.objects.count() == 1
        assert places_naming(*NAMES) == set()


def conflict(world: World, ref: str, external_id: str, **data: Any) -> Delivery:
    end = world.crm_endpoint
    door = OpenEndpoint(end.pk, world.crm.pk, end.scheme, "", "", ())
    body = json.dumps(event("lead.created", external_id, world.at, id=ref, **data)).encode()
    assert store(door, ref, body) == "conflict"
    return Delivery.objects.get(state="conflict")


class TestConflicts:
    @pytest.mark.parametrize("data", [PERSON, {"last_name": "Canary-Sparrow"}])
    def test_another_body_under_the_id_of_an_erased_one_is_not_kept(
        self, world: World, erased: Erasure, data: dict[str, Any]
    ) -> None:
        found = conflict(world, "first", "L1", score=3, **data)
        assert found.body is None and found.body_bytes and found.body_emptied_at
        assert places_naming(*NAMES) == set()

    def test_anothers_is_kept(self, world: World, erased: Erasure) -> None:
        world.send(event("lead.created", "L5", world.at, id="other"))
        assert conflict(world, "other", "L5", score=3).body is not None


class TestImports:
    def start(self, world: World, *rows: str) -> Import:
        file = BytesIO("\n".join([HEADERS, *rows, ""]).encode())
        by = add_user(world, Role.REVOPS)
        return start_import(
            file=file, file_name="x.csv", source=world.crm, mapping=MAPPING, by=by, at=world.at + HOUR
        )

    def run(self, world: World, made: Import) -> None:
        run_waiting(now=lambda: world.at + 2 * HOUR)
        made.refresh_from_db()
        assert made.state == "done"

    @pytest.mark.parametrize(
        "row",
        [
            f"L1,{EMAIL},Wilma,Canary-Sparrow,12",
            f"L1,{EMAIL},Wilma,Canary-Sparrow,many Canary-Sparrow",
            f"L8,{EMAIL},,Canary-Sparrow,many Canary-Sparrow",
            f"L1,{EMAIL},Wilma,Canary-Sparrow",
        ],
        ids=["applied", "rejected", "rejected-email", "too-few-cells"],
    )
    def test_the_file_goes_once_it_is_done_and_rejects_quote_nothing(
        self, world: World, erased: Erasure, row: str
    ) -> None:
        made = self.start(world, "L5,o@x.example,,Other,12", row)
        self.run(world, made)
        assert Lead.objects.get(external_id="L5").last_name == "Other"
        assert made.names_erased and not ImportPiece.objects.exists()
        assert places_naming(*NAMES) == set()

    def test_anothers_file_and_rejects_stay(self, world: World, erased: Erasure) -> None:
        made = self.start(world, "L5,o@x.example,,Other,many apples")
        self.run(world, made)
        assert not made.names_erased and ImportPiece.objects.exists()
        assert "many apples" in ImportReject.objects.get().message

    def test_the_same_statements_again_are_recognised(self, world: World, erased: Erasure) -> None:
        draft = [Draft("lead", "L1", {"score": 3}, None)]
        assert bring_in(world, draft, as_of=world.at, at=world.at).names_erased
        assert bring_in(world, draft, as_of=world.at, at=world.at).names_erased

    def test_one_under_way_at_the_erasure_loses_its_file_however_it_ends(self, world: World) -> None:
        world.send(event("lead.created", "L1", world.at, **PERSON))
        made = self.start(world, f"L1,{EMAIL},Wilma,Canary-Sparrow,12")
        by = made.requested_by
        erase_person(leads=[Lead.objects.get()], asked_by="person", reason="x", by=by, at=world.at + HOUR)
        assert ImportPiece.objects.exists()
        cancel_import(made, by=by, at=world.at + HOUR)
        assert not ImportPiece.objects.exists()
