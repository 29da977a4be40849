"""Imports from the file to the records: progress, rejects, trials, kills, cancelling and going on."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from alignment.importing.rows import UnreadableFile
from alignment.intake.mapping import InvalidMapping
from alignment.merging import Chunk, Staged, merge
from alignment.merging.reading import is_one_portion
from alignment.models import (
    Fact,
    Import,
    ImportPiece,
    ImportState,
    Lead,
    MqlCycle,
    Person,
    Role,
    Source,
    Touch,
    User,
)
from alignment.pipeline import drain
from alignment.services import imports, retention
from alignment.services.authority import OnlyRevOps
from alignment.services.import_rejects import write_rejects
from alignment.services.import_run import OtherImportInTheWay, TakenOver, run_import, run_waiting
from testing.processes import environment, peak_memory, wait_until
from testing.world import World, event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)
MAPPING: dict[str, Any] = {
    "object": "lead",
    "columns": {
        "external_id": "Id",
        "last_name": "Name",
        "channel": "Source",
        "created_at": "Created",
        "mql_at": "MQL",
        "owner": "Owner",
        "score": "Score",
    },
    "zone": "UTC",
}
HEADERS = "Id,Name,Source,Created,MQL,Owner,Score\n"


def line(n: int, score: object = 5) -> str:
    owner = f"rep{n % 3}@example.com"
    return f"L{n},Name {n},webinar,2026-01-{n % 28 + 1:02d},2026-02-{n % 28 + 1:02d},{owner},{score}\n"


def text(rows: int) -> str:
    return HEADERS + "".join(line(n) for n in range(rows))


def start(source: Source, content: str | bytes, **more: Any) -> Import:
    body = content.encode() if isinstance(content, str) else content
    given: dict[str, Any] = {
        "file": io.BytesIO(body),
        "file_name": "leads.csv",
        "source": source,
        "mapping": MAPPING,
        "by": None,
        "at": NOW,
    }
    return imports.start_import(**(given | more))


def bring_in(source: Source, content: str | bytes, **more: Any) -> Import:
    return run_import(start(source, content, **more), now=lambda: NOW)


@pytest.fixture
def crm() -> Source:
    return Source.objects.create(key="crm", name="CRM", kind="standard")


def told(source: Source) -> list[tuple[Any, ...]]:
    """What people see of a source's records, without ids and receipts."""
    leads = Lead.objects.filter(source=source).order_by("external_id")
    rows = leads.values_list(
        "external_id", "last_name", "channel", "score", "crm_owner__email", "sourced_function",
        "first_touch__external_id", "touches__touched_at", "cycles__crossed_at", "cycles__owner__email",
    )  # fmt: skip
    return [*rows, (Fact.objects.filter(source=source).count(),)]


def test_stages_that_sound_final_and_count_as_open_are_warned_of(crm: Source) -> None:
    deals = "Id,Stage\n1,Closed Won\n2,Negotiation\n3,Lost to nobody\n4,Wonder\n"
    mapping = {"object": "opportunity", "columns": {"external_id": "Id", "stage": "Stage"}}
    row = bring_in(crm, deals, mapping=mapping)
    assert row.warnings["final_stage_open"] == {"count": 2, "samples": ["Closed Won", "Lost to nobody"]}
    crm.mapping = {"won_stages": ["Closed Won"], "lost_stages": ["Lost to nobody"]}
    crm.save()
    again = bring_in(crm, deals.replace("Id,", "Id ,", 1), mapping=mapping)
    assert "final_stage_open" not in again.warnings


def test_the_same_file_under_a_corrected_mapping_is_corrected_in_every_row(crm: Source) -> None:
    rows = "Id,Via,Changed\n" + "".join(f"L{n},Web,2026-03-0{1 + n % 9}T10:00:00Z\n" for n in range(40))
    columns = {"external_id": "Id", "channel": "Via", "updated_at": "Changed"}
    wrong = {"object": "lead", "columns": columns}
    as_of = NOW - timedelta(days=1)
    bring_in(crm, rows, mapping=wrong, as_of=as_of)
    mended = wrong | {"values": {"channel": {"Web": "demo_request"}}}
    later = NOW + timedelta(minutes=5)
    run_import(start(crm, rows, mapping=mended, as_of=as_of, at=later), now=lambda: later)
    assert set(Lead.objects.values_list("channel", flat=True)) == {"demo_request"}
    assert set(Touch.objects.values_list("channel", flat=True)) == {"demo_request"}


