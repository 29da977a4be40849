"""Anybody may ask whether a digest or a file is of this server, and what became of it; odd input is answered too."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from alignment.artifacts.canonical import canonical, digest
from alignment.models import ArtifactVersion, ChainEntry, Role
from alignment.queries.bundles import bundle_of, files_of, packed
from alignment.queries.verification import LARGEST_UPLOAD, NothingToVerify, examine, look_up
from alignment.services.artifacts import decline, revoke, withdraw
from alignment.services.heads import witness_file
from alignment.services.server_key import private_key
from alignment.tests.sealing import DAY, HOUR, NOON, memos, newest_head, seal, send, sign_by
from alignment.verification.verify import check_bundle, collected
from testing.artifacts import draft, user_with

__all__ = ["memos"]


@pytest.fixture
def version(memos: None) -> ArtifactVersion:
    made = send()
    seal(made, at=NOON + HOUR)
    made.refresh_from_db()
    return made


def test_a_digest_tells_what_it_is_and_who_signed_when(version: ArtifactVersion) -> None:
    answer = look_up(version.digest, may_read=lambda version: True)
    known = answer.known
    assert answer.is_genuine and known is not None
    assert (known.label, known.kind, known.key, known.number) == ("Memo", "memo", "a", 1)
    assert (known.state, known.since, known.successor) == ("in_force", NOON + HOUR, None)
    assert [(row.name, row.title, row.role, row.at, row.by_delegation) for row in known.signatures] == [
        ("The CRO", "Chief, Zürich", "CRO", NOON + HOUR, False),
        ("The CMO", "", "CMO", NOON + HOUR, False),
    ]
    assert known.head is not None and known.head.sequence == newest_head().entry_id


def test_a_digest_alone_tells_kind_state_and_times_but_no_names(version: ArtifactVersion) -> None:
    pdf = version.renditions.get(is_signed=True).sha256
    for text in (version.digest, version.digest[:16], pdf):
        answer = look_up(text)
        assert answer.is_genuine and answer.known is not None
        assert (answer.known.label, answer.known.state, answer.known.since) == (
            "Memo",
            "in_force",
            NOON + HOUR,
        )
        assert (answer.known.key, answer.known.signatures, answer.known.signed) == ("", (), 2)


@pytest.mark.parametrize(
    "write", [str.upper, lambda text: text[:16], lambda text: f" {text[:8]} {text[8:]}\n"]
)
def test_a_digest_may_be_written_as_it_is_printed(
    version: ArtifactVersion, write: Callable[[str], str]
) -> None:
    assert look_up(write(version.digest)).known is not None


@pytest.mark.parametrize("text", ["", "abc", "x" * 64, "a" * 65, "\0", "%" * 20, "é" * 20, "a" * 100_000])
def test_what_is_no_digest_gets_an_answer_that_says_what_to_enter(memos: None, text: str) -> None:
    with pytest.raises(NothingToVerify, match="16 to 64 digits"):
        look_up(text)


def test_an_unknown_digest_is_said_to_be_unknown(version: ArtifactVersion) -> None:
    answer = look_up("f" * 64)
    assert (answer.known, answer.is_genuine) == (None, False)


def test_what_was_superseded_or_revoked_is_said_to_be(version: ArtifactVersion) -> None:
    following = send(at=NOON + DAY, text="Other")
    seal(following, at=NOON + DAY)
    known = look_up(version.digest).known
    assert known is not None
    assert (known.state_label, known.since, known.successor) == ("Superseded", NOON + DAY, 2)
    following.refresh_from_db()
    revoke(version=following, role=Role.CRO, reason="No.", by=user_with(Role.CRO), at=NOON + DAY + HOUR)
    known = look_up(following.digest).known
    assert known is not None
    assert (known.state_label, known.since, known.head) == ("Revoked", NOON + DAY + HOUR, None)


def test_what_waits_for_signatures_is_said_to(memos: None) -> None:
    waiting = send()
    sign_by(Role.CMO, waiting)
    known = look_up(waiting.digest).known
    assert known is not None and (known.state_label, known.signed) == ("Waiting for signatures", 1)


@pytest.mark.parametrize("state", ["declined", "withdrawn", "sent"])
def test_what_was_never_signed_by_all_is_known_but_not_genuine(memos: None, state: str) -> None:
    version = send()
    sign_by(Role.CMO, version)
    if state == "declined":
        decline(version=version, role=Role.CRO, reason="No.", by=user_with(Role.CRO), at=NOON)
    elif state == "withdrawn":
        withdraw(version=version, reason="No.", by=user_with(Role.REVOPS), at=NOON)
    pdf = bytes(version.renditions.get().pdf)
    for answer in (look_up(version.digest), examine(version.envelope.encode()), examine(pdf)):
        assert answer.known is not None and answer.known.state == state
        assert not answer.is_genuine


def test_each_file_of_a_document_is_recognised(version: ArtifactVersion) -> None:
    files = files_of(version)
    unsigned = bytes(version.renditions.get(is_signed=False).pdf)
    pretty = json.dumps(json.loads(files["envelope.json"]), indent=2).encode("utf-8-sig")
    for raw, matched in (
        (bundle_of(version), "a bundle"),
        (files["document.pdf"], "the signed PDF of a document"),
        (unsigned, "the PDF of a document as it was sent, without signatures"),
        (files["envelope.json"], "the signed text of a document"),
        (pretty, "the signed text of a document"),
    ):
        answer = examine(raw)
        assert (answer.matched, answer.findings, answer.is_genuine) == (matched, (), True)
        assert answer.known is not None and answer.known.digest == version.digest


def test_a_content_alone_which_may_be_guessed_is_not_looked_up(version: ArtifactVersion) -> None:
    answer = examine(files_of(version)["content.json"])
    assert answer.known is None and "not the signed text (envelope.json)" in answer.matched


def test_a_draft_is_not_known(memos: None) -> None:
    draft("memo", {"text": "Secret"}, key="d", at=NOON)
    assert examine(canonical({"text": "Secret"})).known is None


def test_a_head_of_a_witness_is_compared_with_the_chain(version: ArtifactVersion) -> None:
    head = newest_head()
    answer = examine(witness_file(head).encode())
    assert answer.is_genuine and answer.head is not None and answer.head.sequence == head.entry_id
    forged = examine(witness_file(head).replace(head.entry.digest, "f" * 64).encode())
    assert not forged.is_genuine and len(forged.findings) == 3
    later = json.loads(witness_file(head))
    later["statement"]["sequence"] = 99
    assert any("no entry 99" in line for line in examine(json.dumps(later).encode()).findings)


def strange(statement: dict[str, Any], **changes: Any) -> tuple[dict[str, Any], str, str]:
    """A statement with a signature that verifies, by a key that is not the server's."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
    public = key.public_key().public_bytes_raw()
    made = {**statement, "key": digest(public)[:16], **changes}
    return made, key.sign(canonical(made)).hex(), public.hex()


