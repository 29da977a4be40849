"""Salesforce writes an id with 15 or with 18 characters: live as in files, and wherever it is named, one record."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from alignment.importing.drafts import Draft
from alignment.intake.ids import forms_of, one_form
from alignment.merging import Chunk, Stager, merge
from alignment.models import (
    Account,
    AskedBy,
    Campaign,
    Delivery,
    Erasure,
    Lead,
    Opportunity,
    Person,
    PersonIdentity,
    Role,
    Source,
    Touch,
)
from alignment.pipeline import drain
from alignment.queries.erasure import search
from alignment.services.erasure import erase_person
from alignment.services.people import link_identity
from testing.api import by_token
from testing.world import World, add_user, event

SHORT, LONG = "00Q5e000001abCD", "00Q5e000001abCDEAY"
OWNER, DEAL, ACCOUNT, CAMPAIGN = "0055e000001abCD", "0065e000001abCD", "0015e000001abCD", "7015e000001abCD"


def long(short: str) -> str:
    return short + "AAY"


def test_a_lead_of_a_file_and_of_an_event_is_one(world: World) -> None:
    stager = Stager(world.at)
    stager.add(2, [Draft("lead", one_form(SHORT), {"first_name": "Ada"}, None)])
    with transaction.atomic():
        merge(Chunk(world.crm.pk, at=world.at, now=world.at), stager.take())
    world.send(event("lead.updated", SHORT, world.at, last_name="Lovelace"))
    world.send(event("lead.updated", LONG, world.at, company="Engines"))
    lead = Lead.objects.get()
    assert (lead.external_id, lead.first_name, lead.last_name, lead.company) == (
        LONG, "Ada", "Lovelace", "Engines",
    )  # fmt: skip


@pytest.mark.parametrize("is_short", [True, False])
def test_references_in_either_form_find_the_same_records(world: World, is_short: bool) -> None:
    form: Callable[[str], str] = str if is_short else long
    named = SHORT if is_short else LONG
    world.send(
        event(
            "lead.updated", LONG, world.at, owner=form(OWNER), account=form(ACCOUNT), channel="web", score=90
        ),
        event("touch.recorded", "T", world.at, lead=named, person=form(OWNER), campaign=form(CAMPAIGN)),
        event("opportunity.updated", form(DEAL), world.at, lead=named, owner=form(OWNER), amount="1"),
        event("lead.updated", LONG, world.at, opportunity=form(DEAL)),
    )
    lead = Lead.objects.get()
    assert lead.external_id == LONG
    assert set(Touch.objects.values_list("external_id", "lead")) == {
        ("T", lead.pk),
        (f"origin:{LONG}", lead.pk),
    }
    assert PersonIdentity.objects.get(person=lead.crm_owner).external_id == long(OWNER)
    assert Opportunity.objects.get().external_id == long(DEAL)
    assert Opportunity.objects.get().lead == lead
    assert Account.objects.get().external_id == long(ACCOUNT)
    assert Campaign.objects.get().external_id == long(CAMPAIGN)


def test_a_call_of_another_crm_names_its_leads_by_the_same_rule(world: World) -> None:
    source = Source.objects.create(key="espo", name="Espo", kind="espocrm")
    door = world.endpoint(source, "Call.create")
    body: dict[str, Any] = {"id": "K", "status": "Held", "direction": "Outbound", "parentType": "Lead"}
    world.deliver([body | {"parentId": SHORT, "leadsIds": [LONG, SHORT, "B"]}], endpoint=door)
    world.deliver([{"id": SHORT, "firstName": "Ada"}], endpoint=world.endpoint(source, "Lead.update"))
    drain(at=world.at)
    assert set(Lead.objects.values_list("external_id", flat=True)) == {LONG, "B"}
    assert set(Touch.objects.values_list("external_id", "lead__external_id")) == {("K", LONG), ("K:B", "B")}


def test_an_id_given_by_hand_or_asked_for_may_have_15_characters(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    link_identity(source=world.crm, external_id=OWNER, person=world.reps[0], by=revops, at=world.at)
    world.send(event("lead.updated", SHORT, world.at, owner=OWNER))
    assert Lead.objects.get().crm_owner == world.reps[0]
    api = by_token(revops)
    for given in (SHORT, LONG):
        assert [row["external_id"] for row in api.get("leads", external_id=given).json()["results"]] == [LONG]
        assert [lead.external_id for lead in search(given)] == [LONG]
    found = api.get("people", external_id=OWNER).json()["results"]
    assert [row["id"] for row in found] == [world.reps[0].pk]


def test_an_erasure_finds_bodies_that_name_the_lead_in_either_form(world: World) -> None:
    world.send(event("lead.updated", LONG, world.at, last_name="Lovelace"))
    world.deliver({"type": "odd", "data": {"ref": SHORT}}, external_id="odd")
    drain(at=world.at)
    erase_person(
        leads=[Lead.objects.get()],
        asked_by=AskedBy.PERSON,
        reason="Asked by letter",
        by=add_user(world, Role.REVOPS),
        at=world.at,
    )
    assert Erasure.objects.exists() and not Delivery.objects.filter(body__isnull=False).exists()
    world.deliver({"type": "odd", "data": {"ref": SHORT}}, external_id="odd2")
    drain(at=world.at)
    assert not Delivery.objects.filter(body__isnull=False).exists()


def test_people_known_by_15_characters_are_known_by_18_after_the_migration(world: World) -> None:
    PersonIdentity.objects.create(source=world.crm, external_id=OWNER, person=world.reps[0])
    PersonIdentity.objects.create(source=world.crm, external_id="u7", person=world.reps[1])
    import_module("alignment.migrations.0027_long_ids_of_people").add_long_ids(apps, None)
    assert set(PersonIdentity.objects.values_list("external_id", "person")) == {
        (OWNER, world.reps[0].pk), (long(OWNER), world.reps[0].pk), ("u7", world.reps[1].pk),
    }  # fmt: skip
    assert Person.objects.count() == len(world.reps)


@pytest.mark.parametrize("other", ["L-1001", "", "00Q5e000001abC", "00X5e000001abCD", "00Q5e000001ab-D"])
def test_any_other_id_has_one_form(other: str) -> None:
    assert forms_of(other) == {other} and one_form(other) == other


def test_both_forms_follow_from_each() -> None:
    assert forms_of(SHORT) == forms_of(LONG) == {SHORT, LONG}
    assert forms_of(SHORT + "AAA") == {SHORT + "AAA"}