def test_rows_become_leads_with_their_origin_and_their_cycles(crm: Source) -> None:
    row = bring_in(crm, text(3))
    assert (row.state, row.rows, row.rejected, row.share) == (ImportState.DONE, 3, 0, 1.0)
    assert row.facts_new == 6
    assert row.counts == {
        "lead": {"new": 3},
        "touch": {"new": 3},
        "cycle": {"new": 3},
        "person": {"new": 3},
    }
    lead = Lead.objects.get(external_id="L1")
    assert lead.sourced_function == "marketing" and lead.first_touch is not None
    assert MqlCycle.objects.get(lead=lead).is_history
    assert row.warnings["person_not_known"]["count"] == 3


def test_a_bad_row_in_ten_thousand_stops_no_other(crm: Source) -> None:
    rows = [line(n) for n in range(10_000)]
    rows[5000] = line(5000, "=cmd()|x")
    row = bring_in(crm, HEADERS + "".join(rows))
    assert (row.rows, row.rejected, Lead.objects.count()) == (10_000, 1, 9_999)
    reject = row.rejects.get()
    assert reject.line == 5002 and "Score" in reject.message
    out = io.StringIO()
    assert write_rejects(row, out) == 1
    found = next(iter(csv.DictReader(io.StringIO(out.getvalue()))))
    assert found.pop("rejected line") == "5002" and "Score" in found.pop("rejected because")
    assert found.pop("rejected by import") == str(row.pk)
    assert found.pop("original line") == "" and found.pop("rejected code") == "bad_number"
    told = dict(zip(HEADERS.strip().split(","), rows[5000].strip().split(","), strict=True))
    assert found == told | {"Score": "'=cmd()|x"}


