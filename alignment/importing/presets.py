"""Headers that CRMs write, and what they mean: a first mapping for a person to check, never applied unseen.

Headers are compared without regard to case, blanks and kind of quotation marks. Of several for one field the first
that the file has is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alignment.importing.fields import ID, OBJECTS
from alignment.importing.headers import plain
from alignment.intake.mapping import ESPOCRM_FIELDS

Headers = tuple[str, ...]


@dataclass(frozen=True)
class Preset:
    """Known headers of one kind of export. `marks`: headers of which a file must have one to be taken for it."""

    system: str
    object: str
    marks: Headers
    columns: Mapping[str, Headers]
    constants: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = ""  # where every export of this kind has the same


@dataclass(frozen=True)
class Suggestion:
    preset: Preset
    columns: dict[str, str]
    stage_columns: dict[str, str]


_STAGE_LABEL = re.compile(
    r"""date\s+entered\s+["'“”‘’](?P<stage>.+?)(?:\s+\((?P<pipeline>[^()]*)\))?["'“”‘’](?:\s+\(.*\))?""",
    re.IGNORECASE,
)
_STAGE_NAME = re.compile(r"hs_(?:v2_)?date_entered_(?P<stage>\w+)", re.IGNORECASE)

_PERSON = {"email": ("Email",), "first_name": ("First Name",), "last_name": ("Last Name",)}
SALESFORCE_REPORTS = (
    Preset(
        "Salesforce report",
        "lead",
        ("Lead Owner", "Company / Account", "Lead ID"),
        _PERSON
        | {
            ID: ("Lead ID",),
            "title": ("Title",),
            "phone": ("Phone",),
            "company": ("Company / Account", "Company"),
            "country": ("Country", "Country (text only)"),
            "segment": ("Segment",),
            "channel": ("Lead Source",),
            "score": ("MQL Score", "Lead Score"),
            "status": ("Lead Status", "Status"),
            "disposition": ("Disposition",),
            "reason": ("Disqualification Reason",),
            "owner": ("Owner ID", "Lead Owner ID", "Lead Owner"),
            "owner_name": ("Lead Owner",),
            "mql_at": ("MQL At", "MQL Date"),
            "opportunity": ("Converted Opportunity ID", "Opportunity ID"),
            "account": ("Converted Account ID", "Account ID"),
            "created_at": ("Create Date", "Created Date"),
            "updated_at": ("Last Modified", "Last Modified Date"),
        },
    ),
    Preset(
        "Salesforce report",
        "opportunity",
        ("Opportunity Owner", "Opportunity Name"),
        {
            ID: ("Opportunity ID",),
            "name": ("Opportunity Name",),
            "amount": ("Amount",),
            "currency": ("Amount Currency", "Opportunity Currency"),
            "stage": ("Stage",),
            "is_closed": ("Closed",),
            "is_won": ("Won",),
            "close_on": ("Close Date",),
            "closed_at": ("Close Date",),
            "stage_at": ("Last Stage Change Date",),
            "opened_at": ("Created Date", "Create Date"),
            "account": ("Account ID",),
            "owner": ("Owner ID", "Opportunity Owner ID", "Opportunity Owner"),
            "owner_name": ("Opportunity Owner",),
            "updated_at": ("Last Modified Date", "Last Modified"),
        },
    ),
    Preset(
        "Salesforce opportunity history report",
        "stage",
        ("To Stage",),
        {
            ID: ("Opportunity ID",),
            "stage": ("To Stage",),
            "stage_at": ("Last Modified", "Last Modified Date", "Edit Date"),
        },
    ),
    Preset(
        "Salesforce campaign members report",
        "touch",
        ("First Responded Date", "Member First Responded Date"),
        {
            "campaign": ("Campaign ID",),
            "lead": ("Lead ID",),
            "touched_at": ("First Responded Date", "Member First Responded Date"),
            "outcome": ("Member Status",),
            "channel": ("Campaign Type",),
        },
        {"function": "marketing"},
    ),
    Preset(
        "Salesforce report",
        "campaign",
        ("Campaign Name", "Campaign Type"),
        {ID: ("Campaign ID",), "name": ("Campaign Name",), "channel": ("Campaign Type", "Type")},
    ),
    Preset(
        "Salesforce report",
        "account",
        ("Account Owner",),
        {ID: ("Account ID",), "name": ("Account Name",), "domain": ("Website",)},
    ),
)
_CHANGED = ("LastModifiedDate", "SystemModstamp")
SALESFORCE_DATA_LOADER = (
    Preset(
        "Salesforce Data Loader",
        "lead",
        ("LeadSource", "IsConverted", "ConvertedOpportunityId", "IsUnreadByOwner"),
        {
            ID: ("Id",),
            "email": ("Email",),
            "first_name": ("FirstName",),
            "last_name": ("LastName",),
            "title": ("Title",),
            "phone": ("Phone",),
            "company": ("Company",),
            "country": ("Country",),
            "segment": ("Segment__c",),
            "channel": ("LeadSource",),
            "score": ("MQL_Score__c",),
            "status": ("Status",),
            "disposition": ("Disposition__c",),
            "reason": ("Disqualification_Reason__c",),
            "owner": ("OwnerId",),
            "owner_name": ("Owner.Name",),
            "mql_at": ("MQL_At__c",),
            "opportunity": ("ConvertedOpportunityId",),
            "account": ("ConvertedAccountId",),
            "created_at": ("CreatedDate",),
            "updated_at": _CHANGED,
            "is_deleted": ("IsDeleted",),
        },
    ),
    Preset(
        "Salesforce Data Loader",
        "opportunity",
        ("IsWon", "ForecastCategory", "ForecastCategoryName", "LastStageChangeDate"),
        {
            ID: ("Id",),
            "name": ("Name",),
            "amount": ("Amount",),
            "currency": ("CurrencyIsoCode",),
            "stage": ("StageName",),
            "is_closed": ("IsClosed",),
            "is_won": ("IsWon",),
            "close_on": ("CloseDate",),
            "closed_at": ("CloseDate",),
            "stage_at": ("LastStageChangeDate",),
            "opened_at": ("CreatedDate",),
            "account": ("AccountId",),
            "owner": ("OwnerId",),
            "owner_name": ("Owner.Name",),
            "updated_at": _CHANGED,
            "is_deleted": ("IsDeleted",),
        },
    ),
    Preset(
        "Salesforce Data Loader (OpportunityHistory)",
        "stage",
        ("OpportunityId",),
        {
            ID: ("OpportunityId",),
            "stage": ("StageName",),
            "stage_at": ("CreatedDate",),
            "amount": ("Amount",),
            "close_on": ("CloseDate",),
        },
    ),
    Preset(
        "Salesforce Data Loader (CampaignMember)",
        "touch",
        ("FirstRespondedDate", "HasResponded"),
        {
            "campaign": ("CampaignId",),
            "lead": ("LeadId",),
            "touched_at": ("FirstRespondedDate",),
            "outcome": ("Status",),
        },
        {"function": "marketing"},
    ),
    Preset(
        "Salesforce Data Loader (Task)",
        "touch",
        ("WhoId", "TaskSubtype", "CallDisposition"),
        {
            ID: ("Id",),
            "lead": ("WhoId",),
            "touched_at": ("CompletedDateTime", "ActivityDateTime", "CreatedDate", "ActivityDate"),
            "channel": ("TaskSubtype", "Type"),
            "subject": ("Subject",),
            "outcome": ("CallDisposition", "Status"),
            "person": ("OwnerId",),
            "is_deleted": ("IsDeleted",),
        },
    ),
)
HUBSPOT = (
    Preset(
        "HubSpot contacts",
        "lead",
        (
            "Contact owner",
            "Original Source",
            "Original Traffic Source",
            "hs_analytics_source",
            "hs_lead_status",
        ),
        {
            ID: ("Record ID", "Contact ID", "hs_object_id"),
            "email": ("Email",),
            "first_name": ("First Name", "firstname"),
            "last_name": ("Last Name", "lastname"),
            "title": ("Job Title", "jobtitle"),
            "phone": ("Phone Number", "phone"),
            "company": ("Company Name", "Associated Company", "company"),
            "country": ("Country/Region", "Country"),
            "channel": ("Original Source", "Original Traffic Source", "hs_analytics_source"),
            "score": ("HubSpot Score", "hubspotscore"),
            "lifecycle": ("Lifecycle Stage", "lifecyclestage"),
            "status": ("Lead Status", "hs_lead_status"),
            "owner": ("hubspot_owner_id", "Contact owner"),
            "owner_name": ("Contact owner",),
            "mql_at": (
                "Became a Marketing Qualified Lead Date",
                "hs_lifecyclestage_marketingqualifiedlead_date",
                'Date entered "Marketing Qualified Lead (Lifecycle Stage Pipeline)"',
            ),
            "opportunity": ("Associated Deal IDs",),
            "account": ("Associated Company IDs", "Primary Associated Company ID"),
            "created_at": ("Create Date", "createdate"),
            "first_touch_at": ("Time First Seen", "hs_analytics_first_timestamp"),
            "updated_at": ("Last Modified Date", "lastmodifieddate"),
        },
    ),
    Preset(
        "HubSpot deals",
        "opportunity",
        ("Deal Name", "Deal Stage", "Deal owner", "dealname", "dealstage"),
        {
            ID: ("Record ID", "Deal ID", "hs_object_id"),
            "name": ("Deal Name", "dealname"),
            "amount": ("Amount",),
            "currency": ("Currency", "deal_currency_code"),
            "stage": ("Deal Stage", "dealstage"),
            "is_closed": ("Is Deal Closed?", "hs_is_closed"),
            "is_won": ("Is Closed Won", "hs_is_closed_won"),
            "close_on": ("Close Date", "closedate"),
            "closed_at": ("Close Date", "closedate"),
            "opened_at": ("Create Date", "createdate"),
            "lead": ("Associated Contact IDs",),
            "account": ("Associated Company IDs",),
            "owner": ("hubspot_owner_id", "Deal owner"),
            "owner_name": ("Deal owner",),
            "updated_at": ("Last Modified Date", "hs_lastmodifieddate"),
        },
    ),
    Preset(
        "HubSpot companies",
        "account",
        ("Company Domain Name", "Company owner"),
        {
            ID: ("Record ID", "Company ID", "hs_object_id"),
            "name": ("Company name", "name"),
            "domain": ("Company Domain Name", "domain"),
        },
    ),
)


