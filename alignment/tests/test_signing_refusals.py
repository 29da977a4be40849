"""What is no credible signature is refused, in words that say what to do; nothing is left behind by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, ChainEntry, Role, Signature, SigningChallenge, User
from alignment.queries.artifacts import in_force
from alignment.services.artifacts import (
    AlreadySigned,
    AuthenticationTooOld,
    AuthenticationTooWeak,
    ChallengeExpired,
    ChallengeUnknown,
    ChallengeUsed,
    DigestDiffers,
    GroundNotInForce,
    NotSent,
    NotTheHolder,
    NotYourTurn,
    OnePersonOneRole,
    PastItsEnd,
    Refused,
    RoleDoesNotSign,
    challenge,
    forget_challenges,
    revoke,
    withdraw,
)
from testing.artifacts import draft, kind_of, sent, sign_all, sign_as, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


@pytest.fixture
def version() -> ArtifactVersion:
    return sent("memo", {"text": "One"}, at=NOW)


@pytest.fixture
def cro(version: ArtifactVersion) -> User:
    return user_with(Role.CRO)


def refuse(problem: type[Refused], saying: str, user: User, version: ArtifactVersion, **more: Any) -> None:
    """Signing is refused in these words, and neither signature nor event nor used number is left."""
    before = (Signature.objects.count(), ChainEntry.objects.count())
    used = SigningChallenge.objects.filter(used_at__isnull=False).count()
    with pytest.raises(problem, match=saying):
        sign_as(user, version, **{"at": NOW} | more)
    assert (Signature.objects.count(), ChainEntry.objects.count()) == before
    assert SigningChallenge.objects.filter(used_at__isnull=False).count() == used


def test_another_digest_than_the_one_displayed(cro: User, version: ArtifactVersion) -> None:
    earlier = version.digest
    later = sent("memo", {"text": "Two"}, at=NOW)
    for digest in (earlier, "", later.digest.upper(), later.digest[:16]):
        refuse(DigestDiffers, "The text on your screen is not the one", cro, later, digest=digest)


def test_a_number_signs_once(cro: User, version: ArtifactVersion) -> None:
    nonce = challenge(version=version, by=cro, at=NOW)
    sign_as(cro, version, at=NOW, nonce=nonce)
    refuse(AlreadySigned, "You have signed version 1", cro, version, nonce=nonce)


def test_a_number_that_was_used_signs_nothing_more(cro: User, version: ArtifactVersion) -> None:
    nonce = challenge(version=version, by=cro, at=NOW)
    SigningChallenge.objects.update(used_at=NOW)
    refuse(ChallengeUsed, "a page signs once", cro, version, nonce=nonce)


def test_a_number_ends_after_ten_minutes(cro: User, version: ArtifactVersion) -> None:
    nonce = challenge(version=version, by=cro, at=NOW)
    late = NOW + timedelta(minutes=10, seconds=1)
    refuse(ChallengeExpired, "open for more than 10 minutes", cro, version, nonce=nonce, at=late)
    early = NOW - timedelta(seconds=1)
    refuse(ChallengeExpired, "more than 10 minutes", cro, version, nonce=nonce, at=early)
    at = NOW + timedelta(minutes=10)
    assert sign_as(cro, version, nonce=nonce, at=at).signed_at == at


def test_somebody_elses_number(cro: User, version: ArtifactVersion) -> None:
    nonce = challenge(version=version, by=user_with(Role.CMO), at=NOW)
    refuse(ChallengeUnknown, "made for another person or another version", cro, version, nonce=nonce)


def test_the_number_of_another_version(cro: User, version: ArtifactVersion) -> None:
    other = sent("memo", {"text": "One"}, key="2", at=NOW)
    nonce = challenge(version=other, by=cro, at=NOW)
    refuse(ChallengeUnknown, "another version", cro, version, nonce=nonce)


@pytest.mark.parametrize(
    "nonce", ["", "guessed", "x" * 100_000, "é\ud800"], ids=["none", "guess", "long", "half"]
)
def test_a_number_that_was_never_given(cro: User, version: ArtifactVersion, nonce: str) -> None:
    refuse(ChallengeUnknown, "Open the page again", cro, version, nonce=nonce)


def test_no_number_is_given_for_what_does_not_wait(cro: User) -> None:
    with pytest.raises(NotSent):
        challenge(version=draft("memo", {"text": "Two"}, at=NOW), by=cro, at=NOW)
    with pytest.raises(NotSent):
        challenge(version=signed("memo", {"text": "Two"}, key="2", at=NOW), by=cro, at=NOW)


@pytest.mark.parametrize("before", [timedelta(minutes=5, microseconds=1), -timedelta(seconds=1)])
def test_an_old_or_future_authentication(cro: User, version: ArtifactVersion, before: timedelta) -> None:
    refuse(AuthenticationTooOld, "at most 5 minutes before", cro, version, authenticated_at=NOW - before)


def test_an_authentication_by_nothing(cro: User, version: ArtifactVersion) -> None:
    refuse(AuthenticationTooOld, "Confirm who you are", cro, version, methods=())


def test_five_minutes_are_just_recent_enough(cro: User, version: ArtifactVersion) -> None:
    signature = sign_as(cro, version, at=NOW, authenticated_at=NOW - timedelta(minutes=5))
    assert signature.authenticated_at == NOW - timedelta(minutes=5)


def test_whoever_has_a_second_factor_uses_it(cro: User, version: ArtifactVersion) -> None:
    Authenticator.objects.create(user=cro, type=Authenticator.Type.TOTP, data={"secret": "x"})
    refuse(AuthenticationTooWeak, "second factor", cro, version)
    assert sign_as(cro, version, at=NOW, methods=("password", "totp")).methods == ["password", "totp"]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CRO, Role.CMO)])
def test_only_the_holder_of_the_role(version: ArtifactVersion, role: Role) -> None:
    refuse(
        NotTheHolder,
        "Only who holds the role CRO.*who holds one delegates it",
        user_with(role),
        version,
        role="cro",
    )
    refuse(RoleDoesNotSign, "no signature of this role", user_with(role), version, role=role)


def test_a_superuser_is_nobodys_deputy(version: ArtifactVersion) -> None:
    boss = User.objects.create_superuser("root@example.com", "x", name="Root")
    refuse(NotTheHolder, "Only who holds", boss, version, role="cro")


def test_a_login_that_was_switched_off(cro: User, version: ArtifactVersion) -> None:
    User.objects.filter(pk=cro.pk).update(is_active=False)
    refuse(NotTheHolder, "Only who holds", cro, version)


def test_a_role_that_was_taken_away(cro: User, version: ArtifactVersion) -> None:
    User.objects.filter(pk=cro.pk).update(role=Role.REP)
    refuse(NotTheHolder, "Only who holds", cro, version, role="cro")


def test_a_role_given_back_as_another_one_never_signs_twice(cro: User, version: ArtifactVersion) -> None:
    sign_as(cro, version, at=NOW)
    User.objects.filter(pk=cro.pk).update(role=Role.CMO)
    cro.refresh_from_db()
    refuse(OnePersonOneRole, "The CMO must be another person", cro, version)


def test_a_second_holder_of_a_role_that_has_signed(cro: User, version: ArtifactVersion) -> None:
    sign_as(cro, version, at=NOW)
    other = user_with(Role.CRO, "Other Chief")
    refuse(AlreadySigned, "The CRO has signed version 1", other, version)


def test_those_who_come_later_in_the_order() -> None:
    with kind_of("ordered", in_order=True):
        version = sent("ordered", {"text": "One"}, at=NOW)
        refuse(NotYourTurn, "the CRO is next", user_with(Role.CMO), version)
        sign_as(user_with(Role.CRO), version, at=NOW)
        sign_as(user_with(Role.CMO), version, at=NOW)
        assert in_force("ordered", "1") == version


def test_what_was_withdrawn(cro: User, version: ArtifactVersion) -> None:
    nonce = challenge(version=version, by=cro, at=NOW)
    withdraw(version=version, reason="Wrong", by=user_with(Role.REVOPS), at=NOW)
    refuse(NotSent, "it is withdrawn", cro, version, nonce=nonce)


def test_what_was_replaced_while_the_page_was_open(cro: User, version: ArtifactVersion) -> None:
    nonce, digest = challenge(version=version, by=cro, at=NOW), version.digest
    later = sent("memo", {"text": "Two"}, at=NOW)
    refuse(NotSent, "it is withdrawn", cro, version, nonce=nonce, digest=digest)
    refuse(DigestDiffers, "read it, and sign what you see", cro, later, nonce=nonce, digest=digest)
    refuse(ChallengeUnknown, "another version", cro, later, nonce=nonce)


def test_what_is_a_draft(cro: User) -> None:
    refuse(NotSent, "it is draft", cro, draft("memo", {"text": "Two"}, key="2", at=NOW), nonce="x")


def test_what_would_be_over_before_it_began() -> None:
    version = sent("memo", {"text": "One", "until_on": "2026-11-23"}, key="2", at=NOW)
    cro = user_with(Role.CRO)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    refuse(PastItsEnd, "last day", cro, version, at=midnight)
    assert sign_as(cro, version, at=midnight - timedelta(seconds=1)).role == "cro"


def test_what_rests_on_something_that_is_gone() -> None:
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)
    version = sent("memo", {"text": "One"}, key="2", at=NOW, rests_on=[ground])
    revoke(version=ground, role="cro", reason="Wrong", by=user_with(Role.CRO), at=NOW)
    refuse(GroundNotInForce, "rests on Memo g, version 1", user_with(Role.CRO), version)


def test_a_signature_given_stands_when_its_signer_leaves(cro: User, version: ArtifactVersion) -> None:
    sign_as(cro, version, at=NOW)
    User.objects.filter(pk=cro.pk).update(is_active=False)
    sign_as(user_with(Role.CMO), version, at=NOW)
    assert in_force("memo", "1") == version


def test_a_browser_cannot_write_control_letters_or_novels_into_a_signature(
    cro: User, version: ArtifactVersion
) -> None:
    from alignment.services.artifacts import Authentication, sign

    signature = sign(
        version=version,
        role="cro",
        displayed_digest=version.digest,
        nonce=challenge(version=version, by=cro, at=NOW),
        authentication=Authentication(NOW, ("oidc",)),
        ip=None,
        user_agent="\x00\n\u202eagent" + "x" * 1000,
        by=cro,
        at=NOW,
    )
    assert signature.user_agent.startswith("agentx") and len(signature.user_agent) == 400
    assert signature.ip is None


def test_numbers_are_forgotten_after_a_day(cro: User, version: ArtifactVersion) -> None:
    challenge(version=version, by=cro, at=NOW)
    sign_all(version, at=NOW)
    assert forget_challenges(at=NOW + timedelta(hours=23)) == 0
    challenge(version=sent("memo", {"text": "x"}, key="2", at=NOW), by=cro, at=NOW + timedelta(hours=24))
    assert forget_challenges(at=NOW + timedelta(hours=25)) == 3
    assert SigningChallenge.objects.count() == 1
