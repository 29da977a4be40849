"""Letting somebody sign for oneself: written and signed on pages, listed, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alignment.models import ArtifactVersion, Role
from alignment.services.delegations import grant
from alignment.tests.artifact_pages import confirm, path_of, said, sign_on_page
from alignment.tests.pages import cards, signed_in
from testing.artifacts import sign_all, user_with
from testing.world import NOW

PATH = "/artifacts/delegations/"


@pytest.fixture(autouse=True)
def now(db: None) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as now:
        yield now


def rows(client: Client) -> list[dict[str, str]]:
    return cards(client.get(PATH).content.decode(), "Who signs for whom")


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "delegate": user_with(Role.MARKETING).pk,
        "from_on": NOW.date().isoformat(),
        "until_on": (NOW.date() + timedelta(days=5)).isoformat(),
        "reason": "On leave",
    } | changes


def test_the_number_of_queries_does_not_grow_with_the_rows(django_assert_max_num_queries: Any) -> None:
    cro, delegate, revops = user_with(Role.CRO), user_with(Role.MARKETING), user_with(Role.REVOPS)

    def one_more(number: int) -> None:
        first = NOW.date() + timedelta(days=number)
        made = grant(
            role=Role.CRO,
            holder=cro,
            delegate=delegate,
            from_on=first,
            until_on=first,
            reason="r",
            by=revops,
            at=NOW,
        )
        sign_all(made, at=NOW)

    one_more(0)
    client = signed_in(revops)
    client.get(PATH)
    with CaptureQueriesContext(connection) as one:
        assert client.get(PATH).status_code == 200
    for number in range(1, 20):
        one_more(number)
    with django_assert_max_num_queries(len(one)):
        assert "May sign today" in client.get(PATH).content.decode()


def test_a_holder_writes_it_signs_it_and_revokes_it(now: Any) -> None:
    client = signed_in(user_with(Role.CMO))
    answer = client.post(PATH, fields(), follow=True)
    version = ArtifactVersion.objects.get()
    assert answer.redirect_chain[0][0] == path_of(version)
    assert "The Marketing may sign, decline and revoke for the CMO" in said(answer)
    assert [unescape(row["State"]) for row in rows(client)] == ["Waits for the holder's signature Sign it"]
    sign_on_page(client, version)
    row = rows(client)[0]
    assert row["For"] == "The CMO, CMO" and row["Days"] == "17 Nov 2026 to 22 Nov 2026"
    assert row["State"].startswith("May sign today") and "Revoke it" in row["State"]
    # both sides and RevOps see it, nobody else does
    assert "The CMO" in said(signed_in(user_with(Role.MARKETING)).get(PATH))
    assert "The CMO, CMO" in said(signed_in(user_with(Role.REVOPS)).get(PATH))
    assert "Who signs for whom" not in signed_in(user_with(Role.CRO)).get(PATH).content.decode()
    now.shift(timedelta(days=6))
    assert "Over" in said(signed_in(user_with(Role.CMO)).get(PATH))
    now.shift(-timedelta(days=6))
    client = signed_in(user_with(Role.CMO))
    confirm(client)
    client.post(path_of(version, "revoke/"), {"revoke-role": "cmo", "revoke-reason": "Back again"})
    assert rows(client)[0]["State"] == "Revoked"


def test_one_that_begins_later_says_so() -> None:
    client = signed_in(user_with(Role.CRO))
    client.post(PATH, fields(from_on=(NOW.date() + timedelta(days=2)).isoformat()))
    sign_on_page(client, ArtifactVersion.objects.get())
    assert "Signed, not begun" in said(client.get(PATH))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"delegate": ""}, "Choose who may sign for you."),
        ({"until_on": "2026-11-01"}, "The last day lies before the first one."),
        ({"reason": " "}, "This field is required."),
        ({"from_on": "soon"}, "Enter a valid date."),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_made(changes: dict[str, Any], words: str) -> None:
    answer = signed_in(user_with(Role.CRO)).post(PATH, fields(**changes))
    assert answer.status_code == 422 and words in said(answer)
    assert not ArtifactVersion.objects.exists()


def test_days_that_are_over_or_too_many_are_refused_with_the_form_kept() -> None:
    client = signed_in(user_with(Role.CRO))
    for days in ({"from_on": "2026-01-01", "until_on": "2026-01-02"}, {"until_on": "2029-01-01"}):
        answer = client.post(PATH, fields(**days))
        assert answer.status_code == 409 and "On leave" in answer.content.decode()
    assert not ArtifactVersion.objects.exists()


def test_nobody_delegates_to_themselves_to_a_board_viewer_or_a_role_that_is_not_theirs() -> None:
    cro = user_with(Role.CRO)
    client = signed_in(cro)
    for chosen in (cro.pk, user_with(Role.BOARD_VIEWER).pk, 10**18):
        assert client.post(PATH, fields(delegate=chosen)).status_code == 422
    for role in (Role.REVOPS, Role.REP, Role.MARKETING):
        assert signed_in(user_with(role)).post(PATH, fields()).status_code == 403
    assert signed_in(user_with(Role.BOARD_VIEWER)).get(PATH).status_code == 403
    assert not ArtifactVersion.objects.exists()
