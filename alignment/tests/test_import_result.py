"""Progress, result and rejects of an import."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alignment.importing.rows import Row, read_rows
from alignment.models import Fact, Import, ImportPiece, Lead, Role, Source
from alignment.queries.erasure_preview import files_of_sources
from alignment.services import import_drafts
from alignment.services.erasure import erase_person
from alignment.services.imports import mapping_of as mapping_of_source
from alignment.tests.import_forms import LEADS, drafted, previewed, start, text, url, worked
from alignment.tests.pages import signed_in
from testing.world import World, add_user


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def test_progress_is_asked_for_until_the_end_and_no_longer(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    address = start(revops, draft).url
    asked = {"HX-Request": "true", "HX-Target": "progress"}
    part = revops.get(address, headers=asked)
    assert 'hx-trigger="every 2s"' in part.content.decode() and "<html" not in part.content.decode()
    worked()
    end = revops.get(address, headers=asked)
    assert (end["HX-Retarget"], end["HX-Reselect"]) == ("#import", "#import")
    assert "every 2s" not in end.content.decode() and "Rejected rows" in text(end)


def test_an_import_is_cancelled_and_resumed(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    address = start(revops, draft).url
    assert "What is in stays in" in text(revops.post(url("import-cancel", pk=draft.pk), follow=True))
    assert "It has ended already" in text(revops.post(url("import-cancel", pk=draft.pk), follow=True))
    assert "Resume" in text(revops.get(address))
    assert "goes on behind" in text(revops.post(url("import-resume", pk=draft.pk), follow=True))
    assert "It is waiting" in text(revops.post(url("import-resume", pk=draft.pk), follow=True))
    worked()
    assert "Done, with rejects" in text(revops.get(address))


def rejects_of(client: Client, found: Import, delimiter: str = ",") -> list[dict[str, str]]:
    answer = client.get(url("import-rejects", pk=found.pk))
    assert "attachment" in answer["Content-Disposition"] and "no-store" in answer["Cache-Control"]
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")), delimiter=delimiter))


def test_rejects_come_in_the_columns_of_the_file_safe_for_spreadsheets(revops: Client) -> None:
    draft = drafted(revops, LEADS.replace("00Q5f000001AAAC,", "=cmd|x,"))
    previewed(revops, draft)
    start(revops, draft)
    worked()
    rows = rejects_of(revops, draft)
    added = ["rejected by import", "rejected line", "rejected code", "rejected because"]
    assert list(rows[0])[:4] == added and rows[0]["rejected by import"] == str(draft.pk)
    assert list(rows[0])[4:-1] == LEADS.partition("\n")[0].split(",") and list(rows[0])[-1] == "original line"
    assert [row["rejected line"] for row in rows] == ["3", "4"]
    assert (rows[1]["Lead ID"], rows[1]["First Name"], rows[1]["original line"]) == ("'=cmd|x", "Grace", "")
    assert "tomorrow" in rows[1]["rejected because"]
    ImportPiece.objects.all().delete()
    rows = rejects_of(revops, draft)
    assert [row["rejected line"] for row in rows] == ["3", "4"] and "Lead ID" not in rows[0]


SEMICOLONS = """Id;Name, first;Phone;Title;Score\r
1;Ada;+49 30 1;"=1+1";5\r
2;"Emmy\r
Noether";-7;|x;many\r
3;Grace;%2; \t=x;4;surplus\r
4;"Alan" T;;;\r
=5;Kurt;'@home;'plain;none\r
6;Rosa;"@";=;-3\r
"""
PLAIN = {
    "object": "lead",
    "columns": {"last_name": "Name, first", "phone": "Phone", "title": "Title", "score": "Score"},
    "id_from": ["Id", "Phone"],
}


def test_corrected_rejects_are_taken_in_again_as_the_corrected_rows_would_have_been(
    revops: Client, world: World
) -> None:
    """A row given back and corrected states what it would have stated in the file itself."""

    def run(content: str) -> Import:
        draft = drafted(revops, content, object="lead")
        revops.post(url("import-load", pk=draft.pk), {"text": json.dumps(PLAIN)})
        import_drafts.save_mapping(
            draft, mapping=PLAIN, as_of=world.at - timedelta(days=3), by=None, at=timezone.now()
        )
        start(revops, draft)
        worked()
        return Import.objects.get(pk=draft.pk)

    def stated() -> list[Any]:
        found = Fact.objects.filter(subject="lead").order_by("ref")
        return list(found.values_list("ref", "external_id", "fields", "occurred_at"))

    assert run(SEMICOLONS).rejected == 4
    first = Import.objects.latest("pk")
    rows = rejects_of(revops, first, ";")
    assert [row["rejected code"] for row in rows] == [
        "bad_number",
        "too_many_cells",
        "bad_quotation",
        "bad_number",
    ]
    assert [row["original line"] for row in rows] == ["", "3;Grace;%2; \t=x;4;surplus", '4;"Alan" T;;;', ""]
    assert (rows[0]["Name, first"], rows[3]["Phone"]) == ("Emmy\r\nNoether", "'@home")
    uncorrected = b"".join(revops.get(url("import-rejects", pk=first.pk))).decode("utf-8-sig")
    again = run(uncorrected)
    assert (again.rows, again.rejected, again.facts_new) == (4, 4, 0), "nothing of it passes by mistake"
    kept = rejects_of(revops, again, ";")
    assert list(kept[0]) == list(rows[0]), "columns do not pile up"

    for row, corrected in zip(rows, ("9", "4", "", "8"), strict=True):
        row["Score"] = corrected
    rows[1] |= {"Id": "3", "Name, first": "Grace", "Phone": "%2", "Title": " \t=x"}
    rows[2] |= {"Id": "4", "Name, first": "Alan T"}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    assert run(out.getvalue()).rejected == 0
    from_rejects = stated()

    assert len(from_rejects) == 6
    mended = SEMICOLONS.replace("many", "9").replace(";surplus", "").replace('"Alan" T', "Alan T")
    whole = read_rows_of(mended.replace(";none", ";8"))
    assert {(key, json.dumps(fields, sort_keys=True)) for _, key, fields, _ in from_rejects} == whole


def read_rows_of(content: str) -> set[tuple[str, str]]:
    mapping = mapping_of_source(PLAIN, Source.objects.get(key="crm"))
    found = list(read_rows(io.BytesIO(content.encode()), mapping))
    assert all(isinstance(row, Row) for row in found), found
    return {
        (draft.external_id, json.dumps(draft.fields, sort_keys=True))
        for row in found
        if isinstance(row, Row)
        for draft in row.drafts
    }


def test_rejects_whose_file_an_erasure_removed_are_to_be_exported_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    start(revops, draft)
    worked()
    assert "Download all as CSV" in text(revops.get(url("import", pk=draft.pk)))
    (lead,) = Lead.objects.all()
    (before,) = files_of_sources([lead])
    assert before.quoting == 2
    erase_person(leads=[lead], asked_by="person", reason="Asked", by=draft.requested_by, at=timezone.now())
    said = text(revops.get(url("import", pk=draft.pk)))
    assert "were removed by the erasure of" in said and "export these rows again" in said
    assert "Download all as CSV" not in said and "in the columns of your file" not in said
    assert files_of_sources([lead]) == [], "nothing is left that rejects quote"


def test_what_came_in_is_told_by_origin(revops: Client) -> None:
    assert "No MQL is known" in text(revops.get(url("imports-came-in")))
    draft = drafted(revops, LEADS.replace("Trash", "Recycled"))
    previewed(revops, draft)
    start(revops, draft)
    worked()
    said = text(revops.get(url("imports-came-in")))
    assert "Web 2 MQLs 0 0.0% (0 of 2)" in said and "All 2 MQLs 0" in said


def test_the_list_tells_of_every_import_with_as_many_queries_for_one_as_for_twenty(
    revops: Client, world: World
) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    start(revops, draft)
    worked()
    with CaptureQueriesContext(connection) as one:
        said = text(revops.get(url("imports")))
    assert "leads.csv" in said and "Ann" in said and "Done, with rejects" in said
    found = Import.objects.get(pk=draft.pk)
    for n in range(20):
        found.pk = None
        found.requested_by = add_user(world, Role.REVOPS, f"Ann {n}")
        found.save()
    with CaptureQueriesContext(connection) as many:
        assert revops.get(url("imports")).status_code == 200
    assert len(one) == len(many)
