"""Drafts change and shut nothing; what is sent stands, and is sent only when it can be signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alignment.artifacts.document import Document, Paragraph
from alignment.artifacts.kinds import InvalidContent, Kind, UnknownKind
from alignment.blockers import Blocked, Blocker
from alignment.models import ArtifactVersion, Notification, Role, User
from alignment.queries.artifacts import draft_of, in_force, latest
from alignment.services.artifacts import (
    ChangedMeanwhile,
    NotADraft,
    blockers_of,
    discard_draft,
    revoke,
    save_draft,
    send,
)
from alignment.services.authority import OnlyRevOps
from testing.artifacts import draft, kind_of, sent, sign_as, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


@pytest.fixture
def revops() -> User:
    return user_with(Role.REVOPS)


def save(text: str, revops: User | None, **more: Any) -> ArtifactVersion:
    return save_draft(kind="memo", key="1", content={"text": text}, by=revops, at=NOW, **more)


def codes(problem: Blocked) -> list[str]:
    return [blocker.code for blocker in problem.blockers]


def test_a_draft_is_changed_in_place_and_counts_its_revisions(revops: User) -> None:
    first = save("One", revops)
    second = save("Two", revops, expected=1, paper="us-letter")
    assert (first.pk, first.number, second.revision) == (second.pk, 1, 2)
    second.refresh_from_db()
    assert (second.content, second.paper, second.drafted_by) == ({"text": "Two"}, "us-letter", revops)


def test_a_draft_may_be_incomplete_but_is_not_sent_like_that(revops: User) -> None:
    version = save("", revops)
    with pytest.raises(Blocked, match="text: write something") as refusal:
        send(version=version, by=revops, at=NOW)
    assert codes(refusal.value) == ["content"]
    version.refresh_from_db()
    assert version.is_draft


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_two_authors_do_not_overwrite_each_other(revops: User, expected: int) -> None:
    save("One", revops)
    save("Two", revops)
    with pytest.raises(ChangedMeanwhile, match="Somebody changed this draft"):
        save("Three", revops, expected=expected)
    assert draft_of("memo", "1").content == {"text": "Two"}  # type: ignore[union-attr]


def test_a_draft_that_was_sent_meanwhile_is_not_begun_again_unasked(revops: User) -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    with pytest.raises(ChangedMeanwhile, match="sent or discarded meanwhile"):
        save("Two", revops, expected=version.revision)
    assert save("Two", revops, expected=0).number == 2


@pytest.mark.parametrize(
    ("change", "saying"),
    [
        ({"content": {"share": 0.5}}, "share: 0.5 may be rounded"),
        ({"content": {"text": "\ud800"}}, "half of a character"),
        ({"content": {"é": "1", "e\u0301": "2"}}, "two names are the same word"),
        ({"paper": "a3"}, "paper: choose one of a4, us-letter"),
        ({"key": "a/b"}, "key: use up to 60 letters"),
        ({"key": ""}, "key: use up to 60 letters"),
        ({"key": "x" * 61}, "key: use up to 60 letters"),
    ],
)
def test_what_can_never_be_signed_is_not_even_drafted(revops: User, change: Any, saying: str) -> None:
    given: dict[str, Any] = {"kind": "memo", "key": "1", "content": {"text": "One"}}
    with pytest.raises(InvalidContent, match=saying):
        save_draft(**given | change, by=revops, at=NOW)
    assert not ArtifactVersion.objects.exists()


def test_an_unknown_kind_is_refused(revops: User) -> None:
    with pytest.raises(UnknownKind):
        save_draft(kind="poem", key="1", content={}, by=revops, at=NOW)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REVOPS])
def test_only_revops_drafts_sends_and_discards(role: Role) -> None:
    version, other = draft("memo", {"text": "One"}, at=NOW), user_with(role)
    for act in (
        lambda: save("Two", other),
        lambda: send(version=version, by=other, at=NOW),
        lambda: discard_draft(version=version, by=other, at=NOW),
    ):
        with pytest.raises(OnlyRevOps):
            act()
    assert draft_of("memo", "1").content == {"text": "One"}  # type: ignore[union-attr]


def test_a_discarded_draft_leaves_its_number_and_what_was_sent_stays(revops: User) -> None:
    first = sent("memo", {"text": "One"}, at=NOW)
    second = draft("memo", {"text": "Two"}, at=NOW, rests_on=[sent("memo", {"text": "G"}, key="g", at=NOW)])
    discard_draft(version=second, by=revops, at=NOW)
    assert latest("memo", "1") == first
    with pytest.raises(NotADraft, match="discarded meanwhile"):
        send(version=second, by=revops, at=NOW)
    with pytest.raises(NotADraft, match="was sent and stays"):
        discard_draft(version=first, by=revops, at=NOW)
    assert save("Two", revops).number == 2


def test_sending_twice_or_another_revision_is_refused(revops: User) -> None:
    user_with(Role.CRO), user_with(Role.CMO)
    version = save("One", revops)
    save("Two", revops)
    with pytest.raises(ChangedMeanwhile):
        send(version=version, by=revops, at=NOW, expected=1)
    send(version=version, by=revops, at=NOW, expected=2)
    with pytest.raises(NotADraft, match="was sent already"):
        send(version=version, by=revops, at=NOW)


def test_a_role_that_nobody_holds_blocks_sending(revops: User) -> None:
    version = save("One", revops)
    cro = user_with(Role.CRO)
    user_with(Role.CMO, is_active=False)
    with pytest.raises(Blocked, match="Nobody active holds the role CMO") as refusal:
        send(version=version, by=revops, at=NOW)
    assert codes(refusal.value) == ["holder"]
    User.objects.filter(pk=cro.pk).update(role=Role.REP)
    assert [blocker.code for blocker in blockers_of(version, at=NOW)] == ["holder", "holder"]


@pytest.mark.parametrize("signers", [[], ["cro", "cro"], ["cro", "chair"]])
def test_signers_must_be_known_roles_and_each_once(revops: User, signers: list[str]) -> None:
    user_with(Role.CRO)
    version = draft("memo", {"text": "One", "signers": signers}, at=NOW)
    with pytest.raises(Blocked) as refusal:
        send(version=version, by=revops, at=NOW)
    assert codes(refusal.value) == ["signers"]


def test_a_ground_that_is_not_in_force_blocks_sending(revops: User) -> None:
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)
    version = draft("memo", {"text": "One"}, at=NOW, rests_on=[ground])
    assert blockers_of(version, at=NOW) == []
    revoke(version=ground, role=Role.CRO, reason="Wrong", by=user_with(Role.CRO), at=LATER)
    with pytest.raises(Blocked, match="Memo g, version 1 is no longer in force") as refusal:
        send(version=version, by=revops, at=LATER)
    assert codes(refusal.value) == ["ground"]


def test_a_draft_or_an_own_version_is_no_ground(revops: User) -> None:
    mine, other = signed("memo", {"text": "One"}, at=NOW), draft("memo", {"text": "G"}, key="g", at=NOW)
    with pytest.raises(InvalidContent, match="an earlier version of this very document"):
        save("Two", revops, rests_on=[mine])
    with pytest.raises(InvalidContent, match="is a draft; only what was sent"):
        save("Two", revops, rests_on=[other])


def test_grounds_follow_each_revision_of_the_draft(revops: User) -> None:
    grounds = [signed("memo", {"text": key}, key=key, at=NOW) for key in ("a", "b", "c")]
    version = save("One", revops, rests_on=grounds[:2])
    version = save("One", revops, rests_on=grounds[1:])
    assert [row.ground for row in version.foundations.order_by("ground")] == grounds[1:]


def test_a_last_day_that_is_over_blocks_sending(revops: User) -> None:
    version = draft("memo", {"text": "One", "until_on": "2026-11-22"}, at=NOW)
    user_with(Role.CRO), user_with(Role.CMO)
    with pytest.raises(Blocked, match="last day"):
        send(version=version, by=revops, at=NOW)


def test_too_many_pages_block_sending_and_say_what_overflows(revops: User) -> None:
    def render(content: Any) -> Document:
        return Document(
            "Long", blocks=tuple(Paragraph(f"Paragraph {n}. " + "word " * 120) for n in range(12))
        )

    user_with(Role.CRO), user_with(Role.CMO)
    with kind_of("long", page_limit=1, render=render):
        version = draft("long", {"text": "One"}, at=NOW)
        with pytest.raises(
            Blocked, match="The first part that does not fit: the paragraph “Paragraph "
        ) as refusal:
            send(version=version, by=revops, at=NOW)
        assert codes(refusal.value) == ["pages"]
    with kind_of("long", page_limit=3, render=render):
        assert send(version=version, by=revops, at=NOW).renditions.get().pages in (2, 3)


def test_what_the_kind_itself_says_blocks_sending(revops: User) -> None:
    def blockers(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
        return [Blocker("gate", f"Gate 0 is shut at {at:%H:%M}.")]

    user_with(Role.CRO), user_with(Role.CMO)
    with kind_of("gated", blockers=blockers):
        version = draft("gated", {"text": "One"}, at=NOW)
        with pytest.raises(Blocked, match="Gate 0 is shut at 10:00"):
            send(version=version, by=revops, at=NOW)


def test_a_change_of_content_withdraws_what_waits_and_is_unsigned(revops: User) -> None:
    first = sent("memo", {"text": "One"}, at=NOW)
    sign_as(user_with(Role.CRO), first, at=NOW)
    second = sent("memo", {"text": "Two"}, at=LATER)
    first.refresh_from_db()
    assert (first.state, first.ended_at, first.refusal.reason) == (
        "withdrawn",
        LATER,
        "Version 2 was sent in its place.",
    )
    assert second.previous_digest == first.digest and not second.signatures.exists()
    assert first.signatures.get().digest == first.digest
    assert in_force("memo", "1") is None


def test_the_product_itself_may_set_up_a_document() -> None:
    user_with(Role.CRO), user_with(Role.CMO)
    for text in ("One", "Two"):
        version = save_draft(kind="memo", key="1", content={"text": text}, by=None, at=NOW)
        send(version=version, by=None, at=NOW)
    withdrawn = ArtifactVersion.objects.get(number=1)
    assert (withdrawn.state, withdrawn.refusal.person, withdrawn.sent_by) == ("withdrawn", None, None)


def test_those_whose_turn_it_is_are_asked_to_sign() -> None:
    with kind_of("ordered", in_order=True):
        version = sent("ordered", {"text": "One"}, at=NOW)
        asked = Notification.objects.filter(kind="signature-wanted")
        assert [each.user.role for each in asked] == ["cro"]
        assert asked.get().url == f"/artifacts/ordered/1/{version.number}/"
        sign_as(user_with(Role.CRO), version, at=LATER)
        assert sorted(each.user.role for each in asked.all()) == ["cmo", "cro"]
