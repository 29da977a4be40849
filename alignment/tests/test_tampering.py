"""Whoever owns the database can change anything in it; the verifier with a mailed head finds and names all of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction

from alignment.artifacts.canonical import canonical, digest
from alignment.artifacts.events import signature_event
from alignment.models import (
    Artifact,
    ArtifactVersion,
    ChainEntry,
    ChainHead,
    Refusal,
    Rendition,
    RestsOn,
    ServerKey,
    Signature,
)
from alignment.services.heads import sign_daily_head, witness_file
from alignment.services.server_key import private_key
from alignment.tests.sealing import DAY, NOON, history, memos, newest_head, seal, send
from alignment.verification.database import Report, verify_database
from alignment.verification.marks import marks_of
from alignment.verification.verify import GENESIS, NO_MARK, chained, marked
from testing.artifacts import draft, kind_of

__all__ = ["memos"]
TABLES = (ChainEntry, ChainHead, ServerKey, ArtifactVersion, RestsOn, Signature, Refusal, Rendition)
NEW_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture
def mailed(memos: None) -> str:
    """A company's history, and the file that a witness has of it; then the owner takes all guards off."""
    history(8)
    head = sign_daily_head(at=NOON + 3 * DAY) or newest_head()
    _take_guards_off()
    assert not verify_database(heads=[witness_file(head)]).findings, "before anything was changed"
    return witness_file(head)


def _take_guards_off() -> None:
    """What an owner may do: no triggers, no foreign keys, no constraints on these tables."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            """
            SELECT conrelid::regclass::text, conname FROM pg_constraint
            WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype IN ('c', 'u', 'x', 'f')
               OR confrelid = ANY(%(tables)s::regclass[])
            """,
            {"tables": [model._meta.db_table for model in TABLES]},
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
        for model in TABLES:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        cursor.execute(
            """
            SELECT indexrelid::regclass::text FROM pg_index
            WHERE indrelid = ANY(%s::regclass[]) AND indisunique AND NOT indisprimary
            """,
            [[model._meta.db_table for model in TABLES]],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")


@contextmanager
def undone() -> Iterator[None]:
    """What is done within is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def remove(rows: Any) -> None:
    """Delete without asking what refers to them."""
    rows._raw_delete(using="default")


def said(report: Report) -> list[str]:
    return [f"{finding.where}: {finding.message}" for finding in report.findings]


def sample(places: list[Any], number: int) -> list[Any]:
    return random.Random(20261122).sample(places, min(number, len(places)))


def entries() -> list[ChainEntry]:
    return list(ChainEntry.objects.order_by("sequence"))


def write(rows: list[ChainEntry], *, key: Ed25519PrivateKey | None = None) -> None:
    """Put these in place of the chain, numbered and chained anew, with heads signed anew where there were some."""
    old_heads = {head.entry_id: head for head in ChainHead.objects.all()}
    at_place = {row.sequence: head for row in rows if (head := old_heads.get(row.sequence))}
    new_place: dict[int, ChainEntry] = {}
    remove(ChainEntry.objects.all())
    previous = GENESIS
    sent: dict[int | None, bytes] = {}
    for number, row in enumerate(rows, 1):
        before = row.sequence
        event = canonical({**json.loads(row.event), "sequence": number})
        if row.kind == "sent":
            sent.setdefault(row.version_id, event)
        mark = marked(number, sent[row.version_id]) if row.version_id in sent else NO_MARK
        row.sequence, row.event, row.previous = number, event.decode(), previous
        row.digest = previous = chained(previous, mark, digest(event))
        row.save(force_insert=True)
        new_place.setdefault(before, row)
    remove(ChainHead.objects.all())
    if key is not None:
        public = key.public_key().public_bytes_raw()
        ServerKey.objects.update(public=public.hex(), name=digest(public)[:16])
    signer = key or private_key()
    last = 0
    for place, head in sorted(at_place.items()):
        entry = new_place[place]
        told = json.loads(head.statement)
        told |= {"sequence": entry.sequence, "digest": entry.digest, "previous": last}
        told["key"] = ServerKey.objects.get(pk=head.key_id).name
        statement = canonical(told)
        head.entry, head.statement, head.signature = entry, statement.decode(), signer.sign(statement).hex()
        head.save(force_insert=True)
        last = entry.sequence