def test_a_row_that_only_the_database_refuses_is_found_and_stops_no_other(
    crm: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE alignment_lead ADD CHECK (score <> 13)")
    rows = [line(n, 13 if n in (17, 61) else 5) for n in range(100)]
    row = bring_in(crm, HEADERS + "".join(rows))
    assert (row.state, row.rejected, Lead.objects.count()) == (ImportState.DONE, 2, 98)
    assert [(each.line, each.code) for each in row.rejects.all()] == [
        (19, "cannot_apply"),
        (63, "cannot_apply"),
    ]
    assert row.facts_new == 2 * 98 == Fact.objects.count()


def test_a_trial_counts_what_would_change_and_writes_nothing(crm: Source) -> None:
    bring_in(crm, text(3))
    before = told(crm), Person.objects.count()
    changed = HEADERS + line(1, 99) + line(2) + line(7)
    trial = bring_in(crm, changed, is_dry_run=True, at=NOW + timedelta(days=1))
    assert (trial.state, trial.rows, trial.facts_new, trial.facts_unchanged) == (ImportState.DONE, 3, 6, 0)
    assert trial.counts == {
        "lead": {"new": 1, "changed": 1, "unchanged": 1},
        "touch": {"new": 1, "unchanged": 2},
        "cycle": {"new": 1},
    }
    assert (told(crm), Person.objects.count()) == before
    real = bring_in(crm, changed, at=NOW + timedelta(days=1))
    assert (real.as_of, real.counts) == (trial.as_of, trial.counts)
    assert Lead.objects.get(external_id="L1").score == 99


def test_a_trial_of_a_file_that_fits_one_chunk_counts_what_importing_it_gives(
    crm: Source, settings: LazySettings
) -> None:
    mapping = {
        "object": "touch",
        "columns": {"external_id": "Id", "lead": "Lead", "touched_at": "At"},
        "zone": "UTC",
    }
    rows = [f"T{n},L{n % 3},2026-01-01 10:{n % 60:02}\n" for n in range(2500)]
    content = "Id,Lead,At\n" + "".join(rows)
    trial = bring_in(crm, content, mapping=mapping, is_dry_run=True)
    assert trial.counts == {"touch": {"new": 2500}, "lead": {"mentioned": 3}}
    assert is_one_portion(trial.rows, trial.facts_new + trial.facts_unchanged)
    assert bring_in(crm, content, mapping=mapping).counts == trial.counts
    settings.IMPORT_ROWS = 2000
    assert not is_one_portion(trial.rows, trial.facts_new + trial.facts_unchanged)


def test_a_value_that_comes_back_is_a_statement_of_its_own(crm: Source) -> None:
    for day, score in enumerate([1, 2, 1, 1]):
        row = bring_in(
            crm, HEADERS + line(1, score), as_of=NOW + timedelta(days=day), at=NOW + timedelta(days=9)
        )
        assert row.facts_new == 2
    assert Lead.objects.get().score == 1


def test_an_older_export_changes_nothing_that_a_newer_one_repeated(crm: Source) -> None:
    def export(score: int, day: int) -> None:
        bring_in(crm, HEADERS + line(1, score), as_of=NOW + timedelta(days=day), at=NOW + timedelta(days=9))

    export(1, 0)
    export(1, 2)
    export(5, 1)
    assert Lead.objects.get().score == 1


def test_rows_that_date_themselves_are_known_in_a_new_export(crm: Source) -> None:
    mapping = {
        "object": "lead",
        "columns": {"external_id": "Id", "score": "S", "updated_at": "U"},
        "zone": "UTC",
    }
    bring_in(crm, "Id,S,U\nA,1,2026-05-01\nB,1,2026-05-01\n", mapping=mapping)
    newer = "Id,S,U\nA,1,2026-05-01\nB,2,2026-06-01\n"
    row = bring_in(crm, newer, mapping=mapping, at=NOW + timedelta(days=1))
    assert (row.facts_new, row.facts_unchanged, row.counts) == (
        1,
        1,
        {"lead": {"changed": 1, "known": 1}},
    )
    again = bring_in(crm, newer + "C,1,\nC,1,2026-05-01\n", mapping=mapping, at=NOW + timedelta(days=2))
    assert again.counts == {"lead": {"known": 2, "new": 1}}, "each record once"


CYCLES = {
    "object": "cycle",
    "columns": {
        "lead": "L", "mql_at": "M", "assigned_at": "A", "disposed_at": "D", "disposition": "X", "reason": "R",
    },
    "zone": "UTC",
}  # fmt: skip


def test_a_new_export_corrects_cycles_however_its_rows_are_dated(crm: Source) -> None:
    headers, told = "L,M,A,D,X,R\n", "2026-01-05,2026-01-06,2026-03-01,recycled,bad_timing\n"
    bring_in(crm, headers + "".join(f"L{n},{told}" for n in (1, 2, 3)), mapping=CYCLES)
    corrected = (
        "L1,2026-01-05,2026-01-06,2026-02-01,recycled,bad_timing\n"
        "L2,2026-01-05,2026-01-06,,,\n"
        "L3,2026-01-05,2026-01-06,2026-03-01,recycled,bad_fit\n"
    )
    later = NOW + timedelta(days=1)
    found = start(crm, headers + corrected, mapping=CYCLES, at=later)
    run_import(found, now=lambda: later)
    cycles = MqlCycle.objects.order_by("lead__external_id")
    before = list(cycles.values())
    assert [(each.disposition, each.reason, each.closed_at) for each in cycles] == [
        ("recycled", "bad_timing", datetime(2026, 2, 1, tzinfo=UTC)),
        ("", "", None),
        ("recycled", "bad_fit", datetime(2026, 3, 1, tzinfo=UTC)),
    ]
    call_command("rebuild", stdout=io.StringIO())
    assert list(cycles.values()) == before


def test_a_file_from_before_what_is_known_already_is_told(crm: Source) -> None:
    bring_in(crm, text(1))
    older = bring_in(crm, HEADERS + line(1, 4), as_of=NOW - timedelta(days=5))
    assert older.warnings["older_than_imported"]["samples"] == ["leads.csv"]


@pytest.mark.parametrize(
    ("content", "mapping", "refusal"),
    [
        (b"PK\x03\x04rest", MAPPING, UnreadableFile),
        ("Id,Name\n1,x\n", MAPPING, UnreadableFile),
        (HEADERS, {"object": "leads"}, InvalidMapping),
    ],
)
def test_what_cannot_be_read_is_refused_before_it_is_kept(
    crm: Source, content: str | bytes, mapping: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        start(crm, content, mapping=mapping)
    assert not Import.objects.exists()


def test_the_same_file_is_not_imported_twice_at_once(crm: Source) -> None:
    first = start(crm, text(2))
    with pytest.raises(imports.AlreadyImporting) as refusal:
        start(crm, text(2))
    assert refusal.value.found == first


def test_a_file_is_not_gone_on_with_while_it_is_imported_anew(crm: Source) -> None:
    first = start(crm, text(2))
    imports.cancel_import(first, by=None, at=NOW)
    tried = start(crm, text(2), is_dry_run=True)
    second = start(crm, text(2))
    with pytest.raises(imports.AlreadyImporting) as refusal:
        imports.resume_import(first, by=None, at=NOW)
    assert refusal.value.found == second != tried
    imports.cancel_import(second, by=None, at=NOW)
    assert imports.resume_import(first, by=None, at=NOW).state == ImportState.WAITING


def test_a_file_cannot_say_what_will_hold(crm: Source) -> None:
    with pytest.raises(imports.AsOfInFuture):
        start(crm, text(2), as_of=NOW + timedelta(days=1))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.REVOPS}))
