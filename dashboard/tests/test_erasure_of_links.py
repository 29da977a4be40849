"""What came before its link to an erased person loses them with the link."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from alignment.importing.drafts import Draft
from alignment.models import Delivery, Erasure, ErasureArrival, Fact, Lead, Opportunity, Touch
from alignment.pipeline import drain
from alignment.services.erasure import erase_person
from dashboard.tests.test_erasure import places_naming
from sla.tests.test_history_rows import bring_in
from testing.world import World, event

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PERSON = {"email": "wilma@feathers.example", "first_name": "Wilma", "last_name": "Canary-Sparrow"}
NAMES = ("wilma", "canary-sparrow")


@pytest.fixture
def erased(world: World) -> Lead:
    world.send(event("lead.created", "L1", world.at, **PERSON))
    lead = Lead.objects.get(external_id="L1")
    erase_person(leads=[lead], asked_by="person", reason="asked", by=None, at=world.at)
    return lead


def deal(world: World) -> dict[str, Any]:
    return event("opportunity.created", "O9", world.at + HOUR, name="Canary-Sparrow: 100 cages", amount="10")


def test_an_opportunity_linked_by_its_converted_lead_loses_the_name(world: World, erased: Lead) -> None:
    world.send(deal(world), at=world.at + HOUR)
    assert Opportunity.objects.get().name
    world.send(event("lead.updated", "L1", world.at + 2 * HOUR, opportunity="O9"), at=world.at + 2 * HOUR)
    found = Opportunity.objects.get()
    assert (found.lead, found.name, found.amount_minor) == (erased, "", 1000)
    assert places_naming(*NAMES) == set()
    first = Delivery.objects.get(facts__external_id="O9", facts__fields__has_key="amount")
    assert ErasureArrival.objects.get(delivery=first).dropped == 1
    call_command("rebuild", stdout=StringIO())
    assert places_naming(*NAMES) == set()


def test_an_opportunity_that_names_nobody_keeps_its_name(world: World, erased: Lead) -> None:
    world.send(event("opportunity.created", "O9", world.at + HOUR, name="Two hundred cages"))
    world.send(event("opportunity.updated", "O9", world.at + 2 * HOUR, lead="L1"))
    assert Opportunity.objects.get().name == "Two hundred cages"


def test_a_touch_linked_later_loses_its_words(world: World, erased: Lead) -> None:
    told = event(
        "touch.recorded", "T9", world.at, channel="call", subject="Wilma Canary-Sparrow", outcome="sad"
    )
    world.send(told)
    world.send(event("touch.recorded", "T9", world.at + HOUR, lead="L1"))
    touch = Touch.objects.get()
    assert (touch.lead, touch.subject, touch.outcome, touch.channel) == (erased, "", "", "call")
    assert places_naming(*NAMES) == set()


def test_a_link_that_came_first_holds_for_what_another_drain_wrote_at_the_same_time(
    world: World, erased: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words were written by a drain that did not see the link: the fold under the lock does."""
    world.send(event("opportunity.updated", "O9", world.at, lead="L1"))
    monkeypatch.setattr("alignment.pipeline.erased._add_known_links", lambda *_: None)
    world.send(deal(world), at=world.at + HOUR)
    assert Opportunity.objects.get().name == ""
    assert places_naming(*NAMES) == set()


@pytest.mark.parametrize("is_one_file", [True, False])
def test_a_file_that_links_takes_out_what_was_there(world: World, erased: Lead, is_one_file: bool) -> None:
    name = Draft("opportunity", "O9", {"name": "Canary-Sparrow: 100 cages"}, None)
    link = Draft("opportunity", "O9", {"lead": "L1", "stage": "Won"}, world.at)
    note = Draft("touch", "T9", {"subject": "Wilma again", "channel": "call"}, None)
    tie = Draft("touch", "T9", {"lead": "L1"}, world.at)
    for drafts in [[name, link, note, tie]] if is_one_file else [[name, note], [link, tie]]:
        bring_in(world, drafts, as_of=world.at - HOUR, at=world.at + HOUR)
    assert Opportunity.objects.get().stage == "Won"
    assert Opportunity.objects.get().lead == erased == Touch.objects.get().lead
    assert places_naming(*NAMES) == set()


