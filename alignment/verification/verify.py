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
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64  # stands before the first entry of the chain
NO_MARK = "0" * 64  # of entries that belong to no document: new keys of the server
LARGEST = 64 * 2**20  # bytes of all files together
LARGEST_FILE, LARGER = 2**20, {"chain.jsonl": 32 * 2**20, "document.pdf": 32 * 2**20}  # bytes of each
MOST_ENTRIES, MOST_SHOWN = 50_000, 100  # lines of chain.jsonl, and those with an event in full
LONGEST_LINE = 16 * 2**10  # bytes of one of them
MOST_FINDINGS, LONGEST_FINDING = 100, 400
PIECE = 64 * 2**10  # bytes that are unpacked at once
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


def chained(previous: str, mark: str, event: str) -> str:
    """The digest of an entry, in hex: SHA-256(0x00 ‖ previous digest ‖ mark ‖ SHA-256 of the canonical event)."""
    return sha256(b"\x00" + _bytes(previous) + _bytes(mark) + _bytes(event))


def marked(sequence: int, sent: bytes) -> str:
    """The mark of a document's entry, in hex: SHA-256(0x01 ‖ number as 8 bytes ‖ canonical “sent” event of it).

    Whoever has the “sent” event sees by it that no entry of the document is shown as a mere digest, its revocation
    for example. To anybody else marks look like chance: “sent” names times to the microsecond and the digest of a text.
    """
    return sha256(b"\x01" + sequence.to_bytes(8, "big") + sent)


def _bytes(text: str) -> bytes:
    """Of 64 small hex digits, written in no other way."""
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(f"“{text[:80]}” is no digest of 64 digits from 0 to 9 and a to f")
    return bytes.fromhex(text)


def check_chain(
    entries: Iterable[tuple[str, str, bytes | str]], sequence: int, previous: str
) -> Iterator[str]:
    """What is wrong with entries that must follow entry `sequence`, whose digest is `previous`.

    Each is (digest, mark, event): the canonical bytes, or the SHA-256 in hex of an event that is not shown.
    """
    for digest, mark, event in entries:
        sequence += 1
        told = sequence
        if isinstance(event, bytes):
            try:
                told = int(parsed(event)["sequence"])
            except (LookupError, TypeError, ValueError, RecursionError):
                yield f"Entry {sequence} of the chain is no event in canonical form: changed."
        if told != sequence:
            yield f"The chain has entry {told} where entry {sequence} belongs: removed, inserted or moved."
        if chained(previous, mark, sha256(event) if isinstance(event, bytes) else event) != digest:
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
        state = _after(state, event)
    return state


def _after(state: str, event: dict[str, Any]) -> str:
    return state if event["kind"] in ("signed", "rendered") else str(event["kind"])


