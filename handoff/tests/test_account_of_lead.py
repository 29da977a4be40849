"""What a lead's page shows of its account is what the API lets the same login read."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from alignment.models import Account, Opportunity, Person, Role, User
from alignment.services.merges import merge_leads
from handoff.tests.pages import add_mql, client_of
from testing.api import by_token
from testing.world import World, add_user, event

DEALS = {  # deal: (its lead, its account)
    "Own": ("lead-Ada", "acme"), "Of the second record": ("lead-Ann", None), "Mine too": ("lead-Bea", None),
    "Of others": ("lead-Cyd", "acme"), "Of nobody": (None, "acme"), "Elsewhere": ("lead-Dot", None),
}  # fmt: skip


@pytest.fixture
def acme(world: World) -> World:
    """Four leads of one account: the first rep has two and one that is merged, the second has one."""
    world.send(event("account.updated", "acme", world.at, name="Acme"))
    owners = {"Ada": 0, "Ann": 0, "Bea": 0, "Cyd": 1, "Dot": 1}
    for name, rep in owners.items():
        at_acme: dict[str, Any] = {} if name == "Dot" else {"account": "acme"}
        add_mql(world, name, owner=world.reps[rep].email, **at_acme)
    for name, (lead, account) in DEALS.items():
        said = {"lead": lead} | ({"account": account} if account else {})
        world.send(event("opportunity.created", f"deal {name}", world.at, name=name, stage="New", **said))
    leads = {row.external_id: row for row in Account.objects.get().matched_leads.all()}
    merge_leads(
        survivor=leads["lead-Ada"],
        merged=leads["lead-Ann"],
        reason="Same person",
        by=add_user(world, Role.REVOPS, "Who Merges"),
        at=world.at,
    )
    return world


def shown(user: User, lead: str = "lead-Ada") -> tuple[set[str], set[str]]:
    """Other leads, and open deals, of the account beside a lead, as its page has them."""
    found = Account.objects.get().matched_leads.get(external_id=lead)
    answer: Any = client_of(user).get(reverse("handoff:lead", kwargs={"pk": found.pk}))
    assert answer.status_code == 200
    account = answer.context["account"]
    return {row.name for row in account.leads}, {row.name for row in account.opportunities}


def login(person: Person) -> User:
    assert person.user is not None
    return person.user


def test_a_rep_sees_deals_of_the_own_leads_alone(acme: World) -> None:
    rep = login(acme.reps[0])
    assert shown(rep) == ({"Bea"}, {"Mine too"})
    assert shown(rep, "lead-Ann") == ({"Bea"}, {"Mine too"}), "what is the person's is not another's"
    told = {row["name"] for row in by_token(rep).results("opportunities")}
    assert told == {"Own", "Of the second record", "Mine too"}


def test_who_sees_all_records_sees_all_deals_of_the_account(acme: World) -> None:
    revops = add_user(acme, Role.REVOPS)
    assert shown(revops) == ({"Bea", "Cyd"}, {"Mine too", "Of others", "Of nobody"})
    assert {row["name"] for row in by_token(revops).results("opportunities")} == set(DEALS)


def test_what_the_crm_deleted_is_not_shown_beside_a_lead(acme: World) -> None:
    acme.send(event("lead.deleted", "lead-Cyd", acme.at))
    Opportunity.objects.filter(name="Of nobody").update(is_deleted=True)
    assert shown(add_user(acme, Role.REVOPS)) == ({"Bea"}, {"Mine too", "Of others"})