def _espocrm(name: str, *marks: str) -> Preset:
    columns = {ours: (theirs,) for ours, theirs in ESPOCRM_FIELDS[name].items()}
    columns |= {ID: ("id",), "updated_at": ("modifiedAt",)}
    if name == "opportunity":
        columns |= {"closed_at": ("closeDate",)}
    return Preset("EspoCRM", name, marks, columns, zone="UTC")


ESPOCRM = (
    _espocrm("lead", "createdOpportunityId", "emailAddress"),
    _espocrm("opportunity", "originalLeadId", "closeDate", "amountCurrency"),
    _espocrm("campaign", "targetListsIds", "budgetCurrency"),
    _espocrm("account", "billingAddressCity", "sicCode", "industry"),
    Preset(
        "EspoCRM calls",
        "touch",
        ("dateStart",),
        {
            ID: ("id",),
            "lead": ("parentId",),
            "touched_at": ("dateStart",),
            "subject": ("name",),
            "outcome": ("status",),
            "took_place": ("status",),
            "is_outbound": ("direction",),
            "person": ("assignedUserId",),
            "person_name": ("assignedUserName",),
            "is_deleted": ("deleted",),
        },
        {"channel": "call"},
        {
            "took_place": {"Held": True, "Not Held": True, "Planned": False},
            "is_outbound": {"Outbound": True, "Inbound": False},
        },
        "UTC",
    ),
)
_OWN_MARKS: Mapping[str, Headers] = {
    "lead": ("first_touch_at", "lifecycle", "created_at", "channel"),
    "cycle": ("assigned_at", "followed_up_at", "accepted_at", "disposed_at"),
    "touch": ("touched_at",),
    "opportunity": ("close_on", "opened_at"),
    "stage": ("stage_at",),
    "account": ("domain",),
}


