"""Attribution, definitions and consequences: a ruling stands beside the raw value, and precedents can be found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alignment.artifacts.canonical import canonical, digest
from alignment.models import Lead, Opportunity, Role, TouchFunction
from sla.disputed import Term
from sla.models import (
    Clock,
    ClockKind,
    Consequence,
    ConsequenceCycle,
    Decision,
    Dispute,
    Effect,
    Override,
)
from sla.queries.arbitration import USUAL_DAYS, visible
from sla.queries.dispute_list import precedents
from sla.queries.disputes import ruled_function, standing_of
from sla.services import execute_consequences
from sla.services.disputes import file_dispute
from sla.services.disputes.refusals import (
    AlreadyDisputed,
    Incomplete,
    MayNotRule,
    NotConcerned,
    NothingToDispute,
)
from sla.tests.disputing import DAY, WEEK, Case, case
from sla.tests.october import AFTER, SIGNED, october
from testing.artifacts import user_with
from testing.sla import signed_sla
from testing.world import World, add_user, event, terms

HOUR = timedelta(hours=1)


@pytest.fixture
def disputed(world: World) -> Case:
    world.send(
        event("lead.updated", "disputed", world.at - 2 * DAY, score=10),
        event("touch.recorded", "T0", world.at - DAY, lead="disputed", channel="web", function="marketing"),
        at=world.at - DAY,
    )
    return case(world)


def lead_of(found: Case) -> Lead:
    return Lead.objects.get(pk=found.cycle.lead_id)


def test_an_attribution_is_ruled_beside_what_the_touches_say(disputed: Case) -> None:
    lead = lead_of(disputed)
    assert lead.sourced_function == TouchFunction.MARKETING
    with pytest.raises(NothingToDispute):
        disputed.file(at=disputed.at, subject=lead, function="marketing")
    with pytest.raises(Incomplete):
        disputed.file(at=disputed.at, subject=lead)
    dispute = disputed.file(at=disputed.at, subject=lead, function="sales")
    assert [touch["channel"] for touch in dispute.evidence["touches"]["list"]] == ["web"]
    assert standing_of(lead, None).sourced_dispute == dispute
    disputed.rule(dispute, at=disputed.at + HOUR)
    ruled = ruled_function(lead)
    assert ruled is not None and (ruled.function, ruled.effect) == ("sales", Effect.SOURCED)
    assert lead_of(disputed).sourced_function == TouchFunction.MARKETING
    # another ruling follows new evidence: the newest holds
    again = disputed.file(at=disputed.at + DAY, subject=lead, function="marketing")
    with pytest.raises(Incomplete):
        disputed.rule(again, Decision.PARTLY, at=disputed.at + DAY, function="marketing")
    disputed.rule(again, Decision.PARTLY, at=disputed.at + DAY, function="other")
    newest = ruled_function(lead)
    assert newest is not None and newest.function == "other"
    assert standing_of(lead, None).sourced == newest


def test_an_opportunity_can_be_attributed_by_ruling(disputed: Case) -> None:
    disputed.world.send(
        event("opportunity.created", "O", disputed.at, name="Deal", lead="disputed", stage="New")
    )
    deal = Opportunity.objects.get()
    dispute = disputed.file(at=disputed.at, subject=deal, function="sales")
    assert dispute.owner == disputed.cycle.owner
    disputed.rule(dispute, at=disputed.at + HOUR)
    assert Override.objects.get(opportunity=deal).function == "sales"


def test_whether_an_mql_meets_the_definition_is_ruled(disputed: Case) -> None:
    dispute = disputed.file(at=disputed.at, subject=disputed.cycle)
    with pytest.raises(Incomplete):
        disputed.rule(dispute, at=disputed.at + HOUR)
    disputed.rule(dispute, at=disputed.at + HOUR, meets=False)
    standing = standing_of(lead_of(disputed), disputed.cycle)
    assert standing.mql is not None and standing.mql.effect == Effect.MEETS_NOT


def test_how_a_definition_is_read_is_ruled_for_everybody(disputed: Case) -> None:
    with pytest.raises(Incomplete):
        disputed.file(at=disputed.at, subject=Term("inquiry"))
    dispute = disputed.file(at=disputed.at, subject=Term("sql"))
    with pytest.raises(AlreadyDisputed):
        disputed.file(at=disputed.at, subject=Term("sql"), by=disputed.revops)
    with pytest.raises(Incomplete):
        disputed.rule(dispute, at=disputed.at + HOUR)
    disputed.rule(dispute, at=disputed.at + HOUR, reading="A meeting that took place counts.")
    assert Override.objects.get(term="sql").reading == "A meeting that took place counts."
    other = disputed.world.reps[1].user
    assert other is not None and visible(other).get() == dispute


def test_the_evidence_is_frozen_with_its_digest(disputed: Case) -> None:
    dispute = disputed.file(at=disputed.at + HOUR)
    disputed.world.send(
        event("lead.updated", "disputed", disputed.at + 2 * HOUR, segment="smb"), at=disputed.at + 2 * HOUR
    )
    kept = Dispute.objects.get()
    assert digest(canonical(kept.evidence)) == kept.evidence_digest == dispute.evidence_digest
    mine = next(clock for clock in kept.evidence["clocks"] if clock["is_disputed"])
    assert (mine["promise"], mine["due_at"], mine["calendar_version"]) == (
        "First follow-up", disputed.clock().due_at.isoformat(), 1,
    )  # fmt: skip
    assert kept.evidence["sla"]["number"] == 1 and kept.evidence["sla"]["is_signed"] is False
    changes = [entry["fields"] for entry in kept.evidence["timeline"] if entry["fields"]]
    assert changes[-1] == {"score": "80", "owner": "Rep 1"}


def test_the_owners_that_the_signed_sla_names_rule_within_its_days(world: World) -> None:
    judge = user_with(Role.MARKETING)
    owners = {"user": judge.pk, "name": judge.name, "title": "Arbiter"}
    found = case(world)
    unsigned = found.file(at=world.at)
    assert unsigned.agreement is None and unsigned.rule_by == world.at + timedelta(days=USUAL_DAYS)
    usual = {part: {"user": user_with(role).pk, "name": "x", "title": "x"} for part, role in
             (("sales", Role.CRO), ("marketing", Role.CMO), ("escalation", Role.CRO))}  # fmt: skip
    signed_sla(
        terms(world.calendar),
        at=world.at + HOUR,
        owners=usual | {"arbitration": owners},
        ruling_within_days=3,
    )
    dispute = found.file(at=world.at + 2 * HOUR, subject=found.clock(ClockKind.DISPOSITION))
    assert dispute.rule_by == world.at + 2 * HOUR + 3 * DAY
    with pytest.raises(MayNotRule):
        found.rule(dispute, at=world.at + DAY)
    assert found.rule(dispute, at=world.at + DAY, by=judge).as_escalation is False
    judge.is_active = False
    judge.save()
    again = found.file(at=world.at + DAY, subject=found.cycle)
    assert found.rule(again, at=world.at + DAY, meets=True).pk  # the role stands in for a login that is gone


def test_a_ruling_takes_back_what_the_clause_did(world: World) -> None:
    october(world, missed=4, met=16)
    execute_consequences(at=AFTER)
    consequence = Consequence.objects.get()
    entries = list(ConsequenceCycle.objects.order_by("pk"))
    cmo, revops = user_with(Role.CMO), user_with(Role.REVOPS)
    found = Case(world, entries[0].cycle, cmo, revops)
    rep = world.reps[0].user
    with pytest.raises(NotConcerned):
        found.file(at=AFTER, by=rep, subject=consequence)

    # a breach that is set aside leaves the consequence
    clock = Clock.objects.get(pk=entries[0].clock_id)
    ruling = found.rule(found.file(at=AFTER, subject=clock), at=AFTER + HOUR)
    assert ConsequenceCycle.objects.get(undone__ruling=ruling) == entries[0]

    dispute = found.file(at=AFTER + DAY, subject=consequence)
    assert dispute.evidence["clause"]["figures"][0]["missed"] == 4
    with pytest.raises(Incomplete):
        found.rule(dispute, Decision.PARTLY, at=AFTER + DAY)
    found.rule(dispute, Decision.PARTLY, at=AFTER + DAY, mqls=(entries[1].cycle_id,))
    assert ConsequenceCycle.objects.standing().count() == 2
    found.rule(found.file(at=AFTER + 2 * DAY, subject=consequence), at=AFTER + 3 * DAY)
    assert not ConsequenceCycle.objects.standing().exists()
    with pytest.raises(NothingToDispute):
        found.file(at=AFTER + WEEK, subject=consequence)


def test_a_dispute_in_another_scope_is_not_seen(disputed: Case) -> None:
    dispute = disputed.file(at=disputed.at + HOUR)
    stranger = disputed.world.reps[1].user
    manager, cfo = add_user(disputed.world, Role.SALES_MANAGER), add_user(disputed.world, Role.FINANCE)
    assert stranger is not None
    assert [user for user in (stranger, manager, cfo, disputed.rep) if dispute in visible(user)] == [
        manager, cfo, disputed.rep,
    ]  # fmt: skip


def test_precedents_are_found_by_words_of_reason_summary_tags_and_kind(disputed: Case) -> None:
    first = disputed.rule(disputed.file(at=disputed.at + HOUR), at=disputed.at + 2 * HOUR)
    other = disputed.rule(
        disputed.file(at=disputed.at, subject=lead_of(disputed), function="sales"),
        Decision.REJECTED, at=disputed.at + HOUR, summary="The first touch counts", reason="As signed.", tags="webinar",
    )  # fmt: skip
    for words, expected in {
        "outages": [first],  # by its stem
        "called": [first],
        "webinar": [other],
        "first touch": [other],
        "attribution": [other],
        "rejected": [other],
        '"crm outage" or webinar': [first, other],
        "webinar -touch": [],
        "nonsense": [],
        "": [first, other],
    }.items():
        assert sorted(ruling.pk for ruling in precedents(words)) == sorted(r.pk for r in expected), words
    assert list(precedents("", Decision.REJECTED)) == [other]
    assert list(precedents("", "", "clock")) == [first]


def test_who_is_not_allowed_to_see_an_mql_files_nothing_about_it(disputed: Case) -> None:
    stranger = disputed.world.reps[1].user
    assert stranger is not None
    for subject in (disputed.cycle, lead_of(disputed)):
        with pytest.raises(NotConcerned):
            file_dispute(subject=subject, text="x", asked="x", function="sales", by=stranger, at=disputed.at)
    assert disputed.at > SIGNED
