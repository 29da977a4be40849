"""An archive that lies about its sizes, or has more in it than a bundle, costs neither memory nor time."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from alignment.artifacts.canonical import canonical
from alignment.queries.verification import NothingToVerify, examine
from alignment.verification import verify
from alignment.verification.verify import FILES, MOST_FINDINGS, check_bundle, collected, unzipped

MEGABYTE = 2**20


def archive(
    method: int, *, megabytes: int = 0, name: str = "envelope.json", declared: int | None = None
) -> bytes:
    """One file of so many zeros, whose directory says that it is of `declared` bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made, made.open(name, "w") as file:
        for _ in range(megabytes):
            file.write(bytes(MEGABYTE))
    raw = bytearray(buffer.getvalue())
    if declared is not None:
        struct.pack_into("<I", raw, raw.rfind(b"PK\x01\x02") + 24, declared)
    return bytes(raw)


def peak_of(act: Callable[[], Any]) -> int:
    """Megabytes that it needed at most."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] // MEGABYTE
    finally:
        tracemalloc.stop()


def refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unzipped(raw)


@pytest.mark.parametrize("declared", [None, 10, MEGABYTE, 2**31])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_unpacked_is_counted_and_never_believed(
    method: int, declared: int | None, examples: Callable[[int, int], int]
) -> None:
    raw = archive(method, megabytes=examples(40, 200), declared=declared)
    assert peak_of(lambda: refused(raw)) < 8


@pytest.mark.django_db
def test_the_page_refuses_it_in_words() -> None:
    raw = archive(zipfile.ZIP_BZIP2, megabytes=100, declared=10)
    assert len(raw) < 2000

    def give() -> None:
        with pytest.raises(NothingToVerify, match="This is no bundle"):
            examine(raw)

    assert peak_of(give) < 8


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused(method: int) -> None:
    with pytest.raises(ValueError, match="another method"):
        unzipped(archive(method))


def test_no_file_and_not_all_of_them_are_larger_than_allowed() -> None:
    with pytest.raises(ValueError, match="too large"):
        unzipped(archive(zipfile.ZIP_DEFLATED, megabytes=2))
    pdf = archive(zipfile.ZIP_DEFLATED, megabytes=6, name="document.pdf")
    assert len(unzipped(pdf)["document.pdf"]) == 6 * MEGABYTE
    with pytest.raises(ValueError, match="too large"):
        unzipped(pdf, largest=6 * MEGABYTE - 1)
    both = io.BytesIO()
    with zipfile.ZipFile(both, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("document.pdf", bytes(4 * MEGABYTE))
        made.writestr("chain.jsonl", bytes(4 * MEGABYTE))
    with pytest.raises(ValueError, match="too large"):
        unzipped(both.getvalue(), largest=7 * MEGABYTE)


@pytest.mark.parametrize("name", ["../verify.py", "/etc/passwd", "more.txt", "verify.py/", "VERIFY.PY"])
def test_files_that_no_bundle_has_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is in it"):
        unzipped(archive(zipfile.ZIP_STORED, name=name))


def test_a_file_that_is_twice_in_it_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("keys.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("keys.json", b"2")
    with pytest.raises(ValueError, match="twice"):
        unzipped(buffer.getvalue())


def test_a_directory_of_thousands_of_files_is_not_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number in range(20_000):
            made.writestr(f"{number}", b"")
    raw = buffer.getvalue()
    assert peak_of(lambda: refused(raw)) < 2


# --- work ---------------------------------------------------------------------------------------------


def made_up(entries: int, *, shown: bool) -> dict[str, bytes]:
    """A bundle that fits nowhere, with so many entries."""
    text = {"kind": "a", "key": "b", "version": 1, "content": {}, "signers": [], "in_order": False}
    name = {"kind": "a", "key": "b", "version": 1}
    zeros = "0" * 64
    lines = [
        {"digest": zeros, "event": {"artifact": name, "digest": "x", "kind": "rendered", "sequence": n}}
        if shown
        else {"digest": zeros, "event": zeros, "mark": zeros}
        for n in range(1, entries + 1)
    ]
    head = {"statement": {"sequence": entries, "digest": zeros, "key": "k"}, "signature": "00" * 64}
    return {
        **dict.fromkeys(FILES, b""),
        "envelope.json": canonical({**text, "statement": ""}),
        "content.json": b"{}",
        "chain.jsonl": b"".join(canonical(line) + b"\n" for line in lines),
        "heads.jsonl": canonical(head) + b"\n",
        "keys.json": canonical({"k": "11" * 32}),
        "manifest.json": canonical({"files": {}}),
    }


def steps(act: Callable[[], Any]) -> int:
    """Lines of verify.py that it ran."""
    count = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename == verify.__file__ else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("shown", [True, False])
def test_twice_as_many_entries_are_twice_the_work(monkeypatch: pytest.MonkeyPatch, shown: bool) -> None:
    monkeypatch.setattr(verify, "MOST_FINDINGS", 10**9)
    small, large = made_up(200, shown=shown), made_up(400, shown=shown)
    counted = [steps(lambda files=files: collected(check_bundle(files))) for files in (small, large)]
    assert counted[1] < 2.5 * counted[0]


def test_after_a_hundred_findings_it_stops_and_says_so() -> None:
    found = collected(check_bundle(made_up(400, shown=True)))
    assert len(found) == MOST_FINDINGS + 1 and found[-1] == "And more."
    assert max(map(len, found)) <= verify.LONGEST_FINDING
    few, many = made_up(400, shown=False), made_up(4000, shown=False)
    assert steps(lambda: collected(check_bundle(many))) < 1.2 * steps(lambda: collected(check_bundle(few)))


def test_more_entries_than_a_chain_has_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_FINDINGS", 10**9)
    monkeypatch.setattr(verify, "MOST_ENTRIES", 50)
    assert any(
        "more than 50 lines" in finding for finding in collected(check_bundle(made_up(51, shown=False)))
    )
    monkeypatch.setattr(verify, "MOST_SHOWN", 20)
    assert any(
        "more than 20 entries are shown" in finding
        for finding in collected(check_bundle(made_up(21, shown=True)))
    )


def test_one_long_line_is_no_event() -> None:
    files = made_up(1, shown=True)
    files["chain.jsonl"] = files["chain.jsonl"].replace(b'"x"', b'"' + b"x" * verify.LONGEST_LINE + b'"')
    assert any("line 1 is longer than" in finding for finding in collected(check_bundle(files)))


def _many(size: int) -> bytes:
    """JSON of so many bytes whose values need the most memory."""
    return b"[" + b"[]," * (size // 3 - 1) + b"[]]"


def test_values_that_are_large_in_memory_are_refused_before_they_are_there() -> None:
    files = made_up(1, shown=False)
    line = canonical({"digest": "0" * 64, "event": {"artifact": {"kind": "a", "key": "b", "version": 1}}})
    long = line[:-2] + b',"x":' + _many(verify.LONGEST_LINE - 300) + b"}}\n"
    for chain in (_many(10 * MEGABYTE) + b"\n", long * 600):
        texts = {**files, "chain.jsonl": chain, "document.pdf": b""}
        assert peak_of(lambda texts=texts: collected(check_bundle(texts))) < 100
    with pytest.raises(NothingToVerify, match="no signed text is"):
        examine(_many(MEGABYTE) + b" " * 8)


def test_signatures_by_the_thousand_are_compared_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_FINDINGS", 10**9)

    def signed(number: int) -> dict[str, bytes]:
        files = made_up(1, shown=True)
        roles = [f"r{n}" for n in range(number)]
        told: dict[str, Any] = {
            "artifact": {},
            "digest": "",
            "statement": "",
            "delegation": None,
            "name": "n",
            "own_role": "",
        }
        rows = [{**told, "role": role, "signer": role} for role in roles]
        text = {**verify.parsed(files["envelope.json"]), "signers": [f"s{n}" for n in range(number)]}
        lines = b"".join(canonical(row) + b"\n" for row in rows)
        return {**files, "envelope.json": canonical(text), "signatures.jsonl": lines}

    counted = [steps(lambda n=n: collected(check_bundle(signed(n)))) for n in (200, 400)]
    assert counted[1] < 2.5 * counted[0]