# --- the chain: six attacks --------------------------------------------------------------------------


def _change(row: ChainEntry) -> None:
    event = json.loads(row.event)
    field = random.Random(row.sequence).choice(sorted(event.keys() - {"sequence"}))
    event[field] = {"was": event[field]}
    row.event = canonical(event).decode()


def test_a_changed_entry_is_found_and_named(mailed: str, examples: Callable[[int, int], int]) -> None:
    for row in sample(entries(), examples(6, 50)):
        for is_rehashed in (False, True):
            with undone():
                _change(row)
                if is_rehashed:
                    row.save()
                    mark = marks_of([row])[row.sequence]
                    row.digest = chained(row.previous, mark, digest(row.event.encode()))
                row.save()
                told = said(verify_database(heads=[mailed]))
                named = row.sequence + 1 if is_rehashed and row.sequence < len(entries()) else row.sequence
                assert any(f"chain: Entry {named} " in line for line in told) or (
                    is_rehashed and any("A witness has a head" in line for line in told)
                ), (row.sequence, told)
            row.refresh_from_db()


def test_a_removed_entry_is_found_and_named(mailed: str, examples: Callable[[int, int], int]) -> None:
    for row in sample(entries(), examples(6, 50)):
        with undone():
            remove(ChainEntry.objects.filter(pk=row.pk))
            told = said(verify_database(heads=[mailed]))
            gap = f"chain: The chain has entry {row.sequence + 1} where entry {row.sequence} belongs"
            cut = f"the chain ends at {row.sequence - 1}: its end was cut off"
            assert any(gap in line or cut in line for line in told), told


def test_an_inserted_entry_is_found(mailed: str, examples: Callable[[int, int], int]) -> None:
    for row in sample(entries()[:-1], examples(4, 50)):
        with undone():
            forged = ChainEntry(
                kind=row.kind, event=row.event, added_at=row.added_at, version_id=row.version_id
            )
            forged.sequence = row.sequence
            rows = entries()
            write([*rows[: row.sequence], forged, *rows[row.sequence :]])
            assert any("A witness has a head" in line for line in said(verify_database(heads=[mailed])))


def test_entries_in_another_order_are_found(mailed: str, examples: Callable[[int, int], int]) -> None:
    for row in sample(entries()[:-1], examples(4, 50)):
        with undone():
            one, other = row, ChainEntry.objects.get(pk=row.sequence + 1)
            mine = {
                name: getattr(one, name) for name in ("event", "kind", "added_at", "version_id", "digest")
            }
            for name, value in mine.items():
                setattr(one, name, getattr(other, name))
                setattr(other, name, value)
            one.save()
            other.save()
            place = f"The chain has entry {one.sequence + 1} where entry {one.sequence} belongs"
            assert any(place in line for line in said(verify_database(heads=[mailed])))
        row.refresh_from_db()
        with undone():
            rows = entries()
            rows[row.sequence - 1 : row.sequence + 1] = reversed(rows[row.sequence - 1 : row.sequence + 1])
            write(rows)
            assert any("A witness has a head" in line for line in said(verify_database(heads=[mailed])))


def test_an_end_that_was_cut_off_is_found(mailed: str, examples: Callable[[int, int], int]) -> None:
    for row in sample(entries(), examples(4, 50)):
        with undone():
            remove(ChainHead.objects.filter(entry__gte=row.sequence))
            remove(ChainEntry.objects.filter(pk__gte=row.sequence))
            told = said(verify_database(heads=[mailed]))
            assert any(f"the chain ends at {row.sequence - 1}: its end was cut off" in line for line in told)


@pytest.mark.parametrize("key", [None, NEW_KEY], ids=["the server's key", "a new key"])
def test_a_chain_written_anew_is_found(
    mailed: str, key: Ed25519PrivateKey | None, examples: Callable[[int, int], int]
) -> None:
    for row in sample([row for row in entries() if row.kind != "key"], examples(3, 50)):
        with undone():
            rows = entries()
            event = {**json.loads(row.event), "at": "2020-01-01T00:00:00.000000+00:00"}
            rows[row.sequence - 1].event = canonical(event).decode()
            rows[row.sequence - 1].added_at -= timedelta(days=1)
            write(rows, key=key)
            told = said(verify_database(heads=[mailed]))
            assert any("or the chain was written anew" in line for line in told)


