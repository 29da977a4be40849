"""Keys of people and companies: what is equal, what is not, and that the database computes the same."""

from __future__ import annotations

import unicodedata
from functools import cache
from io import BytesIO

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from alignment.matching import keys
from alignment.matching.free_mail import free_mail_domains
from alignment.matching.suffixes import LIST, OWN_LIST, registrable, rules

# what PostgreSQL and Python know alike: assigned characters that a database can hold
LETTERS = st.characters(exclude_categories=("Cs", "Cn", "Co"), exclude_characters="\x00")
WORDS = st.sampled_from(
    [
        "Acme", "ACME", "The", "the",
        "GmbH", "& Co. KG", "S.A.", "s a", "Inc.", "株式会社", "トヨタ", "Müller", "Łódź",
        "Straße", "A/S", "Sp. z o.o.", "and", ".", "'", "’", " ", "\t", "é",
        "e\u0301", "ﬁ", "Ⅷ", "Ω", "Дом", "(株)", "-", "İ",
        "ẞ", "a@b", "http://", "www.", "example", ".com", ".co.uk", "xn--", "münchen", "。", ":8080", "/x?y#z", "@",
        "x.kobe.jp", "city", ".de", "名", "ß", "Ç", "𝒜", "㎏",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(LETTERS, max_size=30), st.lists(WORDS, max_size=8).map("".join))
PAIRS = (
    ("match_lower", keys.lower), ("match_host", keys.host), ("match_email_host", keys.email_host),
    ("match_site_host", keys.site_host), ("match_email_key", keys.email_key),
    ("match_email_domain", keys.email_domain_key), ("match_site_domain", keys.site_domain_key),
    ("match_fold_name", keys.fold_name), ("match_company_key", keys.company_key),
)  # fmt: skip


@cache
def other_reader() -> PublicSuffixList:
    with BytesIO(LIST.read_bytes() + OWN_LIST.read_bytes()) as rule_file:
        return PublicSuffixList(rule_file, accept_unknown=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme GmbH", "ACME"),
        ("The Acme Company, Inc.", "acme"),
        ("Müller & Söhne GmbH & Co. KG", "Muller and Sohne"),
        ("Société Générale S.A.", "societe generale"),
        ("Ørsted A/S", "orsted"),
        ("Straße AG", "strasse"),
        ("株式会社トヨタ", "トヨタ"),
        ("PKN Orlen Sp. z o.o.", "PKN  Orlen"),
        ("McDonald’s", "McDonald's Corp."),
        ("Foo Oy", "Foo K.K."),
    ],
)
def test_legal_forms_accents_case_and_punctuation_do_not_tell_companies_apart(one: str, other: str) -> None:
    assert keys.company_key(one) == keys.company_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("Acme", "Acme Labs"), ("SAP", "SAS"), ("AG", "KG"), ("Delta Air", "Delta")]
)
def test_different_names_have_different_keys(one: str, other: str) -> None:
    assert keys.company_key(one) != keys.company_key(other)


def test_a_name_of_a_legal_form_alone_keeps_a_word() -> None:
    assert keys.company_key("GmbH") == "gmbh" and keys.company_key("The Inc") == "inc"
    assert keys.company_key(" .,- ") == ""


def test_an_address_is_compared_whole() -> None:
    assert keys.email_key("  Ann.Lee+x@Acme.COM. ") == "ann.lee+x@acme.com"
    assert keys.email_key("ann.lee@gmail.com") != keys.email_key("annlee@gmail.com")
    assert keys.email_key("x@münchen.de") == keys.email_key("X@xn--mnchen-3ya.DE")
    for nothing in (
        "",
        "ann",
        "@acme.com",
        "ann@",
        "ann@localhost",
        "ann lee@acme.com",
        "a@10.0.0.1",
        "a@b c.de",
    ):
        assert keys.email_key(nothing) == ""


