"""Delegations: dated, signed by the holder alone, worth as much as the holder's own role, and never passed on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from alignment.artifacts.kinds import Kind
from alignment.blockers import Blocked
from alignment.models import ArtifactVersion, Notification, Organisation, Role, User
from alignment.queries.artifacts import in_force, signer_roles, waiting_for
from alignment.queries.signers import grants_on
from alignment.services.artifacts import (
    NotTheHolder,
    OnePersonOneRole,
    decline,
    revoke,
    save_draft,
    send,
)
from alignment.services.authority import OnlyRevOps
from alignment.services.delegations import grant
from testing.artifacts import kind_of, sent, sign_all, sign_as, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TODAY, LAST = date(2026, 11, 23), date(2026, 11, 27)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


@pytest.fixture
def cro() -> User:
    return user_with(Role.CRO)


@pytest.fixture
def deputy() -> User:
    return user_with(Role.SALES_MANAGER, "Dee Putty")


def granted(cro: User, deputy: User, **changes: Any) -> ArtifactVersion:
    given: dict[str, Any] = {
        "role": Role.CRO,
        "holder": cro,
        "delegate": deputy,
        "from_on": TODAY,
        "until_on": LAST,
        "reason": "On leave",
        "by": user_with(Role.REVOPS),
        "at": NOW,
    }
    return grant(**given | changes)


def test_a_delegate_signs_for_the_role_and_is_named_as_one(cro: User, deputy: User) -> None:
    delegation = granted(cro, deputy)
    version = sent("memo", {"text": "One"}, at=NOW)
    with pytest.raises(NotTheHolder):
        sign_as(deputy, version, "cro", at=NOW)
    sign_as(cro, delegation, at=NOW)
    signature = sign_as(deputy, version, "cro", at=NOW)
    assert (signature.role, signature.own_role, signature.name) == ("cro", "sales_manager", "Dee Putty")
    assert signature.delegation == delegation
    sign_as(user_with(Role.CMO), version, at=NOW)
    assert in_force("memo", "1") == version


def test_a_delegation_counts_from_its_first_to_its_last_local_day(cro: User, deputy: User) -> None:
    Organisation.objects.update_or_create(pk=1, defaults={"zone": "America/New_York"})
    sign_as(cro, granted(cro, deputy, from_on=date(2026, 11, 24)), at=NOW)
    begins, ends = datetime(2026, 11, 24, 5, tzinfo=UTC), datetime(2026, 11, 28, 5, tzinfo=UTC)
    moments = {
        begins - timedelta(seconds=1): [],
        begins: [deputy],
        ends - timedelta(seconds=1): [deputy],
        ends: [],
    }
    for at, expected in moments.items():
        assert [found.delegate for found in grants_on(at)] == expected, at


def test_only_the_named_holder_signs_a_delegation(cro: User, deputy: User) -> None:
    other = user_with(Role.CRO, "Other Chief")
    sign_as(cro, granted(cro, deputy), at=NOW)
    second = granted(other, user_with(Role.MARKETING))
    for person in (cro, deputy, user_with(Role.REVOPS)):
        with pytest.raises(NotTheHolder):
            sign_as(person, second, "cro", at=NOW)
        with pytest.raises(NotTheHolder):
            decline(version=second, role="cro", reason="No", by=person, at=NOW)
    assert [each.version for each in waiting_for(other, at=NOW)] == [second]
    assert waiting_for(cro, at=NOW) == waiting_for(deputy, at=NOW) == []
    sign_as(other, second, at=NOW)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.REP}])
def test_a_delegation_ends_when_its_holder_no_longer_holds_the_role(
    cro: User, deputy: User, change: dict[str, Any]
) -> None:
    sign_as(cro, granted(cro, deputy), at=NOW)
    user_with(Role.CRO, "New Chief")
    version = sent("memo", {"text": "One"}, at=NOW)
    User.objects.filter(pk=cro.pk).update(**change)
    with pytest.raises(NotTheHolder):
        sign_as(deputy, version, "cro", at=NOW)
    assert grants_on(NOW) == []


def test_a_revoked_delegation_signs_no_more_and_what_it_signed_stays(cro: User, deputy: User) -> None:
    delegation = granted(cro, deputy)
    sign_as(cro, delegation, at=NOW)
    first, second = sent("memo", {"text": "One"}, at=NOW), sent("memo", {"text": "x"}, key="2", at=NOW)
    sign_as(deputy, first, "cro", at=NOW)
    revoke(version=delegation, role="cro", reason="Back early", by=cro, at=NOW)
    with pytest.raises(NotTheHolder):
        sign_as(deputy, second, "cro", at=NOW)
    sign_as(user_with(Role.CMO), first, at=NOW)
    assert in_force("memo", "1") == first


def test_a_delegate_who_was_switched_off_signs_nothing(cro: User, deputy: User) -> None:
    sign_as(cro, granted(cro, deputy), at=NOW)
    version = sent("memo", {"text": "One"}, at=NOW)
    User.objects.filter(pk=deputy.pk).update(is_active=False)
    with pytest.raises(NotTheHolder):
        sign_as(deputy, version, "cro", at=NOW)


def test_a_delegate_never_signs_for_two_roles(cro: User) -> None:
    cmo = user_with(Role.CMO)
    sign_as(cro, granted(cro, cmo), at=NOW)
    version = sent("memo", {"text": "One"}, at=NOW)
    sign_as(cmo, version, "cmo", at=NOW)
    with pytest.raises(OnePersonOneRole):
        sign_as(cmo, version, "cro", at=NOW)
    assert waiting_for(cmo, at=NOW) == []
    assert [grant.delegate for state in signer_roles(version, at=NOW) for grant in state.grants] == []
    sign_as(cro, version, at=NOW)


def test_the_delegate_is_asked_too_and_sees_what_waits(cro: User, deputy: User) -> None:
    delegation = granted(cro, deputy)
    sign_as(cro, delegation, at=NOW)
    version = sent("memo", {"text": "One"}, at=NOW)
    wanted = Notification.objects.filter(kind="signature-wanted", key__startswith=f"artifact:{version.pk}:")
    assert {notice.user for notice in wanted} == {cro, deputy, user_with(Role.CMO)}
    waiting = waiting_for(deputy, at=NOW)
    assert [(each.version, each.role, each.grant.version) for each in waiting if each.grant] == [
        (version, "cro", delegation)
    ]
    first = signer_roles(version, at=NOW)[0]
    assert [found.delegate for found in first.grants] == [deputy] and first.holders == [cro]


def test_the_holder_may_start_a_delegation_and_nobody_else_but_revops(cro: User, deputy: User) -> None:
    assert granted(cro, deputy, by=cro).state == "sent"
    with pytest.raises(OnlyRevOps):
        granted(cro, deputy, by=deputy)
    with pytest.raises(OnlyRevOps):
        granted(cro, deputy, by=user_with(Role.CMO))


@pytest.mark.parametrize(
    ("change", "saying"),
    [
        ({"until_on": TODAY - timedelta(days=1)}, "the last day lies before the first one"),
        ({"until_on": TODAY + timedelta(days=366)}, "366 days at most"),
        ({"from_on": TODAY - timedelta(days=9), "until_on": TODAY - timedelta(days=1)}, "last day"),
        ({"reason": " "}, "reason: write why"),
        ({"role": "chair"}, "role: choose the role"),
        ({"role": Role.FINANCE}, "Nobody active holds the role Finance"),
    ],
)
def test_a_delegation_that_makes_no_sense_is_not_sent(
    cro: User, deputy: User, change: dict[str, Any], saying: str
) -> None:
    with pytest.raises(Blocked, match=saying):
        granted(cro, deputy, **change)
    assert not ArtifactVersion.objects.exists()


def test_nobody_delegates_to_oneself_or_to_a_login_that_is_off(cro: User, deputy: User) -> None:
    with pytest.raises(Blocked, match="somebody else than the holder"):
        granted(cro, cro)
    User.objects.filter(pk=deputy.pk).update(is_active=False)
    with pytest.raises(Blocked, match="Dee Putty has no active login of that name"):
        granted(cro, deputy)


def test_whoever_holds_another_role_cannot_give_this_one_away(deputy: User) -> None:
    user_with(Role.CRO)
    with pytest.raises(Blocked, match="does not hold the role CRO today"):
        granted(user_with(Role.CMO), deputy)


def test_a_delegation_under_somebody_elses_name_is_not_sent(cro: User, deputy: User) -> None:
    content = granted(cro, deputy).content
    eve, revops = user_with(Role.REP, "Eve"), user_with(Role.REVOPS)
    forged = content | {"delegate": {"id": eve.pk, "name": "Dee Putty"}}
    version = save_draft(kind="delegation", key="x", content=forged, by=revops, at=NOW)
    with pytest.raises(Blocked, match="Dee Putty has no active login of that name"):
        send(version=version, by=revops, at=NOW)


def test_several_delegations_stand_beside_each_other(cro: User, deputy: User) -> None:
    second = user_with(Role.MARKETING)
    keys = {sign_all(granted(cro, person), at=NOW).artifact.key for person in (deputy, second)}
    assert keys == {"cro-1", "cro-2"}
    assert [found.delegate for found in grants_on(NOW)] == [deputy, second]


def test_asking_who_may_sign_costs_the_same_for_one_and_twenty_delegations(
    cro: User, django_assert_num_queries: Any
) -> None:
    for n in range(20):
        person = user_with(Role.REP, f"Rep {n}")
        sign_all(granted(cro, person), at=NOW)
        if n in (0, 19):
            with django_assert_num_queries(4):
                assert len(grants_on(NOW)) == n + 1
