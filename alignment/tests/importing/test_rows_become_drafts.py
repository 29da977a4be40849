"""One record of an export states what its columns are mapped to, dated where the export dates it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from alignment.importing.rows import Draft, Row
from alignment.tests.importing.support import drafts, mapping_of, read, rejects

LEAD = {
    "object": "lead",
    "columns": {
        "external_id": "Id",
        "email": "Email",
        "channel": "LeadSource",
        "created_at": "CreatedDate",
        "owner": "OwnerId",
        "owner_name": "Owner",
        "status": "Status",
        "opportunity": "Opp",
        "updated_at": "Modified",
    },
}
LEAD_HEADERS = "Id,Email,LeadSource,CreatedDate,OwnerId,Owner,Status,Opp,Modified\n"


def test_a_lead_states_itself_its_origin_and_its_opportunity() -> None:
    modified = datetime(2024, 3, 20, 7, 0, tzinfo=UTC)
    found = drafts(
        LEAD_HEADERS
        + "00Q5e000001abCD,pat@example.com,paid_search,2024-03-12T09:14:00Z,005x,Kim,Closed,006y,2024-03-20T07:00:00Z",
        mapping_of(LEAD, {"closed_statuses": ["Closed"]}),
    )
    lead = "00Q5e000001abCDEAY"
    assert found == [
        Draft(
            "lead",
            lead,
            {
                "email": "pat@example.com",
                "channel": "paid_search",
                "created_at": "2024-03-12T09:14:00+00:00",
                "owner": "005x",
                "owner_name": "Kim",
                "status": "Closed",
                "opportunity": "006y",
                "is_closed": True,
            },
            modified,
        ),
        Draft(
            "touch",
            f"origin:{lead}",
            {
                "lead": lead,
                "subject": "Origin recorded by the CRM",
                "channel": "paid_search",
                "function": "marketing",
                "touched_at": "2024-03-12T09:14:00+00:00",
            },
            modified,
        ),
        Draft("opportunity", "006y", {"lead": lead}, modified),
    ]


def test_an_empty_channel_is_null_and_unknown_is_a_channel() -> None:
    document = {"object": "lead", "columns": {"external_id": "id", "channel": "origin"}}
    empty, unknown = read("id,origin\n1,\n2,unknown\n", document)
    assert isinstance(empty, Row) and isinstance(unknown, Row)
    assert empty.drafts == [Draft("lead", "1", {"channel": None}, None)]
    assert unknown.drafts[0] == Draft("lead", "2", {"channel": "unknown"}, None)
    assert unknown.drafts[1].fields["channel"] == "unknown"


@pytest.mark.parametrize(
    ("short", "long"),
    [("00Q5e000001abCD", "00Q5e000001abCDEAY"), ("001A0000006Vm9r", "001A0000006Vm9rIAC")],
)
def test_both_forms_of_a_salesforce_id_are_one_record(short: str, long: str) -> None:
    document = {"object": "lead", "columns": {"external_id": "Id"}}
    assert {draft.external_id for draft in drafts(f"Id\n{short}\n{long}\n", document)} == {long}


def test_a_lead_may_have_several_cycles() -> None:
    document = {
        "object": "cycle",
        "columns": {
            name: name
            for name in (
                "lead",
                "mql_at",
                "assigned_at",
                "owner",
                "followed_up_at",
                "disposed_at",
                "disposition",
                "reason",
            )
        },
        "zone": "Europe/Berlin",
        "values": {"reason": {"wrong person": "bad_fit"}},
    }
    found = drafts(
        "lead,mql_at,assigned_at,owner,followed_up_at,disposed_at,disposition,reason\n"
        "L1,2024-01-10 09:00,2024-01-10 09:05,kim@example.com,,2024-01-20,Recycled,wrong person\n"
        "L1,2024-07-10 09:00,,,,,,\n",
        document,
    )
    assert [draft.external_id for draft in found] == ["L1", "L1"]
    assert found[0].fields["mql_at"] == "2024-01-10T08:00:00+00:00"
    assert found[0].fields["disposed_at"] == "2024-01-19T23:00:00+00:00"
    assert (found[0].fields["disposition"], found[0].fields["reason"]) == ("recycled", "bad_fit")
    assert found[1].fields["mql_at"] == "2024-07-10T07:00:00+00:00"
    assert found[1].fields["disposition"] is None
    told = [draft.occurred_at and draft.occurred_at.isoformat() for draft in found]
    assert told == ["2024-01-19T23:00:00+00:00", "2024-07-10T07:00:00+00:00"], (
        "no old cycle passes for the present"
    )


def test_a_cycle_that_ended_without_a_date_holds_as_of_the_files_time() -> None:
    document = {
        "object": "cycle",
        "columns": {name: name for name in ("lead", "mql_at", "disposition", "disposed_at")},
        "zone": "UTC",
    }
    (found,) = drafts("lead,mql_at,disposition,disposed_at\nL1,2024-01-10,recycled,\n", document)
    assert found.occurred_at is None


def test_a_cycle_needs_its_beginning() -> None:
    document = {"object": "cycle", "columns": {"lead": "lead", "mql_at": "mql_at"}}
    (reject,) = rejects("lead,mql_at\nL1,\n", document)
    assert (reject.line, reject.code) == (2, "no_time")


TOUCH: dict[str, Any] = {
    "object": "touch",
    "columns": {
        "external_id": "id",
        "lead": "lead",
        "touched_at": "at",
        "channel": "channel",
        "is_attempt": "attempt",
        "function": "function",
    },
}


@pytest.mark.parametrize(
    ("channel", "attempt", "stated", "function"),
    [
        ("webinar", "0", "", "marketing"),
        ("call", "1", "", "sales"),
        ("call", "", "", "unknown"),
        ("partner", "no", "", "other"),
        ("webinar", "", "Other", "other"),
    ],
)
def test_the_function_of_a_touch(channel: str, attempt: str, stated: str, function: str) -> None:
    (touch,) = drafts(
        f"id,lead,at,channel,attempt,function\nT1,L1,2024-03-12T09:00Z,{channel},{attempt},{stated}\n", TOUCH
    )
    assert touch.fields["function"] == function


def test_only_touches_of_sales_are_attempts() -> None:
    (reject,) = rejects(
        "id,lead,at,channel,attempt,function\nT1,L1,2024-03-12T09:00Z,web,1,marketing\n", TOUCH
    )
    assert "attempts" in reject.message


def test_a_call_with_several_leads_is_a_touch_of_each() -> None:
    call, part = drafts("id,lead,at,channel,attempt,function\nT1,L1; L2,2024-03-12T09:00Z,call,1,\n", TOUCH)
    assert (call.fields["lead"], call.fields["leads"]) == ("L1", ["L1", "L2"])
    assert part == Draft("touch", "T1:L2", {"lead": "L2", "part_of": "T1"}, None)


def test_a_salesforce_contact_is_no_lead() -> None:
    (reject,) = rejects(
        "id,lead,at,channel,attempt,function\nT1,0035e000001abCD,2024-03-12T09:00Z,call,1,\n", TOUCH
    )
    assert reject.code == "not_a_lead"


def test_the_direction_says_whose_call_it_was() -> None:
    columns = {"external_id": "id", "lead": "lead", "touched_at": "at", "is_outbound": "way"}
    document = {"object": "touch", "columns": columns, "values": {"is_outbound": {"Out": True, "In": False}}}
    found = drafts("id,lead,at,way\n1,L,2024-03-12T09:00Z,out\n2,L,2024-03-12T09:00Z,In\n", document)
    assert [touch.fields["function"] for touch in found] == ["sales", "other"]


def test_campaign_members_are_touches_once_they_responded() -> None:
    document = {
        "object": "touch",
        "columns": {"campaign": "CampaignId", "lead": "LeadId", "touched_at": "FirstRespondedDate"},
        "constants": {"function": "marketing"},
        "zone": "UTC",
    }
    responded, silent, contact = read(
        "CampaignId,LeadId,FirstRespondedDate\n701a,00Qb,2024-03-12\n701a,00Qc,\n701a,,2024-03-12\n", document
    )
    assert isinstance(responded, Row) and isinstance(silent, Row)
    assert responded.drafts[0].external_id == "701a:00Qb"
    assert responded.drafts[0].fields["function"] == "marketing"
    assert silent.drafts == []
    assert not isinstance(contact, Row) and contact.code == "no_id"


OPPORTUNITY: dict[str, Any] = {
    "object": "opportunity",
    "columns": {
        "external_id": "Id",
        "name": "Name",
        "amount": "Amount",
        "stage": "Stage",
        "close_on": "Close Date",
        "closed_at": "Close Date",
        "opened_at": "Created",
    },
    "zone": "America/New_York",
    "dates": "mdy",
    "currency": "USD",
}
STAGES = {"won_stages": ["Closed Won"], "lost_stages": ["Closed Lost"]}


def _of(document: dict[str, Any], body: str) -> list[tuple[dict[str, Any], datetime | None]]:
    return [(draft.fields, draft.occurred_at) for draft in drafts(body, mapping_of(document, STAGES))]


def test_a_closed_opportunity_closes_on_the_day_of_the_stated_zone() -> None:
    (state,) = _of(
        OPPORTUNITY,
        'Id,Name,Amount,Stage,Close Date,Created\n006,Deal,"$1,234",Closed Won,3/12/2024,1/2/2024\n',
    )
    assert state == (
        {
            "name": "Deal",
            "amount": 123400,
            "currency": "USD",
            "close_on": "2024-03-12",
            "opened_at": "2024-01-02T05:00:00+00:00",
            "stage": "Closed Won",
            "is_closed": True,
            "is_won": True,
            "closed_day": "2024-03-12T04:00:00+00:00",
        },
        None,
    )


def test_with_stage_columns_the_opening_does_not_date_the_present_stage() -> None:
    document = OPPORTUNITY | {"stage_columns": {"Demo at": "Demo"}}
    body = "Id,Name,Amount,Stage,Close Date,Created,Demo at\n006,Deal,,Offer,,1/2/2024,2/1/2024\n"
    demo, offer = _of(document, body)
    assert (demo[0]["stage"], demo[1]) == ("Demo", datetime(2024, 2, 1, 5, tzinfo=UTC))
    assert (offer[0]["stage"], offer[1]) == ("Offer", None)


def test_a_stage_of_two_pipelines_may_have_two_columns() -> None:
    document = OPPORTUNITY | {"stage_columns": {"Demo (A)": "Demo", "Demo (B)": "Demo"}}
    headers = "Id,Name,Amount,Stage,Close Date,Created,Demo (A),Demo (B)\n"
    found = _of(document, headers + "1,Deal,,,,,2/1/2024,\n2,Deal,,,,,,2/2/2024\n")
    assert [at.day for fields, at in found if "stage" in fields and at] == [1, 2]


def test_the_last_change_of_stage_dates_an_open_stage() -> None:
    document = OPPORTUNITY | {"columns": OPPORTUNITY["columns"] | {"stage_at": "Changed"}}
    headers = "Id,Name,Amount,Stage,Close Date,Created,Changed\n"
    ((state, at),) = _of(document, headers + "006,Deal,,Demo,3/12/2024,1/2/2024,2024-02-01T09:00Z\n")
    assert (state["stage_at"], at) == ("2024-02-01T09:00:00+00:00", None)
    assert "closed_day" not in state, "the closing date of an open deal is a forecast"


def test_an_opportunity_without_its_lead_cuts_no_link() -> None:
    document = {"object": "opportunity", "columns": {"external_id": "id", "lead": "lead", "owner": "owner"}}
    assert _of(document, "id,lead,owner\n1,,\n2,L1,\n") == [
        ({"owner": None}, None),
        ({"lead": "L1", "owner": None}, None),
    ]


def test_an_open_opportunity_without_stage_times_is_in_its_stage_as_of_the_file() -> None:
    ((state, at),) = _of(
        OPPORTUNITY, "Id,Name,Amount,Stage,Close Date,Created\n006,Deal,,Demo,3/12/2024,1/2/2024\n"
    )
    assert (state["stage"], state["is_closed"], at) == ("Demo", False, None)
    assert not {"stage_at", "stage_day"} & state.keys()


def test_won_is_known_without_a_stage() -> None:
    document = {
        "object": "opportunity",
        "columns": {"external_id": "Id", "is_won": "Won", "closed_at": "On"},
        "zone": "UTC",
    }
    assert _of(document, "Id,Won,On\n1,yes,2024-03-12 10:00\n") == [
        ({"is_won": True, "closed_at": "2024-03-12T10:00:00+00:00"}, None)
    ]


def test_stage_columns_date_the_stages_and_the_last_one_holds() -> None:
    document = OPPORTUNITY | {
        "stage_columns": {'Date entered "Demo (Sales Pipeline)"': "Demo", "date entered 'Offer'": "Offer"}
    }
    headers = 'Id,Name,Amount,Stage,Close Date,Created,Date entered “Demo (Sales Pipeline)”,"Date Entered ""Offer"""\n'
    body = headers + "006,Deal,,Closed Lost,3/12/2024,1/2/2024,2/1/2024 9:00 AM,3/12/2024 3:00 PM\n"
    demo, offer, (lost, at) = _of(document, body)
    assert demo == (
        {"stage": "Demo", "is_won": False, "is_closed": False},
        datetime(2024, 2, 1, 14, tzinfo=UTC),
    )
    assert offer[1] == datetime(2024, 3, 12, 19, tzinfo=UTC)
    assert (lost["stage"], lost["closed_day"], at) == ("Closed Lost", "2024-03-12T04:00:00+00:00", None)


def test_a_stage_row_is_one_entry_into_a_stage() -> None:
    document = {
        "object": "stage",
        "columns": {"external_id": "Opportunity ID", "stage": "To Stage", "stage_at": "Last Modified"},
        "zone": "UTC",
    }
    (won,) = _of(
        document, "Opportunity ID,From Stage,To Stage,Last Modified\n006,Demo,Closed Won,2024-03-12 10:00\n"
    )
    assert won == (
        {"stage": "Closed Won", "is_won": True, "is_closed": True},
        datetime(2024, 3, 12, 10, tzinfo=UTC),
    )


def test_campaigns_and_accounts_are_plain() -> None:
    document = {"object": "campaign", "columns": {"external_id": "Id", "name": "Name", "channel": "Type"}}
    assert drafts("Id,Name,Type\n701,Spring,webinar\n", document) == [
        Draft("campaign", "701", {"name": "Spring", "channel": "webinar"}, None)
    ]
    document = {"object": "account", "columns": {"external_id": "Id", "domain": "Website"}}
    assert drafts("Id,Website\n1,example.com\n", document) == [
        Draft("account", "1", {"domain": "example.com"}, None)
    ]
