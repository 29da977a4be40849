"""Two at once: who edits against who signs, two signers, one signer twice; each way round gives one clean order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, ChainEntry, Role, Signature, User
from alignment.queries.artifacts import in_force
from alignment.services.artifacts import (
    Authentication,
    NotSent,
    NotTheHolder,
    Refused,
    challenge,
    decline,
    revoke,
    save_draft,
    send,
    sign,
    withdraw,
)
from alignment.services.delegations import grant
from alignment.services.people import deactivate_user
from testing.artifacts import draft, kind_of, sent, sign_as, signed, user_with
from testing.at_once import at_once
from testing.canonical import digest_of

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


def signing(user: User, version: ArtifactVersion, role: str | None = None) -> Callable[[], Signature]:
    """Everything that a page has gathered by the time of the click; what is left is the click."""
    nonce, digest = challenge(version=version, by=user, at=NOW), version.digest
    return lambda: sign(
        version=version,
        role=role or user.role,
        displayed_digest=digest,
        nonce=nonce,
        authentication=Authentication(NOW, ("password",)),
        ip=None,
        user_agent="",
        by=user,
        at=NOW,
    )


@pytest.fixture
def rounds(examples: Callable[[int, int], int]) -> int:
    """How often two meet."""
    return examples(4, 15)


def test_a_change_against_a_signature_leaves_one_of_both(examples: Callable[[int, int], int]) -> None:
    revops, cro = user_with(Role.REVOPS), user_with(Role.CRO)
    won = {"signed": 0, "refused": 0}
    for n in range(examples(16, 200)):
        key = f"k{n}"
        shown = sent("memo", {"text": "Shown", "signers": ["cro"]}, key=key, at=NOW)
        changed = draft("memo", {"text": "Changed", "signers": ["cro"]}, key=key, at=NOW)
        acts = [signing(cro, shown), lambda version=changed: send(version=version, by=revops, at=NOW)]
        signature, after = at_once(*(acts if n % 2 else reversed(acts)))[:: 1 if n % 2 else -1]
        assert isinstance(after, ArtifactVersion)
        shown.refresh_from_db()
        if isinstance(signature, Signature):
            won["signed"] += 1
            assert (shown.state, in_force("memo", key)) == ("in_force", shown)
        else:
            won["refused"] += 1
            assert isinstance(signature, NotSent)
            assert (shown.state, in_force("memo", key)) == ("withdrawn", None)
        for found in Signature.objects.filter(version__artifact__key=key).select_related("version"):
            envelope = json.loads(found.version.envelope)
            assert found.digest == shown.digest == digest_of(envelope)
            assert envelope["content"]["text"] == "Shown"
        after.refresh_from_db()
        assert after.state == "sent" and after.previous_digest == shown.digest
    assert sum(won.values()) == examples(16, 200)


def test_two_signers_at_once_bring_it_into_force_once(rounds: int) -> None:
    people = [user_with(Role.CRO), user_with(Role.CMO), user_with(Role.FINANCE)]
    for n in range(rounds):
        signers = ["cro", "cmo", "finance"]
        version = sent("memo", {"text": "One", "signers": signers}, key=f"k{n}", at=NOW)
        found = at_once(*(signing(person, version) for person in people))
        assert all(isinstance(each, Signature) for each in found), found
        assert in_force("memo", f"k{n}") == version
        kinds = list(ChainEntry.objects.filter(version=version).values_list("kind", flat=True))
        assert kinds == ["sent", "rendered", "signed", "signed", "signed", "in_force", "rendered"]


def test_two_holders_of_the_last_role_sign_once(rounds: int) -> None:
    first, second = user_with(Role.CRO), user_with(Role.CRO, "Other Chief")
    for n in range(rounds):
        version = sent("memo", {"text": "One", "signers": ["cro"]}, key=f"k{n}", at=NOW)
        found = at_once(signing(first, version), signing(second, version))
        assert sorted(type(each).__name__ for each in found) == ["AlreadySigned", "Signature"]
        assert version.signatures.count() == 1


def test_a_double_click_signs_once(rounds: int) -> None:
    cro = user_with(Role.CRO)
    for n in range(rounds):
        version = sent("memo", {"text": "One"}, key=f"k{n}", at=NOW)
        click = signing(cro, version)
        found = at_once(click, click, signing(cro, version))
        assert sorted(type(each).__name__ for each in found) == [
            "AlreadySigned",
            "AlreadySigned",
            "Signature",
        ]


def test_signing_against_declining_and_withdrawing_leaves_one(rounds: int) -> None:
    revops, cro, cmo = user_with(Role.REVOPS), user_with(Role.CRO), user_with(Role.CMO)
    for n in range(rounds):
        version = sent("memo", {"text": "One"}, key=f"k{n}", at=NOW)
        sign_as(cro, version, at=NOW)
        acts: list[Callable[[], Any]] = [
            signing(cmo, version),
            lambda version=version: decline(version=version, role="cmo", reason="No", by=cmo, at=NOW),
            lambda version=version: withdraw(version=version, reason="No", by=revops, at=NOW),
        ]
        found = at_once(*acts)
        assert sum(not isinstance(each, Refused) for each in found) == 1, found
        version.refresh_from_db()
        done = [not isinstance(each, Refused) for each in found].index(True)
        assert version.state == ("in_force", "declined", "withdrawn")[done]


def test_whoever_is_switched_off_at_the_same_time_signs_before_or_not_at_all(rounds: int) -> None:
    revops, cmo = user_with(Role.REVOPS), user_with(Role.CMO)
    for n in range(rounds):
        cro = user_with(Role.CRO, f"Chief {n}")
        version = sent("memo", {"text": "One", "signers": ["cro"]}, key=f"k{n}", at=NOW)
        found = at_once(signing(cro, version), lambda cro=cro: deactivate_user(user=cro, by=revops, at=NOW))
        assert isinstance(found[0], Signature | NotTheHolder)
        with pytest.raises(NotTheHolder):
            signing(cro, sent("memo", {"text": "x"}, key=f"later{n}", at=NOW))()
    assert cmo.is_active


def test_a_delegate_against_the_revocation_of_the_grant(rounds: int) -> None:
    cro, deputy, revops = user_with(Role.CRO), user_with(Role.REP, "Dee Putty"), user_with(Role.REVOPS)
    for n in range(rounds):
        days: dict[str, Any] = {"from_on": NOW.date(), "until_on": NOW.date() + timedelta(days=3)}
        delegation = grant(role="cro", holder=cro, delegate=deputy, **days, reason="Leave", by=revops, at=NOW)
        sign_as(cro, delegation, at=NOW)
        version = sent("memo", {"text": "One", "signers": ["cro"]}, key=f"k{n}", at=NOW)
        signature, _ = at_once(
            signing(deputy, version, "cro"),
            lambda delegation=delegation: revoke(
                version=delegation, role="cro", reason="Back", by=cro, at=NOW
            ),
        )
        kinds = list(
            ChainEntry.objects.filter(version__in=[delegation, version], kind__in=["signed", "revoked"])
            .order_by("sequence")
            .values_list("kind", "version")
        )
        if isinstance(signature, Signature):
            assert kinds[1:] == [("signed", version.pk), ("revoked", delegation.pk)]
        else:
            assert isinstance(signature, NotTheHolder) and kinds[1:] == [("revoked", delegation.pk)]


def test_two_authors_at_once_make_one_draft_and_one_is_told(rounds: int) -> None:
    revops = user_with(Role.REVOPS)
    for n in range(rounds):
        acts = [
            lambda text=text, n=n: save_draft(
                kind="memo", key=f"k{n}", content={"text": text}, expected=0, by=revops, at=NOW
            )
            for text in ("One", "Two")
        ]
        found = at_once(*acts)
        assert sorted(type(each).__name__ for each in found) == ["ArtifactVersion", "ChangedMeanwhile"]
        assert ArtifactVersion.objects.filter(artifact__key=f"k{n}").count() == 1


def test_sending_twice_at_once_sends_once(rounds: int) -> None:
    revops = user_with(Role.REVOPS)
    user_with(Role.CRO), user_with(Role.CMO)
    for n in range(rounds):
        version = draft("memo", {"text": "One"}, key=f"k{n}", at=NOW)
        found = at_once(*[lambda version=version: send(version=version, by=revops, at=NOW)] * 3)
        assert sorted(type(each).__name__ for each in found) == ["ArtifactVersion", "NotADraft", "NotADraft"]
        assert ChainEntry.objects.filter(version=version, kind="sent").count() == 1


def test_successors_and_what_rests_on_each_other_never_wait_in_a_circle(rounds: int) -> None:
    """Different documents at once: those that supersede, and those that rest on what is superseded."""
    cro = user_with(Role.CRO)
    ground = signed("memo", {"text": "Ground", "signers": ["cro"]}, key="g", at=NOW)
    for n in range(rounds):
        resting = sent("memo", {"text": f"{n}", "signers": ["cro"]}, key=f"k{n}", at=NOW, rests_on=[ground])
        successor = sent("memo", {"text": f"Ground {n}", "signers": ["cro"]}, key="g", at=NOW)
        others = [sent("memo", {"text": "x", "signers": ["cro"]}, key=f"o{n}{i}", at=NOW) for i in range(2)]
        found = at_once(*(signing(cro, version) for version in (resting, successor, *others)))
        assert all(isinstance(each, Signature) for each in found[1:]), found
        assert in_force("memo", "g") == successor
        ground = successor
