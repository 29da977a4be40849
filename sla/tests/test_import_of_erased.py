"""A file brings no erased person back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alignment.importing.drafts import Draft
from alignment.models import ErasureArrival, Fact, Lead, MqlCycle
from alignment.services.erasure import erase_person
from sla.tests.test_history_rows import assert_a_rebuild_changes_nothing, bring_in
from testing.world import NOW, World

pytestmark = pytest.mark.django_db
PERSON = {
    "email": "grace@example.com",
    "first_name": "Grace",
    "last_name": "Hopper",
    "score": 10,
    "segment": "smb",
}
MQL = {"mql_at": (NOW - timedelta(days=90)).isoformat()}


def erased(world: World) -> Lead:
    bring_in(world, [Draft("lead", "L1", PERSON | MQL, None)], as_of=NOW - timedelta(days=3), at=NOW)
    lead = Lead.objects.get()
    erase_person(leads=[lead], asked_by="person", reason="asked in writing", by=None, at=NOW)
    lead.refresh_from_db()
    assert lead.email == ""
    return lead


def test_a_later_export_keeps_only_what_counts_of_an_erased_person(world: World) -> None:
    erased(world)
    touch = {
        "lead": "L1",
        "function": "sales",
        "subject": "Call with Grace Hopper",
        "touched_at": MQL["mql_at"],
    }
    chunk = bring_in(
        world,
        [Draft("lead", "L1", PERSON | MQL | {"score": 20}, None), Draft("touch", "T1", touch, None)],
        as_of=NOW,
        at=NOW + timedelta(days=1),
    )
    lead = Lead.objects.get()
    assert (lead.email, lead.first_name, lead.score, lead.segment) == ("", "", 20, "smb")
    assert lead.last_name.startswith("Erased person")
    assert not [
        fact for fact in Fact.objects.all() if "Hopper" in str(fact.fields) or "grace" in str(fact.fields)
    ]
    assert MqlCycle.objects.count() == 1
    assert chunk.warnings["erased_person"] == 1
    assert ErasureArrival.objects.filter(kind="withheld").exists()
    assert_a_rebuild_changes_nothing()


def test_the_same_file_again_adds_nothing_about_an_erased_person(world: World) -> None:
    erased(world)
    before = Fact.objects.count()
    bring_in(
        world,
        [Draft("lead", "L1", PERSON | MQL, None)],
        as_of=NOW - timedelta(days=3),
        at=NOW + timedelta(days=1),
    )
    assert Fact.objects.count() == before
    assert Lead.objects.get().email == ""


def test_another_record_with_the_erased_address_is_kept_and_told(world: World) -> None:
    erased(world)
    other = {"email": "GRACE@example.com", "last_name": "Hopper"}
    bring_in(world, [Draft("lead", "L2", other, None)], as_of=NOW, at=NOW + timedelta(days=1))
    assert Lead.objects.get(external_id="L2").email == "GRACE@example.com"
    assert ErasureArrival.objects.get(kind="returned").external_id == "L2"
