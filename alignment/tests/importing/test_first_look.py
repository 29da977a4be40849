"""A first look says what a file is and what it suggests, and asks for what the cells do not prove."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from alignment.importing.fields import OBJECTS
from alignment.importing.look import FileShape, left_out, look_at
from alignment.importing.presets import PRESETS, stage_columns, suggest
from alignment.tests.importing.support import mapping_of

FILES = Path(__file__).parent / "files"


def look(content: str | bytes) -> FileShape:
    return look_at(io.BytesIO(content.encode() if isinstance(content, str) else content))


def test_a_salesforce_report_is_known_with_its_trailer() -> None:
    shape = look((FILES / "salesforce_leads_report.csv").read_bytes())
    assert (shape.format, shape.delimiter, shape.object, shape.dates) == ("csv", ",", "lead", "mdy")
    assert shape.encoding == "Windows-1252 or ISO-8859-1"
    assert shape.system == "Salesforce report"
    assert shape.trailer[0] == "Grand Totals (3 records)" and len(shape.trailer) == 3
    assert len(shape.rows) == 3 and shape.rows[0][3] == "Müller"
    assert shape.columns["created_at"] == "Create Date"
    assert [question.split(":")[0] for question in shape.questions] == ["zone"]


def test_hubspot_deals_are_known_with_their_stages() -> None:
    shape = look((FILES / "hubspot_deals_utf16le.tsv").read_bytes())
    assert (shape.encoding, shape.delimiter, shape.object, shape.decimal) == (
        "UTF-16",
        "\t",
        "opportunity",
        ",",
    )
    assert list(shape.stage_columns.values()) == ["Demo", "Offer", "Closed won"]
    assert shape.columns["closed_at"] == shape.columns["close_on"] == "Close date"


def test_columns_beside_those_of_the_system_are_found_by_our_own_names() -> None:
    shape = look(
        "Opportunity ID,Opportunity Name,Lead ID,Amount,Currency,Stage,Close Date,Closed At,Opportunity Owner,"
        "Owner E-mail,Remark\n"
        "1,Acme,L1,10,EUR,Won,2026-03-25,2026-03-24T17:00:00Z,Kim Roe,kim@example.com,x\n"
    )
    assert shape.system == "Salesforce report"
    assert shape.columns["lead"] == "Lead ID" and shape.columns["currency"] == "Currency"
    assert (shape.columns["close_on"], shape.columns["closed_at"]) == ("Close Date", "Closed At")
    assert (shape.columns["owner"], shape.columns["owner_name"]) == ("Owner E-mail", "Opportunity Owner")
    assert left_out(shape, shape.document()) == ["Remark"]
    assert mapping_of(shape.document()).columns["closed_at"] == "Closed At"
    shape = look(
        "Lead ID,Company / Account,Lead Owner,Lead Owner E-mail,Intent,Product,Lifecycle Stage,Empty\n"
        "L1,Acme,Kim Roe,kim@example.com,demo,Core,mql,\n"
    )
    found = {name: shape.columns[name] for name in ("owner", "intent", "product", "lifecycle")}
    assert list(found.values()) == ["Lead Owner E-mail", "Intent", "Product", "Lifecycle Stage"]
    assert left_out(shape, shape.document()) == []


def test_an_id_of_the_owner_and_a_column_of_days_alone_are_not_bettered() -> None:
    shape = look(
        "Opportunity ID,Opportunity Name,Close Date,Closed At,Opportunity Owner,Owner ID,Owner Email\n"
        "1,Acme,2026-03-25,2026-03-24,Kim Roe,0051,kim@example.com\n"
    )
    assert shape.columns["closed_at"] == "Close Date" and shape.columns["owner"] == "Owner ID"


def test_a_stage_with_its_pipeline_behind_it_is_the_stage_of_the_column() -> None:
    shape = look(
        "Record ID,Deal Name,Deal Stage,Amount,Close Date,Create Date,Pipeline,Deal owner,"
        '"Date entered ""Demo (Sales Pipeline)""","Date entered ""Closed won (Sales Pipeline)"""\n'
        "1,Acme,Closed won (Sales Pipeline),10,2024-03-25 17:00,2024-01-02 09:14,Sales Pipeline,Kim,2024-02-01 10:00,\n"
        "2,Bcme,Other (East),10,2024-03-25 17:00,2024-01-02 09:14,Sales Pipeline,Kim,2024-02-01 10:00,\n"
    )
    assert shape.values["stage"] == {"Closed won (Sales Pipeline)": "Closed won"}