def test_rows_and_chain_changed_together_with_the_servers_key_are_found_by_a_witness_alone(
    mailed: str,
) -> None:
    signature = Signature.objects.select_related("version__artifact").earliest("pk")
    signature.name = "Mallory"
    signature.save()
    rows = entries()
    _, told = signature_event(signature)
    for row in rows:
        event = json.loads(row.event)
        if (event["kind"], event.get("artifact"), event.get("role")) == (
            "signed",
            told["artifact"],
            told["role"],
        ):
            row.event = canonical(event | told).decode()
    write(rows)
    assert said(verify_database()) == [], "nothing within the database tells"
    found = said(verify_database(heads=[mailed]))
    assert len(found) == 1 and "something was changed" in found[0]


def test_what_came_after_the_newest_mailed_head_and_was_cut_off_is_said_to_be_unwitnessed(
    mailed: str,
) -> None:
    covered = len(entries())
    later = send(key="later", at=NOON + 5 * DAY)
    assert verify_database(heads=[mailed]).unwitnessed == 2
    remove(ChainEntry.objects.filter(version=later))
    remove(Rendition.objects.filter(version=later))
    remove(ArtifactVersion.objects.filter(pk=later.pk))
    report = verify_database(heads=[mailed])
    assert (report.findings, report.witnessed, report.entries) == ([], covered, covered)
    assert (
        "Unwitnessed: 0 later entries, and whatever came after it and was cut off again."
        in run("--head", kept(mailed))[1]
    )


# --- the rows: every column of every evidence table ----------------------------------------------------


def _other(field: Any, value: Any) -> Any:
    """Another value that the column takes."""
    if isinstance(field, models.ForeignKey):
        others = field.related_model._default_manager.exclude(pk=value)
        return others.values_list("pk", flat=True).order_by("pk").first()
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case bytes() | memoryview():
            return bytes(value) + b"x"
        case list():
            return [*value, "x"]
        case dict():
            return {**value, "more": 1}
        case None:
            return "192.0.2.9" if isinstance(field, models.GenericIPAddressField) else NOON + 9 * DAY
        case str() if isinstance(field, models.GenericIPAddressField):
            return "192.0.2.9"
        case str():
            limit = getattr(field, "max_length", None)
            return (
                (value[:-1] + ("0" if value[-1:] != "0" else "1"))
                if limit and len(value) >= limit
                else value + "x"
            )
        case _:
            return value + timedelta(microseconds=1)


def test_every_column_of_every_evidence_table_counts(
    mailed: str, examples: Callable[[int, int], int]
) -> None:
    missed = []
    for row in (row for model in TABLES for row in sample(evidence(model), examples(3, 1000))):
        for field in row._meta.concrete_fields:
            value = _other(field, getattr(row, field.attname))
            if field.primary_key or (value is None and not field.null):
                continue  # a row's number is a row's removal; or there is no other row to point to
            with undone():
                type(row).objects.filter(pk=row.pk).update(**{field.attname: value})
                if not verify_database(heads=[mailed]).findings:
                    missed.append((repr(row), field.name))
    assert not missed


def test_a_row_removed_or_added_is_found(mailed: str, examples: Callable[[int, int], int]) -> None:
    missed = []
    for row in (row for model in TABLES for row in sample(evidence(model), examples(3, 1000))):
        with undone():
            remove(type(row).objects.filter(pk=row.pk))
            if not verify_database(heads=[mailed]).findings:
                missed.append(f"{row!r} removed")
        with undone():
            row.pk = 10_000 + row.pk
            row.save(force_insert=True)
            if not verify_database(heads=[mailed]).findings:
                missed.append(f"{row!r} added")
    assert not missed


def evidence(model: Any) -> list[Any]:
    rows = model.objects.exclude(state="draft") if model is ArtifactVersion else model.objects
    return list(rows.order_by("pk"))


