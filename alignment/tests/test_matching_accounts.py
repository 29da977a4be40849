"""Leads find their account: by the CRM's link, their domain, their company's name, and never by a guess."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from alignment.matching import keys
from alignment.matching.accounts import match_leads, match_waiting
from alignment.matching.duplicates import PAIRED_WITH, find_duplicates
from alignment.matching.free_mail import free_mail_domains
from alignment.matching.sql import install_again
from alignment.matching.suffixes import rules
from alignment.models import Account, ChangedAccount, DuplicatePair, Lead, MqlCycle, Role, Source
from alignment.queries.identity import urgent_pairs
from alignment.services.merges import (
    AlreadySettled,
    NotForYou,
    ReasonNeeded,
    dismiss_pair,
    merge_leads,
    undo_merge,
)
from alignment.services.who_is_who import compare_leads
from testing.api import by_token
from testing.world import World, add_user, event

COMPANIES = [
    "Acme",
    "ACME GmbH",
    "The Acme Company",
    "Borg AB",
    "Borg",
    "Ærø A/S",
    "Nord",
    "",
    "Süd AG",
    "Sud",
]
DOMAINS = [
    "acme.com", "www.acme.com", "https://mail.acme.co.uk/x", "borg.se", "gmail.com", "sued.de", "", "nord.example",
]  # fmt: skip
MAIL_AT = ["acme.com", "eu.acme.com", "acme.co.uk", "borg.se", "gmail.com", "GMX.de", "sued.de", "else.org"]
NAMES = ["Anna Lee", "LEE Anna", "Bo Ek", "Bö Ek", "Cy "]


def lead(name: str) -> Lead:
    return Lead.objects.get(external_id=name)


def fill(sources: list[Source], rng: random.Random, leads: int, accounts: int, at: Any) -> None:
    """Random accounts and leads, written as rows without any Python between them and the database."""
    Account.objects.bulk_create(
        Account(
            source=rng.choice(sources),
            external_id=f"A{n}",
            name=f"{rng.choice(COMPANIES)}{rng.choice(['', '', f' {n}'])}",
            domain=rng.choice([rng.choice(DOMAINS), f"x{n}.com"]),
            is_deleted=rng.random() < 0.1,
        )
        for n in range(accounts)
    )
    rows = list(Account.objects.all())
    Lead.objects.bulk_create(
        Lead(
            source=rng.choice(sources),
            external_id=f"L{n}",
            email=f"{rng.choice('abc')}{rng.randrange(leads // 3)}@"
            f"{rng.choice([*MAIL_AT, f'x{rng.randrange(accounts)}.com'])}",
            first_name=(name := rng.choice(NAMES)).split(" ")[0],
            last_name=name.split(" ")[1],
            company=f"{rng.choice(COMPANIES)}{rng.choice(['', f' {rng.randrange(accounts)}'])}",
            account=rng.choice(rows) if rng.random() < 0.1 else None,
            first_seen_at=at,
        )
        for n in range(leads)
    )


def only(found: Iterable[Account]) -> tuple[bool, Account | None]:
    rows = list(found)
    return bool(rows), rows[0] if len(rows) == 1 else None


def expected_match(one: Lead, accounts: list[Account]) -> tuple[int | None, str]:
    """By brute force."""
    standing = [account for account in accounts if not account.is_deleted]
    linked = next((account for account in standing if account.pk == one.account_id), None)
    if linked is not None:
        return linked.pk, "crm"
    domain, company = keys.email_domain_key(one.email), keys.company_key(one.company)
    is_company_s = domain and domain not in free_mail_domains()
    is_known, found = only(
        account for account in standing if is_company_s and keys.site_domain_key(account.domain) == domain
    )
    if is_known:
        return (found.pk, "domain") if found else (None, "")
    _, found = only(account for account in standing if company and keys.company_key(account.name) == company)
    return (found.pk, "name") if found else (None, "")


@pytest.mark.parametrize("seed", range(3))
def test_random_leads_match_as_by_brute_force(
    world: World, seed: int, examples: Callable[[int, int], int]
) -> None:
    rng = random.Random(seed)
    other = Source.objects.create(key="other", name="Other", kind="standard")
    fill([world.crm, other], rng, examples(700, 2_000), 60 * (seed + 1), world.at)
    accounts = list(Account.objects.all())
    expected = {one.pk: expected_match(one, accounts) for one in Lead.objects.all()}
    assert {rule for _, rule in expected.values()} == {"crm", "domain", "name", ""}
    compare_leads(at=world.at)
    found = {
        pk: (account, rule)
        for pk, account, rule in Lead.objects.values_list("pk", "matched_account", "match_rule")
    }
    assert found == expected
    assert compare_leads(at=world.at) == 0


def test_pairs_of_random_leads_are_those_of_brute_force(world: World) -> None:
    fill([world.crm], random.Random(5), 400, 10, world.at)
    compare_leads(at=world.at)
    leads, expected = list(Lead.objects.order_by("pk")), {}
    for n, a in enumerate(leads):
        for b in leads[n + 1 :]:
            if keys.email_key(a.email) == keys.email_key(b.email) != "":
                expected[a.pk, b.pk] = "email"
                continue
            of_a, of_b = (
                (
                    keys.person_key(one.first_name, one.last_name),
                    keys.company_key(one.company),
                    keys.email_domain_key(one.email),
                )
                for one in (a, b)
            )
            if of_a == of_b and all(of_a) and of_a[2] not in free_mail_domains():
                expected[a.pk, b.pk] = "name"
    found = {(a, b): rule for a, b, rule in DuplicatePair.objects.values_list("lead_a", "lead_b", "rule")}
    assert found == expected and set(expected.values()) == {"email", "name"}


def test_free_mail_never_matches_by_domain(world: World) -> None:
    world.send(event("account.updated", "A", world.at, name="Mail", domain="gmail.com"))
    for n, domain in enumerate(free_mail_domains()):
        world.deliver(event("lead.updated", f"L{n}", world.at, email=f"a@{domain}", company="Mailings"))
    world.send(event("lead.updated", "own", world.at, email="a@gmail.com", company="Else"))
    assert not Lead.objects.exclude(match_rule="").exists()


def test_companies_that_share_a_domain_of_tenants_are_not_taken_for_one(world: World) -> None:
    world.send(
        event("account.updated", "A1", world.at, name="Contoso", domain="https://contoso.onmicrosoft.com/"),
        event("account.updated", "A2", world.at, name="GitHub", domain="github.com"),
        event("lead.updated", "own", world.at, email="x@contoso.onmicrosoft.com"),
        event("lead.updated", "other", world.at, email="x@fabrikam.onmicrosoft.com"),
        event("lead.updated", "relay", world.at, email="7+ada@users.noreply.github.com"),
    )
    assert {name: lead(name).match_rule for name in ("own", "other", "relay")} == {
        "own": "domain", "other": "", "relay": "",
    }  # fmt: skip


def test_what_an_earlier_release_took_for_one_company_is_parted_by_the_migration(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("alignment.migrations.0035_shared_domains")
    before = {rule for rule in rules() if not rule.endswith(migration.DOMAINS)}
    monkeypatch.setattr("alignment.matching.sql.rules", lambda: before)
    run(install_again())
    world.send(
        event("account.updated", "A1", world.at, name="Contoso", domain="contoso.onmicrosoft.com"),
        event("lead.updated", "own", world.at, email="x@contoso.onmicrosoft.com"),
        event("lead.updated", "other", world.at, email="x@fabrikam.onmicrosoft.com"),
    )
    assert lead("own").match_rule == lead("other").match_rule == "domain"
    assert lead("other").domain_key == "onmicrosoft.com"
    monkeypatch.undo()
    run(install_again())
    run(migration.Migration.operations[1])
    match_waiting()
    assert lead("own").match_rule == "domain" and lead("own").domain_key == "contoso.onmicrosoft.com"
    assert lead("other").match_rule == "" and lead("other").domain_key == "fabrikam.onmicrosoft.com"


def run(operation: Any) -> None:
    with connection.cursor() as cursor:
        for statement in operation.sql:
            cursor.execute(statement)


@override_settings(FREE_MAIL_DOMAINS=["Shared-Mail.example"])
def test_the_setting_adds_domains_of_free_mail(world: World) -> None:
    world.send(
        event("account.updated", "A", world.at, name="Host", domain="shared-mail.example"),
        event("lead.updated", "L", world.at, email="a@shared-mail.example"),
    )
    assert lead("L").match_rule == ""


def test_several_candidates_are_none_and_no_weaker_rule_is_asked(world: World) -> None:
    world.send(
        event("account.updated", "A", world.at, name="Acme", domain="acme.com"),
        event("account.updated", "B", world.at, name="Beta", domain="www.acme.com"),
        event("lead.updated", "L", world.at, email="a@acme.com", company="Acme Inc"),
    )
    assert lead("L").matched_account is None


def test_a_lead_is_matched_again_when_an_account_appears_changes_or_is_deleted(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, email="ann@acme.com", company="Acme"))
    assert lead("L").match_rule == ""
    world.send(event("account.updated", "A", world.at, name="ACME Corp"))
    assert (lead("L").matched_account, lead("L").match_rule) == (Account.objects.get(), "name")
    world.send(event("account.updated", "B", world.at, name="Other", domain="acme.com"))
    assert lead("L").match_rule == "domain"
    world.send(event("account.updated", "B", world.at, domain="other.com", id="moved"))
    assert lead("L").match_rule == "name"
    world.send(event("lead.updated", "L", world.at, account="B"))
    assert (lead("L").matched_account, lead("L").match_rule) == (Account.objects.get(external_id="B"), "crm")
    assert not ChangedAccount.objects.exists()


def test_matching_takes_one_statement_for_any_number_of_leads(world: World) -> None:
    taken = []
    for n in (2, 300):
        fill(
            [Source.objects.create(key=f"s{n}", name="S", kind="standard")],
            random.Random(n),
            n + 3,
            5,
            world.at,
        )
        ids = list(Lead.objects.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            match_leads(ids)
            find_duplicates(ids, at=world.at)
        taken.append(len(queries))
    assert taken[0] == taken[1] <= 5


def test_pairs_follow_the_facts(world: World) -> None:
    world.send(
        event("lead.updated", "A", world.at, email="Ann@Acme.com"),
        event("lead.updated", "B", world.at, email="ann@acme.com"),
    )
    pair = DuplicatePair.objects.get()
    assert (pair.lead_a, pair.lead_b, pair.rule) == (lead("A"), lead("B"), "email")
    world.send(event("lead.updated", "B", world.at + timedelta(hours=1), email="bea@acme.com"))
    assert not DuplicatePair.objects.exists()


def test_a_crowd_with_one_address_hangs_together_by_few_pairs(world: World) -> None:
    world.send(*(event("lead.updated", f"L{n}", world.at, email="info@acme.com") for n in range(40)))
    assert DuplicatePair.objects.count() <= 40 * PAIRED_WITH
    group, pairs = {lead("L0").pk}, list(DuplicatePair.objects.values_list("lead_a", "lead_b"))
    for _ in range(3):
        group |= {pk for pair in pairs if group & set(pair) for pk in pair}
    assert len(group) == 40


def test_a_merge_settles_a_pair_and_its_undoing_opens_it_again(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    world.send(*(event("lead.updated", name, world.at, email="ann@acme.com") for name in "ABC"))
    assert DuplicatePair.objects.open().count() == 3
    made = merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    assert open_pairs() == {("A", "C")}
    undo_merge(merge=made, reason="x", by=revops, at=world.at)
    assert DuplicatePair.objects.open().count() == 3


def test_what_was_dismissed_stays_dismissed(world: World) -> None:
    revops, marketing = add_user(world, Role.REVOPS), add_user(world, Role.MARKETING)
    world.send(*(event("lead.updated", name, world.at, email="ann@acme.com") for name in "AB"))
    pair = DuplicatePair.objects.get()
    with pytest.raises(NotForYou):
        dismiss_pair(pair=pair, reason="x", by=marketing, at=world.at)
    with pytest.raises(ReasonNeeded):
        dismiss_pair(pair=pair, reason=" ", by=revops, at=world.at)
    dismiss_pair(pair=pair, reason="A shared mailbox", by=revops, at=world.at)
    with pytest.raises(AlreadySettled):
        dismiss_pair(pair=pair, reason="x", by=revops, at=world.at)
    world.send(event("lead.updated", "A", world.at + timedelta(hours=1), email="else@acme.com"))
    assert lead("A").email_key == "else@acme.com" and DuplicatePair.objects.exists()
    world.send(event("lead.updated", "A", world.at + timedelta(hours=2), email="ann@acme.com"))
    compare_leads(at=world.at)
    assert DuplicatePair.objects.get().dismissed_reason == "A shared mailbox"
    assert not DuplicatePair.objects.open().exists()


def open_pairs() -> set[tuple[str, str]]:
    found = DuplicatePair.objects.open().values_list("lead_a__external_id", "lead_b__external_id")
    return {(a, b) for a, b in found}


def test_a_pair_waits_no_longer_once_the_crm_deleted_one_of_the_two(world: World) -> None:
    world.send(*(event("lead.updated", name, world.at, email="ann@acme.com") for name in "ABC"))
    hour = timedelta(hours=1)
    world.send(event("lead.deleted", "A", world.at + hour))
    assert open_pairs() == {("B", "C")}
    compare_leads(at=world.at)
    assert open_pairs() == {("B", "C")}
    world.send(event("lead.updated", "A", world.at + 2 * hour, is_deleted=False))
    assert open_pairs() == {("A", "B"), ("A", "C"), ("B", "C")}, "brought back from the bin"


def test_deleted_leads_take_no_place_among_the_ten_that_a_lead_is_paired_with(world: World) -> None:
    world.send(
        *(event("lead.updated", f"old{n}", world.at, email="ann@acme.com") for n in range(PAIRED_WITH))
    )
    Lead.objects.update(is_deleted=True)
    world.send(event("lead.updated", "A", world.at, email="ann@acme.com"))
    world.send(
        event("lead.updated", "B", world.at, email="bea@acme.com"),
        event("lead.updated", "B", world.at + timedelta(minutes=1), email="ann@acme.com"),
    )
    assert open_pairs() == {("A", "B")}


def test_a_deleted_lead_with_an_mql_can_still_be_merged_and_its_person_is_there(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    world.send(*(event("lead.updated", name, world.at, email="ann@acme.com") for name in "AB"))
    world.send(event("lead.updated", "C", world.at, email="ann@acme.com", score=80))
    for name in "AC":
        world.send(event("lead.deleted", name, world.at + timedelta(hours=1)))
    assert open_pairs() == {("B", "C")}, "A had none"
    pair = by_token(revops).results("duplicate-pairs")[0]
    assert [pair[side]["is_deleted"] for side in ("lead_a", "lead_b")] == [False, True]
    world.send(event("lead.updated", "D", world.at, email="ann@acme.com"))
    assert open_pairs() == {("B", "C"), ("B", "D")}
    made = merge_leads(survivor=lead("C"), merged=lead("B"), reason="x", by=revops, at=world.at)
    MqlCycle.objects.update(voided_at=world.at, void_reason="test")
    assert open_pairs() == {("B", "D")}, "one of its records is there"
    world.send(event("lead.deleted", "B", world.at + timedelta(hours=1)))
    MqlCycle.objects.update(voided_at=None, void_reason="")
    assert open_pairs() == {("B", "D")}, "its MQL stands"
    MqlCycle.objects.update(voided_at=world.at, void_reason="test")
    assert open_pairs() == set()
    undo_merge(merge=made, reason="x", by=revops, at=world.at)


def test_two_people_are_asked_about_once_however_many_records_they_have(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    world.send(*(event("lead.updated", name, world.at, email="ann@acme.com", score=80) for name in "ABCD"))
    made = [merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)]
    made.append(merge_leads(survivor=lead("D"), merged=lead("C"), reason="x", by=revops, at=world.at))
    assert open_pairs() == {("A", "D")} and urgent_pairs().count() == 1
    dismiss_pair(pair=DuplicatePair.objects.open().get(), reason="Twins", by=revops, at=world.at)
    assert open_pairs() == set(), "said of the leads that stay, it holds for their records"
    for row in made:
        undo_merge(merge=row, reason="x", by=revops, at=world.at)
    assert open_pairs() == {("A", "B"), ("A", "C"), ("B", "C"), ("B", "D"), ("C", "D")}


def test_a_merged_record_that_alone_is_like_another_lead_is_asked_about(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    world.send(
        event("lead.updated", "A", world.at, email="ann@home.example"),
        event("lead.updated", "B", world.at, email="ann@acme.com"),
        event("lead.updated", "C", world.at, email="ann@acme.com"),
    )
    merge_leads(survivor=lead("A"), merged=lead("B"), reason="x", by=revops, at=world.at)
    assert open_pairs() == {("B", "C")}
