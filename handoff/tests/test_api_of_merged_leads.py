"""Over the API, too, merged leads are one person: with all deals and touches, found by the id of each record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from alignment.models import Endpoint, Fact, Lead, LeadMerge, Opportunity, Role, Scheme, Source, User
from alignment.pipeline import drain
from alignment.services.merges import merge_leads, undo_merge
from handoff.services.acts import CycleIsOver, dispose
from handoff.tests.pages import client_of
from testing.api import Api, by_token
from testing.world import World, add_user, event


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def merge(world: World, revops: User) -> LeadMerge:
    """A stays and had nothing; B of another source, with an MQL, a touch and a deal, is merged into it."""
    source = Source.objects.create(key="second", name="Second CRM", kind="standard")
    second = Endpoint.objects.create(source=source, scheme=Scheme.STANDARD_WEBHOOKS)
    world.send(
        event("lead.updated", "A", world.at, score=5),
        event("lead.updated", "C", world.at, score=80),
        event("touch.recorded", "touch C", world.at, lead="C", channel="web"),
        event("opportunity.created", "deal C", world.at, lead="C", stage="New"),
    )
    for body in (
        event("lead.updated", "B", world.at, score=80, owner=world.reps[0].email),
        event("touch.recorded", "touch B", world.at, lead="B", channel="web"),
        event("opportunity.created", "deal B", world.at, lead="B", stage="New"),
    ):
        world.deliver(body, external_id=body["id"], endpoint=second)
    drain(at=world.at)
    return merge_leads(survivor=lead("A"), merged=lead("B"), reason="Same", by=revops, at=world.at)


def lead(name: str) -> Lead:
    return Lead.objects.get(external_id=name)


def ids(api: Api, where: str, **query: Any) -> list[str]:
    name = "lead_external_id" if where == "mql-cycles" else "external_id"
    return [row[name] for row in api.results(where, **query)]


def test_deals_and_touches_of_a_lead_are_those_of_all_its_records(merge: LeadMerge, revops: User) -> None:
    api = by_token(revops)
    for where, kind in (("opportunities", "deal"), ("touches", "touch")):
        assert ids(api, where, lead=lead("A").pk) == [f"{kind} B"]
        assert ids(api, where, lead=lead("B").pk) == [f"{kind} B"]
        assert ids(api, where, lead=lead("C").pk) == [f"{kind} C"]
        assert ids(api, where, lead=10**9) == []
    undo_merge(merge=merge, reason="Two", by=revops, at=merge.merged_at)
    assert ids(api, "opportunities", lead=lead("A").pk) == []


def test_cycles_are_found_by_each_record_of_the_person(merge: LeadMerge, revops: User) -> None:
    api = by_token(revops)
    one: list[dict[str, Any]] = [
        {"lead": lead("A").pk}, {"lead": lead("B").pk}, {"lead_external_id": "A"}, {"lead_external_id": "B"},
        {"lead_external_id": "A", "source": "crm"}, {"lead_external_id": "B", "source": "second"},
    ]  # fmt: skip
    for query in one:
        assert ids(api, "mql-cycles", **query) == ["A"], query
    none: list[dict[str, Any]] = [
        {"lead_external_id": "B", "source": "crm"}, {"lead_external_id": "A", "source": "second"},
        {"lead_external_id": "A", "lead": lead("C").pk}, {"source": "second"},
    ]  # fmt: skip
    for query in none:
        assert ids(api, "mql-cycles", **query) == [], query
    assert set(ids(api, "mql-cycles", source="crm")) == {"A", "C"}
    undo_merge(merge=merge, reason="Two", by=revops, at=merge.merged_at)
    assert ids(api, "mql-cycles", lead_external_id="B") == ["B"]
    assert ids(api, "mql-cycles", lead_external_id="A") == []


def test_a_rep_finds_by_a_record_only_what_is_the_reps(merge: LeadMerge, world: World) -> None:
    mine, other = (by_token(rep.user) for rep in world.reps[:2] if rep.user)
    assert ids(mine, "mql-cycles", lead_external_id="B") == ["A"]
    assert ids(mine, "opportunities", lead=lead("A").pk) == ["deal B"]
    assert ids(other, "mql-cycles", lead_external_id="B") == []
    assert ids(other, "opportunities", lead=lead("A").pk) == []


def test_a_conversion_to_a_deal_of_a_merged_record_sent_twice_is_one(merge: LeadMerge, world: World) -> None:
    """Its fact is one about that record, of another source than the lead that stays."""
    rep = world.reps[0].user
    assert rep is not None
    cycle, deal = lead("A").cycles.get(), Opportunity.objects.get(external_id="deal B")
    given: dict[str, Any] = {"cycle": cycle, "disposition": "converted", "opportunity": deal, "by": rep}
    act, at = uuid4(), world.at + timedelta(hours=1)
    for _ in range(2):
        dispose(**given, at=at, act=act)
    assert Fact.objects.filter(action="disposition").count() == 1
    answer = client_of(rep).post(
        reverse("handoff:dispose", kwargs={"pk": cycle.pk}),
        {"act": str(act), "disposition": "converted", "opportunity": str(deal.pk)},
        follow=True,
    )
    assert "This was recorded already" in answer.content.decode()
    with pytest.raises(CycleIsOver):
        dispose(**given, at=at, act=uuid4())
