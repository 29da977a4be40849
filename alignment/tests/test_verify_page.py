"""The public page for verifying: anybody enters a digest or gives a file, and reads what this server knows of it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from alignment.artifacts.canonical import canonical, digest
from alignment.models import ArtifactVersion, Role
from alignment.queries.bundles import files_of, packed
from alignment.queries.verification import LARGEST_UPLOAD
from alignment.services.artifacts import decline, revoke
from alignment.tests.artifact_pages import path_of, said
from alignment.tests.pages import signed_in
from alignment.tests.sealing import DAY, HOUR, NOON, memos, seal, send
from testing.artifacts import draft, sent, sign_all, user_with

__all__ = ["memos"]
PATH = "/verify/"


@pytest.fixture
def version(memos: None) -> ArtifactVersion:
    made = send()
    seal(made, at=NOON + HOUR)
    made.refresh_from_db()
    return made


def give(content: bytes, name: str = "file") -> Any:
    return Client().post(PATH, {"file": SimpleUploadedFile(name, content)})


def test_nobody_has_to_sign_in_and_nothing_is_kept(memos: None) -> None:
    client = Client()
    answer = client.get(PATH)
    assert answer.status_code == 200 and "Verify a signed document" in said(answer)
    assert set(client.cookies) <= {"csrftoken"}


def test_a_digest_tells_who_signed_and_what_is_in_force(version: ArtifactVersion) -> None:
    for answer in (
        Client().get(PATH, {"digest": version.digest}),
        Client().post(PATH, {"digest": f" {version.digest[:8].upper()} {version.digest[8:16]}"}),
    ):
        words = said(answer)
        assert answer.status_code == 200
        assert "Genuine" in words and "Memo, version 1" in words and "In force since" in words
        assert version.digest in words and "by head" in words
        assert (
            "The CRO" not in words and "2. Who signed is told to whoever gives the document itself" in words
        )
    revoke(version=version, role="cro", reason="Secret", by=user_with(Role.CRO), at=NOON + 2 * HOUR)
    words = said(Client().get(PATH, {"digest": version.digest}))
    assert "Revoked since" in words and "Secret" not in words and "Genuine, but not in force" in words


def test_names_are_told_to_whoever_may_read_the_document_here(version: ArtifactVersion) -> None:
    asked = {"digest": version.digest}
    words = said(signed_in(user_with(Role.CRO)).get(PATH, asked))
    assert "Memo a, version 1" in words and "The CRO, Chief, Zürich" in words
    for role in (Role.REP, Role.BOARD_VIEWER):
        assert "The CRO" not in said(signed_in(user_with(role)).get(PATH, asked)), role
    assert "The CRO, Chief, Zürich" in said(give(version.envelope.encode()))


def test_what_nobody_signed_is_never_called_genuine(memos: None) -> None:
    version = send()
    words = said(give(version.envelope.encode()))
    assert "Known, but not signed" in words and "waiting for signatures" in words and "Genuine" not in words
    assert "what waits for signatures is sealed once a day" in words
    decline(version=version, role="cro", reason="No.", by=user_with(Role.CRO), at=NOON)
    words = said(Client().get(PATH, {"digest": version.digest}))
    assert "Known, but not signed" in words and "declined" in words and "Genuine" not in words
    assert "seals within the hour" in words
    assert "Known" not in said(give(json.dumps(version.content).encode()))


def test_another_verifier_in_a_bundle_is_warned_of(version: ArtifactVersion) -> None:
    files = {**files_of(version), "verify.py": b"import os"}
    listed = {name: digest(raw) for name, raw in files.items() if name != "manifest.json"}
    words = said(give(packed({**files, "manifest.json": canonical({"files": listed})})))
    assert "Genuine" in words and "verify.py in it is not the one of this server: do not run it" in words


def test_the_pdf_and_the_bundle_of_the_page_are_known(version: ArtifactVersion) -> None:
    client = signed_in(user_with(Role.CRO))
    pdf = client.get(path_of(version, "pdf/")).content
    bundle = client.get(path_of(version, "bundle/"))
    assert bundle["Content-Disposition"] == 'attachment; filename="memo-a-v1.zip"'
    assert "verify.py" in zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()
    for content, name in ((pdf, "the signed PDF"), (bundle.content, "a bundle")):
        words = said(give(content))
        assert "Genuine" in words and name in words


def test_a_changed_byte_is_found(version: ArtifactVersion) -> None:
    client = signed_in(user_with(Role.CRO))
    pdf = client.get(path_of(version, "pdf/")).content
    assert "Not known here" in said(give(pdf[:-9] + b"X" + pdf[-8:]))
    made = zipfile.ZipFile(io.BytesIO(client.get(path_of(version, "bundle/")).content))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name in made.namelist():
            raw = made.read(name)
            archive.writestr(name, raw.replace(b"The CMO", b"The COO") if name == "signatures.jsonl" else raw)
    words = said(give(changed.getvalue()))
    assert "Something is wrong" in words and "Genuine" not in words


def test_an_unknown_digest_is_no_accusation(version: ArtifactVersion) -> None:
    answer = Client().get(PATH, {"digest": "0" * 64})
    assert answer.status_code == 200
    assert "Not known here" in said(answer) and "That alone does not make it false" in said(answer)


def test_drafts_are_not_found(memos: None) -> None:
    version = draft("memo", {"text": "Draft text"}, at=NOON)
    words = said(give(json.dumps(version.content).encode()))
    assert "Not known here" in words and "Draft text" not in words


@pytest.mark.parametrize("digest", ["x", "é" * 20, "\0" * 20, "a" * 65, "<script>", "1" * 5000])
def test_what_is_no_digest_gets_an_answer_that_says_what_to_enter(memos: None, digest: str) -> None:
    for answer in (Client().get(PATH, {"digest": digest}), Client().post(PATH, {"digest": digest})):
        if answer.status_code == 200:
            assert not digest.strip("\0")  # nothing is left of it: the empty form
            continue
        assert answer.status_code == 422 and "16 to 64 digits" in said(answer)
        assert "<script>" not in answer.content.decode().partition("<main")[2]


def test_an_empty_form_says_what_to_enter(memos: None) -> None:
    answer = Client().post(PATH, {})
    assert answer.status_code == 422 and "16 to 64 digits" in said(answer)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"%PDF-nonsense", b"{", b"\xff" * 99, b"[]"])
def test_odd_files_are_answered(memos: None, content: bytes) -> None:
    assert give(content).status_code in {200, 422}


def test_a_file_beyond_the_limit_is_refused_in_words(memos: None) -> None:
    answer = give(b"%PDF-" + b"x" * (LARGEST_UPLOAD + 1))
    assert answer.status_code == 422 and f"larger than {LARGEST_UPLOAD // 2**20} MB" in said(answer)


def test_many_look_ups_from_one_address_have_to_wait(version: ArtifactVersion) -> None:
    answers = [Client().get(PATH, {"digest": "0" * 64}) for _ in range(32)]
    assert {answer.status_code for answer in answers[:30]} == {200}
    assert answers[-1].status_code == 429 and int(answers[-1]["Retry-After"]) >= 1
    assert "Wait" in said(answers[-1])
    assert Client().get(PATH).status_code == 200  # the empty form asks nothing of the database
    other = Client(REMOTE_ADDR="198.51.100.7")
    assert other.get(PATH, {"digest": version.digest}).status_code == 200


def test_a_form_from_another_site_is_refused(memos: None) -> None:
    assert Client(enforce_csrf_checks=True).post(PATH, {"digest": "0" * 64}).status_code == 403


def test_a_version_that_is_not_signed_has_no_bundle_yet(memos: None) -> None:
    version = send()
    client = signed_in(user_with(Role.CRO))
    assert "/bundle/" not in client.get(path_of(version)).content.decode()
    answer = client.get(path_of(version, "bundle/"))
    assert answer.status_code == 409 and "all its signers have signed" in said(answer)


def test_what_is_in_force_until_a_day_says_so_and_when_that_is_over(memos: None) -> None:
    version = sent("memo", {"text": "x", "until_on": "2026-12-24"}, at=NOON)
    sign_all(version, at=NOON)
    with time_machine.travel(NOON, tick=False):
        assert "In force until 25 Dec 2026, 00:00" in said(Client().get(PATH, {"digest": version.digest}))
    with time_machine.travel(NOON + 60 * DAY, tick=False):
        assert "Its time was over on 25 Dec 2026" in said(Client().get(PATH, {"digest": version.digest}))