def test_a_domain_is_what_somebody_registered() -> None:
    assert keys.email_domain_key("a@mail.eu.acme.co.uk") == "acme.co.uk"
    assert keys.site_domain_key("https://www.acme.co.uk:8443/about?x=1") == "acme.co.uk"
    assert keys.site_domain_key("WWW.Acme.com/") == "acme.com"
    for nothing in ("co.uk", "localhost", "https://10.0.0.1/", "", "github.io"):
        assert keys.site_domain_key(nothing) == ""


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("a@contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
        ("a@contoso.mail.onmicrosoft.com", "contoso.mail.onmicrosoft.com"),
        ("a@sub.fabrikam.OnMicrosoft.com", "fabrikam.onmicrosoft.com"),
        ("a@onmicrosoft.com", ""),
        ("1+ada@users.noreply.github.com", ""),
        ("ada@github.com", "github.com"),
        ("x1y2@privaterelay.appleid.com", ""),
        ("ada@guest.booking.com", ""),
        ("ada@booking.com", "booking.com"),
    ],
)
@pytest.mark.django_db
def test_tenants_of_a_shared_domain_are_told_apart_and_relays_tell_nobody(email: str, domain: str) -> None:
    assert keys.email_domain_key(email) == domain
    with connection.cursor() as cursor:
        cursor.execute("SELECT match_email_domain(%s)", [email])
        assert cursor.fetchone() == (domain,)


def test_first_and_last_name_may_be_swapped() -> None:
    assert keys.person_key("Anna", "Méier") == keys.person_key("MEIER", "anna") == "anna meier"
    assert keys.person_key("Anna", "") == ""


def test_the_list_of_free_mail_is_of_domains_as_they_are_compared() -> None:
    domains = free_mail_domains()
    assert {"gmail.com", "yahoo.co.uk", "gmx.de"} <= set(domains) and "" not in domains


@given(TEXTS)
def test_keys_are_idempotent(text: str) -> None:
    for key in (
        keys.company_key,
        keys.fold_name,
        keys.lower,
        keys.host,
        keys.email_key,
        keys.site_domain_key,
    ):
        assert key(key(text)) == key(text)


@given(TEXTS, TEXTS)
def test_a_person_s_key_does_not_depend_on_which_name_is_first(one: str, other: str) -> None:
    assert keys.person_key(one, other) == keys.person_key(other, one)


@given(TEXTS)
def test_case_and_unicode_form_do_not_matter(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert keys.fold_name(unicodedata.normalize(form, text)) == keys.fold_name(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "b-c",
                "co",
                "uk",
                "jp",
                "kobe",
                "city",
                "ck",
                "www",
                "github",
                "io",
                "onmicrosoft",
                "mail",
                "com",
            ]
        ),
        min_size=1,
    )
)
def test_registrable_domains_are_those_of_another_reader_of_the_list(labels: list[str]) -> None:
    oracle = other_reader()
    host = ".".join(labels)
    assert registrable(host) == (oracle.privatesuffix(host) or "")


def test_registrable_domains_of_every_rule_are_those_of_another_reader() -> None:
    oracle = other_reader()
    for rule in rules():
        host = f"a.b.{rule.lstrip('!').replace('*', 'any')}"
        while host:
            assert registrable(host) == (oracle.privatesuffix(host) or ""), host
            host = host.partition(".")[2]


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(TEXTS, min_size=20, max_size=60))
def test_the_database_computes_the_same_keys(texts: list[str]) -> None:
    with connection.cursor() as cursor:
        columns = ", ".join(f"{name}(t)" for name, _ in PAIRS)
        cursor.execute(f"SELECT t, {columns} FROM unnest(%s) t", [texts])  # noqa: S608
        for text, *found in cursor.fetchall():
            assert found == [function(text) for _, function in PAIRS], repr(text)
        cursor.execute(
            "SELECT a, b, match_person_key(a, b) FROM unnest(%s, %s) u(a, b)", [texts, texts[::-1]]
        )
        for first, last, found in cursor.fetchall():
            assert found == keys.person_key(first, last)
