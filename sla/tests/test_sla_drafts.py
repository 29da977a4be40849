"""Drafts of the SLA: made from what is in force, incomplete as long as one likes, and never any part of what runs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse

from alignment.artifacts.kinds import InvalidContent
from alignment.models import ArtifactVersion, Role, VersionState
from alignment.services.artifacts import (
    ChangedMeanwhile,
    blockers_of,
    decline,
    discard_draft,
    restart,
    send,
    withdraw,
)
from alignment.services.authority import OnlyRevOps
from sla.content import check
from sla.kinds import SLA
from sla.models import Agreement
from sla.queries.drafting import complete, usual_clauses
from sla.services.agreements import AwaitsSignatures
from sla.services.agreements import put_in_force as put_terms_in_force
from sla.services.drafts import NothingToStartFrom, save_draft_of_sla, start_draft
from sla.terms import InvalidTerms
from sla.tests.pages import signed_in
from testing.artifacts import sign_all, user_with
from testing.definitions import put_in_force
from testing.sla import clauses, judging, sent_sla, signed_sla
from testing.world import NOW, World, terms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + HOUR


def test_a_first_draft_has_the_working_terms_and_the_usual_figures_and_leaves_the_rest_open(
    world: World,
) -> None:
    revops, cro = user_with(Role.REVOPS), user_with(Role.CRO)
    draft = start_draft(by=revops, at=NOW)
    content = draft.content
    assert content["terms"] == world.agreement.terms
    assert content["clauses"]["gate"] == {
        "follow_up_percent": 85,
        "tagging_percent": 90,
        "weekly_minimum": 10,
    }
    assert content["clauses"]["owners"]["sales"] == {"user": cro.pk, "name": cro.name, "title": "CRO"}
    assert content["clauses"]["owners"]["marketing"] is None
    assert content["clauses"]["review_on"] == (NOW + 90 * DAY).date().isoformat()
    assert content["hours"][str(world.calendar.pk)]["name"] == "Office hours"
    with pytest.raises(InvalidContent) as refused:
        check(content)
    assert [problem.partition(" ")[0] for problem in refused.value.problems] == ["Say", "The", "Name"]
    said = [blocker.message for blocker in blockers_of(draft, at=NOW)]
    assert said[:3] == list(refused.value.problems)
    shown = " ".join(SLA.render(content).texts())
    assert "Name who answers for what marketing owes" in shown and "24 business hours" in shown


def test_an_amendment_starts_from_what_was_signed_and_is_reviewed_90_days_later(world: World) -> None:
    signed = signed_sla(terms(world.calendar), at=NOW, channels=3)
    draft = start_draft(by=user_with(Role.REVOPS), at=NOW + 10 * DAY)
    assert signed.version is not None
    assert draft.content["terms"] == signed.terms
    assert draft.content["clauses"] == signed.version.content["clauses"] | {
        "review_on": (NOW + 100 * DAY).date().isoformat()
    }
    assert [ground.ground.artifact.key for ground in draft.foundations.all()] == ["mql"]
    sent = send(version=draft, by=user_with(Role.REVOPS), at=NOW + 10 * DAY)
    sign_all(sent, at=NOW + 10 * DAY)
    assert Agreement.objects.get(version=sent).number == 3


def test_terms_of_a_scenario_take_the_place_of_those_of_the_draft_and_nothing_else(world: World) -> None:
    revops = user_with(Role.REVOPS)
    first = start_draft(note="shorter", by=revops, at=NOW)
    other = terms(world.calendar, warn_at_percent=50)
    found = [{"scenario": 1, "name": "Half", "said": ["All met."]}]
    again = start_draft(terms=other, evidence=found, by=revops, at=LATER)
    assert again.pk == first.pk and again.revision == first.revision + 1
    assert again.content == first.content | {"terms": other, "evidence": found}
    assert start_draft(by=revops, at=LATER).revision == again.revision


def test_nobody_but_revops_drafts_and_unreadable_terms_are_refused(world: World) -> None:
    with pytest.raises(OnlyRevOps):
        start_draft(by=user_with(Role.CRO), at=NOW)
    with pytest.raises(InvalidTerms):
        start_draft(terms={"trigger": None}, by=user_with(Role.REVOPS), at=NOW)
    assert not ArtifactVersion.objects.filter(artifact__kind="sla").exists()


def test_without_terms_in_force_there_is_nothing_to_start_from(db: None) -> None:
    with pytest.raises(NothingToStartFrom):
        start_draft(by=user_with(Role.REVOPS), at=NOW)


def test_saving_fills_in_what_the_database_knows_and_nobody_is_overwritten_unread(world: World) -> None:
    revops, cmo = user_with(Role.REVOPS), user_with(Role.CMO)
    put_in_force("mql", at=NOW)
    own = terms(
        world.calendar,
        calendars={"default": world.calendar.pk, "teams": {str(world.team.pk): world.calendar.pk}},
    )
    given = usual_clauses(at=NOW)
    given["owners"]["marketing"] = {"user": cmo.pk}
    given["marketing"]["volumes"] = [{"segment": "", "mqls": 40}]
    draft = save_draft_of_sla(
        terms=own, clauses=given, begins_on=date(2027, 1, 1), expected=0, by=revops, at=NOW
    )
    content = draft.content
    assert content["teams"] == {str(world.team.pk): "Inbound"}
    assert content["clauses"]["owners"]["marketing"]["name"] == cmo.name
    assert content["clauses"]["marketing"]["definition"]["version"] == 1
    assert content["begins_on"] == "2027-01-01"
    with pytest.raises(ChangedMeanwhile):
        save_draft_of_sla(terms=own, clauses=given, expected=0, by=revops, at=LATER)
    discard_draft(version=draft, by=revops, at=LATER)
    assert judging(LATER) == world.agreement


def test_a_completed_content_passes_the_check(world: World) -> None:
    check(complete(terms=terms(world.calendar), clauses=clauses(at=NOW)))


def test_a_declined_version_is_begun_again_with_its_content(world: World) -> None:
    sent = sent_sla(terms(world.calendar), at=NOW, channels=4)
    decline(version=sent, role=Role.CMO, reason="Too long", by=user_with(Role.CMO), at=LATER)
    sent.refresh_from_db()
    again = restart(version=sent, by=user_with(Role.REVOPS), at=LATER)
    assert again.state == VersionState.DRAFT and again.content == sent.content
    assert blockers_of(again, at=LATER) == []


def test_working_terms_entered_meanwhile_do_not_part_the_document_from_its_agreement(
    world: World, as_application_role: str
) -> None:
    start_draft(by=user_with(Role.REVOPS), at=NOW)
    put_terms_in_force(terms=terms(world.calendar), in_force_from=LATER, by=None, at=LATER)
    waiting = sent_sla(terms(world.calendar), at=LATER + HOUR)
    with pytest.raises(AwaitsSignatures, match="withdraw it first"):
        put_terms_in_force(terms=terms(world.calendar), in_force_from=LATER + DAY, by=None, at=LATER + HOUR)
    revops = user_with(Role.REVOPS)
    with time_machine.travel(LATER + HOUR, tick=False):
        page = signed_in(revops).get(reverse("sla:agreement-new")).content.decode()
    assert "withdraw it first" in page and "To version 3" in page
    withdraw(version=waiting, reason="Other terms first", by=revops, at=LATER + 2 * HOUR)
    put_terms_in_force(terms=terms(world.calendar), in_force_from=LATER + DAY, by=None, at=LATER + 2 * HOUR)
    agreement = signed_sla(terms(world.calendar), at=LATER + 3 * HOUR)
    assert agreement.version is not None
    assert agreement.number == agreement.version.number == 4