def test_only_revops_imports(crm: Source, role: str) -> None:
    somebody = User.objects.create_user("x@example.com", None, name="X", role=role)
    found = start(crm, text(1))
    with pytest.raises(OnlyRevOps):
        start(crm, text(2), by=somebody)
    with pytest.raises(OnlyRevOps):
        imports.cancel_import(found, by=somebody, at=NOW)
    with pytest.raises(OnlyRevOps):
        imports.resume_import(found, by=somebody, at=NOW)


def test_a_worker_goes_on_slice_by_slice_and_tells_how_far_it_is(crm: Source, settings: LazySettings) -> None:
    settings.IMPORT_ROWS = 10
    start(crm, text(35))
    shares = []
    while (row := run_waiting(now=lambda: NOW, run_for=0)) is not None:
        shares.append((row.rows, row.state, row.remaining is not None))
    assert shares[0] == (10, "running", True)
    assert shares[-1] == (35, "done", False)
    assert Lead.objects.count() == 35 and len(shares) >= 4


def test_a_cancelled_import_keeps_whole_chunks_and_can_go_on(crm: Source, settings: LazySettings) -> None:
    settings.IMPORT_ROWS = 10
    found = start(crm, text(35))

    def cancel(row: Import) -> None:
        imports.cancel_import(row, by=None, at=NOW)

    with pytest.raises(TakenOver):
        run_import(found, now=lambda: NOW, on_progress=cancel)
    assert Lead.objects.count() == 10
    assert run_waiting(now=lambda: NOW) is None
    with pytest.raises(imports.NotUnderWay):
        imports.cancel_import(found, by=None, at=NOW)
    imports.resume_import(found, by=None, at=NOW)
    row = run_waiting(now=lambda: NOW)
    assert row is not None and (row.state, row.rows, Lead.objects.count()) == (ImportState.DONE, 35, 35)
    with pytest.raises(imports.NothingToResume):
        imports.resume_import(found, by=None, at=NOW)


def test_an_import_in_good_hands_is_left_alone_and_one_left_behind_is_taken_on(crm: Source) -> None:
    found = start(crm, text(3))
    Import.objects.update(state=ImportState.RUNNING, runner="somebody", started_at=NOW, heartbeat_at=NOW)
    found.refresh_from_db()
    with pytest.raises(TakenOver):
        run_import(found, now=lambda: NOW)
    assert run_waiting(now=lambda: NOW) is None
    row = run_waiting(now=lambda: NOW + timedelta(seconds=61))
    assert row is not None and row.state == ImportState.DONE


def test_a_runner_whose_place_was_taken_commits_nothing_more(crm: Source, settings: LazySettings) -> None:
    settings.IMPORT_ROWS = 10
    found = start(crm, text(35))

    def take_over(row: Import) -> None:
        Import.objects.update(runner="another")

    with pytest.raises(TakenOver):
        run_import(found, now=lambda: NOW, on_progress=take_over)
    assert Lead.objects.count() == 10