def test_a_file_that_links_takes_out_what_events_said(world: World, erased: Lead) -> None:
    world.send(deal(world), at=world.at + HOUR)
    link = Draft("opportunity", "O9", {"lead": "L1"}, world.at)
    bring_in(world, [link], as_of=world.at, at=world.at + HOUR)
    assert Opportunity.objects.get().lead == erased
    assert places_naming(*NAMES) == set()


def test_a_call_loses_its_words_with_a_part_of_it(world: World, erased: Lead) -> None:
    call = Draft("touch", "C1", {"subject": "Rang Wilma", "channel": "call"}, None)
    bring_in(world, [call], as_of=world.at - HOUR, at=world.at)
    assert "alignment_touch.subject" in places_naming("rang wilma")
    part = Draft("touch", "C1:L1", {"lead": "L1", "part_of": "C1"}, world.at)
    bring_in(world, [part], as_of=world.at, at=world.at)
    assert Touch.objects.get(external_id="C1:L1").lead == erased
    assert places_naming(*NAMES) == set()


class TestTheFunction:
    """What takes the words out in the database lets nothing else out."""

    def call(self, fact: int, erasure: int, *names: str) -> None:
        gone = [{"fact": fact, "erasure": erasure, "names": names}]
        with connection.cursor() as cursor:
            cursor.execute("SELECT withhold_linked(%s::jsonb, now())", [json.dumps(gone)])

    @pytest.mark.usefixtures("as_application_role")
    def test_it_takes_words_and_leaves_evidence(self, world: World, erased: Lead) -> None:
        world.send(event("touch.recorded", "T9", world.at, channel="call", subject="Rang Wilma"))
        fact = Fact.objects.get(subject="touch")
        self.call(fact.pk, Erasure.objects.get().pk, "subject")
        fact.refresh_from_db()
        assert (fact.fields["subject"], fact.fields["channel"]) == (None, "call")
        arrival = ErasureArrival.objects.get()
        assert (arrival.external_id, arrival.facts, arrival.dropped) == ("T9", 1, 1)

    @pytest.mark.parametrize("names", [("channel",), ("touched_at",), ("new",)])
    def test_it_takes_nothing_that_counts(self, world: World, erased: Lead, names: tuple[str, ...]) -> None:
        world.send(event("touch.recorded", "T9", world.at, channel="call", subject="Rang Wilma"))
        fact, erasure = Fact.objects.get(subject="touch"), Erasure.objects.get()
        with pytest.raises(IntegrityError, match="its rows are evidence"), transaction.atomic():
            self.call(fact.pk, erasure.pk, *names)
        assert not ErasureArrival.objects.exists()

    def test_it_reaches_only_touches_and_opportunities_and_only_after_an_erasure(
        self, world: World, erased: Lead
    ) -> None:
        world.send(
            event("lead.created", "L5", world.at, email="other@example.com"),
            event("touch.recorded", "T9", world.at, channel="call", subject="Rang Wilma"),
        )
        own, touch = Fact.objects.get(external_id="L5"), Fact.objects.get(subject="touch")
        erasure = Erasure.objects.get().pk
        for fact, after, name in ((own.pk, erasure, "email"), (touch.pk, erasure + 1, "subject")):
            with pytest.raises(IntegrityError, match="only touches and opportunities"), transaction.atomic():
                self.call(fact, after, name)


def test_the_drains_statements_do_not_grow_with_the_links(world: World, erased: Lead) -> None:
    def statements(refs: list[str]) -> int:
        world.send(*[event("opportunity.created", ref, world.at, name="Canary-Sparrow") for ref in refs])
        for ref in refs:
            world.deliver(event("opportunity.updated", ref, world.at + HOUR, lead="L1"))
        with CaptureQueriesContext(connection) as found:
            drain(at=world.at + HOUR)
        return len(found)

    statements(["A0"])
    assert statements(["A1"]) == statements([f"B{n}" for n in range(15)])
    assert places_naming("canary-sparrow") == set()
