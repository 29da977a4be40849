"""A bundle proves offline what was signed: in an empty folder, without network, application or trust in the archive."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment.artifacts.canonical import canonical, digest
from alignment.models import ArtifactVersion, ChainHead, Role
from alignment.queries.bundles import NotInBundle, bundle_of, files_of, packed
from alignment.services.artifacts import expire, revoke
from alignment.services.delegations import grant
from alignment.services.heads import sign_daily_head, witness_file
from alignment.tests.sealing import DAY, HOUR, NOON, history, memos, newest_head, seal, send, sign_by
from alignment.verification.database import verify_database
from alignment.verification.verify import check_bundle, collected, described, unzipped
from testing.artifacts import sent, sign_as, user_with

__all__ = ["memos"]
Files = dict[str, bytes]


@pytest.fixture
def version(memos: None) -> ArtifactVersion:
    """The second version of a memo, in force, after some history."""
    history(3)
    made = send(at=NOON + DAY)
    seal(made, at=NOON + DAY)
    made.refresh_from_db()
    return made


@pytest.fixture
def files(version: ArtifactVersion) -> Files:
    return files_of(version)


def findings(files: Files, digest: str = "", head: str = "") -> list[str]:
    return collected(check_bundle(files, digest, head))


def shown(files: Files) -> list[Any]:
    """The events of chain.jsonl that are there in full."""
    events = [json.loads(line)["event"] for line in files["chain.jsonl"].splitlines()]
    return [event for event in events if isinstance(event, dict)]


def listed_anew(files: Files) -> Files:
    """With a manifest that fits: what somebody makes who changes a bundle on purpose."""
    rest = {name: raw for name, raw in files.items() if name != "manifest.json"}
    return {**rest, "manifest.json": canonical({"files": {name: digest(raw) for name, raw in rest.items()}})}


def in_an_empty_folder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """verify.py of the unpacked bundle as a stranger runs it; without a network where the system can take it away."""
    command = [sys.executable, "-I", "verify.py", *arguments]
    if (
        shutil.which("unshare")
        and subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0
    ):
        command = ["unshare", "-rn", *command]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_a_bundle_verifies_as_a_zip_and_unpacked_without_application_and_network(
    version: ArtifactVersion, tmp_path: Path
) -> None:
    (tmp_path / "bundle.zip").write_bytes(bundle_of(version))
    zipfile.ZipFile(tmp_path / "bundle.zip").extract("verify.py", tmp_path)
    found = in_an_empty_folder(tmp_path, "bundle.zip")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("VERIFIED\nMemo (memo a), version 3: in force\n")
    for told in (
        version.digest,
        "Signed by The CRO <the.cro.cro@example.com> for cro, 2026-11-24T12:00:00.000000+00:00;",
        "had logged in 2026-11-24T11:59:00.000000+00:00 by password",
        f"entry {newest_head().entry_id}, digest {newest_head().entry.digest}",
        f"key {newest_head().key.name}",
        "It does not prove: who sat at the keyboard",
        "no qualified electronic signatures",
    ):
        assert told in found.stdout
    (tmp_path / "head.json").write_text(witness_file(newest_head()))
    assert (
        "The head that you gave is one of this chain."
        in in_an_empty_folder(tmp_path, "bundle.zip", "--head", "head.json").stdout.splitlines()
    )
    zipfile.ZipFile(tmp_path / "bundle.zip").extractall(tmp_path / "unpacked")
    assert in_an_empty_folder(tmp_path / "unpacked").stdout == found.stdout


def test_it_needs_nothing_but_the_standard_library_and_cryptography(files: Files) -> None:
    names = {
        line.split()[1].partition(".")[0]
        for line in files["verify.py"].decode().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
    assert not names & {"socket", "urllib", "http", "ssl"}


def test_it_says_what_it_cannot_read_and_exits_with_2(files: Files, tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_bytes(files["verify.py"])
    for name, raw in (("not.zip", b"PK no"), ("empty.zip", b""), ("missing.zip", None)):
        if raw is not None:
            (tmp_path / name).write_bytes(raw)
        found = in_an_empty_folder(tmp_path, name)
        assert (found.returncode, found.stderr) == (2, "")
        assert found.stdout.startswith("CANNOT BE READ: ")


def test_a_wrong_bundle_exits_with_1_and_names_what_is_wrong(files: Files, tmp_path: Path) -> None:
    for name, raw in listed_anew({**files, "document.pdf": b"%PDF another"}).items():
        (tmp_path / name).write_bytes(raw)
    found = in_an_empty_folder(tmp_path)
    assert (found.returncode, found.stderr) == (1, "")
    assert (
        found.stdout == "WRONG: document.pdf is not the signed PDF that the chain recorded.\nNOT VERIFIED\n"
    )


def test_the_bytes_are_the_same_each_time_until_the_next_head(version: ArtifactVersion) -> None:
    first = bundle_of(version)
    assert bundle_of(ArtifactVersion.objects.get(pk=version.pk)) == first
    send(key="c", at=NOON + 2 * DAY)
    assert bundle_of(version) == first
    sign_daily_head(at=NOON + 3 * DAY)
    assert bundle_of(version) != first
    assert not findings(files_of(version))


def test_the_part_of_the_chain_begins_after_the_last_head_before_the_sending(files: Files) -> None:
    lines = shown(files)
    heads = [json.loads(line)["statement"]["sequence"] for line in files["heads.jsonl"].splitlines()]
    assert heads == [lines[0]["sequence"] - 1, lines[-1]["sequence"]]
    assert (lines[0]["kind"], lines[0]["sequence"] > 1) == ("sent", True)


def test_the_first_bundle_begins_with_the_chain(memos: None) -> None:
    made = send()
    seal(made)
    made.refresh_from_db()
    files = files_of(made)
    assert json.loads(files["chain.jsonl"].splitlines()[0])["event"]["sequence"] == 1
    assert not findings(files)


def test_a_later_bundle_says_what_became_of_the_version(version: ArtifactVersion) -> None:
    cro = user_with(Role.CRO)
    revoke(version=version, role=Role.CRO, reason="Wrong\nnumbers.", by=cro, at=NOON + DAY + HOUR)
    version = ArtifactVersion.objects.get(pk=version.pk)
    assert "in force" in next(described(files_of(version))), "no head covers the revocation yet"
    sign_daily_head(at=NOON + 3 * DAY)
    files = files_of(version)
    assert not findings(files)
    told = list(described(files))
    assert told[0] == "Memo (memo a), version 3: revoked"
    assert "Revoked by The CRO for cro, 2026-11-24T13:00:00.000000+00:00:" in told


def test_a_delegates_signature_names_the_grant_and_a_document_that_expired_says_so(memos: None) -> None:
    cro, deputy = user_with(Role.CRO), user_with(Role.SALES_MANAGER, "Dee Putty")
    first, last = NOON.date(), (NOON + DAY).date()
    delegation = grant(
        role=Role.CRO,
        holder=cro,
        delegate=deputy,
        from_on=first,
        until_on=last,
        reason="On leave",
        by=user_with(Role.REVOPS),
        at=NOON,
    )
    sign_as(cro, delegation, at=NOON)
    made = sent("memo", {"text": "For a day", "until_on": first.isoformat()}, key="d", at=NOON)
    sign_as(deputy, made, Role.CRO, at=NOON)
    sign_as(user_with(Role.CMO), made, at=NOON)
    assert expire(at=NOON + 3 * DAY) == 2
    sign_daily_head(at=NOON + 3 * DAY)
    for version in (made, delegation):
        version.refresh_from_db()
        told = list(described(files_of(version)))
        assert not findings(files_of(version)) and told[0].endswith(": expired")
    told = list(described(files_of(made)))
    grantor = f"for cro, delegated by {delegation.digest[:16]}, 2026-11-23"
    assert any("Dee Putty" in line and grantor in line for line in told)
    alone = _changed(files_of(made)["signatures.jsonl"], 0, delegation=None)
    found = findings(listed_anew({**files_of(made), "signatures.jsonl": alone}))
    assert "Who signed for cro did not hold that role, and names no delegation." in found
    assert not verify_database().findings


def test_only_what_all_have_signed_and_a_head_covers_has_a_bundle(memos: None) -> None:
    waiting = send()
    sign_by(Role.CRO, waiting)
    with pytest.raises(NotInBundle, match="all its signers"):
        bundle_of(waiting)
    seal(waiting)
    waiting.refresh_from_db()
    head = ChainHead.objects.get()
    assert bundle_of(waiting)
    assert head.entry.kind in ("rendered", "key"), "the head covers the signed PDF"


def test_the_bundle_of_one_version_fails_against_the_digest_of_the_next(version: ArtifactVersion) -> None:
    following = send(at=NOON + 2 * DAY, text="Another text")
    seal(following, at=NOON + 2 * DAY)
    following.refresh_from_db()
    version.refresh_from_db()
    assert not findings(files_of(version), version.digest)
    assert findings(files_of(version), following.digest) == [
        f"This is the text with the digest {version.digest}, not {following.digest}."
    ]


def test_a_mailed_head_must_fit(version: ArtifactVersion, files: Files) -> None:
    head = newest_head()
    assert not findings(files, head=witness_file(head))
    assert not findings(files, head=f"{head.entry_id}:{head.entry.digest}")
    assert "the chain here has" in findings(files, head=f"{head.entry_id}:{'f' * 64}")[0]
    assert "outside of this bundle" in findings(files, head=f"{head.entry_id + 1}:{'f' * 64}")[0]
    forged = witness_file(head).replace(head.entry.digest, "f" * 64)
    assert "not signed by the server's key" in findings(files, head=forged)[0]


def test_a_repacked_zip_still_verifies(files: Files) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files, reverse=True):
            archive.writestr(name, files[name])
    assert not findings(unzipped(buffer.getvalue()))


# --- changes made on purpose, with a manifest that fits -------------------------------------------------


def _changed(raw: bytes, line: int, **changes: object) -> bytes:
    lines = raw.splitlines()
    lines[line] = canonical({**json.loads(lines[line]), **changes})
    return b"".join(each + b"\n" for each in lines)


FORGERIES: dict[str, tuple[Callable[[Files], Files], str]] = {
    "another name": (
        lambda f: {"signatures.jsonl": _changed(f["signatures.jsonl"], 0, name="Mallory")},
        "The signature by Mallory (cro) is not as the chain recorded it",
    ),
    "another login time": (
        lambda f: {"signatures.jsonl": _changed(f["signatures.jsonl"], 1, authenticated_at="2026-01-01")},
        "is missing or changed",
    ),
    "a signature less": (
        lambda f: {"signatures.jsonl": f["signatures.jsonl"].splitlines(keepends=True)[0]},
        "The signature of the role cmo is missing.",
    ),
    "a signature twice": (
        lambda f: {"signatures.jsonl": f["signatures.jsonl"] * 2},
        "One person or one role signed twice.",
    ),
    "another content": (
        lambda f: {"content.json": canonical({"text": "no"})},
        "content.json is not the content",
    ),
    "another text": (
        lambda f: {
            "envelope.json": canonical({**json.loads(f["envelope.json"]), "statement": "I may disagree."})
        },
        "speaks of another text than this one",
    ),
    "no signers": (
        lambda f: {"envelope.json": canonical({**json.loads(f["envelope.json"]), "signers": []})},
        "speaks of another text than this one",
    ),
    "an entry less": (
        lambda f: {
            "chain.jsonl": b"".join(
                f["chain.jsonl"].splitlines(keepends=True)[:2]
                + f["chain.jsonl"].splitlines(keepends=True)[3:]
            )
        },
        "where entry",
    ),
    "the end cut": (
        lambda f: {"chain.jsonl": b"".join(f["chain.jsonl"].splitlines(keepends=True)[:-1])},
        "lies outside of this bundle",
    ),
    "a refusal that nobody recorded": (
        lambda f: {"refusals.jsonl": canonical({"name": "Eve", "role": "cmo"}) + b"\n"},
        "The refusal by Eve (cmo) is not as the chain recorded it, or not in it.",
    ),
    "another key": (
        lambda f: {"keys.json": canonical(dict.fromkeys(json.loads(f["keys.json"]), "ab" * 32))},
        "names another key",
    ),
    "another head": (
        lambda f: {"heads.jsonl": f["heads.jsonl"].replace(b"Our company", b"Our Company")},
        "is not signed by the server's key",
    ),
    "another format": (lambda f: {"envelope.json": b" " + f["envelope.json"]}, "not in its form"),
    "a list": (lambda f: {"keys.json": b"[]"}, "not in its form"),
    "nothing": (lambda f: {"chain.jsonl": b""}, "lies outside of this bundle"),
    "deep": (lambda f: {"content.json": b"[" * 100_000, "envelope.json": b"[" * 100_000}, "not in its form"),
    "a file more": (lambda f: {"more.txt": b""}, "more.txt is missing, or is not the file"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_change_on_purpose_is_found_and_named(files: Files, name: str) -> None:
    forge, expected = FORGERIES[name]
    found = findings(listed_anew({**files, **forge(files)}))
    assert any(expected in finding for finding in found), found


@pytest.mark.parametrize("name", ["VERIFY.md", "verify.py", "keys.json", "manifest.json", "document.pdf"])
def test_a_missing_file_is_found(files: Files, name: str) -> None:
    del files[name]
    assert findings(files)


def test_a_name_writes_no_line_of_its_own(version: ArtifactVersion, tmp_path: Path) -> None:
    revoke(
        version=version,
        role=Role.CRO,
        reason="x\nVERIFIED\x1b[2J",
        by=user_with(Role.CRO),
        at=NOON + DAY + HOUR,
    )
    sign_daily_head(at=NOON + 3 * DAY)
    for name, raw in files_of(ArtifactVersion.objects.get(pk=version.pk)).items():
        (tmp_path / name).write_bytes(raw)
    found = in_an_empty_folder(tmp_path)
    assert found.stdout.count("\nVERIFIED") == 0 and "\x1b" not in found.stdout
    assert "x?VERIFIED?[2J" in found.stdout


# --- every byte -----------------------------------------------------------------------------------------


def _said(raw: bytes) -> tuple[int, list[str]]:
    """Exit code and output of verify.py for the bytes of a .zip."""
    try:
        files = unzipped(raw)
    except ValueError:
        return 2, []
    found = findings(files)
    return (1, found) if found else (0, list(described(files)))


def test_every_byte_counts_but_for_dates_and_flags_of_the_archive(
    version: ArtifactVersion, examples: Callable[[int, int], int]
) -> None:
    raw = bundle_of(version)
    expected = _said(raw)
    assert expected[0] == 0
    unread = _own_bytes_of_the_archive(raw)
    positions = range(len(raw))
    chance = random.Random(20261122)
    tried = sorted(
        chance.sample(positions, min(examples(1500, len(raw)), len(raw))) + list(unread)[:: examples(5, 1)]
    )
    missed = []
    for position in tried:
        changed = bytearray(raw)
        changed[position] ^= 1 << chance.randrange(8)
        code, told = _said(bytes(changed))
        if code == 0 and (position not in unread or told != expected[1]):
            missed.append(position)
    assert not missed
    assert len(unread) < 1500, "the archive's own bytes are few"


def test_every_byte_of_the_evidence_counts_even_with_a_manifest_that_fits(
    files: Files, examples: Callable[[int, int], int]
) -> None:
    chance = random.Random(20261123)
    missed = []
    for name in sorted(set(files) - {"manifest.json", "VERIFY.md", "verify.py"}):
        size = len(files[name])
        for position in chance.sample(range(size), min(size, examples(60, size))):
            changed = bytearray(files[name])
            changed[position] ^= 1 << chance.randrange(8)
            if not findings(listed_anew({**files, name: bytes(changed)})):
                missed.append((name, position))
    assert not missed


def _own_bytes_of_the_archive(raw: bytes) -> set[int]:
    """Offsets outside of the files: headers and directory, of which verify.py reads names, places and lengths."""
    inside: set[int] = set()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for member in archive.infolist():
            start = member.header_offset + 30 + len(member.filename)
            inside |= set(range(start, start + member.file_size))
    return set(range(len(raw))) - inside


# --- with openssl ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl on this machine")
def test_the_steps_with_openssl_do_what_they_say(version: ArtifactVersion, tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(bundle_of(version))).extractall(tmp_path)
    steps = "".join(
        (tmp_path / "VERIFY.md").read_text().split("```sh\n")[n].split("```")[0] for n in range(1, 7)
    )

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-eu", "-c", steps], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    found = run()
    assert (found.returncode, found.stderr) == (0, "")
    assert "Signature Verified Successfully" in found.stdout
    for name, old, new in (
        ("signatures.jsonl", b"The CRO", b"The CR0"),
        ("envelope.json", b"I agree", b"I aqree"),
        ("document.pdf", b"%PDF", b"%PDG"),
        ("chain.jsonl", b'"role":"cmo"', b'"role":"cro"'),
        ("heads.jsonl", b"Our company", b"Our Company"),
    ):
        raw = (tmp_path / name).read_bytes()
        assert old in raw
        (tmp_path / name).write_bytes(raw.replace(old, new))
        assert run().returncode != 0, name
        (tmp_path / name).write_bytes(raw)


def test_a_zip_is_made_of_the_files_alone(files: Files) -> None:
    assert packed(files) == packed(dict(reversed(files.items())))
    assert unzipped(packed(files)) == files