def test_espocrm_needs_no_question_about_its_zone() -> None:
    shape = look((FILES / "espocrm_leads.csv").read_bytes())
    assert (shape.system, shape.delimiter, shape.zone, shape.questions) == ("EspoCRM", ";", "UTC", [])
    assert mapping_of(shape.document()).zone is not None


def test_json_lines_are_known() -> None:
    shape = look((FILES / "zapier_leads.jsonl").read_bytes())
    assert (shape.format, shape.delimiter, shape.object) == ("jsonl", "", "lead")
    assert shape.headers[0] == "external_id" and shape.rows[1][0] == "2"
    assert shape.questions == []


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["3/12/2024", "3/13/2024"], "mdy"),
        (["3/12/2024", "13/3/2024 10:00"], "dmy"),
        (["2024-03-12"], "iso"),
        (["2024-03-12", "13.3.2024"], "dmy"),
        (["3/12/2024", "03.04.2024"], None),
        (["13/3/2024", "3/13/2024"], None),
    ],
)
def test_only_a_day_above_twelve_proves_the_order(cells: list[str], order: str | None) -> None:
    shape = look("id,created_at,channel\n" + "".join(f"1,{cell},web\n" for cell in cells))
    assert shape.dates == order
    assert any(question.startswith("dates:") for question in shape.questions) == (order is None)
    assert ("dates" in shape.document()) == (order is not None)


def test_a_file_without_offsets_asks_for_its_zone_and_another_does_not() -> None:
    open_, closed = (
        look(f"id,created_at,channel\n1,{cell},web\n") for cell in ("2024-03-12 09:14", "2024-03-12T09:14Z")
    )
    assert [question.split(":")[0] for question in open_.questions] == ["zone"]
    assert closed.questions == []


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1,234.50"], "."),
        (["1.234,50 €"], ","),
        (["$1,234,567"], "."),
        (["1,234"], "."),
        (["1.234"], ","),
        (["12"], "."),
        (["1,5", "1.5"], None),
    ],
)
def test_amounts_prove_their_decimal_sign(cells: list[str], sign: str | None) -> None:
    shape = look("Record ID;Deal Name;Amount\n" + "".join(f"1;Deal;{cell}\n" for cell in cells))
    assert shape.decimal == sign
    assert any(question.startswith("decimal:") for question in shape.questions) == (sign is None)


def test_an_unknown_file_is_shown_and_asked_about() -> None:
    shape = look("nummer;datum\n1;12.03.2024\n2;13.03.2024\n")
    assert (shape.object, shape.columns, shape.dates) == (None, {}, "dmy")
    assert shape.questions[0].startswith("object:")


def test_a_report_without_ids_says_so() -> None:
    shape = look("Lead Owner,First Name,Last Name,Company / Account,Email\nKim,Ann,M,Acme,a@example.com\n")
    assert shape.object == "lead"
    assert "id_from" in shape.questions[0]


@pytest.mark.parametrize(
    ("header", "stage"),
    [
        ('Date entered "Demo (Sales Pipeline)"', "Demo"),
        ("date entered 'Demo (Sales Pipeline)'", "Demo"),
        ("Date Entered “Closed won (Sales Pipeline)”", "Closed won"),
        ('Date entered "Demo"', "Demo"),
        ("hs_v2_date_entered_appointmentscheduled", "appointmentscheduled"),
        ("Date exited “Demo”", None),
        ("Create Date", None),
    ],
)
def test_columns_of_stages_are_known_by_their_headers(header: str, stage: str | None) -> None:
    assert stage_columns([header]) == ({header: stage} if stage else {})


def test_every_preset_suggests_a_mapping_that_can_be_used() -> None:
    for preset in PRESETS:
        headers = list(dict.fromkeys(theirs[0] for theirs in preset.columns.values()))
        found = suggest([*headers, *preset.marks])
        assert found is not None
        assert set(preset.columns) <= set(OBJECTS[preset.object].names), preset.system
        mapping_of({
            "object": preset.object,
            "columns": {name: theirs[0] for name, theirs in preset.columns.items() if name not in preset.constants},
            "constants": dict(preset.constants),
            "values": {name: dict(table) for name, table in preset.values.items()},
        })  # fmt: skip
