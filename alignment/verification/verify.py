#!/usr/bin/env python3
"""Verify the bundle of a signed document, without the server, the application or a network.

    python verify.py BUNDLE [--digest HEX] [--head FILE or SEQUENCE:DIGEST]

BUNDLE is the .zip or the folder it was unpacked to. Needs Python 3.9 or later and the package cryptography.
Exit code 0: everything fits together; 1: something does not, and is named; 2: it cannot be read as a bundle.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64  # stands before the first entry of the chain
LARGEST = 64 * 1024 * 1024  # bytes of all files together
FILES = {"VERIFY.md", "chain.jsonl", "content.json", "document.pdf", "envelope.json", "heads.jsonl"}
FILES |= {"keys.json", "manifest.json", "refusals.jsonl", "signatures.jsonl", "verify.py"}
BEFORE = {"sent": "", "signed": "sent", "in_force": "sent", "declined": "sent", "withdrawn": "sent"}
BEFORE |= dict.fromkeys(["superseded", "expired", "revoked"], "in_force")  # the state that each needs
PROVES = """\
This proves: the server that holds the key recorded exactly this content, these signatures and this PDF, in this
order, before it signed the head; none of it was changed since. Whoever got that head by mail is its witness.
It does not prove: who sat at the keyboard (that rests on the login methods named above), that the server's clock was
right, or what happened after the head. The key is the server's: these are no qualified electronic signatures.
VERIFY.md and verify.py are compared with manifest.json only, and of a .zip its own dates and flags are not read."""


def canonical(value: Any) -> bytes:
    """RFC 8785 for texts, whole numbers, true, false, null, lists and objects; ValueError for anything else."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        raise ValueError(f"{value} is no whole number below 2^53")
    return value


def parsed(raw: bytes) -> Any:
    """The value of canonical JSON; ValueError if these are not the canonical bytes of a value."""
    value = json.loads(raw.decode())
    if canonical(value) != raw:
        raise ValueError("is not written in canonical form")
    return value


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def chained(previous: str, event: bytes) -> str:
    """The digest of an entry: SHA-256(0x00 ‖ previous digest as 32 bytes ‖ canonical event), in hex."""
    return sha256(b"\x00" + bytes.fromhex(previous) + event)


def check_chain(entries: Iterable[tuple[str, bytes]], sequence: int, previous: str) -> Iterator[str]:
    """What is wrong with entries (digest, event) that must follow entry `sequence`, whose digest is `previous`."""
    for digest, event in entries:
        sequence += 1
        try:
            told = int(parsed(event)["sequence"])
        except (LookupError, TypeError, ValueError, RecursionError):
            yield f"Entry {sequence} of the chain is no event in canonical form: changed."
            told = sequence
        if told != sequence:
            yield f"The chain has entry {told} where entry {sequence} belongs: removed, inserted or moved."
        if chained(previous, event) != digest:
            yield f"Entry {told} of the chain does not follow from the one before it: changed, or its neighbour is."
        sequence, previous = told, digest


def check_head(statement: dict[str, Any], signature: str, public: str) -> Iterator[str]:
    """What is wrong with a signed head, `public` being the key (hex) that should have signed it."""
    which = f"The head at entry {statement['sequence']}"
    if statement["key"] != sha256(bytes.fromhex(public))[:16]:
        yield f"{which} names another key than the one that is given for it."
    if (signature + public).lower() != signature + public:
        yield f"{which}: its signature or key is not written as it was."
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), canonical(statement))
    except InvalidSignature:
        yield f"{which} is not signed by the server's key {statement['key']}."


def state_of(events: Iterable[dict[str, Any]]) -> str:
    """The state of a version after these events: sent, in_force, superseded, ..."""
    state = ""
    for event in events:
        state = state if event["kind"] in ("signed", "rendered") else str(event["kind"])
    return state


