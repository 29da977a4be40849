"""The page of duplicates, and the lead's page with its merges and its account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alignment.models import (
    Destination,
    DuplicatePair,
    Lead,
    LeadMerge,
    MqlCycle,
    OutgoingMessage,
    Role,
    User,
)
from alignment.queries.identity import urgent_pairs
from alignment.services.destinations import create_destination
from alignment.services.erasure import erase_person
from alignment.services.merges import merge_leads, undo_merge
from handoff.queries.leads import cycle_parts, provenance
from handoff.services import acts
from handoff.tests.pages import client_of
from testing.world import World, add_user, event

PAIR = re.compile(r"<details class=\"card mb-3 pair\" data-print-open( open)?>")


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def client(revops: User) -> Client:
    return client_of(revops)


def lead(name: str) -> Lead:
    return Lead.objects.get(external_id=name)


def twins(world: World, *names: str, **fields: Any) -> None:
    at = timezone.now() - timedelta(hours=1)
    data = {"email": "ann@acme.com", "score": 80, "last_name": "Lee", "company": "Acme"} | fields
    for name in names:
        world.send(event("lead.updated", name, at, first_name=f"Ann {name}", **data), at=at)


def page(client: Client, name: str = "handoff:duplicates", **query: Any) -> str:
    return client.get(reverse(name), query).content.decode()


def test_a_pair_stands_side_by_side_with_what_differs_and_its_open_mqls(world: World, client: Client) -> None:
    twins(world, "A", "B")
    found = page(client)
    assert "Ann A Lee and Ann B Lee" in found and "Both have an open MQL" in found
    assert found.count("First follow-up") == 2 and "Same e-mail address" in found
    assert found.count("differs") == 1  # the name


def test_pairs_are_folded_until_one_is_asked_for_or_refused(world: World, client: Client) -> None:
    twins(world, "A", "B", company="Acme")
    assert re.findall(PAIR, page(client)) == [" open"]  # the only one
    twins(world, "C", "D", email="cy@acme.com")
    twins(world, "E", "F", email="el@acme.com")
    found = page(client)
    assert re.findall(PAIR, found) == ["", "", ""]
    line = found.partition('<summary class="card-header pair-head"')[2].partition("</summary>")[0]
    assert "Ann E Lee and Ann F Lee" in line and "E and F; not the same: Name" in line
    pair = DuplicatePair.objects.order_by("pk").first()
    assert pair is not None
    url = reverse("handoff:merge-leads", args=[pair.pk])
    refused = client.post(url, {"survivor": "right", "reason": " "}).content.decode()
    assert re.findall(PAIR, refused) == [" open", "", ""]


def test_an_address_in_capitals_is_the_same_and_what_is_the_same_stands_in_one_row(
    world: World, client: Client
) -> None:
    twins(world, "A", email="Ann@Acme.com")
    twins(world, "B")
    found = page(client)
    same = found.partition("The same on both")[2].partition("</tr>")[0]
    assert "Ann@Acme.com" in same and "Acme" in same and "CRM" in same
    assert found.count("differs") == 1  # the name


def test_merging_and_undoing_by_the_pages(world: World, client: Client, revops: User) -> None:
    twins(world, "A", "B")
    pair = DuplicatePair.objects.get()
    url = reverse("handoff:merge-leads", args=[pair.pk])
    refused = client.post(url, {"survivor": "right", "reason": " "})
    assert refused.status_code == 409 and "Say how you know" in refused.content.decode()
    assert client.post(url, {"reason": "x"}).status_code == 409
    answer = client.post(url, {"survivor": "right", "reason": "Called her"}, follow=True)
    found = answer.content.decode()
    assert answer.redirect_chain[-1][0] == reverse("handoff:lead", args=[lead("B").pk])
    assert "Ann A Lee, A, is merged into Ann B Lee, B." in found
    anchor = f"merge-{LeadMerge.objects.get().pk}"
    assert (
        f'<a href="#{anchor}">undo the merge</a>' in found
        and f'id="{anchor}"' in found
        and "Ann A Lee merged in" in found
    )
    assert "No duplicates wait" in page(client) and "Called her" in page(client)
    gone = client.get(reverse("handoff:lead", args=[lead("A").pk])).content.decode()
    assert "This record is merged into" in gone and "Counted elsewhere" in gone

    undo = reverse("handoff:undo-merge", args=[LeadMerge.objects.get().pk])
    assert "Say why they are two people" in client.post(undo, {"reason": ""}, follow=True).content.decode()
    assert "The merge is undone" in client.post(undo, {"reason": "Sisters"}, follow=True).content.decode()
    assert "was undone before" in client.post(undo, {"reason": "Sisters"}, follow=True).content.decode()
    assert MqlCycle.objects.open().count() == 2
    assert client.post(reverse("handoff:undo-merge", args=[10**6]), {"reason": "x"}).status_code == 404


def test_undoing_a_merge_can_say_that_the_two_are_no_duplicate(
    world: World, client: Client, revops: User
) -> None:
    twins(world, "A", "B")
    for given, is_asked_again in (({}, True), ({"is_no_duplicate": "1"}, False)):
        made = merge_leads(survivor=lead("B"), merged=lead("A"), reason="x", by=revops, at=timezone.now())
        shown = client.get(reverse("handoff:lead", args=[lead("B").pk])).content.decode()
        assert 'name="is_no_duplicate"' in shown
        client.post(reverse("handoff:undo-merge", args=[made.pk]), {"reason": "Sisters"} | given)
        assert DuplicatePair.objects.open().exists() == is_asked_again
    pair = DuplicatePair.objects.get()
    assert (pair.dismissed_reason, pair.dismissed_by) == ("Sisters", revops)


def test_a_pair_counts_closed_mqls_and_marks_what_only_one_of_them_has(world: World, client: Client) -> None:
    twins(world, "A", "B")
    cycle = MqlCycle.objects.get(lead=lead("A"))
    acts.dispose(
        cycle=cycle, disposition="recycled", reason="bad_timing", opportunity=None,
        by=User.objects.get(role=Role.REVOPS), at=timezone.now(), act=uuid4(),
    )  # fmt: skip
    Lead.objects.filter(pk=lead("B").pk).update(country="DE")
    found = page(client)
    assert found.count("1 closed") == 1 and "none open" not in found
    row = found.partition("Country")[2].partition("</tr>")[0]
    assert "differs" in row and "<td>none</td><td>DE</td>" in row


def test_dismissing_a_pair_keeps_the_reason_and_takes_it_off_the_page(world: World, client: Client) -> None:
    twins(world, "A", "B")
    url = reverse("handoff:dismiss-pair", args=[DuplicatePair.objects.get().pk])
    assert client.post(url, {"reason": ""}).status_code == 409
    assert (
        "Kept as two people" in client.post(url, {"reason": "Shared mailbox"}, follow=True).content.decode()
    )
    assert "No duplicates wait" in page(client)
    assert client.post(url, {"reason": "again"}).status_code == 409


def test_a_pair_that_somebody_settled_meanwhile_is_said_to_be(
    world: World, client: Client, revops: User
) -> None:
    twins(world, "A", "B")
    pair = DuplicatePair.objects.get()
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    url = reverse("handoff:merge-leads", args=[pair.pk])
    found = client.post(url, {"survivor": "left", "reason": "x"}, follow=True).content.decode()
    assert "settled this pair in the meantime" in found


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": "9" * 30}, {"urgent": "2"}, {"after": "-1"}])
def test_bad_addresses_show_the_page(world: World, client: Client, query: dict[str, str]) -> None:
    assert client.get(reverse("handoff:duplicates"), query).status_code == 200


def test_the_urgent_pairs_are_those_of_two_open_mqls(world: World, client: Client, revops: User) -> None:
    twins(world, "A", "B")
    twins(world, "C", "D", email="cy@acme.com", score=3)
    assert urgent_pairs().count() == 1 and DuplicatePair.objects.open().count() == 2
    assert "Ann C Lee" in page(client) and "Ann C Lee" not in page(client, urgent="1")
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    assert urgent_pairs().count() == 0


def test_pairs_take_as_many_queries_for_fifteen_as_for_one(
    world: World, client: Client, django_assert_max_num_queries: Any
) -> None:
    twins(world, "A0", "B0", email="x0@acme.com")
    page(client)
    with django_assert_max_num_queries(40) as one:
        page(client)
    for n in range(1, 15):
        twins(world, f"A{n}", f"B{n}", email=f"x{n}@acme.com")
    with django_assert_max_num_queries(len(one)):
        page(client)


def test_a_gap_that_a_merged_record_fills_says_where_it_comes_from(world: World, revops: User) -> None:
    twins(world, "A", email="", company="Own")
    twins(world, "B", title="CFO")
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    found = {origin.value for origin in provenance(lead("A"))}
    assert {"ann@acme.com", "CFO", "Own", "Ann A"} <= found and "Acme" not in found


def test_the_list_of_mqls_names_a_merged_person_once(world: World, client: Client, revops: User) -> None:
    twins(world, "A", "B")
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    found = client.get(reverse("handoff:cycles")).content.decode()
    assert found.count(reverse("handoff:lead", args=[lead("A").pk])) >= 1
    assert reverse("handoff:lead", args=[lead("B").pk]) not in found


def test_a_rep_sees_a_merged_record_of_an_own_lead_and_no_way_to_undo(world: World, revops: User) -> None:
    rep = world.reps[0]
    twins(world, "A", "B", owner=rep.email)
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    other, own = (client_of(world.reps[n].user) for n in (1, 0))  # type: ignore[arg-type]
    url = reverse("handoff:lead", args=[lead("B").pk])
    found = own.get(url)
    assert found.status_code == 200 and "Undo the merge" not in found.content.decode()
    assert other.get(url).status_code == 404


def test_the_lead_s_page_shows_its_account_the_rule_and_who_else_is_there(
    world: World, client: Client
) -> None:
    twins(world, "A")
    twins(world, "B", email="bo@mail.acme.com")
    world.send(
        event("account.updated", "X", world.at, name="Acme Inc", domain="acme.com"),
        event("opportunity.created", "D", world.at, name="Big deal", stage="Offer", account="X"),
    )
    found = client.get(reverse("handoff:lead", args=[lead("A").pk])).content.decode()
    assert "Same domain" in found and "Ann B Lee" in found and "Big deal" in found
    world.send(event("account.updated", "Y", world.at, name="Acme Ltd", domain="www.acme.com"))
    found = client.get(reverse("handoff:lead", args=[lead("A").pk])).content.decode()
    assert "Several accounts would fit" in found and "Acme Ltd" in found and "Ann B Lee" not in found


def test_a_rep_reads_no_other_reps_leads_of_the_account(world: World) -> None:
    twins(world, "A", owner=world.reps[0].email)
    twins(world, "B", owner=world.reps[1].email, email="bo@acme.com")
    world.send(event("account.updated", "X", world.at, name="Acme Inc", domain="acme.com"))
    client = client_of(world.reps[0].user)  # type: ignore[arg-type]
    found = client.get(reverse("handoff:lead", args=[lead("A").pk])).content.decode()
    assert "Acme Inc" in found and "Ann B Lee" not in found


def test_an_opportunity_of_the_merged_record_can_be_what_the_mql_was_converted_to(
    world: World, revops: User
) -> None:
    twins(world, "A", "B")
    world.send(event("opportunity.created", "D", world.at, name="Deal", stage="x", lead="B"))
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    deal = lead("B").opportunities.get()
    cycle = MqlCycle.objects.open().get()
    acts.dispose(
        cycle=cycle, disposition="converted", opportunity=deal, by=revops, at=timezone.now(), act=uuid4()
    )
    cycle.refresh_from_db()
    assert (cycle.disposition, cycle.opportunity, cycle.is_tagged) == ("converted", deal, True)


def test_messages_to_the_crm_keep_their_order_through_a_merge_and_its_undoing(
    world: World, revops: User
) -> None:
    destination: Destination = create_destination(
        source=world.crm, address="https://crm.example.com/x", by=None, at=world.at - timedelta(days=9)
    ).destination
    twins(world, "A", "B")
    for turn in range(3):
        made = merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=timezone.now())
        open_one = MqlCycle.objects.open().get()
        acts.assign_by_hand(cycle=open_one, person=world.reps[turn], by=revops, at=timezone.now())
        undo_merge(merge=made, reason="x", by=revops, at=timezone.now())
        for cycle in MqlCycle.objects.open():
            owner = world.reps[(turn + 1) % 3]
            acts.assign_by_hand(cycle=cycle, person=owner, by=revops, at=timezone.now())
    numbers = OutgoingMessage.objects.filter(destination=destination).values_list("lead", "sequence")
    assert len(set(numbers)) == len(numbers) > 6


def test_erasing_a_lead_erases_what_it_is_merged_with(world: World, revops: User) -> None:
    twins(world, "A", email="")
    twins(world, "B")
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    assert lead("A").email == "ann@acme.com"
    erase_person(leads=[lead("A")], asked_by="person", reason="asked", by=revops, at=timezone.now())
    assert (lead("A").email, lead("B").email, lead("B").first_name) == ("", "", "")
    assert not Lead.objects.exclude(email_key="").exists()


def test_a_pair_says_which_lead_the_crm_deleted(world: World, client: Client) -> None:
    twins(world, "A", "B")
    assert "Deleted in the CRM" not in page(client)
    at = timezone.now()
    world.send(event("lead.deleted", "B", at), at=at)
    found = page(client)
    assert found.count("Deleted in the CRM: B") == 1, "its MQL stands, so the pair waits"


def test_since_when_the_crm_names_an_owner_is_known_from_each_record(world: World, revops: User) -> None:
    at = timezone.now() - timedelta(minutes=30)
    twins(world, "A", score=5)
    twins(world, "B")
    world.send(event("lead.updated", "B", at, owner=world.reps[1].email), at=at)

    def since(name: str) -> list[Any]:
        return [part.crm_owner_since for part in cycle_parts(lead(name))]

    assert since("B") == [at]
    made = merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=timezone.now())
    assert since("A") == [at] and since("B") == []
    later = at + timedelta(minutes=9)
    world.send(event("lead.updated", "A", later, owner=world.reps[1].email), at=later)
    assert since("A") == [later], "the record that stays named the owner as well"
    undo_merge(merge=made, reason="x", by=revops, at=timezone.now())
    assert since("B") == [at]
