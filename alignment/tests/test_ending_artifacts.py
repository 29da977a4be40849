"""Declining, withdrawing, revoking, expiring: each with its reason or its day, and what it leaves as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, ChainEntry, Notification, Organisation, Role, User
from alignment.queries.artifacts import in_force, stale_grounds
from alignment.services.artifacts import (
    AlreadySigned,
    NotInForce,
    NotSent,
    NotTheHolder,
    ReasonMissing,
    RoleDoesNotSign,
    decline,
    expire,
    revoke,
    withdraw,
)
from alignment.services.authority import OnlyRevOps
from testing.artifacts import draft, kind_of, sent, sign_all, sign_as, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
pytestmark = pytest.mark.django_db
changed: list[tuple[int, str]] = []


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    changed.clear()

    def note(version: ArtifactVersion, *, at: datetime) -> None:
        changed.append((version.number, version.state))

    with kind_of(on_change=(note,)) as kind:
        yield kind


def told(kind: str) -> list[str]:
    return sorted(notice.user.role for notice in Notification.objects.filter(kind=kind))


def test_a_decline_ends_the_version_and_leaves_the_one_in_force() -> None:
    first = signed("memo", {"text": "One"}, at=NOW)
    second = sent("memo", {"text": "Two"}, at=NOW)
    decline(version=second, role="cmo", reason=" Too  short ", by=user_with(Role.CMO), at=LATER)
    second.refresh_from_db()
    assert (second.state, second.ended_at, second.refusal.reason) == ("declined", LATER, "Too  short")
    assert in_force("memo", "1") == first
    assert told("declined") == ["cro", "revops"]
    with pytest.raises(NotSent, match="it is declined"):
        sign_as(user_with(Role.CRO), second, at=LATER, nonce="x")


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001, "a\0b", "\ud800"])
def test_no_refusal_goes_without_a_readable_reason(reason: str) -> None:
    cro, revops = user_with(Role.CRO), user_with(Role.REVOPS)
    waiting, other = sent("memo", {"text": "One"}, at=NOW), signed("memo", {"text": "One"}, key="2", at=NOW)
    for act in (
        lambda: decline(version=waiting, role="cro", reason=reason, by=cro, at=NOW),
        lambda: withdraw(version=waiting, reason=reason, by=revops, at=NOW),
        lambda: revoke(version=other, role="cro", reason=reason, by=cro, at=NOW),
    ):
        with pytest.raises(ReasonMissing):
            act()
    waiting.refresh_from_db()
    assert waiting.state == "sent" and in_force("memo", "2") == other


def test_only_those_who_may_sign_decline_and_only_before_they_signed() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    cro = user_with(Role.CRO)
    with pytest.raises(NotTheHolder):
        decline(version=version, role="cro", reason="No", by=user_with(Role.REVOPS), at=NOW)
    with pytest.raises(NotTheHolder):
        decline(version=version, role="cro", reason="No", by=user_with(Role.CMO), at=NOW)
    with pytest.raises(RoleDoesNotSign):
        decline(version=version, role="finance", reason="No", by=user_with(Role.FINANCE), at=NOW)
    sign_as(cro, version, at=NOW)
    with pytest.raises(AlreadySigned, match="Ask RevOps to withdraw"):
        decline(version=version, role="cro", reason="No", by=cro, at=NOW)
    User.objects.filter(role=Role.CMO).update(is_active=False)
    with pytest.raises(NotTheHolder):
        decline(version=version, role="cmo", reason="No", by=User.objects.get(role=Role.CMO), at=NOW)


def test_revops_withdraws_what_waits_and_nothing_else() -> None:
    version, revops = sent("memo", {"text": "One"}, at=NOW), user_with(Role.REVOPS)
    with pytest.raises(OnlyRevOps):
        withdraw(version=version, reason="Wrong", by=user_with(Role.CRO), at=NOW)
    withdraw(version=version, reason="Wrong number", by=revops, at=LATER)
    version.refresh_from_db()
    assert (version.state, version.refusal.person, version.refusal.name) == (
        "withdrawn",
        revops,
        "The RevOps",
    )
    assert told("withdrawn") == ["cmo", "cro"]
    for other in (
        version,
        draft("memo", {"text": "Two"}, at=NOW),
        signed("memo", {"text": "x"}, key="2", at=NOW),
    ):
        with pytest.raises(NotSent):
            withdraw(version=other, reason="Wrong", by=revops, at=NOW)


def test_a_revocation_ends_force_and_unsigns_nothing() -> None:
    first = signed("memo", {"text": "One"}, at=NOW)
    second = signed("memo", {"text": "Two"}, at=LATER)
    revoke(version=second, role="cmo", reason="Not any more", by=user_with(Role.CMO), at=LATER)
    second.refresh_from_db()
    first.refresh_from_db()
    assert (second.state, first.state, in_force("memo", "1")) == ("revoked", "superseded", None)
    assert second.signatures.count() == 2 and second.signed_at == LATER
    assert told("revoked") == ["cro", "revops"]
    with pytest.raises(NotInForce):
        revoke(version=second, role="cmo", reason="Again", by=user_with(Role.CMO), at=LATER)


def test_the_signer_of_then_or_the_holder_of_now_may_revoke_and_nobody_else() -> None:
    version = signed("memo", {"text": "One"}, at=NOW)
    cro, revops = user_with(Role.CRO), user_with(Role.REVOPS)
    for role, person in (("cro", revops), ("cmo", cro), ("revops", revops)):
        with pytest.raises((NotTheHolder, RoleDoesNotSign)):
            revoke(version=version, role=role, reason="No", by=person, at=LATER)
    User.objects.filter(pk=cro.pk).update(is_active=False)
    with pytest.raises(NotTheHolder):
        revoke(version=version, role="cro", reason="No", by=cro, at=LATER)
    successor = user_with(Role.CRO, "New Chief")
    assert revoke(version=version, role="cro", reason="No", by=successor, at=LATER).name == "New Chief"


def test_who_signed_may_revoke_after_changing_jobs() -> None:
    version = signed("memo", {"text": "One"}, at=NOW)
    cro = user_with(Role.CRO)
    User.objects.filter(pk=cro.pk).update(role=Role.FINANCE)
    assert revoke(version=version, role="cro", reason="Misled", by=cro, at=LATER).person == cro


def test_a_version_ends_after_its_last_day_in_the_organisations_zone() -> None:
    Organisation.objects.update_or_create(pk=1, defaults={"zone": "America/New_York"})
    version = signed("memo", {"text": "One", "until_on": "2026-11-24"}, at=NOW)
    end = datetime(2026, 11, 25, 5, tzinfo=UTC)
    assert version.expires_at == end
    assert expire(at=end - timedelta(seconds=1)) == 0 and in_force("memo", "1") == version
    assert in_force("memo", "1", at=end) is None
    assert (expire(at=end), expire(at=end)) == (1, 0)
    version.refresh_from_db()
    assert (version.state, version.ended_at, in_force("memo", "1")) == ("expired", end, None)
    assert told("expired") == ["cmo", "cro", "revops"]


def test_one_version_that_cannot_expire_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail(version: ArtifactVersion, *, at: datetime) -> None:
        if version.state == "expired":
            raise RuntimeError("no")

    with kind_of("stubborn", on_change=(fail,)):
        first = signed("stubborn", {"text": "One", "until_on": "2026-11-23"}, at=NOW)
        second = signed("memo", {"text": "One", "until_on": "2026-11-23"}, at=NOW)
        assert expire(at=NOW + timedelta(days=1)) == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("in_force", "expired")
    assert "could not be expired" in caplog.text


def test_what_a_kind_registered_is_called_at_each_change_of_force() -> None:
    signed("memo", {"text": "One"}, at=NOW)
    second = sent("memo", {"text": "Two"}, at=NOW)
    assert changed == [(1, "in_force")]
    sign_all(second, at=NOW)
    assert changed[1:] == [(1, "superseded"), (2, "in_force")]
    revoke(version=second, role="cro", reason="No", by=user_with(Role.CRO), at=LATER)
    third = signed("memo", {"text": "Three", "until_on": "2026-11-24"}, at=LATER)
    expire(at=LATER + timedelta(days=2))
    assert changed[3:] == [(2, "revoked"), (third.number, "in_force"), (third.number, "expired")]
    decline(
        version=sent("memo", {"text": "Four"}, at=LATER),
        role="cro",
        reason="No",
        by=user_with(Role.CRO),
        at=LATER,
    )
    assert len(changed) == 6


def test_a_hook_that_fails_undoes_the_last_signature() -> None:
    def fail(version: ArtifactVersion, *, at: datetime) -> None:
        raise RuntimeError("the hook says no")

    with kind_of("hooked", on_change=(fail,)):
        version = sent("hooked", {"text": "One"}, at=NOW)
        sign_as(user_with(Role.CRO), version, at=NOW)
        entries = ChainEntry.objects.count()
        with pytest.raises(RuntimeError, match="the hook says no"):
            sign_as(user_with(Role.CMO), version, at=NOW)
    version.refresh_from_db()
    assert version.state == "sent" and version.signatures.count() == 1
    assert ChainEntry.objects.count() == entries


def test_what_rests_on_a_superseded_version_is_stale_and_revops_is_told() -> None:
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)
    version = signed("memo", {"text": "One"}, at=NOW, rests_on=[ground])
    assert stale_grounds(version, at=NOW) == []
    signed("memo", {"text": "Ground, amended"}, key="g", at=LATER)
    assert [row.ground for row in stale_grounds(version, at=LATER)] == [ground]
    assert in_force("memo", "1") == version
    notice = Notification.objects.get(kind="stale-ground")
    assert notice.user.role == "revops" and notice.subject.startswith("Memo 1, version 1 rests on")