def listed_anew(files: dict[str, bytes], **changes: bytes) -> dict[str, bytes]:
    rest = {**{name: raw for name, raw in files.items() if name != "manifest.json"}, **changes}
    return {**rest, "manifest.json": canonical({"files": {name: digest(raw) for name, raw in rest.items()}})}


@pytest.mark.parametrize(
    "changes", [{}, {"organisation": "Evil"}, {"at": "1999-01-01T00:00:00.000000+00:00"}]
)
def test_a_head_signed_by_a_strangers_key_is_not_genuine(
    version: ArtifactVersion, changes: dict[str, Any]
) -> None:
    head = newest_head()
    statement, signature, public = strange(json.loads(head.statement), **changes)
    given = {"statement": statement, "signature": signature, "public": public}
    answer = examine(json.dumps(given).encode())
    assert not answer.is_genuine
    assert any("a key that this server never had" in line for line in answer.findings)


def test_a_head_that_the_server_signed_but_did_not_keep_is_not_genuine(version: ArtifactVersion) -> None:
    head = newest_head()
    statement = {**json.loads(head.statement), "witnesses": ["Nobody"]}
    signature = private_key().sign(canonical(statement)).hex()
    given = {"statement": statement, "signature": signature, "public": head.key.public}
    assert examine(json.dumps(given).encode()).findings == (
        f"The head at entry {head.entry_id} is not written as this server signed it.",
    )


