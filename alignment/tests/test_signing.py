"""Signing: who may, under what, and what follows from the last signature."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pypdf
import pytest

from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, ChainEntry, Organisation, Role
from alignment.queries.artifacts import in_force, signer_roles, waiting_for
from testing.artifacts import draft, kind_of, sent, sign_all, sign_as, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


def test_the_last_signature_brings_a_version_into_force() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    cro, cmo = user_with(Role.CRO), user_with(Role.CMO)
    sign_as(cro, version, at=LATER)
    assert in_force("memo", "1") is None
    sign_as(cmo, version, at=LATER)
    now_in_force = in_force("memo", "1")
    assert now_in_force == version and now_in_force.signed_at == LATER


def test_a_draft_shuts_nothing_and_its_signatures_supersede() -> None:
    first = signed("memo", {"text": "One"}, at=NOW)
    second = draft("memo", {"text": "Two"}, at=NOW)
    assert in_force("memo", "1") == first
    second = sent("memo", {"text": "Two"}, at=NOW)
    assert in_force("memo", "1") == first
    sign_all(second, at=LATER)
    first.refresh_from_db()
    assert in_force("memo", "1") == second
    assert (first.state, first.ended_at) == ("superseded", LATER)
    assert second.previous_digest == first.digest


def test_the_envelope_holds_all_that_is_signed() -> None:
    ground = signed("memo", {"text": "Ground"}, key="ground", at=NOW)
    version = sent("memo", {"text": "Cafe\u0301", "until_on": "2026-12-24"}, at=NOW, rests_on=[ground])
    assert hashlib.sha256(version.envelope.encode()).hexdigest() == version.digest
    assert json.loads(version.envelope) == {
        "schema": 1,
        "organisation": "Our company",
        "kind": "memo",
        "key": "1",
        "label": "Memo",
        "version": 1,
        "previous": "",
        "rests_on": [{"kind": "memo", "key": "ground", "version": 1, "digest": ground.digest}],
        "paper": "a4",
        "signers": ["cro", "cmo"],
        "in_order": False,
        "statement": "I agree with this memo.",
        "page_limit": None,
        "content_schema": 1,
        "content": {"text": "Caf\u00e9", "until_on": "2026-12-24"},
        "expires_on": "2026-12-24",
    }


def test_each_act_is_an_event_of_the_chain() -> None:
    signed("memo", {"text": "One"}, at=NOW)
    second = signed("memo", {"text": "Two"}, at=LATER)
    assert list(ChainEntry.objects.filter(version=second).values_list("kind", flat=True)) == [
        "sent",
        "rendered",
        "signed",
        "signed",
        "in_force",
        "rendered",
    ]
    assert ChainEntry.objects.filter(kind="superseded").count() == 1


def test_a_signature_keeps_the_person_as_they_were() -> None:
    cro = user_with(Role.CRO, title="Chief Revenue Officer")
    version = sent("memo", {"text": "One"}, at=NOW)
    signature = sign_as(cro, version, at=LATER, methods=("password", "totp"))
    before = ChainEntry.objects.get(kind="signed").event
    cro.name, cro.title, cro.email, cro.role = "Other", "Other", "other@example.com", Role.FINANCE
    cro.save()
    signature.refresh_from_db()
    assert (signature.name, signature.title, signature.email, signature.own_role) == (
        "The CRO",
        "Chief Revenue Officer",
        "the.cro.cro@example.com",
        "cro",
    )
    assert signature.methods == ["password", "totp"] and signature.ip == "192.0.2.7"
    assert ChainEntry.objects.get(kind="signed").event == before


def test_what_waits_for_a_person_is_gone_once_signed() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    cro = user_with(Role.CRO)
    assert [(each.version, each.role) for each in waiting_for(cro, at=NOW)] == [(version, "cro")]
    sign_as(cro, version, at=LATER)
    assert waiting_for(cro, at=LATER) == []
    assert [(state.role, state.is_turn, bool(state.signature)) for state in signer_roles(version)] == [
        ("cro", False, True),
        ("cmo", True, False),
    ]
    assert waiting_for(user_with(Role.REVOPS), at=LATER) == []


def test_a_rendition_is_made_at_sending_and_when_all_have_signed() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    assert [each.is_signed for each in version.renditions.all()] == [False]
    sign_all(version, at=LATER)
    made = version.renditions.get(is_signed=True)
    assert bytes(made.pdf).startswith(b"%PDF") and made.pages == 1
    assert json.loads(ChainEntry.objects.filter(kind="rendered").last().event)["sha256"] == made.sha256  # type: ignore[union-attr]
    assert ArtifactVersion.objects.get().state == "in_force"


def test_the_signed_pdf_says_the_sentence_and_the_organisation_that_were_signed() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    Organisation.objects.update(name="Renamed since")
    with kind_of(statement="Another release asks for another sentence."):
        sign_all(version, at=LATER)
    pdf = bytes(version.renditions.get(is_signed=True).pdf)
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "I agree with this memo." in text and "Another release" not in text
    assert "Renamed since" not in text