def test_files_expire_with_what_their_rejects_quote(crm: Source) -> None:
    row = bring_in(crm, HEADERS + line(1) + line(2, "Jane Doe"))
    assert "Jane Doe" in row.rejects.get().message
    retention.expire_bodies(at=NOW + timedelta(days=600))
    assert not ImportPiece.objects.exists()
    assert "Jane Doe" not in row.rejects.get().message
    out = io.StringIO()
    assert write_rejects(Import.objects.get(), out) == 1


@pytest.mark.usefixtures("as_application_role")
def test_the_applications_own_role_may_do_all_of_it(crm: Source) -> None:
    assert bring_in(crm, text(3)).state == ImportState.DONE
    assert bring_in(crm, HEADERS + line(1, 9), at=NOW + timedelta(days=1)).counts["lead"] == {"changed": 1}


def test_an_mql_date_after_the_file_was_exported_is_rejected(crm: Source) -> None:
    row = bring_in(crm, HEADERS + line(1) + line(2), as_of=datetime(2026, 2, 1, 12, tzinfo=UTC))
    assert (row.rejected, row.rejects.get().code, row.rejects.get().line) == (1, "mql_after_export", 3)
    assert "2026-02-03" in row.rejects.get().message
    assert MqlCycle.objects.get().lead.external_id == "L1"


def test_leads_over_the_trigger_without_an_mql_date_are_told(world: World) -> None:
    over, under = "A,Ann,web,,,,90\n", "B,Bob,web,,,,3\n"
    row = bring_in(world.crm, HEADERS + over + under + line(3, 90))
    assert row.warnings["trigger_without_date"] == {"count": 1, "samples": ["A"]}


def test_a_reject_below_a_line_that_is_too_long_has_its_own_text(crm: Source) -> None:
    row = bring_in(crm, HEADERS + "L1," + "x" * (5 << 19) + ",,,,,1\n" + line(2) + line(3, "many") + line(4))
    out = io.StringIO()
    assert write_rejects(row, out) == 2
    csv.field_size_limit(1 << 22)
    last = list(csv.DictReader(io.StringIO(out.getvalue())))[-1]
    assert (last["rejected line"], last["Score"]) == ("4", "many")


def test_entries_into_stages_are_counted(crm: Source) -> None:
    mapping = {
        "object": "stage",
        "columns": {"external_id": "O", "stage": "S", "stage_at": "T"},
        "zone": "UTC",
    }
    content = "O,S,T\nO1,demo,2026-01-01\nO1,offer,2026-01-09\nO2,demo,2026-01-03\n"
    assert bring_in(crm, content, mapping=mapping).counts["stage"] == {"new": 3}
    more = content + "O2,offer,2026-02-01\n"
    assert bring_in(crm, more, mapping=mapping, at=NOW + timedelta(days=1)).counts["stage"] == {"new": 1}


def test_an_import_counts_each_record_once_as_its_dry_run_does(crm: Source) -> None:
    mapping = {"object": "cycle", "columns": {"lead": "L", "mql_at": "At"}, "zone": "UTC"}
    rows = [f"L{n},2026-02-{n % 28 + 1:02d}" for n in range(2_100)]
    content = "\n".join(["L,At", *rows, "L0,2026-05-01", "L7,2026-05-02", ""])
    tried = bring_in(crm, content, mapping=mapping, is_dry_run=True)
    done = bring_in(crm, content, mapping=mapping)
    assert tried.counts == done.counts
    assert (done.counts["lead"], done.counts["cycle"]) == ({"new": 2_100}, {"new": 2_102})


def test_a_deal_that_a_column_closes_sounds_final_and_is(crm: Source) -> None:
    mapping = {
        "object": "opportunity",
        "columns": {"external_id": "O", "stage": "S", "is_closed": "C", "is_won": "W"},
        "stage_columns": {"Entered": "Closed Won"},
        "zone": "UTC",
    }
    row = bring_in(crm, "O,S,C,W,Entered\nO1,Closed Won,yes,yes,2026-03-02\n", mapping=mapping)
    assert "final_stage_open" not in row.warnings


