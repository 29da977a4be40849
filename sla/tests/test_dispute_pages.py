"""The pages of arbitration: file where the value stands, rule with the evidence at hand, find the precedent."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alignment.artifacts.canonical import digest
from alignment.models import OutgoingMail, Role, User
from sla.models import Dispute, Outcome, Ruling
from sla.services import roll_up
from sla.tests.disputing import Case, case
from testing.api import by_token
from testing.world import World, add_user, build_world, event

HOUR = timedelta(hours=1)
TEXTS = {"text": "The CRM was down all morning.", "asked": "Leave it out."}
RULED = {
    "decision": "upheld",
    "summary": "An outage stops the clock",
    "reason": "Nobody could call.",
    "tags": "outage",
}


def signed_in(user: User | None) -> Client:
    client = Client()
    assert user is not None
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def world(db: None) -> World:
    """Of now, as pages read the clock."""
    return build_world(timezone.now() - HOUR)


@pytest.fixture
def found(world: World) -> Case:
    return case(world)


def test_a_rep_files_from_the_page_of_the_lead_and_revops_rules(found: Case) -> None:
    clock, rep, revops = found.clock(), signed_in(found.rep), signed_in(found.revops)
    lead = rep.get(reverse("handoff:lead", args=[found.cycle.lead_id]))
    address = reverse("sla:dispute-new") + f"?clock={clock.pk}"
    assert address in text_of(lead)
    assert "stands still until the ruling" in text_of(rep.get(address))
    filed = rep.post(address, TEXTS)
    dispute = Dispute.objects.get()
    assert filed.status_code == 302 and filed["Location"] == reverse("sla:dispute", args=[dispute.pk])
    lead_page = text_of(rep.get(reverse("handoff:lead", args=[found.cycle.lead_id])))
    assert "Disputed" in lead_page and address not in lead_page
    assert "Your ruling" not in text_of(rep.get(filed["Location"]))

    page = revops.get(filed["Location"])
    assert (
        "Your ruling" in text_of(page)
        and dispute.evidence_digest in text_of(page)
        and "Unchanged" in text_of(page)
    )
    ruled = revops.post(reverse("sla:dispute-rule", args=[dispute.pk]), RULED)
    assert ruled.status_code == 302
    shown = text_of(revops.get(filed["Location"]))
    assert "An outage stops the clock" in shown and "stood still from" in shown
    assert "An outage stops the clock" in text_of(rep.get(reverse("sla:precedents"), {"q": "outages"}))
    again = revops.post(reverse("sla:dispute-rule", args=[dispute.pk]), RULED)
    assert again.status_code == 409 and Ruling.objects.count() == 1
    # whose MQL it is stands in the title for who may see the lead, and nowhere for anybody else
    stranger = signed_in(add_user(found.world, Role.FINANCE))
    title = f"First follow-up of an MQL of {found.cycle.crossed_at:%-d %B %Y}"
    listed, own = f"{reverse('sla:disputes')}?state=all", "First follow-up of Lovelace"
    for address in (listed, filed["Location"], reverse("sla:precedents")):
        open_page = text_of(stranger.get(address))
        assert title in open_page and "Lovelace" not in open_page and "ada@" not in open_page
        assert (own if address != reverse("sla:precedents") else title) in text_of(rep.get(address))
    assert OutgoingMail.objects.filter(subject__contains=title).exists()
    assert not OutgoingMail.objects.filter(subject__contains="Lovelace").exists()


def test_what_is_missing_is_said_and_what_was_typed_is_kept(found: Case) -> None:
    rep, address = signed_in(found.rep), reverse("sla:dispute-new") + f"?clock={found.clock().pk}"
    refused = rep.post(address, {"text": "Ask Lovelace", "asked": "Leave it out."})
    assert refused.status_code == 422
    assert "without the lead" in text_of(refused) and "Ask Lovelace" in text_of(refused)
    assert rep.post(address, {"text": "", "asked": ""}).status_code == 422
    dispute = found.file(at=timezone.now())
    taken = rep.post(address, TEXTS)
    assert taken.status_code == 409 and "undecided already" in text_of(taken)
    ruling = signed_in(found.revops).post(
        reverse("sla:dispute-rule", args=[dispute.pk]),
        RULED | {"decision": "partly", "reason": "Half of it."},
    )
    assert ruling.status_code == 422 and "until when" in text_of(ruling) and "Half of it." in text_of(ruling)


@pytest.mark.parametrize("query", ["", "clock=0", "clock=x", "term=nothing", "lead=99999999999999999999"])
def test_an_address_that_names_nothing_is_not_found(found: Case, query: str) -> None:
    assert signed_in(found.revops).get(f"{reverse('sla:dispute-new')}?{query}").status_code == 404


def test_what_lies_outside_of_the_scope_is_not_found(found: Case) -> None:
    dispute = found.file(at=timezone.now())
    stranger = signed_in(found.world.reps[1].user)
    for url in (
        reverse("sla:dispute", args=[dispute.pk]),
        reverse("sla:dispute-evidence", args=[dispute.pk]),
        reverse("sla:dispute-new") + f"?clock={found.clock().pk}",
        reverse("sla:dispute-new") + f"?mql={found.cycle.pk}",
    ):
        assert stranger.get(url).status_code == 404, url
    assert "No disputes yet" in text_of(stranger.get(reverse("sla:disputes")))


def test_only_who_may_rule_does(found: Case) -> None:
    dispute = found.file(at=timezone.now())
    cro = signed_in(add_user(found.world, Role.CRO))
    assert cro.post(reverse("sla:dispute-rule", args=[dispute.pk]), RULED).status_code == 403
    assert "Your ruling" not in text_of(cro.get(reverse("sla:dispute", args=[dispute.pk])))


def test_the_filer_withdraws(found: Case) -> None:
    dispute = found.file(at=timezone.now())
    rep = signed_in(found.rep)
    assert rep.post(reverse("sla:dispute-withdraw", args=[dispute.pk])).status_code == 302
    assert "Withdrawn" in text_of(rep.get(reverse("sla:dispute", args=[dispute.pk])))
    assert found.clock().held_since is None


def test_the_evidence_downloads_as_the_bytes_of_its_digest(found: Case) -> None:
    dispute = found.file(at=timezone.now())
    answer = signed_in(found.rep).get(reverse("sla:dispute-evidence", args=[dispute.pk]))
    assert digest(answer.content) == dispute.evidence_digest
    assert json.loads(answer.content)["subject"]["clock"] == found.clock().pk


def test_compliance_shows_what_rulings_did_beside_the_raw_figures(found: Case) -> None:
    after = found.breached()
    roll_up(at=after)
    week = {"week": found.clock().due_at.date().isoformat()}
    revops = signed_in(found.revops)
    assert "With rulings</dt>" not in text_of(revops.get(reverse("sla:compliance"), week)).split("By rep")[0]
    dispute = found.file(at=after)
    found.rule(dispute, at=after + HOUR)
    card = text_of(revops.get(reverse("sla:compliance"), week)).split("By rep")[0]
    assert "Set aside by rulings" in card and "100.0% (1 of 1)" in card and "0.0% (0 of 1)" in card
    by_rep = text_of(revops.get(reverse("sla:compliance"), week)).split("By rep")[-1]
    assert by_rep.count(">1 set aside<") == 1
    rows = revops.get(reverse("sla:compliance-rows"), week | {"kind": "follow_up", "outcome": "set_aside"})
    assert "1 clock" in text_of(rows) and f"Dispute {dispute.pk}: ruled on" in text_of(rows)
    assert found.clock().outcome == Outcome.MISSED
    told = by_token(found.revops).get("compliance", **week).json()
    assert (told["figures"]["follow_up"]["met"], told["figures"]["follow_up"]["missed"]) == (0, 1)
    assert told["rulings"]["follow_up"] == {"held": 0, "set_aside": 1}


def test_the_list_shows_first_what_falls_due_first(found: Case, django_assert_max_num_queries: Any) -> None:
    def more(count: int, at: datetime) -> None:
        for n in range(count):
            name = f"{at:%f}-{n}"
            found.world.send(event("lead.updated", name, found.world.at, score=80))
            found.file(at=at, by=found.revops, subject=case(found.world, name).clock())

    more(1, timezone.now())
    client = signed_in(found.revops)
    client.get(reverse("sla:disputes"))
    with django_assert_max_num_queries(12):
        client.get(reverse("sla:disputes"))
    more(5, timezone.now())
    with django_assert_max_num_queries(12):
        page = client.get(reverse("sla:disputes"))
    due = [dispute.rule_by for dispute in page.context["page"].rows]
    assert len(due) == 6 and due == sorted(due)
    for state in ("ruled", "withdrawn", "all"):
        assert client.get(reverse("sla:disputes"), {"state": state, "kind": "clock"}).status_code == 200


def test_every_kind_of_dispute_has_its_page_and_form(found: Case) -> None:
    now, revops = timezone.now(), signed_in(add_user(found.world, Role.CMO))
    found.world.send(event("opportunity.created", "O", now - HOUR, name="Deal", lead="disputed", stage="New"))
    deal = found.cycle.lead.opportunities.get()
    for query, extra, ruling in (
        (f"lead={found.cycle.lead_id}", {"function": "sales"}, {"decision": "partly", "function": "other"}),
        (f"opportunity={deal.pk}", {"function": "other"}, {"decision": "upheld"}),
        (f"mql={found.cycle.pk}", {}, {"decision": "upheld", "meets": "false"}),
        ("term=mql", {}, {"decision": "upheld", "reading": "Without students."}),
    ):
        address = f"{reverse('sla:dispute-new')}?{query}"
        assert revops.get(address).status_code == 200
        filed = revops.post(address, TEXTS | extra)
        assert filed.status_code == 302, query
        number = int(filed["Location"].split("/")[-2])
        judge = signed_in(found.revops)
        assert judge.get(filed["Location"]).status_code == 200
        assert judge.post(reverse("sla:dispute-rule", args=[number]), RULED | ruling).status_code == 302, (
            query
        )
        assert judge.get(filed["Location"]).status_code == 200
    shown = text_of(revops.get(reverse("handoff:lead", args=[found.cycle.lead_id])))
    assert "by ruling" in shown and "Other (partner, product, referral)" in shown
    assert revops.get(reverse("sla:precedents")).status_code == 200