def check_version(
    envelope: bytes,
    signatures: list[dict[str, Any]],
    refusals: list[dict[str, Any]],
    events: list[dict[str, Any]],
) -> Iterator[str]:
    """What is wrong between a signed text, its signatures, its refusals and the chain's events of this version."""
    signed, digest = parsed(envelope), sha256(envelope)
    name = {"kind": signed["kind"], "key": signed["key"], "version": signed["version"]}
    state = ""
    for event in events:
        kind, where = event["kind"], f"Entry {event['sequence']}"
        if (BEFORE.get(kind) != state) if kind != "rendered" else not state:
            yield f"{where}: “{kind}” cannot follow “{state or 'nothing'}”."
        if event["digest"] != digest or event["artifact"] != name:
            yield f"{where} (“{kind}”) speaks of another text than this one."
        state = _after(state, event)
    roles = [record["role"] for record in signatures]
    asked, given = set(signed["signers"]), set(roles)
    if any(event["kind"] == "in_force" for event in events):
        yield from (f"The signature of the role {role} is missing." for role in sorted(asked - given))
    yield from (f"The role {role} need not sign." for role in sorted(given - asked))
    if len(given) < len(roles) or len({record["signer"] for record in signatures}) < len(signatures):
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
    refused = [event for event in events if "record" in event and event["kind"] != "signed"]
    yield from _compare("refusal", refusals, refused)


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
    envelope = parsed(files["envelope.json"])
    if canonical(envelope["content"]) != files["content.json"]:
        yield "content.json is not the content that envelope.json holds."
    if digest and digest != sha256(files["envelope.json"]):
        yield f"This is the text with the digest {sha256(files['envelope.json'])}, not {digest}."
    heads, keys = list(_lines(files["heads.jsonl"], 2)), parsed(files["keys.json"])
    chain = Chain.of(files)
    yield from chain.check()
    for each in heads:
        statement = each["statement"]
        yield from check_head(statement, each["signature"], keys[statement["key"]])
        yield from chain.met(statement["sequence"], statement["digest"])
    if heads[-1]["statement"]["sequence"] != chain.last:
        yield "The last head does not cover the whole of chain.jsonl."
    for event in chain.keys:
        if keys.get(event["name"], event["public"]) != event["public"]:
            yield f"keys.json has another key {event['name']} than the chain."
    signatures, refusals = _lines(files["signatures.jsonl"]), _lines(files["refusals.jsonl"])
    yield from check_version(files["envelope.json"], list(signatures), list(refusals), chain.own)
    pdfs = {event["sha256"] for event in chain.own if event["kind"] == "rendered" and event["signed"]}
    if sha256(files["document.pdf"]) not in pdfs:
        yield "document.pdf is not the signed PDF that the chain recorded."
    if head:
        sequence, told, problems = witnessed(head)
        yield from problems
        yield from chain.met(sequence, told)


@dataclass
class Chain:
    """The entries of a bundle, from after entry `first`, whose digest is `start`, to `last`.

    Events of this document and new keys are there in full, those of other documents by their SHA-256: readers of this
    one learn from it that something was recorded, and neither what nor of which document. Nobody finds an event by
    guessing, either: each holds times to the microsecond and the digest of a text or of a record with such times.
    """

    lines: bytes
    name: dict[str, Any]
    first: int
    start: str
    last: int = 0
    own: list[dict[str, Any]] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, files: dict[str, bytes]) -> Chain:
        envelope, heads = parsed(files["envelope.json"]), list(_lines(files["heads.jsonl"], 2))
        name = {"kind": envelope["kind"], "key": envelope["key"], "version": envelope["version"]}
        before: dict[str, Any] = (
            heads[0]["statement"] if len(heads) == 2 else {"sequence": 0, "digest": GENESIS}
        )
        return cls(files["chain.jsonl"], name, before["sequence"], before["digest"])

    def check(self) -> Iterator[str]:
        """What is wrong with the entries; `own`, `keys` and `last` are known when all of it was asked for."""
        self.last, self.digests = self.first, {self.first: self.start}
        yield from check_chain(self._entries(), self.first, self.start)
        yield from self.odd

    def met(self, sequence: int, digest: str) -> Iterator[str]:
        """What is wrong with a head, if the chain must have this digest at this entry."""
        if sequence not in self.digests:
            yield f"The head at entry {sequence} lies outside of this bundle's entries {self.first} to {self.last}."
        elif self.digests[sequence] != digest:
            yield f"The head at entry {sequence} has the digest {digest}, the chain here has {self.digests[sequence]}."

    def _entries(self) -> Iterator[tuple[str, str, bytes | str]]:
        sent = b""
        for line in _lines(self.lines, MOST_ENTRIES, LONGEST_LINE):
            self.last += 1
            event, mark = line["event"], line.get("mark", NO_MARK)
            if sorted(line) != ["digest", "event", "mark"][: 3 if isinstance(event, str) else 2]:
                raise ValueError(f"entry {self.last} has more or less than it should")
            self.digests[self.last] = line["digest"]
            if isinstance(event, str):
                if sent and mark == marked(self.last, sent):
                    self.odd.append(f"Entry {self.last} belongs to this document, but is not shown.")
                yield line["digest"], mark, event
                continue
            raw = canonical(event)
            if len(self.own) + len(self.keys) >= MOST_SHOWN:
                raise ValueError(f"more than {MOST_SHOWN} entries are shown in full")
            if "artifact" not in event:
                self.keys.append(event)
            elif event["artifact"] == self.name:
                self.own.append(event)
                sent = sent or raw
                mark = marked(self.last, sent)
            else:
                self.odd.append(f"Entry {self.last} is of another document, but is shown.")
            yield line["digest"], mark, raw