def test_one_left_behind_is_named_to_whoever_wants_to_import(crm: Source) -> None:
    first = start(crm, text(1), file_name="first.csv")
    Import.objects.update(state=ImportState.RUNNING, runner="x", started_at=NOW, heartbeat_at=NOW)
    second = start(crm, text(2))
    with pytest.raises(OtherImportInTheWay, match=f"Import {first.pk} of first.csv.* is running"):
        run_import(second, now=lambda: NOW)
    with pytest.raises(OtherImportInTheWay, match=r"first.csv.*left behind.*cancel it"):
        run_import(second, now=lambda: NOW + timedelta(hours=1))


@pytest.mark.django_db(transaction=True)
def test_after_two_collisions_nobody_else_makes_records_until_the_chunk_is_in(
    crm: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is always faster with the same lead, as long as he may."""
    collisions: list[int] = []

    def beside_drains(chunk: Chunk, staged: Staged, *, is_fresh: bool) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND granted "
                           "AND relation = 'alignment_lead'::regclass AND pid = pg_backend_pid()")  # fmt: skip
            is_locked = cursor.fetchone()[0]
        merge(chunk, staged, is_fresh=is_fresh)
        if not is_locked:
            collisions.append(1)
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO alignment_source SELECT * FROM alignment_source")

    monkeypatch.setattr("alignment.services.import_run.merge", beside_drains)
    row = bring_in(crm, text(3))
    assert (row.state, row.rows, len(collisions)) == (ImportState.DONE, 3, 2)


class TestTheCommand:
    def run(self, tmp_path: Path, content: str, *more: str) -> str:
        (tmp_path / "leads.csv").write_text(content)
        (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
        out = io.StringIO()
        mapping = f"--mapping={tmp_path / 'mapping.json'}"
        call_command("import_history", str(tmp_path / "leads.csv"), mapping, *more, stdout=out)
        return out.getvalue()

    def test_it_imports_and_lists_rejects(self, tmp_path: Path) -> None:
        rejects = tmp_path / "rejects.csv"
        content = HEADERS + line(1) + line(2, "many")
        out = self.run(tmp_path, content, "--source=old", "--create-source=Old CRM", f"--rejects={rejects}")
        assert "2 rows: 2 new statements kept, 0 known already, 1 rows rejected." in out
        assert Lead.objects.get().source.name == "Old CRM"
        assert rejects.read_text(encoding="utf-8-sig").startswith('"rejected by import","rejected line",')
        assert "many" in rejects.read_text()

    def test_a_trial_says_what_would_be(self, tmp_path: Path, crm: Source) -> None:
        assert "would be kept" in self.run(tmp_path, text(2), "--source=crm", "--dry-run")
        assert not Lead.objects.exists()

    @pytest.mark.parametrize(
        "mapping", ["{", "[1]", '{"columns": {"external_id": "\\u0000"}}', "[" * 100_000]
    )
    def test_a_mapping_that_cannot_be_read_is_refused(
        self, tmp_path: Path, crm: Source, mapping: str
    ) -> None:
        (tmp_path / "leads.csv").write_text(text(1))
        (tmp_path / "broken.json").write_text(mapping)
        given = ("--source=crm", "--object=lead", f"--mapping={tmp_path / 'broken.json'}")
        with pytest.raises(CommandError, match="/broken"):
            call_command("import_history", str(tmp_path / "leads.csv"), *given)
        assert not Import.objects.exists()

    def test_the_time_of_the_file_is_that_of_its_last_change(self, tmp_path: Path, crm: Source) -> None:
        changed = datetime(2026, 5, 1, 8, tzinfo=UTC).timestamp()
        write_text = Path.write_text

        def dated(path: Path, content: str) -> int:
            number = write_text(path, content)
            os.utime(path, (changed, changed))
            return number

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "write_text", dated)
            out = self.run(tmp_path, text(1), "--source=crm")
        assert "hold as of 2026-05-01 08:00 UTC" in out and "--as-of" in out
        assert Import.objects.get().as_of == datetime(2026, 5, 1, 8, tzinfo=UTC)

    @pytest.mark.django_db(transaction=True)
    def test_what_the_database_refuses_is_told_without_values(
        self, tmp_path: Path, crm: Source, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any, **more: Any) -> None:
            raise IntegrityError("Key (source_id, external_id)=(1, secret) already exists.")

        monkeypatch.setattr("alignment.services.import_run.merge", refuse)
        monkeypatch.setattr("alignment.services.import_run._is_collision", lambda problem: True)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        with pytest.raises(CommandError, match="Run the same command again") as refusal:
            self.run(tmp_path, text(1), "--source=crm")
        assert refusal.value.__suppress_context__ and "secret" not in str(refusal.value)

    def test_it_fails_with_a_sentence(self, tmp_path: Path, crm: Source) -> None:
        with pytest.raises(CommandError, match="no column"):
            self.run(tmp_path, "Id\n1\n", "--source=crm")
        with pytest.raises(CommandError, match="No source “gone”; there are: crm"):
            self.run(tmp_path, text(1), "--source=gone")


# --- real processes ---------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path, transactional_db: None) -> Callable[[Path], subprocess.Popen[bytes]]:
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))

    def run(file: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable, "manage.py", "import_history", str(file), "--source=crm",
                f"--mapping={tmp_path / 'mapping.json'}",
            ],
            cwd=settings.BASE_DIR,
            env=environment(tmp_path) | {"IMPORT_ROWS": "400"},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    return run


def has_begun() -> bool:
    return Import.objects.filter(position__gt=0).exists()


@pytest.mark.xdist_group("processes")
@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_and_gone_on_with_it_ends_as_if_nothing_had_been(
    crm: Source, tmp_path: Path, command: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(text(6000))
    running = command(file)
    wait_until(has_begun)
    running.kill()
    running.wait()
    row = Import.objects.get()
    assert row.state == ImportState.RUNNING and 0 < row.rows < 6000
    assert Lead.objects.count() == row.rows == row.position - 1
    assert command(file).wait(120) == 0
    row.refresh_from_db()
    assert (row.state, row.rows, Import.objects.count()) == (ImportState.DONE, 6000, 1)
    other = Source.objects.create(key="other", name="Other", kind="standard")
    bring_in(other, text(6000))
    assert told(crm) == told(other)


@pytest.mark.xdist_group("processes")
@pytest.mark.django_db(transaction=True)
def test_memory_does_not_grow_with_the_file(
    crm: Source,
    tmp_path: Path,
    command: Callable[[Path], subprocess.Popen[bytes]],
    examples: Callable[[int, int], int],
) -> None:
    if examples(0, 1) == 0:
        pytest.skip("a file that is large enough takes the short run too long")
    peaks = []
    for rows in (2_000, 300_000):
        file = tmp_path / f"{rows}.csv"
        file.write_text(text(rows))
        with command(file) as running:
            peaks.append(peak_memory(running))
        assert running.returncode == 0
    assert peaks[1] - peaks[0] < 15 * 1024  # KiB


@pytest.mark.xdist_group("processes")
@pytest.mark.django_db(transaction=True)
def test_two_workers_and_a_drain_at_once_do_everything_once(
    world: World, settings: LazySettings, examples: Callable[[int, int], int]
) -> None:
    settings.IMPORT_ROWS, rows = 100, examples(1200, 3000)
    start(world.crm, text(rows))
    over = threading.Event()
    problems: list[BaseException] = []

    def work() -> None:
        try:
            while not over.is_set() and run_waiting(now=lambda: datetime.now(UTC), run_for=0.3):
                time.sleep(0.01)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    def live() -> None:
        """Live events about leads that the file tells of too, before, while and after it does."""
        try:
            for n in range(0, rows, 60):
                world.deliver(
                    event("lead.updated", f"L{n}", world.at, id=f"e{n}", score=70), external_id=f"e{n}"
                )
                drain(at=world.at)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=each) for each in (work, work, live)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    over.set()
    while run_waiting(now=lambda: datetime.now(UTC)):
        pass
    assert problems == []
    done = Import.objects.get()
    assert (done.state, done.rows, done.rejected) == (ImportState.DONE, rows, 0)
    assert Lead.objects.count() == rows
    assert Fact.objects.filter(is_history=True).count() == 2 * rows
    assert Touch.objects.count() == rows
    # a lead that crossed here before the file was read has its live cycle alone: the file tells that one again
    assert MqlCycle.objects.standing().values("lead").distinct().count() == rows
    before = told(world.crm), list(MqlCycle.objects.order_by("pk").values())
    call_command("rebuild", stdout=io.StringIO())
    assert (told(world.crm), list(MqlCycle.objects.order_by("pk").values())) == before