def test_a_bundle_with_heads_and_keys_of_a_stranger_is_not_genuine(version: ArtifactVersion) -> None:
    files = files_of(version)
    statement, signature, public = strange(json.loads(newest_head().statement))
    forged = listed_anew(
        files,
        **{
            "heads.jsonl": canonical({"signature": signature, "statement": statement}) + b"\n",
            "keys.json": canonical({statement["key"]: public}),
        },
    )
    assert not collected(check_bundle(forged)), "in itself it fits together"
    answer = examine(packed(forged))
    assert not answer.is_genuine
    assert answer.findings[0] == "keys.json has a key that this server never had."
    more = {**json.loads(files["keys.json"]), "more": public}
    assert not examine(packed(listed_anew(files, **{"keys.json": canonical(more)}))).is_genuine


@pytest.mark.parametrize("name", ["verify.py", "VERIFY.md"])
def test_another_program_in_a_bundle_is_named(version: ArtifactVersion, name: str) -> None:
    answer = examine(packed(listed_anew(files_of(version), **{name: b"import os"})))
    assert [line.partition(" in it is not the one of this server")[0] for line in answer.warnings] == [name]
    assert not examine(bundle_of(version)).warnings


def test_a_changed_bundle_is_not_genuine(version: ArtifactVersion) -> None:
    files = files_of(version)
    answer = examine(packed({**files, "document.pdf": b"%PDF-"}))
    assert not answer.is_genuine and "document.pdf" in answer.findings[0]


def test_a_bundle_of_another_chain_is_not_genuine(version: ArtifactVersion) -> None:
    raw = bundle_of(version)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE alignment_chainentry DISABLE TRIGGER USER")
    ChainEntry.objects.filter(pk=newest_head().entry_id).update(digest="f" * 64)
    assert examine(raw).findings == (
        f"The head at entry {newest_head().entry_id} is not of this server's chain.",
    )


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(20):
            archive.writestr(f"{number}.json", bytes(8 * 2**20))
    return buffer.getvalue()


def _lying_bomb() -> bytes:
    """It names a small size for much content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chain.jsonl", bytes(64 * 2**20))
    return buffer.getvalue().replace((64 * 2**20).to_bytes(4, "little"), (10).to_bytes(4, "little"))


ODD = {
    "empty": b"",
    "large": b" " * (LARGEST_UPLOAD + 1),
    "a cut zip": b"PK\x03\x04",
    "a bomb": _bomb(),
    "a lying bomb": _lying_bomb(),
    "noise": bytes(range(256)),
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a long number": b"9" * 100_000,
    "a float": b'{"a": 1.5}',
    "not a number": b"NaN",
    "half a character": b'"\\ud800"',
    "a nul": b'{"a": "\\u0000"}',
    "a head of nothing": b'{"statement": [], "signature": 1, "public": null}',
    "a head beyond": b'{"statement": {"sequence": "x", "digest": 1, "key": ""}, "signature": "", "public": ""}',
    "a text": b'"text"',
    "a list": b"[1]",
    "a pdf": b"%PDF-",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_input_is_never_a_fault_and_never_genuine(memos: None, name: str) -> None:
    try:
        answer = examine(ODD[name])
    except NothingToVerify:
        return
    assert not answer.is_genuine


def test_no_damage_to_a_file_is_a_fault(
    version: ArtifactVersion, examples: Callable[[int, int], int]
) -> None:
    chance = random.Random(7)
    files = files_of(version)
    given = [
        bundle_of(version),
        files["envelope.json"],
        witness_file(newest_head()).encode(),
        files["document.pdf"],
    ]
    for raw in given:
        for _ in range(examples(60, 1000)):
            changed = bytearray(raw)
            for _ in range(chance.choice([1, 1, 5])):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            if chance.random() < 0.2:
                del changed[chance.randrange(len(changed)) :]
            try:
                examine(bytes(changed))
            except NothingToVerify:
                continue


def test_the_number_of_queries_does_not_grow(
    version: ArtifactVersion, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        seal(send(f"x{number}"))
    with django_assert_max_num_queries(8):
        look_up(version.digest)
