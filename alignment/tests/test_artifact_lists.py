"""The list of documents, the versions of one, and who may read which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from alignment.models import Role
from alignment.queries.artifact_access import readable_by
from alignment.services.artifacts import decline, revoke, withdraw
from alignment.services.delegations import grant
from alignment.tests.artifact_pages import pact, path_of, said
from alignment.tests.pages import cards, signed_in
from testing.artifacts import draft, sent, sign_all, sign_as, signed, user_with
from testing.world import NOW

CONTENT = {"text": "One text"}


@pytest.fixture(autouse=True)
def now(db: None) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as now, pact():
        yield now


def titled(number: int) -> dict[str, Any]:
    return {"text": "x", "title": f"Pact number {number}"}


def index(role: Role, query: str = "") -> str:
    answer = signed_in(user_with(role)).get(f"/artifacts/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_waits_for_me_comes_first_then_what_others_sign_what_is_in_force_and_what_was() -> None:
    sent("pact", titled(1), key="mine", at=NOW)
    others = sent("pact", titled(2), key="others", at=NOW)
    sign_as(user_with(Role.CRO), others, at=NOW)
    signed("pact", titled(3), key="force", at=NOW)
    gone = sent("pact", titled(4), key="gone", at=NOW)
    withdraw(version=gone, reason="Wrong", by=user_with(Role.REVOPS), at=NOW)
    page = index(Role.CRO)
    places = [page.index(f"Pact number {number}") for number in (1, 2, 3, 4)]
    assert places == sorted(places)
    assert page.index("Waiting for your signature") < places[0] < page.index("Waiting for signatures")
    waiting = cards(page, "Documents: Waiting for signatures")
    assert [row["Signatures"] for row in waiting] == ["1 of 2 next: CMO"]
    # of what waits for the CRO nothing waits for the CMO yet
    assert "Nothing waits for your signature" not in index(Role.CMO)
    assert "Pact number 1" in index(Role.CMO).partition("Waiting for signatures")[2]


def test_drafts_are_shown_to_revops_only() -> None:
    draft("pact", titled(1), at=NOW)
    assert "Pact number 1" in index(Role.REVOPS)
    page = index(Role.CRO)
    assert "Pact number 1" not in page and "Drafts" not in page
    assert "Nothing waits for your signature." in page and "Nothing to sign yet" in page


def test_the_list_is_filtered_by_kind_and_state() -> None:
    signed("pact", titled(1), at=NOW)
    signed("memo", {"text": "x"}, at=NOW)
    sent("pact", titled(2), at=NOW)
    assert "/artifacts/memo/1/1/" not in index(Role.CRO, "?kind=pact")
    page = index(Role.CRO, "?kind=pact&state=in-force")
    assert "/artifacts/pact/1/1/" in page and "/artifacts/pact/1/2/" not in page
    assert "Nothing of this kind" in index(Role.CRO, "?state=earlier")
    assert "/artifacts/pact/1/1/" in index(Role.CRO, "?state=nonsense")


def test_a_long_shelf_is_paged_by_key() -> None:
    version = sent("pact", titled(0), at=NOW)
    for number in range(1, 53):
        version = sent("pact", titled(number), at=NOW)  # withdraws the one before
    assert version.number == 53
    page = index(Role.REVOPS)
    assert page.count("/artifacts/pact/1/") == 51  # the waiting one, and 50 that were withdrawn
    assert "?state=earlier" in page
    first = index(Role.REVOPS, "?state=earlier")
    after = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    last = index(Role.REVOPS, after)
    assert first.count("/artifacts/pact/1/") == 50 and last.count("/artifacts/pact/1/") == 2
    assert signed_in(user_with(Role.REVOPS)).get("/artifacts/?state=earlier&after=x").status_code == 404


def test_the_list_asks_no_more_for_more_rows(django_assert_max_num_queries: Any) -> None:
    user = user_with(Role.CMO)
    for count in (1, 19):
        for number in range(count):
            sign_as(
                user_with(Role.CRO), sent("pact", titled(number), key=f"a{count}-{number}", at=NOW), at=NOW
            )
            signed("pact", titled(number), key=f"b{count}-{number}", at=NOW)
        client = signed_in(user)
        client.get("/artifacts/")
        with django_assert_max_num_queries(26):
            assert client.get("/artifacts/").status_code == 200


def test_the_versions_tell_who_did_what_and_why() -> None:
    first = signed("pact", titled(1), at=NOW - timedelta(days=3))
    second = sent("pact", titled(1), at=NOW - timedelta(days=2))
    decline(
        version=second,
        role="cro",
        reason="Too <b>vague</b>",
        by=user_with(Role.CRO),
        at=NOW - timedelta(days=1),
    )
    answer = signed_in(user_with(Role.CMO)).get("/artifacts/pact/1/")
    words = said(answer)
    assert words.index("Version 2") < words.index("Version 1")
    for happening in (
        "Sent for signature by The RevOps",
        "Signed for CRO by The CRO",
        "Signed for CMO by The CMO",
        "Declined for CRO by The CRO",
        "Too <b>vague</b>",
        "signed by CRO, then CMO",
    ):
        assert happening in words, happening
    assert "Too <b>" not in answer.content.decode()
    revoke(version=first, role="cmo", reason="No longer true", by=user_with(Role.CMO), at=NOW)
    words = said(signed_in(user_with(Role.CMO)).get("/artifacts/pact/1/"))
    assert "Revoked for CMO by The CMO" in words and "No longer true" in words


def test_versions_tell_of_delegates_and_successors(now: Any) -> None:
    delegate = user_with(Role.FINANCE)
    given = grant(
        role=Role.CMO,
        holder=user_with(Role.CMO),
        delegate=delegate,
        from_on=NOW.date(),
        until_on=NOW.date(),
        reason="Leave",
        by=user_with(Role.CMO),
        at=NOW,
    )
    sign_all(given, at=NOW)
    version = sent("pact", titled(1), at=NOW)
    sign_as(user_with(Role.CRO), version, at=NOW)
    sign_as(delegate, version, "cmo", at=NOW)
    signed("pact", titled(2), at=NOW)
    words = said(signed_in(user_with(Role.REVOPS)).get("/artifacts/pact/1/"))
    assert "Signed for CMO, by delegation as Finance by The Finance" in words
    assert "Superseded by a newer version" in words
    # who signed once may read it for good
    now.shift(timedelta(days=3))
    assert signed_in(delegate).get(path_of(version)).status_code == 200


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.REVOPS, 200),
        (Role.CRO, 200),
        (Role.CMO, 200),
        (Role.MARKETING, 200),  # a reader of pacts
        (Role.FINANCE, 404),
        (Role.REP, 404),
        (Role.SALES_MANAGER, 404),
        (Role.BOARD_VIEWER, 403),
    ],
)
def test_who_has_no_part_in_a_document_does_not_read_it(role: Role, status: int) -> None:
    version = sent("pact", titled(1), at=NOW)
    client = signed_in(user_with(role))
    for path in (path_of(version), path_of(version, "pdf/"), "/artifacts/pact/1/"):
        assert client.get(path).status_code == status, path


def test_a_delegate_reads_what_the_holder_signs_in_the_days_of_the_delegation_only(now: Any) -> None:
    delegate = user_with(Role.SALES_MANAGER)
    version = sent("pact", titled(1), at=NOW)
    given = grant(
        role=Role.CRO,
        holder=user_with(Role.CRO),
        delegate=delegate,
        from_on=NOW.date() + timedelta(days=1),
        until_on=NOW.date() + timedelta(days=2),
        reason="Leave",
        by=user_with(Role.CRO),
        at=NOW,
    )
    sign_all(given, at=NOW)
    client = signed_in(delegate)
    assert client.get(path_of(given)).status_code == 200
    assert client.get(path_of(version)).status_code == 404
    now.shift(timedelta(days=1))
    client = signed_in(delegate)
    assert client.get(path_of(version)).status_code == 200
    assert "Waiting for your signature" in said(client.get("/artifacts/"))
    now.shift(timedelta(days=2))
    assert signed_in(delegate).get(path_of(version)).status_code == 404


def test_words_in_a_content_do_not_open_it() -> None:
    """Who signs is read from the envelope, not from what looks like it in the text."""
    version = sent(
        "pact", {"text": '"signers":["finance"]', "signers": ["cro", "cmo"], "role": "finance"}, at=NOW
    )
    assert not readable_by(user_with(Role.FINANCE), at=NOW).filter(pk=version.pk).exists()
    assert readable_by(user_with(Role.CRO), at=NOW).filter(pk=version.pk).exists()


@pytest.mark.parametrize(
    "path", ["/artifacts/nonsense/1/1/", "/artifacts/pact/none/", "/artifacts/pact/1/99999999999999999999/"]
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert signed_in(user_with(Role.REVOPS)).get(path).status_code == 404
