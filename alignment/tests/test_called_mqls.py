"""Of the records that are called an MQL, how many are one by the signed rows: apart from whether they are filled."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from alignment.definitions import evaluate
from alignment.models import Lead, MqlCycle, Role
from alignment.queries import called, drift
from alignment.queries.definitions import definition_in_force, moment
from alignment.tests.pages import signed_in
from alignment.tests.test_drift import SAYS, make_lead
from testing.definitions import COMPLETE, mql, put_in_force
from testing.programs import cycle
from testing.world import World, add_user


def some_leads(world: World, count: int) -> list[Lead]:
    rng = Random(5)
    return [
        make_lead(
            world, number, lifecycle=rng.choice(["mql", "lead", ""]), score=rng.choice([None, 64, 65, 80]),
            title=rng.choice(["VP", "Student VP", "Clerk"]),
            crm_created_at=world.at - timedelta(days=rng.randrange(300)),
        )
        for number in range(count)
    ]  # fmt: skip


def the_definition(world: World, **changes: Any) -> Any:
    put_in_force("mql", mql(**changes), at=world.at)
    found = definition_in_force("mql")
    assert found is not None
    return found.definition


def test_the_last_that_crossed_are_judged_one_by_one_and_have_exactly_their_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(called, "LATEST", 30)
    definition = the_definition(world)
    leads = some_leads(world, 40)
    crossed = [cycle(world.at - timedelta(hours=hours), lead=lead) for hours, lead in enumerate(leads)]
    crossed.append(cycle(world.at - timedelta(minutes=1), lead=leads[0], number=2))  # the same lead once more
    last = sorted(crossed, key=lambda one: one.crossed_at, reverse=True)[:30]
    now = moment(world.at)
    by_hand = {one.pk for one in last if evaluate.holds(definition, one.lead, now)}
    found = called.called(definition, at=world.at)
    assert (found.total, found.met, found.unmet) == (30, len(by_hand), 30 - len(by_hand))
    assert 0 < found.met < 30
    rows = {kind: called.called_cycles(definition, kind, at=world.at) for kind in called.CALLED}
    assert {row.pk for row in rows[called.MET]} == by_hand
    assert {row.pk for row in rows[called.UNMET]} == {one.pk for one in last} - by_hand
    assert MqlCycle.objects.count() == 41


def test_where_the_definition_says_what_the_crm_calls_one_its_leads_are_judged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(called, "LATEST", 10)
    definition = the_definition(world, crm_status=SAYS)
    leads = [lead for lead in some_leads(world, 60) if lead.lifecycle == "mql"]
    last = sorted(leads, key=lambda lead: (lead.crm_created_at, lead.pk), reverse=True)[:10]
    assert len(leads) > 10
    now = moment(world.at)
    by_hand = {lead.pk for lead in last if evaluate.holds(definition, lead, now)}
    found = called.called(definition, at=world.at)
    assert (found.total, found.met, found.by) == (10, len(by_hand), "the CRM calls an MQL")
    rows = {
        kind: {row.pk for row in called.called_leads(definition, kind, at=world.at)} for kind in called.CALLED
    }
    assert rows == {called.MET: by_hand, called.UNMET: {lead.pk for lead in last} - by_hand}


@pytest.mark.parametrize("says", [None, SAYS])
def test_the_list_of_definitions_tells_filled_from_met_and_leads_to_those_that_do_not(
    world: World, says: Any
) -> None:
    the_definition(world, crm_status=says)
    for number, score in enumerate((80, 10, 12)):  # all three are filled to the last field
        lead = make_lead(world, number, score=score, lifecycle="mql", last_name=f"Score {score}")
        cycle(world.at - timedelta(hours=number), lead=lead)
    with time_machine.travel(world.at, tick=False):
        cmo = signed_in(add_user(world, Role.CMO))
        page = cmo.get(reverse("alignment:definitions")).content.decode()
        assert "An MQL can be filled to the last field and still not meet the definition." in page
        assert "100.0% (3 of 3)" in page
        by = "the CRM calls an MQL" if says else "crossed the trigger of the agreement"
        assert f"Met: of the last 3 that {by}" in page
        assert "33.3% (1 of 3)" in page
        url = f"{reverse('alignment:drift-rows')}?of=called-unmet"
        assert url in page
        rows = cmo.get(url).content.decode()
        assert "<strong>2 leads</strong>" in rows
        assert "Score 10" in rows
        assert "Score 80" not in rows
        assert rows.count('<td data-label="Does not meet"><div>Engagement threshold</div>') == 2
        met = cmo.get(f"{reverse('alignment:drift-rows')}?of=called-met").content.decode()
        assert "<strong>1 lead</strong>" in met
        assert cmo.get(f"{url}&after=nonsense").status_code == 404
        own = cmo.get(reverse("alignment:definition", args=["mql"])).content.decode()
        assert "<strong>1 match</strong> and <strong>2 do not</strong>" in own
        drifting = cmo.get(reverse("alignment:drift")).content.decode()
        assert url in drifting
        finance = signed_in(add_user(world, Role.FINANCE))
        assert "33.3% (1 of 3)" in finance.get(reverse("alignment:definitions")).content.decode()
        assert url not in finance.get(reverse("alignment:definitions")).content.decode()
        assert finance.get(url).status_code == 403


def test_the_rows_take_as_many_queries_for_one_as_for_twenty(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    the_definition(world)
    client = signed_in(add_user(world, Role.CRO))
    url = f"{reverse('alignment:drift-rows')}?of=called-unmet"
    cycle(world.at, lead=make_lead(world, 0, score=1))
    client.get(url)
    with django_assert_max_num_queries(20) as few:
        client.get(url)
    for number in range(1, 21):
        cycle(world.at, lead=make_lead(world, number, score=1))
    with django_assert_max_num_queries(len(few)):
        assert "<strong>21 leads</strong>" in client.get(url).content.decode()


@pytest.mark.parametrize("compared", [1, 7, 12, 13])
def test_disagreements_are_counted_over_the_latest_leads_and_widened_to_all_on_demand(
    world: World, monkeypatch: pytest.MonkeyPatch, compared: int
) -> None:
    monkeypatch.setattr(drift, "COMPARED", compared)
    definition = the_definition(world, crm_status=SAYS)
    leads = [  # two of the same moment each, so that the key decides; all disagree
        make_lead(world, number, lifecycle="lead", crm_created_at=world.at - timedelta(days=number // 2))
        for number in range(12)
    ]
    make_lead(world, 99, lifecycle="lead", is_deleted=True)
    latest = sorted(leads, key=lambda lead: (lead.crm_created_at, lead.pk), reverse=True)[:compared]
    rows = drift.disagreeing(definition, drift.SILENT, at=world.at)
    assert {row.pk for row in rows} == {lead.pk for lead in latest}
    assert drift.disagreements(definition, at=world.at)[1].count == len(latest)
    assert drift.disagreeing(definition, drift.SILENT, at=world.at, is_all=True).count() == 12
    assert drift.has_earlier() is (compared < 12)
    with time_machine.travel(world.at, tick=False):
        client = signed_in(add_user(world, Role.CMO))
        url = f"{reverse('alignment:drift-rows')}?of=silent"
        page = client.get(url).content.decode()
        assert f"<strong>{len(latest)} lead" in page
        assert ("Look through all leads" in page) is (compared < 12)
        every = client.get(f"{url}&all=1").content.decode()
        assert every.count('data-label="Does not meet"') == 12
        assert "they are not counted" in every
        said = f"Of the latest {compared:,} leads by creation"
        assert said in client.get(reverse("alignment:definitions")).content.decode()


def test_complete_leads_meet_our_suggestion(world: World) -> None:
    definition = the_definition(world)
    assert evaluate.holds(definition, Lead(**COMPLETE), moment(world.at))
