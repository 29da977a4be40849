"""Imports in words: what each kind of export is, what each field means, what a warning asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alignment.importing.fields import OBJECTS
from alignment.models import Import
from alignment.queries.field_words import name_of
from alignment.queries.imports import WARNINGS


@dataclass(frozen=True)
class ExportKind:
    """One kind of export: what people call it, what a row is, and where CRMs have it."""

    key: str
    name: str
    row: str
    where: str


# In the order in which importing them leaves the fewest questions open; any order ends in the same records.
EXPORTS = (
    ExportKind(
        "campaign", "Campaigns", "a campaign", "Salesforce report on campaigns; EspoCRM list of campaigns."
    ),
    ExportKind(
        "account",
        "Accounts",
        "a company",
        "Salesforce report on accounts; HubSpot export of companies; EspoCRM list of accounts.",
    ),
    ExportKind(
        "lead",
        "Leads",
        "a lead or contact as it is now, with its MQL date",
        "Salesforce report on leads with Lead ID, or Data Loader; HubSpot export of contacts with all properties; "
        "EspoCRM list of leads.",
    ),
    ExportKind(
        "cycle",
        "MQL cycles",
        "one pass of a lead through the handoff, with its times",
        "From a table of your own, where a lead became an MQL more than once.",
    ),
    ExportKind(
        "touch",
        "Touches",
        "a call, an e-mail, a campaign response",
        "Salesforce Data Loader of Task and CampaignMember; EspoCRM lists of calls and meetings.",
    ),
    ExportKind(
        "opportunity",
        "Opportunities",
        "an opportunity or deal",
        "Salesforce report on opportunities, or Data Loader; HubSpot export of deals; EspoCRM list.",
    ),
    ExportKind(
        "stage",
        "Stages of opportunities",
        "one entry of an opportunity into a stage",
        "Salesforce opportunity history report, or Data Loader of OpportunityHistory.",
    ),
)
OBJECT_NAMES = {found.key: found.name for found in EXPORTS}
_COUNTED = OBJECT_NAMES | {"stage": "Stages entered", "person": "People"}

MEANINGS: Mapping[str, str] = {
    "external_id": "the record's id in the CRM",
    "email": "address; finds the person again in other systems",
    "first_name": "given name",
    "last_name": "family name",
    "title": "job title",
    "phone": "number to call",
    "company": "name of the company as written",
    "country": "country",
    "segment": "market segment, decides targets and routing",
    "channel": "where it came from: origin or kind of touch",
    "intent": "what was asked for, such as a demo",
    "product": "product of interest",
    "score": "points, a whole number",
    "lifecycle": "lifecycle stage",
    "status": "status in the CRM; some statuses close a lead",
    "disposition": "what sales decided: accepted, recycled, disqualified…",
    "reason": "why it was disqualified or sent back",
    "owner": "who has it: the CRM's id of the person, else the name",
    "owner_name": "name of who has it",
    "mql_at": "when it became an MQL: begins a cycle",
    "opportunity": "id of the opportunity that it became",
    "account": "id of the company",
    "created_at": "when the CRM made the record",
    "first_touch_at": "when the first touch took place",
    "is_deleted": "yes or no: deleted in the CRM",
    "assigned_at": "when somebody became the owner",
    "followed_up_at": "when sales first followed up",
    "accepted_at": "when sales accepted it",
    "disposed_at": "when it was closed with its disposition",
    "updated_at": "last change: dates what the row says",
    "lead": "id of the lead; several parted by ;",
    "function": "whose touch: marketing, sales, other",
    "subject": "what it was about",
    "outcome": "what came of it",
    "is_attempt": "yes or no: an attempt by sales to reach the lead",
    "is_outbound": "yes or no: from us to the lead",
    "took_place": "yes or no: held and not only planned",
    "is_connected": "yes or no: a two-way contact",
    "person": "who did it: the CRM's id, else the name",
    "person_name": "name of who did it",
    "campaign": "id of the campaign",
    "touched_at": "when it took place",
    "name": "name",
    "amount": "value of the deal",
    "currency": "three letters, such as EUR",
    "stage": "stage that it is in",
    "is_closed": "yes or no: won or lost",
    "is_won": "yes or no: won",
    "close_on": "day of closing, expected or real",
    "opened_at": "when the opportunity was opened",
    "closed_at": "when it was closed; the expected date of an open one does not count",
    "stage_at": "when the present stage was entered",
    "domain": "web address of the company",
}


def fields_of(kind: str) -> list[tuple[str, str, str]]:
    """(our field, its name, what it means) for every field of an object, those that a row needs first."""
    shape = OBJECTS[kind]
    needed = (shape.id_name, *shape.required)
    ordered = sorted(shape.names, key=lambda name: name not in needed)
    return [(name, _label(name), MEANINGS.get(name, "")) for name in ordered]


def _label(name: str) -> str:
    return "Id" if name == "external_id" else name_of(name)[:1].upper() + name_of(name)[1:]


@dataclass(frozen=True)
class Advice:
    """A warning of an import: how often, what it is, examples, what to do, and the address name of where."""

    number: int
    sentence: str
    samples: list[str]
    todo: str
    url_name: str = ""
    url_label: str = ""


_TODO: Mapping[str, tuple[str, str, str]] = {
    "closed_before_crossing": (
        "They are counted as the file states them, with their negative lengths, and never hidden. Look whether the "
        "CRM writes the MQL date after the fact.",
        "",
        "",
    ),
    "worked_before_crossing": (
        "They are counted as the file states them, with their negative lengths. Look whether the columns are the right "
        "ones and whether the CRM writes the MQL date after the fact.",
        "",
        "",
    ),
    "disposition_without_date": (
        "Lengths up to the disposition are not exact for these. Map the column with the date of the disposition if "
        "the CRM has one, and import again.",
        "",
        "",
    ),
    "lead_not_told": (
        "They are kept by their ids alone. Import the file of leads too; order does not matter.",
        "",
        "",
    ),
    "person_not_known": (
        "Give them a team where they are new. Where one is somebody who is there already, merge the two on the page "
        "of either.",
        "alignment:people",
        "People",
    ),
    "unknown_channel": (
        "Nobody is credited with touches of a channel without a function. Say in the mapping of the source which "
        "are marketing, sales or other.",
        "alignment:source-mapping",
        "Mapping of the source",
    ),
    "trigger_without_date": (
        "They have no cycle and count in no conversion. Map their MQL date, or import MQL cycles.",
        "",
        "",
    ),
    "final_stage_open": (
        "Write these stages into the lists of won and lost stages of the source, or map a column that says whether "
        "a deal is closed and won, and import again: until then they count as open pipeline.",
        "alignment:source-mapping",
        "Mapping of the source",
    ),
    "erased_person": (
        "Nothing to do. Leave these people out of exports.",
        "alignment:erasure",
        "Erasure",
    ),
    "older_than_imported": (
        "Its fields are older and change nothing that the later file states, but what it says of MQL cycles counts as "
        "a correction, having reached us last. Check the export's time; next time import the older file first.",
        "",
        "",
    ),
}


def advice_of(found: Import) -> list[Advice]:
    """The warnings of an import with what to do about each, most frequent first."""
    ordered = sorted(found.warnings.items(), key=lambda each: -each[1]["count"])
    return [
        Advice(kept["count"], WARNINGS.get(code, code), kept["samples"][:5], *_TODO.get(code, ("", "", "")))
        for code, kept in ordered
    ]


@dataclass(frozen=True)
class Counted:
    """Records of one kind. `unchanged`: as they were, whether rows say so anew or said so before; `mentioned`: others
    refer to them, and no row of theirs has come; `refolded`: live facts speak about them too."""

    kind: str
    new: int
    changed: int
    unchanged: int
    mentioned: int
    refolded: int


def counts_of(found: Import) -> list[Counted]:
    """What came of an import per kind of record, in the order of imports."""
    kinds = dict.fromkeys([*_COUNTED, *found.counts])
    return [
        Counted(
            _COUNTED.get(kind, kind),
            new=found.counts[kind].get("new", 0),
            changed=found.counts[kind].get("changed", 0),
            unchanged=found.counts[kind].get("unchanged", 0) + found.counts[kind].get("known", 0),
            mentioned=found.counts[kind].get("mentioned", 0),
            refolded=found.counts[kind].get("refolded", 0),
        )
        for kind in kinds
        if kind in found.counts
    ]