def witnessed(text: str) -> tuple[int, str, list[str]]:
    """(sequence, digest, what is wrong) of the file that was mailed to a witness, or of SEQUENCE:DIGEST."""
    short = re.fullmatch(r"\s*([0-9]{1,15}):([0-9a-f]{64})\s*", text.lower())
    if short:
        return int(short[1]), short[2], []
    told = json.loads(text)
    statement = told["statement"]
    problems = list(check_head(statement, told["signature"], told["public"]))
    return int(statement["sequence"]), str(statement["digest"]), problems


def _lines(raw: bytes, most: int = 1000, longest: int = LARGEST_FILE) -> Iterator[Any]:
    """The values of canonical JSON, one a line; one after the other, so that many of them need no more memory."""
    for number, line in enumerate(io.BytesIO(raw), 1):
        if len(line) > longest:  # before all of its values are in memory
            raise ValueError(f"line {number} is longer than {longest} bytes")
        if number > most or not line.endswith(b"\n"):
            raise ValueError(
                f"there are more than {most} lines" if number > most else "the last line does not end"
            )
        yield parsed(line[:-1])


def collected(findings: Iterator[str]) -> list[str]:
    """The first findings; a value that is not in its form is one too. Beyond them nothing more is looked at."""
    found: list[str] = []
    try:
        for finding in islice(findings, MOST_FINDINGS + 1):
            found.append(finding[:LONGEST_FINDING])
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        found.append(f"Something is missing or not in its form ({type(error).__name__}: {str(error)[:200]}).")
    return [*found[:MOST_FINDINGS], "And more."] if len(found) > MOST_FINDINGS else found


def described(files: dict[str, bytes], head_given: str = "") -> Iterator[str]:
    """What a bundle without findings says."""
    envelope, chain = parsed(files["envelope.json"]), Chain.of(files)
    head = list(_lines(files["heads.jsonl"], 2))[-1]["statement"]
    list(chain.check())
    state = state_of(chain.own).replace("_", " ")
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
    """The files of a .zip by name; ValueError if it is none, is too large or has other files than a bundle.

    What an archive says of its sizes is not believed: it is unpacked in pieces and counted.
    """
    if raw.count(b"PK\x01\x02") > 4 * len(FILES):  # before a directory of thousands of files is read
        raise ValueError("it cannot be unpacked (too many files)")
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for member in archive.infolist():
                name = member.filename
                if name not in FILES or name in files:
                    raise ValueError(
                        f"{name[:80]!r} is twice in it" if name in files else f"{name[:80]!r} is in it"
                    )
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError("it is packed by another method than “deflate”")
                files[name] = _unpacked(archive, member, min(largest, LARGER.get(name, LARGEST_FILE)))
                largest -= len(files[name])
    except Exception as error:  # an archive can be wrong in many ways
        raise ValueError(f"it cannot be unpacked ({error})") from None
    return files


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    pieces, size = [], 0
    with archive.open(member) as file:
        while piece := file.read(PIECE):
            size += len(piece)
            if size > most:
                raise ValueError("too many files, or too large")
            pieces.append(piece)
    return b"".join(pieces)


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