def test_an_artifact_that_takes_another_name_is_found(mailed: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE alignment_artifact DISABLE TRIGGER USER")
    Artifact.objects.filter(key="a").update(key="z")
    told = said(verify_database(heads=[mailed]))
    assert any(
        "memo a v1: Entry" in line and "there is no such version: it was removed" in line for line in told
    )


def test_a_removed_version_is_named_with_all_that_was_recorded_of_it(mailed: str) -> None:
    version = ArtifactVersion.objects.order_by("pk").first()
    assert version is not None
    remove(Signature.objects.filter(version=version))
    remove(ArtifactVersion.objects.filter(pk=version.pk))
    told = said(verify_database(heads=[mailed]))
    assert "memo a v1: Entry 1 recorded “sent”, but there is no such version: it was removed." in told


def test_a_signature_added_to_a_draft_is_found(mailed: str) -> None:
    made = draft("memo", {"text": "New"}, key="d", at=NOON)
    assert not verify_database(heads=[mailed]).findings, "drafts are no evidence"
    row = Signature.objects.earliest("pk")
    row.pk, row.version = None, made
    row.save(force_insert=True)
    assert said(verify_database(heads=[mailed])) == [
        "memo d v1: It is a draft, but has signatures, a refusal or a PDF."
    ]


def by_a_stranger(mailed: str, **changes: Any) -> str:
    """A head file with a signature that verifies, by a key that is not the server's."""
    public = NEW_KEY.public_key().public_bytes_raw()
    statement = {**json.loads(mailed)["statement"], "key": digest(public)[:16], **changes}
    signature = NEW_KEY.sign(canonical(statement)).hex()
    return json.dumps({"statement": statement, "signature": signature, "public": public.hex()})


def test_a_head_signed_by_a_stranger_is_no_witness(mailed: str) -> None:
    report = verify_database(heads=[by_a_stranger(mailed, organisation="Evil")])
    assert ["is signed by a key that this server does not know" in line for line in said(report)] == [True]
    assert report.witnessed == 0


def test_a_head_whose_key_is_gone_is_named(mailed: str) -> None:
    head = newest_head()
    ChainHead.objects.filter(pk=head.pk).update(key=10_000)
    told = said(verify_database())
    assert (
        f"head: The head at entry {head.entry_id} names a key that is not there: the key was removed." in told
    )
    assert verify_database().heads == ChainHead.objects.count()


# --- the command --------------------------------------------------------------------------------------


def kept(mailed: str) -> str:
    """As its entry and digest, which are in the text of the mail too."""
    told = json.loads(mailed)["statement"]
    return f"{told['sequence']}:{told['digest']}"


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_artifacts", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_that_everything_fits(mailed: str, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    file.write_text(mailed)
    code, out = run("--head", str(file))
    entry = len(entries())
    assert code == 0
    assert f"8 versions, {entry} entries of the chain and 6 heads verified: everything fits together." in out
    assert f"Witnessed up to entry {entry}." in out
    head = newest_head()
    assert run("--head", f"{head.entry_id}:{head.entry.digest}") == (code, out)
    assert "No head from outside was given" in run()[1]


def test_the_command_fails_and_names_the_findings(mailed: str) -> None:
    signature = Signature.objects.earliest("pk")
    Signature.objects.filter(pk=signature.pk).update(name="Mallory")
    code, out = run("--head", kept(mailed))
    assert code == 1
    assert "memo a v1: “signed” by cro is not as entry 3 recorded it: record changed." in out
    code, out = run("--head", kept(mailed), "--json")
    told = json.loads(out)
    assert code == 1 and told["versions"] == 8
    assert {
        "where": "memo a v1",
        "message": "“signed” by cro is not as entry 3 recorded it: record changed.",
    } in told["findings"]


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[]", '{"statement": 1}', "1:2:3x", "/nowhere/head.json", "5"]
)
def test_the_command_refuses_what_is_no_head(memos: None, text: str) -> None:
    with pytest.raises(CommandError, match="is no head"):
        call_command("verify_artifacts", "--head", text)


def test_the_command_works_on_an_empty_database(memos: None) -> None:
    assert run()[0] == 0


@pytest.mark.django_db(transaction=True)
def test_the_command_reads_one_snapshot_as_the_application_and_changes_nothing(
    as_application_role: str,
) -> None:
    with kind_of("memo"):
        seal(send())
        assert run()[0] == 0
        seal(send(at=NOON + DAY), at=NOON + DAY)
        assert run("--head", kept(witness_file(newest_head())))[0] == 0
