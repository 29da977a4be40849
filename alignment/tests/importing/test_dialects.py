"""The same records come out of every dialect that CRMs and spreadsheets write."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from alignment.importing.look import look_at
from alignment.importing.rows import Row
from alignment.tests.importing.support import drafts, mapping_of, read

FILES = Path(__file__).parent / "files"
STAGES = {"won_stages": ["Closed Won"], "lost_stages": ["Closed Lost"]}


def _suggested(name: str, **stated: Any) -> list[Any]:
    """Drafts of a file by the mapping that a first look suggests, with what a person states."""
    body = (FILES / name).read_bytes()
    document = look_at(io.BytesIO(body)).document() | stated
    return drafts(body, mapping_of(document, STAGES))


BODY = 'id,name,opened_at\n1,"Müller, Söhne ""&"" Co\nSecond line",2024-03-12\n2,Ångström – “x” €,\n'
ENCODINGS = {
    "UTF-8": BODY.encode(),
    "UTF-8 with its mark": BODY.encode("utf-8-sig"),
    "UTF-16 little endian": b"\xff\xfe" + BODY.encode("utf-16-le"),
    "UTF-16 big endian": b"\xfe\xff" + BODY.encode("utf-16-be"),
    "Windows-1252": BODY.encode("cp1252"),
    "CRLF": BODY.replace("\n", "\r\n").replace("Co\r\n", "Co\n").encode(),
    "CR": BODY.replace("\n", "\r").replace("Co\r", "Co\n").encode(),
    "semicolon": BODY.replace("id,name,", "id;name;").replace("1,", "1;").replace('",2', '";2').replace("2,Å", "2;Å")
    .replace("€,", "€;").encode(),
    "stated separator": b"sep=,\n" + BODY.encode(),
    "no line end at the end": BODY.rstrip("\n").encode(),
    "blank lines": BODY.replace("\n2,", "\n\n\n2,").encode() + b"\n\n",
    "empty cells below": BODY.encode() + b",,\n , ,\n  \n,\n,,,,\n\"\"\n",
}  # fmt: skip


@pytest.mark.parametrize("body", ENCODINGS.values(), ids=ENCODINGS)
def test_the_same_records_from_every_encoding(body: bytes) -> None:
    document = {
        "object": "opportunity",
        "columns": {"external_id": "id", "name": "name", "opened_at": "opened_at"},
        "zone": "UTC",
    }
    assert [(draft.external_id, draft.fields["name"]) for draft in drafts(body, document)] == [
        ("1", 'Müller, Söhne "&" Co\nSecond line'),
        ("2", "Ångström – “x” €"),
    ]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    document = {"object": "opportunity", "columns": {"external_id": "id", "name": "name"}}
    assert [row.line for row in read(BODY, document)] == [2, 4]


def test_iso_8859_1_is_read() -> None:
    document = {"object": "lead", "columns": {"external_id": "id", "last_name": "name"}}
    (lead,) = drafts("id,name\n1,Müller Ñ\n".encode("iso-8859-1"), document)
    assert lead.fields["last_name"] == "Müller Ñ"


@pytest.mark.parametrize("name", ["salesforce_leads_report.csv", "salesforce_leads_report_utf8.csv"])
def test_a_salesforce_lead_report(name: str) -> None:
    found = [draft for draft in _suggested(name, zone="Europe/Berlin") if draft.subject == "lead"]
    assert [draft.fields["last_name"] for draft in found] == ["Müller", "Øster", 'O"Neil']
    assert [draft.external_id for draft in found] == [
        "00Q5e000001abCDEAY",
        "00Q5e000001abCEEAY",
        "00Q5e000001abCFEAY",
    ]
    assert [draft.fields["created_at"] for draft in found] == [
        "2024-03-13T08:14:00+00:00",
        "2024-03-31T01:30:00+00:00",  # 2:30 does not exist on that day: moved forward to 3:30
        "2024-10-27T00:30:00+00:00",  # 2:30 comes twice: the first
    ]
    assert [f"{draft.occurred_at:%m-%d %H:%M}" for draft in found] == [
        "03-20 16:05",
        "03-31 22:00",
        "10-28 11:15",
    ]
    assert found[1].fields["company"] == "Line one\nLine two"


def test_a_salesforce_opportunity_report_with_currencies_and_a_named_trailer() -> None:
    found = _suggested("salesforce_opportunities_report.csv", zone="America/New_York")
    states = [draft.fields for draft in found if "amount" in draft.fields]
    assert [(fields["amount"], fields["currency"]) for fields in states] == [
        (123456700, "USD"),
        (120050, "EUR"),
        (-120050, "USD"),
    ]
    stages = [(fields["stage"], fields.get("closed_day", "")[5:10]) for fields in states]
    assert stages == [("Closed Won", "03-25"), ("Negotiation", ""), ("Closed Lost", "02-28")]
    assert {draft.occurred_at for draft in found if "amount" in draft.fields} == {None}, (
        "as of the file's time"
    )


def test_salesforce_data_loader_opportunities() -> None:
    found = _suggested("salesforce_data_loader_opportunities.csv", zone="UTC")
    won, other = found
    assert (won.fields["amount"], other.fields["amount"]) == (1230000000, 7200)
    assert other.fields["opened_at"] == "2024-02-14T09:00:00+00:00"
    assert won.fields["stage"] == "Closed Won" and won.fields["is_won"] and "closed_day" in won.fields


def test_a_salesforce_stage_history() -> None:
    found = _suggested("salesforce_stage_history.csv", zone="UTC")
    assert [(draft.fields["stage"], f"{draft.occurred_at:%H:%M}") for draft in found] == [
        ("Prospecting", "09:00"),
        ("Negotiation", "16:30"),
        ("Closed Won", "23:59"),
    ]


def test_salesforce_campaign_members() -> None:
    (member,) = _suggested("salesforce_campaign_members.csv", zone="UTC")
    assert member.external_id == "7015e000000abCDAAY:00Q5e000001abCDEAY"
    assert member.fields["function"] == "marketing"


@pytest.mark.parametrize(
    "name", ["hubspot_deals.csv", "hubspot_deals_utf16le.tsv", "hubspot_deals_utf16be.tsv"]
)
def test_hubspot_deals_with_their_stage_columns(name: str) -> None:
    found = _suggested(name, zone="Europe/Berlin")
    won = [draft for draft in found if draft.external_id == "1001"]
    *entered, now = won
    assert now.fields["amount"] == 123456789 and now.fields["currency"] == "EUR"
    assert now.fields["lead"] == "501"
    assert [(draft.fields["stage"], f"{draft.occurred_at:%m-%d %H:%M}") for draft in entered] == [
        ("Demo", "02-01 09:00"),
        ("Offer", "03-01 09:00"),
        ("Closed won", "03-25 15:58"),
    ]
    assert now.fields["stage"] == "Closed won" and now.fields["closed_at"].startswith("2024-03-25T16:00")


def test_hubspot_contacts() -> None:
    found = [
        draft for draft in _suggested("hubspot_contacts.csv", zone="Europe/Berlin") if draft.subject == "lead"
    ]
    assert [draft.fields["mql_at"] for draft in found] == ["2024-01-10T09:00:00+00:00", None]
    assert [draft.fields["channel"] for draft in found] == ["Organic Search", None]


def test_espocrm_leads() -> None:
    found = [draft for draft in _suggested("espocrm_leads.csv") if draft.subject == "lead"]
    assert [draft.fields["company"] for draft in found] == ["Muster; Söhne", None]
    assert [draft.fields["is_deleted"] for draft in found] == [False, True]


def test_dotted_days_with_lone_carriage_returns() -> None:
    found = [
        draft for draft in _suggested("dotted_days_mac.csv", zone="Europe/Berlin") if draft.subject == "lead"
    ]
    assert [draft.fields["mql_at"] for draft in found] == [
        "2024-03-12T08:14:00+00:00",
        "2024-12-31T20:14:05+00:00",
    ]
    assert found[1].fields["first_touch_at"] == "2024-03-12T09:14:00.123000+00:00"


def test_slashed_days_in_british_order() -> None:
    found = [draft for draft in _suggested("slashed_days_british.csv", zone="UTC") if draft.subject == "lead"]
    assert [draft.fields["mql_at"][:16] for draft in found] == ["2024-03-12T21:14", "2024-03-25T21:14"]


def test_json_lines_with_everything_as_text() -> None:
    rows = read((FILES / "zapier_leads.jsonl").read_bytes(), mapping_of({
        "object": "lead",
        "columns": {name: name for name in ("external_id", "email", "score", "channel", "created_at", "is_deleted")},
    }))  # fmt: skip
    assert [row.line for row in rows] == [1, 3, 4]
    leads = [row.drafts[0] for row in rows if isinstance(row, Row)]
    assert [lead.external_id for lead in leads] == ["1", "2", "3"]
    same = {"score": 72, "channel": None, "created_at": "2024-03-12T09:14:00+00:00", "is_deleted": False}
    assert leads[0].fields == {"email": "ann@example.com"} | same
    assert leads[1].fields == {"email": "bob@example.com"} | same
    assert leads[2].fields == {"email": "cem@example.com"}  # a key that is not there states nothing


def test_one_broken_byte_does_not_turn_utf_8_into_another_encoding() -> None:
    document = {"object": "lead", "columns": {"external_id": "id", "last_name": "name"}}
    broken, good = read(b"id,name\n" + b"1,M\xfcller\n" + "2,Angström\n".encode(), document)
    assert isinstance(good, Row) and good.drafts[0].fields["last_name"] == "Angström"
    assert not isinstance(broken, Row) and broken.code == "broken_text"


def test_a_formula_is_a_text() -> None:
    document = {"object": "lead", "columns": {"external_id": "id", "company": "c"}}
    assert drafts("id,c\n1,=1+1\n", document)[0].fields == {"company": "=1+1"}


@pytest.mark.parametrize("cell", ["'+49 30 1", "+49 30 1"])
def test_the_guard_of_a_crm_against_formulas_is_taken_away(cell: str) -> None:
    document = {"object": "lead", "columns": {"external_id": "id", "phone": "p", "score": "s"}}
    assert drafts(f"id,p,s\n1,{cell},'-5\n", document)[0].fields == {"phone": "+49 30 1", "score": -5}


def test_headers_are_found_whatever_their_case_and_quotes() -> None:
    document = {
        "object": "opportunity",
        "columns": {"external_id": "Record ID", "owner": "Deal Owner"},
        "stage_columns": {"Date entered “Demo”": "Demo"},
        "zone": "UTC",
    }
    body = "RECORD ID,Deal  owner,\"Date entered 'Demo'\"\n1,kim,2024-03-12 09:14\n"
    stage, state = drafts(body, document)
    assert state.fields == {"owner": "kim"}
    assert stage.fields == {"stage": "Demo"}