def check_version(
    envelope: bytes,
    signatures: list[dict[str, Any]],
    refusals: list[dict[str, Any]],
    events: list[dict[str, Any]],
) -> Iterator[str]:
    """What is wrong between a signed text, its signatures, its refusals and the chain's events of this version."""
    signed, digest = parsed(envelope), sha256(envelope)
    name = {"kind": signed["kind"], "key": signed["key"], "version": signed["version"]}
    for number, event in enumerate(events):
        state, kind, where = state_of(events[:number]), event["kind"], f"Entry {event['sequence']}"
        if (BEFORE.get(kind) != state) if kind != "rendered" else not state:
            yield f"{where}: “{kind}” cannot follow “{state or 'nothing'}”."
        if event["digest"] != digest or event["artifact"] != name:
            yield f"{where} (“{kind}”) speaks of another text than this one."
    roles = [record["role"] for record in signatures]
    due = [role for role in signed["signers"] if role not in roles] if "in_force" in _kinds(events) else []
    yield from (f"The signature of the role {role} is missing." for role in due)
    yield from (f"The role {role} need not sign." for role in roles if role not in signed["signers"])
    if len(set(roles)) < len(roles) or len({record["signer"] for record in signatures}) < len(signatures):
        yield "One person or one role signed twice."
    if signed["in_order"] and roles != signed["signers"][: len(roles)]:
        yield "The roles did not sign in the order that the text asks for."
    for record in signatures:
        if (record["digest"], record["artifact"], record["statement"]) != (digest, name, signed["statement"]):
            yield f"The signature of {record['role']} is under another text than this one."
        if record["own_role"] != record["role"] and not record["delegation"]:
            yield f"Who signed for {record['role']} did not hold that role, and names no delegation."
    told = [event for event in events if event["kind"] == "signed"]
    yield from _compare("signature", signatures, told)
    yield from _compare(
        "refusal", refusals, [event for event in events if "record" in event and event not in told]
    )


def _kinds(events: Iterable[dict[str, Any]]) -> list[str]:
    return [event["kind"] for event in events]


def _compare(what: str, records: list[dict[str, Any]], events: list[dict[str, Any]]) -> Iterator[str]:
    known = {event["record"]: event for event in events}
    found = {sha256(canonical(record)): record for record in records}
    for digest, record in found.items():
        if digest not in known:
            yield f"The {what} by {record['name']} ({record['role']}) is not as the chain recorded it, or not in it."
    for digest, event in known.items():
        if digest not in found:
            yield f"The {what} that entry {event['sequence']} of the chain recorded is missing or changed."
    if not len(records) == len(found) == len(known) == len(events):
        yield f"A {what} is there more than once, or missing."


def check_bundle(files: dict[str, bytes], digest: str = "", head: str = "") -> Iterator[str]:
    """What is wrong with a bundle's files by name; `digest` and `head`: what the reader knows from elsewhere."""
    listed = parsed(files["manifest.json"])["files"]
    for name in sorted({*FILES, *files, *listed} - {"manifest.json"}):
        if name not in files or name not in FILES or listed.get(name) != sha256(files[name]):
            yield f"{name} is missing, or is not the file that manifest.json lists."
    envelope, events = parsed(files["envelope.json"]), _events(files)
    if canonical(envelope["content"]) != files["content.json"]:
        yield "content.json is not the content that envelope.json holds."
    if digest and digest != sha256(files["envelope.json"]):
        yield f"This is the text with the digest {sha256(files['envelope.json'])}, not {digest}."
    entries = [(line["digest"], canonical(line["event"])) for line in _lines(files["chain.jsonl"])]
    heads, keys = _lines(files["heads.jsonl"]), parsed(files["keys.json"])
    first = events[0]["sequence"] - 1
    start = heads[0]["statement"]["digest"] if first else GENESIS
    yield from check_chain(entries, first, start)
    digests = {first: start, **{event["sequence"]: told for event, (told, _) in zip(events, entries)}}
    for each in heads:
        statement = each["statement"]
        yield from check_head(statement, each["signature"], keys[statement["key"]])
        yield from _met(statement["sequence"], statement["digest"], digests)
    if heads[-1]["statement"]["sequence"] != events[-1]["sequence"]:
        yield "The last head does not cover the whole of chain.jsonl."
    for event in events:
        if event["kind"] == "key" and keys.get(event["name"], event["public"]) != event["public"]:
            yield f"keys.json has another key {event['name']} than the chain."
    own = own_events(envelope, events)
    yield from check_version(
        files["envelope.json"], _lines(files["signatures.jsonl"]), _lines(files["refusals.jsonl"]), own
    )
    pdfs = [event["sha256"] for event in own if event["kind"] == "rendered" and event["signed"]]
    if sha256(files["document.pdf"]) not in pdfs:
        yield "document.pdf is not the signed PDF that the chain recorded."
    if head:
        sequence, told, problems = witnessed(head)
        yield from problems
        yield from _met(sequence, told, digests)


def _met(sequence: int, digest: str, digests: dict[int, str]) -> Iterator[str]:
    if sequence not in digests:
        yield f"The head at entry {sequence} lies outside of this bundle's entries {min(digests)} to {max(digests)}."
    elif digests[sequence] != digest:
        yield f"The head at entry {sequence} has the digest {digest}, the chain here has {digests[sequence]}."


