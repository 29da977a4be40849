"""A real funnel, imported: leads, MQL cycles and won deals of Olist agree with figures computed elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from alignment.models import Import, ImportState, Lead, MqlCycle, Opportunity, Person, Source
from alignment.queries.funnel import Conversion, mql_to_won
from alignment.services.import_run import run_import
from alignment.services.imports import start_import
from sla.models import Clock
from sla.tests.test_history_rows import assert_a_rebuild_changes_nothing, state
from testing.processes import environment, wait_until

BASE = Path(settings.BASE_DIR)
pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)
MQLS: dict[str, Any] = {
    "object": "lead",
    "columns": {"external_id": "mql_id", "mql_at": "first_contact_date", "channel": "origin"},
    "zone": "UTC",
}
DEALS: dict[str, Any] = {
    "object": "opportunity",
    "columns": {
        "external_id": "seller_id", "lead": "mql_id", "closed_at": "won_date", "owner": "sr_id",
    },
    "constants": {"stage": "won", "is_won": True, "is_closed": True},
    "zone": "UTC",
}  # fmt: skip
FILES = {
    "olist_marketing_qualified_leads_dataset.csv": MQLS,
    "olist_closed_deals_dataset.csv": DEALS,
}


@pytest.fixture
def olist(shared: Path) -> Path:
    folder = shared / "data" / "olist"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data/olist is not on this machine")
    return folder


@pytest.fixture
def source() -> Source:
    return Source.objects.create(key="olist", name="Olist", kind="standard")


def bring_in(folder: Path, name: str, source: Source, at: datetime) -> Import:
    with (folder / name).open("rb") as file:
        found = start_import(file=file, file_name=name, source=source, mapping=FILES[name], by=None, at=at)
    return run_import(found, now=lambda: at)


def assert_equals(found: Conversion, truth: dict[str, Any]) -> None:
    assert (found.mqls, found.won) == (truth["mqls"], truth["won"])
    assert found.rate is not None and round(float(found.rate), 6) == truth["conversion"]
    assert found.median_days is not None and round(found.median_days, 6) == truth["median_cycle_days"]


@pytest.mark.parametrize("order", [1, -1])
def test_conversion_and_median_cycle_by_origin_are_those_of_the_data(
    olist: Path, source: Source, order: int
) -> None:
    for name in list(FILES)[::order]:
        row = bring_in(olist, name, source, NOW)
        assert (row.state, row.rejected) == (ImportState.DONE, 0)
    truth = json.loads((olist / "ground_truth.json").read_text())
    funnel = mql_to_won()
    assert_equals(funnel.total, truth["total"])
    assert {row.channel if row.channel is not None else "(null)" for row in funnel.by_origin} == set(
        truth["by_origin"]
    )
    assert any(row.channel == "unknown" for row in funnel.by_origin)
    for found in funnel.by_origin:
        assert_equals(found, truth["by_origin"]["(null)" if found.channel is None else found.channel])
    assert funnel.total.won_before == truth["negative_cycles"] == 1
    assert (Lead.objects.count(), MqlCycle.objects.count(), Opportunity.objects.count()) == (8000, 8000, 842)
    assert Person.objects.count() == len(truth["by_sr"])
    assert not Clock.objects.exists()
    assert not MqlCycle.objects.live().exists()


def test_the_same_files_again_change_no_row(olist: Path, source: Source) -> None:
    for name in FILES:
        bring_in(olist, name, source, NOW)
    before = state()
    for days, name in enumerate(FILES, start=1):
        row = bring_in(olist, name, source, NOW + timedelta(days=days))
        assert row.facts_new == 0 and row.facts_unchanged > 0
        assert row.as_of == NOW
    assert state() == before


def test_a_new_export_that_says_the_same_changes_no_record(
    olist: Path, source: Source, tmp_path: Path
) -> None:
    """Rows that date themselves are the same statements; the others say that all of it still holds."""
    for name in FILES:
        bring_in(olist, name, source, NOW)
    before = state()
    for days, name in enumerate(FILES, start=1):
        (tmp_path / name).write_bytes((olist / name).read_bytes() + b"\n")
        row = bring_in(tmp_path, name, source, NOW + timedelta(days=days))
        assert row.as_of == NOW + timedelta(days=days)
        if FILES[name] is MQLS:
            assert row.counts["lead"] == {"unchanged": 8000} and "cycle" not in row.counts
        else:
            assert row.counts == {"opportunity": {"unchanged": 842}}
    after = state()
    del before["Fact"], after["Fact"]
    assert after == before


@pytest.mark.xdist_group("processes")
@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_and_gone_on_with_it_gives_the_figures_of_the_data(
    olist: Path, tmp_path: Path
) -> None:
    Source.objects.create(key="olist", name="Olist", kind="standard")
    environ = environment(tmp_path) | {"IMPORT_ROWS": "200"}

    def started(name: str) -> subprocess.Popen[bytes]:
        mapping = tmp_path / f"{name}.json"
        mapping.write_text(json.dumps(FILES[name]))
        words = ["import_history", str(olist / name), "--source=olist", f"--mapping={mapping}"]
        return subprocess.Popen(
            [sys.executable, "manage.py", *words], cwd=BASE, env=environ, stdout=subprocess.DEVNULL
        )

    mqls, deals = FILES
    running = started(mqls)
    wait_until(lambda: Import.objects.filter(position__gt=0).exists())
    running.kill()
    running.wait()
    assert 0 < Import.objects.get().rows < 8000
    assert Lead.objects.count() == MqlCycle.objects.count() == Import.objects.get().rows
    for name in (mqls, deals):
        assert started(name).wait(120) == 0
    truth = json.loads((olist / "ground_truth.json").read_text())
    funnel = mql_to_won()
    assert_equals(funnel.total, truth["total"])
    for found in funnel.by_origin:
        assert_equals(found, truth["by_origin"]["(null)" if found.channel is None else found.channel])
    assert (Import.objects.count(), Lead.objects.count(), MqlCycle.objects.count()) == (2, 8000, 8000)


def test_a_rebuild_from_the_ledger_changes_nothing(olist: Path, source: Source) -> None:
    for name in FILES:
        bring_in(olist, name, source, NOW)
    assert_a_rebuild_changes_nothing()