def _same(names: Iterable[str]) -> dict[str, Headers]:
    return {name: (ID, "id") if name == ID else (name,) for name in names}


OWN = tuple(
    Preset("our own names", kind, marks, _same(OBJECTS[kind].names)) for kind, marks in _OWN_MARKS.items()
)
PRESETS = (*SALESFORCE_REPORTS, *SALESFORCE_DATA_LOADER, *HUBSPOT, *ESPOCRM, *OWN)


def suggest(headers: Sequence[str], kind: str | None = None) -> Suggestion | None:
    """The known kind of export that most of these headers fit; None where none has a mark of its own here.

    `kind`: only exports of this object, and of them the best even where none has a mark.
    """
    present = {plain(header): header for header in reversed(headers) if header}
    best: tuple[tuple[int, int, int], Suggestion] | None = None
    for preset in PRESETS:
        marks = sum(plain(mark) in present for mark in preset.marks)
        if (not marks and kind is None) or kind not in (None, preset.object):
            continue
        columns = {
            ours: present[found]
            for ours, theirs in preset.columns.items()
            if (found := next((key for key in map(plain, theirs) if key in present), None))
        }
        if not (marks or columns):
            continue
        needed = {*OBJECTS[preset.object].required, OBJECTS[preset.object].id_name}
        rank = (len(needed & set(columns)), len(columns), marks)
        if best is None or rank > best[0]:
            stages = stage_columns(headers) if preset.object == "opportunity" else {}
            if not marks:  # the headers are alike, but nothing proves the system
                preset = replace(preset, system="", constants={}, values={}, zone="")
            best = (rank, Suggestion(preset, columns, stages))
    return best[1] if best else None


def stage_columns(headers: Sequence[str]) -> dict[str, str]:
    """Columns that say when each stage was entered, and the stage as it is called."""
    found = {}
    for header in headers:
        named = _STAGE_LABEL.fullmatch(header.strip()) or _STAGE_NAME.fullmatch(header.strip())
        if named:
            found[header] = named["stage"].strip()
    return found