def witnessed(text: str) -> tuple[int, str, list[str]]:
    """(sequence, digest, what is wrong) of the file that was mailed to a witness, or of SEQUENCE:DIGEST."""
    short = re.fullmatch(r"\s*([0-9]{1,15}):([0-9a-f]{64})\s*", text.lower())
    if short:
        return int(short[1]), short[2], []
    told = json.loads(text)
    statement = told["statement"]
    problems = list(check_head(statement, told["signature"], told["public"]))
    return int(statement["sequence"]), str(statement["digest"]), problems


def own_events(envelope: dict[str, Any], events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those events that speak of the version in this envelope."""
    name = {"kind": envelope["kind"], "key": envelope["key"], "version": envelope["version"]}
    return [event for event in events if event.get("artifact") == name]


def _lines(raw: bytes) -> list[Any]:
    if raw and not raw.endswith(b"\n"):
        raise ValueError("the last line does not end")
    return [parsed(line) for line in raw.split(b"\n")[:-1]]


def _events(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [line["event"] for line in _lines(files["chain.jsonl"])]


def collected(findings: Iterator[str]) -> list[str]:
    """All findings; a value that is not in its form is one too."""
    found: list[str] = []
    try:
        for finding in findings:
            found.append(finding)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        found.append(f"Something is missing or not in its form ({type(error).__name__}: {str(error)[:200]}).")
    return found


def described(files: dict[str, bytes], head_given: str = "") -> Iterator[str]:
    """What a bundle without findings says."""
    envelope, events = parsed(files["envelope.json"]), _events(files)
    head = _lines(files["heads.jsonl"])[-1]["statement"]
    state = state_of(own_events(envelope, events)).replace("_", " ")
    yield f"{envelope['label']} ({envelope['kind']} {envelope['key']}), version {envelope['version']}: {state}"
    yield f"of {envelope['organisation']}"
    yield f"Digest of the signed text: {sha256(files['envelope.json'])}"
    for record in _lines(files["signatures.jsonl"]):
        by = f", delegated by {record['delegation']['digest'][:16]}" if record["delegation"] else ""
        yield f"Signed by {record['name']} <{record['email']}> for {record['role']}{by}, {record['signed_at']};"
        yield f"  had logged in {record['authenticated_at']} by {', '.join(record['methods'])}"
    for record in _lines(files["refusals.jsonl"]):
        yield f"{record['kind'].capitalize()} by {record['name']} for {record['role']}, {record['refused_at']}:"
        yield f"  {record['reason']}"
    yield f"PDF: {sha256(files['document.pdf'])}"
    yield f"Head: entry {head['sequence']}, digest {head['digest']}, {head['at']}, key {head['key']}."
    if head_given:
        yield "The head that you gave is one of this chain."
    else:
        yield "Compare the head or the key's name with a mail that a witness got, or give that file with --head."


def unzipped(raw: bytes, largest: int = LARGEST) -> dict[str, bytes]:
    """The files of a .zip by name; ValueError if it is none, is too large or names a file twice."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
            if len(members) > 2 * len(FILES) or sum(member.file_size for member in members) > largest:
                raise ValueError("too many files, or too large")
            if len({member.filename for member in members}) < len(members):
                raise ValueError("a file is in it twice")
            return {member.filename: archive.read(member) for member in members}
    except Exception as error:  # an archive can be wrong in many ways
        raise ValueError(f"it cannot be unpacked ({error})") from None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", nargs="?", default=Path(__file__).parent, type=Path)
    parser.add_argument("--digest", default="", help="the digest that the signed text should have")
    parser.add_argument("--head", default="", help="a head that was mailed to a witness")
    given = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        if given.bundle.is_dir():
            files = {n: (given.bundle / n).read_bytes() for n in FILES if (given.bundle / n).is_file()}
        else:
            files = unzipped(given.bundle.read_bytes())
        is_file = given.head and Path(given.head).is_file()
        head = Path(given.head).read_text("utf-8") if is_file else given.head
    except (OSError, ValueError) as error:
        _say(f"CANNOT BE READ: {error}")
        return 2
    findings = collected(check_bundle(files, given.digest.lower(), head))
    _say(*(f"WRONG: {finding}" for finding in findings), "NOT VERIFIED" if findings else "VERIFIED")
    if not findings:
        _say(*collected(described(files, head)), *PROVES.split("\n"))
    return 1 if findings else 0


def _say(*lines: str) -> None:
    for line in lines:  # a name in the bundle must not write a line of its own
        sys.stdout.write("".join(sign if sign.isprintable() else "?" for sign in line) + "\n")


if __name__ == "__main__":
    sys.exit(main())
