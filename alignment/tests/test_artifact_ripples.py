"""What a new version does to what rests on the one before, and taking up again what came to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from alignment.models import ArtifactVersion, Notification, Program, Role
from alignment.queries.artifact_ripples import carried_by, refused_without_successor, to_renew
from alignment.services.artifacts import decline, revoke, send
from alignment.tests.artifact_pages import pact, path_of, said
from alignment.tests.pages import signed_in
from testing.artifacts import draft, sent, sign_as, signed, user_with
from testing.world import NOW

TEXT = {"text": "One text"}


@pytest.fixture(autouse=True)
def now(db: None) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as now, pact(restarts=True, loses="gate 9 shuts"):
        yield now


def read(role: Role, version: ArtifactVersion) -> str:
    answer = signed_in(user_with(role)).get(path_of(version))
    assert answer.status_code == 200
    return said(answer)


def of_program(number: int, *, is_closed: bool) -> Program:
    return Program.objects.create(
        number=number,
        name=f"Program {number}",
        starts_on=NOW.date(),
        opened_at=NOW,
        closed_at=NOW if is_closed else None,
    )


def test_a_draft_and_what_is_sent_tell_what_rests_on_the_version_they_replace() -> None:
    ground = signed("memo", TEXT, at=NOW)
    on_it = signed("pact", TEXT, at=NOW, rests_on=[ground])
    successor = draft("memo", {"text": "Other"}, at=NOW)
    sentence = "Pact 1, version 1 rests on version 1: when this is signed, gate 9 shuts."
    assert sentence in read(Role.REVOPS, successor)
    send(version=successor, by=user_with(Role.REVOPS), at=NOW)
    successor.refresh_from_db()
    assert sentence in read(Role.CRO, successor)
    assert [each.version for each in carried_by(successor)] == [on_it]
    # once signed, the page of what rested on it is what asks to be renewed
    assert to_renew(at=NOW) == []
    for role in (Role.CRO, Role.CMO):
        sign_as(user_with(role), successor, at=NOW)
    assert to_renew(at=NOW) == [on_it]
    sent("pact", {"text": "Anew"}, at=NOW, rests_on=[ArtifactVersion.objects.get(pk=successor.pk)])
    assert to_renew(at=NOW) == []


def test_what_waits_for_signatures_and_would_lose_its_ground_is_told_too() -> None:
    ground = signed("memo", TEXT, at=NOW)
    sent("pact", TEXT, at=NOW, rests_on=[ground])
    page = read(Role.REVOPS, draft("memo", {"text": "Other"}, at=NOW))
    assert "it can no longer be signed and has to be sent anew" in page


def test_a_first_version_shuts_nothing() -> None:
    first = draft("memo", TEXT, at=NOW)
    assert carried_by(first) == [] and "rests on version" not in read(Role.REVOPS, first)


def test_nobody_is_asked_to_renew_what_belongs_to_a_closed_program() -> None:
    of_program(1, is_closed=True)
    with pact(program=lambda key: int(key)):
        ground = signed("memo", TEXT, at=NOW)
        old = signed("pact", TEXT, at=NOW, rests_on=[ground])
        newer = draft("memo", {"text": "Other"}, at=NOW)
        assert carried_by(newer) == []
        signed("memo", {"text": "Other"}, at=NOW)
        assert to_renew(at=NOW) == []
        assert not Notification.objects.filter(kind="stale-ground").exists()
        page = read(Role.CRO, old)
        assert "Of a closed program" in page and "nobody has to renew it" in page
        assert "It rests on what is not in force" not in page
        listed = said(signed_in(user_with(Role.CRO)).get("/artifacts/"))
        assert "Of a closed program" in listed


def test_what_a_signer_revoked_waits_for_its_next_version() -> None:
    gone = signed("pact", TEXT, at=NOW)
    cro = user_with(Role.CRO)
    revoke(version=gone, role="cro", reason="It is no longer so", by=cro, at=NOW)
    gone.refresh_from_db()
    assert refused_without_successor() == [gone]
    draft("pact", {"text": "Anew"}, at=NOW)
    assert refused_without_successor() == []


def test_a_draft_starts_from_what_was_declined_once_nothing_newer_is_there() -> None:
    ground = signed("memo", TEXT, at=NOW)
    refused = sent("pact", {"text": "Nearly right"}, at=NOW, rests_on=[ground])
    decline(version=refused, role="cro", reason="One word is wrong", by=user_with(Role.CRO), at=NOW)
    refused.refresh_from_db()
    assert refused_without_successor() == [refused]
    revops = signed_in(user_with(Role.REVOPS))
    assert "Start from version 1 (declined)" in said(revops.get(path_of(refused)))
    assert "Start from version" not in read(Role.CMO, refused)
    newer = signed("memo", {"text": "Newer ground"}, at=NOW)
    answer = revops.post(path_of(refused, "restart/"))
    assert answer.status_code == 302 and answer.headers["Location"] == "/settings/"
    begun = ArtifactVersion.objects.get(artifact=refused.artifact, number=2)
    assert begun.is_draft and begun.content == refused.content and list(begun.rests_on.all()) == [newer]
    assert refused_without_successor() == []
    assert "Start from version" not in said(revops.get(path_of(refused)))
    again = revops.post(path_of(refused, "restart/"))
    assert again.status_code == 409 and "There is a draft of this document already" in said(again)


def test_what_is_in_force_is_not_started_from() -> None:
    version = signed("pact", TEXT, at=NOW)
    answer = signed_in(user_with(Role.REVOPS)).post(path_of(version, "restart/"))
    assert answer.status_code == 409 and "only what was declined or withdrawn" in said(answer)


def test_sending_says_that_it_withdraws_the_version_that_waits() -> None:
    sent("pact", TEXT, at=NOW)
    page = read(Role.REVOPS, draft("pact", {"text": "Better"}, at=NOW))
    assert "Send for signature and withdraw version 1" in page
    assert "Version 1 still waits for signatures. Sending this one withdraws it" in page
    assert "withdraw version" not in read(Role.REVOPS, draft("pact", TEXT, key="2", at=NOW))


def test_after_signing_the_next_document_that_waits_is_offered() -> None:
    first = sent("pact", {"text": "x", "title": "First pact"}, at=NOW)
    assert "Next:" not in read(Role.CRO, first)
    sent("pact", {"text": "y", "title": "Second pact"}, key="2", at=NOW)
    sign_as(user_with(Role.CRO), first, at=NOW)
    page = read(Role.CRO, first)
    assert "Next: Pact 2, version 1 waits for your signature." in page
    assert "Next:" not in read(Role.CMO, first)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.REVOPS, 200), (Role.CRO, 200), (Role.CMO, 200), (Role.MARKETING, 403)]
)
def test_bundles_are_for_signers_and_revops_alone(role: Role, status: int) -> None:
    version = signed("pact", TEXT, at=NOW)
    client = signed_in(user_with(role))
    page = client.get(path_of(version)).content.decode()
    assert ("/bundle/" in page) is (status == 200) and "/pdf/" in page
    answer = client.get(path_of(version, "bundle/"))
    assert answer.status_code in ({200, 409} if status == 200 else {403})  # 409: not sealed yet


def test_who_is_asked_to_sign_reads_who_sent_it_what_changed_and_what_follows() -> None:
    signed("pact", TEXT, at=NOW)
    version = sent("pact", {"text": "Another text"}, at=NOW)
    told = Notification.objects.get(key=f"artifact:{version.pk}:wanted:cro")
    assert "The RevOps sent it. 1 change since version 1, which was signed last." in told.text
    assert "When it is signed: Both functions count by it from that moment." in told.text
