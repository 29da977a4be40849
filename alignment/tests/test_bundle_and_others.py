"""A bundle tells nothing of documents that its reader may not read, and hides nothing of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alignment.artifacts.canonical import canonical, digest
from alignment.models import ArtifactVersion, ChainEntry, Role
from alignment.queries.bundles import files_of
from alignment.services.artifacts import revoke
from alignment.services.heads import sign_daily_head
from alignment.tests.sealing import DAY, HOUR, NOON, memos, seal, send
from alignment.verification.marks import marks_of
from alignment.verification.verify import check_bundle, collected, described
from testing.artifacts import user_with

__all__ = ["memos"]
Files = dict[str, bytes]


@pytest.fixture
def files(memos: None) -> Files:
    """A memo that was revoked, in a chain with others before, between and after."""
    seal(send("before"), at=NOON)
    own = send("own", at=NOON + HOUR)
    seal(send("between", text="Dismissals"), at=NOON + 2 * HOUR)
    seal(own, at=NOON + 3 * HOUR)
    own = ArtifactVersion.objects.get(pk=own.pk)
    revoke(version=own, role=Role.CRO, reason="No.", by=user_with(Role.CRO), at=NOON + 4 * HOUR)
    send("after", at=NOON + 5 * HOUR)
    sign_daily_head(at=NOON + 3 * DAY)
    return files_of(ArtifactVersion.objects.get(pk=own.pk))


def lines(files: Files) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["chain.jsonl"].splitlines()]


def findings(files: Files) -> list[str]:
    """With a manifest that fits."""
    rest = {name: raw for name, raw in files.items() if name != "manifest.json"}
    listed = canonical({"files": {name: digest(raw) for name, raw in rest.items()}})
    return collected(check_bundle({**rest, "manifest.json": listed}))


def chain_of(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(canonical(row) + b"\n" for row in rows)


def test_other_documents_stand_in_it_as_digests_alone(files: Files) -> None:
    assert not findings(files)
    everything = b"".join(raw for name, raw in files.items() if name != "document.pdf")
    others = ArtifactVersion.objects.exclude(artifact__key="own")
    assert others.count() == 3
    for version in others:
        assert version.digest.encode() not in everything
        assert version.artifact.key.encode() not in files["chain.jsonl"]
        for signature in version.chain.filter(kind="signed"):
            assert json.loads(signature.event)["record"].encode() not in everything
    hidden = [row for row in lines(files) if isinstance(row["event"], str)]
    assert len(hidden) == ChainEntry.objects.filter(version__artifact__key__in=["between", "after"]).count()
    assert all(sorted(row) == ["digest", "event", "mark"] for row in hidden)


def test_marks_of_one_document_have_nothing_in_common_to_who_lacks_its_sending(files: Files) -> None:
    marks = list(marks_of(ChainEntry.objects.exclude(version=None)).values())
    assert len(set(marks)) == len(marks) > 10
    sendings = ChainEntry.objects.filter(kind="sent").values_list("event", flat=True)
    assert not {digest(event.encode()) for event in sendings} & set(marks)


def test_an_entry_of_its_own_cannot_be_hidden(files: Files) -> None:
    rows = lines(files)
    place = next(n for n, row in enumerate(rows) if "revoked" in str(row["event"]))
    entry = ChainEntry.objects.get(kind="revoked")
    assert "revoked" in next(described(files))
    rows[place] = {
        "digest": entry.digest,
        "event": digest(entry.event.encode()),
        "mark": marks_of([entry])[entry.sequence],
    }
    found = findings({**files, "chain.jsonl": chain_of(rows), "refusals.jsonl": b""})
    assert found == [f"Entry {entry.sequence} belongs to this document, but is not shown."]
    rows[place]["mark"] = "1" * 64
    found = findings({**files, "chain.jsonl": chain_of(rows), "refusals.jsonl": b""})
    assert f"Entry {entry.sequence} of the chain does not follow" in found[0]


def test_an_entry_of_another_document_in_full_is_named(files: Files) -> None:
    rows = lines(files)
    entry = ChainEntry.objects.filter(version__artifact__key="between").latest("sequence")
    place = next(n for n, row in enumerate(rows) if row["digest"] == entry.digest)
    rows[place] = {"digest": entry.digest, "event": json.loads(entry.event)}
    found = findings({**files, "chain.jsonl": chain_of(rows)})
    assert f"Entry {entry.sequence} is of another document, but is shown." in found


@pytest.mark.parametrize("change", [{"more": 1}, {"mark": "0" * 63}, {"event": "0" * 64}, {"mark": None}])
def test_an_entry_in_another_form_is_found(files: Files, change: dict[str, Any]) -> None:
    rows = lines(files)
    place = next(n for n, row in enumerate(rows) if isinstance(row["event"], str))
    rows[place] |= change
    assert findings({**files, "chain.jsonl": chain_of(rows)})


def test_digits_written_in_another_way_are_found(files: Files) -> None:
    for name in ("digest", "event", "mark"):
        rows = lines(files)
        row = next(row for row in rows if isinstance(row["event"], str))
        row[name] = row[name].upper()
        assert findings({**files, "chain.jsonl": chain_of(rows)}), name
