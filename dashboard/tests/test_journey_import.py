"""An export becomes history by the hands of RevOps: upload, mapping, preview, dry run, import, rejects."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import alignment.tasks
from alignment.models import Import, Lead, MqlCycle, Role
from testing.browser import DESK, IS_LONG, PHONE_DARK, Look, Visitor, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, add_user

pytestmark = needs_browser
EXPORT = """"Lead ID","First Name","Last Name","Email","Company / Account","Lead Source","Lead Status","Lead Owner",\
"Disposition","Create Date","MQL Date"
00Q5f000001AAAA,Ada,Lovelace,ada@example.com,Analytical Engines,Web,Open,Rep 1,,3/1/2026 9:00,3/2/2026 9:14
00Q5f000001AAAB,Emmy,Noether,emmy@example.com,Rings Ltd,Events,Dead,Ex Colleague,Trash,3/13/2026 9:00,3/14/2026 10:00
00Q5f000001AAAC,Grace,Hopper,grace@example.com,Compilers Inc,Web,Open,Rep 1,,the 5th,
"""


@pytest.mark.parametrize("look", [DESK, PHONE_DARK] if IS_LONG else [PHONE_DARK], ids=str)
def test_an_export_becomes_history_and_its_bad_row_a_line_in_a_file(
    journey: Journey, world: World, tmp_path: Path, look: Look
) -> None:
    file = tmp_path / "leads 2026.csv"
    file.write_text(EXPORT)
    revops = journey.visitors.at(look)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    revops.menu("Sources")
    revops.arrive("Sources")
    revops.page.get_by_role("link", name="Import history of CRM").click()
    revops.arrive("CRM", "No history yet")
    revops.follow("Import a file")
    revops.arrive("Import a file")
    revops.page.get_by_label("Export", exact=True).set_input_files(file)
    revops.press("Upload")
    revops.arrive("What the columns mean", "looks like Salesforce report")

    file_is_mapped(revops)
    file_is_tried(revops)
    revops.press("Import")
    revops.arrive("leads 2026.csv", "Waits for a worker")
    assert not Lead.objects.exists()
    alignment.tasks.run_imports()
    journey.visitors.let_pass(3)
    revops.arrive("leads 2026.csv", "Done, with rejects")
    assert not revops.page.locator("[hx-trigger='every 2s']").count(), "it asks no more"
    records = revops.page.get_by_role("region", name="Records", exact=True)
    assert "Leads 2 0 0" in " ".join(records.inner_text().split())
    assert "Ex Colleague" in revops.page.get_by_role("region", name="Warnings").inner_text()
    revops.page.get_by_role("region", name="What came in").get_by_text("Events").wait_for()
    revops.examine()
    rejects_are_downloaded(revops, tmp_path)
    assert set(MqlCycle.objects.values_list("is_history", flat=True)) == {True}
    assert Import.objects.filter(is_dry_run=False).count() == 1
    revops.page.get_by_role("link", name="Imports of CRM").click()
    revops.arrive("CRM", "Dry run")
    revops.leave()


def file_is_mapped(revops: Visitor) -> None:
    page = revops.page
    assert page.get_by_label("Email: our field").input_value() == "email"
    revops.press("Preview")
    revops.arrive("What the columns mean", "Confirm it: “3/1/2026 9:00” says no offset")
    page.get_by_label("Zone of the file's times").fill("America/New_York")
    page.get_by_label("Yes, times without an offset are in this zone").check()
    trash = page.get_by_label("disposition, “Trash”: our value")
    page.get_by_label("Disposition: our field").select_option("")
    trash.wait_for(state="detached")
    page.get_by_label("Disposition: our field").select_option("disposition")
    trash.wait_for()
    trash.select_option("disqualified")
    page.get_by_label("Lead Status: our field").focus()
    revops.examine()
    revops.press("Preview")
    revops.arrive("What would come of it", "read in America/New_York")
    line = page.get_by_role("region", name="Line 2")
    assert "ada@example.com" in line.inner_text() and "New" in line.inner_text()
    assert page.get_by_text("Line 4 is rejected.").is_visible()


def file_is_tried(revops: Visitor) -> None:
    revops.press("Dry run")
    revops.arrive("leads 2026.csv", "Waits for a worker")
    alignment.tasks.run_imports()
    revops.page.reload()
    revops.arrive("leads 2026.csv", "nothing was written")
    assert not Lead.objects.exists()


def rejects_are_downloaded(revops: Visitor, folder: Path) -> None:
    with revops.page.expect_download() as download:
        revops.page.get_by_role("link", name="Download all as CSV").click()
    kept = folder / "rejects.csv"
    download.value.save_as(kept)
    rows = list(csv.DictReader(kept.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["rejected line"], row["rejected code"]) for row in rows] == [("4", "bad_time")]
    assert "“the 5th” is not a date" in rows[0]["rejected because"]
    assert (rows[0]["Lead ID"], rows[0]["First Name"]) == ("00Q5f000001AAAC", "Grace")
