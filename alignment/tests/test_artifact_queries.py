"""What pages ask about artifacts costs the same however many there are, and says who is told what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, Notification, OutgoingMail, Role
from alignment.queries.artifacts import (
    draft_of,
    history_of,
    in_force,
    latest,
    signer_roles,
    stale_grounds,
    waiting_for,
)
from alignment.services.artifacts import decline, revoke, withdraw
from testing.artifacts import draft, kind_of, sent, sign_as, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


def told(version: ArtifactVersion, kind: str) -> set[str]:
    rows = Notification.objects.filter(kind=kind, key__startswith=f"artifact:{version.pk}:")
    return {notice.user.role for notice in rows}


def mailed(version: ArtifactVersion, what: str) -> int:
    return OutgoingMail.objects.filter(key__startswith=f"artifact:{version.pk}:{what}").count()


def test_the_versions_of_one_document() -> None:
    assert in_force("memo", "1") is latest("memo", "1") is draft_of("memo", "1") is None
    first = signed("memo", {"text": "One"}, at=NOW)
    second = draft("memo", {"text": "Two"}, at=NOW)
    assert (in_force("memo", "1"), latest("memo", "1"), draft_of("memo", "1")) == (first, second, second)
    assert history_of("memo", "1") == [second, first]
    assert history_of("memo", "2") == []


@pytest.mark.parametrize("rows", [1, 20])
def test_what_waits_costs_the_same_for_one_and_twenty(rows: int, django_assert_max_num_queries: Any) -> None:
    for n in range(rows):
        sent("memo", {"text": "One"}, key=f"k{n}", at=NOW + timedelta(minutes=n))
    cro = user_with(Role.CRO)
    with django_assert_max_num_queries(6):
        waiting = waiting_for(cro, at=LATER)
        assert [each.version.artifact.key for each in waiting] == [f"k{n}" for n in range(rows)]


@pytest.mark.parametrize("rows", [1, 20])
def test_a_history_costs_the_same_for_one_and_twenty(rows: int, django_assert_max_num_queries: Any) -> None:
    for n in range(rows):
        version = sent("memo", {"text": f"{n}"}, at=NOW)
        sign_as(user_with(Role.CRO), version, at=NOW)
    with django_assert_max_num_queries(2):
        history = history_of("memo", "1")
        assert [len(version.signatures.all()) for version in history] == [1] * rows
        assert [version.refusal.kind for version in history if hasattr(version, "refusal")] == [
            "withdrawn"
        ] * (rows - 1)


@pytest.mark.parametrize("holders", [1, 20])
def test_the_signers_of_a_version_cost_the_same(holders: int, django_assert_max_num_queries: Any) -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    for n in range(holders - 1):
        user_with(Role.CRO, f"Chief {n:02}")
    version = ArtifactVersion.objects.select_related("artifact").get(pk=version.pk)
    with django_assert_max_num_queries(6):
        assert [len(state.holders) for state in signer_roles(version, at=NOW)] == [holders, 1]


@pytest.mark.parametrize("rows", [1, 20])
def test_stale_grounds_are_found_at_once(rows: int, django_assert_max_num_queries: Any) -> None:
    grounds = [signed("memo", {"text": "x", "signers": ["cro"]}, key=f"g{n:02}", at=NOW) for n in range(rows)]
    version = signed("memo", {"text": "One"}, at=NOW, rests_on=grounds)
    for ground in grounds:
        revoke(version=ground, role="cro", reason="No", by=user_with(Role.CRO), at=LATER)
    with django_assert_max_num_queries(2):
        assert [str(row.ground) for row in stale_grounds(version, at=LATER)] == [
            str(ground) for ground in grounds
        ]


def test_each_act_is_told_to_those_whom_it_concerns() -> None:
    user_with(Role.REVOPS), user_with(Role.REP)
    first = sent("memo", {"text": "One"}, at=NOW)
    assert told(first, "signature-wanted") == {"cro", "cmo"} and mailed(first, "wanted") == 2
    sign_as(user_with(Role.CRO), first, at=NOW)
    assert told(first, "signed") == {"revops"} and mailed(first, "signed") == 0
    sign_as(user_with(Role.CMO), first, at=NOW)
    assert told(first, "in-force") == {"cro", "cmo", "revops"} and mailed(first, "in-force") == 3
    second = sent("memo", {"text": "Two"}, at=NOW)
    decline(version=second, role="cro", reason="Too much", by=user_with(Role.CRO), at=NOW)
    assert told(second, "declined") == {"cmo", "revops"} and mailed(second, "declined") == 2
    third = sent("memo", {"text": "Three"}, at=NOW)
    withdraw(version=third, reason="Wrong", by=user_with(Role.REVOPS), at=NOW)
    assert told(third, "withdrawn") == {"cro", "cmo"}
    fourth = signed("memo", {"text": "Four", "signers": ["finance"]}, at=NOW)
    assert told(first, "superseded") == {"cro", "cmo"}
    revoke(version=fourth, role="finance", reason="No", by=user_with(Role.FINANCE), at=NOW)
    assert told(fourth, "revoked") == {"revops"}
    assert not Notification.objects.filter(user__role="rep").exists()


def test_whoever_is_told_is_told_where_to_look_and_why() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    decline(version=version, role="cro", reason="The number is wrong", by=user_with(Role.CRO), at=NOW)
    notice = Notification.objects.filter(kind="declined").first()
    assert notice is not None
    assert notice.url == "/artifacts/memo/1/1/"
    assert notice.subject == "The CRO declined Memo 1, version 1"
    assert notice.text.startswith("Declined for the role CRO: The number is wrong\nWhat is in force stays")
