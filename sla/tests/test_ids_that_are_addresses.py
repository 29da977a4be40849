"""An export without ids names its records by their addresses: other files and events find them however they write."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.intake.ids import forms_of, one_form
from alignment.models import ErasureArrival, Fact, Lead, MqlCycle, PersonIdentity
from alignment.queries.erasure import search
from alignment.services.erasure import erase_person
from sla.tests.test_history_rows import assert_a_rebuild_changes_nothing
from testing.files import bring_in
from testing.world import NOW, World, event

pytestmark = pytest.mark.django_db
LEADS: dict[str, Any] = {
    "object": "lead", "columns": {"last_name": "Name", "mql_at": "M"}, "id_from": ["Email"], "zone": "UTC",
}  # fmt: skip
CALLS: dict[str, Any] = {
    "object": "touch",
    "columns": {"external_id": "Id", "lead": "Who", "touched_at": "At"},
    "constants": {"is_attempt": True},
    "zone": "UTC",
}
DEALS: dict[str, Any] = {
    "object": "opportunity", "columns": {"external_id": "Id", "stage": "Stage", "lead": "Contact"},
}  # fmt: skip


def lead(world: World) -> None:
    bring_in(world, "Email,Name,M\nAda@X.example,Lovelace,2026-01-01\n", LEADS)


def test_other_files_and_events_find_the_record(world: World) -> None:
    lead(world)
    bring_in(world, "Id,Who,At\nT1,ADA@x.Example,2026-01-02\n", CALLS)
    bring_in(world, "Id,Stage,Contact\nO1,New,Ada@X.example; Bob@X.example\n", DEALS)
    world.send(event("lead.updated", "aDa@X.example", world.at, title="Countess"))
    (ada,) = Lead.objects.all()
    assert (ada.external_id, ada.last_name, ada.title) == ("ada@x.example", "Lovelace", "Countess")
    assert MqlCycle.objects.get().attempts == 1
    assert ada.opportunities.count() == 1
    assert_a_rebuild_changes_nothing()


def test_what_comes_after_an_erasure_is_about_the_erased_person(world: World) -> None:
    lead(world)
    (ada,) = search("ADA@X.example")
    erase_person(leads=[ada], asked_by="person", reason="asked in writing", by=None, at=NOW)
    row = bring_in(
        world, "Id,Who,At,S\nT1,Ada@X.example,2026-01-02,Call with Ada\n",
        CALLS | {"columns": CALLS["columns"] | {"subject": "S"}}, days=1,
    )  # fmt: skip
    assert row.names_erased and Lead.objects.count() == 1
    assert not [fact for fact in Fact.objects.all() if "Call with" in str(fact.fields)]
    world.send(event("lead.created", "other", world.at, email="ada@X.example"))
    assert ErasureArrival.objects.get(kind="returned").external_id == "other"


def test_people_are_one_however_their_address_is_written(world: World) -> None:
    owners = {"object": "lead", "columns": {"external_id": "Id", "owner": "Owner"}}
    bring_in(world, "Id,Owner\nL1,Rep@Y.example\nL2,rep@y.example\n", owners)
    assert list(
        PersonIdentity.objects.filter(external_id__icontains="rep@y").values_list("external_id", flat=True)
    ) == ["rep@y.example"]
    assert len(set(Lead.objects.values_list("crm_owner", flat=True))) == 1


def test_the_forms_of_an_address() -> None:
    assert one_form("Ada@X.example") == one_form(one_form("Ada@X.example")) == "ada@x.example"
    assert forms_of("Ada@X.example") == {"Ada@X.example", "ada@x.example"}
    assert one_form("İ@x.example") == "İ@x.example", "no form is longer than what is written"
