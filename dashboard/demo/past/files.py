"""The demo's past as files of its CRM's export: CSV with semicolons, German dates and commas, in Berlin's time.

What happened after the export is not in them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.demo.company import CURRENCY, ZONE
from dashboard.demo.past.records import CONVERTED, DISQUALIFIED, RECYCLED, WORKING, Cycle, Deal, Lead
from dashboard.demo.past.story import Story
from dashboard.demo.people import Rep
from dashboard.demo.words import LOST, STAGES, WON

_ZONE = ZoneInfo(ZONE)
_STAGES = (*STAGES, WON, LOST)
DISPOSITIONS = {"Accepted": WORKING, "Rejected": DISQUALIFIED, "Nurture": RECYCLED, "Converted": CONVERTED}
_DISPOSED = {ours: theirs for theirs, ours in DISPOSITIONS.items()}
_STATUSES = {
    "": "New",
    WORKING: "Working",
    DISQUALIFIED: "Disqualified",
    RECYCLED: "Recycled",
    CONVERTED: "Converted",
}
_REASONS = {
    "bad_fit": "Bad fit",
    "bad_data": "Bad data",
    "bad_timing": "Bad timing",
    "no_response": "No response",
}
Cells = Sequence[str]


@dataclass(frozen=True)
class ExportFile:
    """One file and the mapping document with which it is imported (docs/import.md)."""

    name: str
    body: bytes
    mapping: dict[str, Any]


def export(story: Story) -> list[ExportFile]:
    """All files, in the order in which they are best imported: what others refer to comes first."""
    writers = (_campaigns, _accounts, _leads, _opportunities, _stages, _responses, _attempts, _cycles)
    return [write(story) for write in writers]


def entered(stage: str) -> str:
    """The header of the column that says when a stage was entered first."""
    return f'Date entered "{stage}"'


def _campaigns(story: Story) -> ExportFile:
    columns = {"external_id": "Campaign ID", "name": "Campaign Name", "channel": "Campaign Type"}
    rows = ((each.external_id, each.name, each.channel) for each in story.campaigns)
    return _file("1-campaigns.csv", "campaign", columns, rows)


def _accounts(story: Story) -> ExportFile:
    columns = {"external_id": "Account ID", "name": "Account Name", "domain": "Website"}
    rows = ((each.external_id, each.name, each.domain, "Sales") for each in story.accounts)
    return _file("2-accounts.csv", "account", columns, rows, headers=["Account Owner"])


def _leads(story: Story) -> ExportFile:
    columns = {
        "external_id": "Lead ID", "first_name": "First Name", "last_name": "Last Name", "email": "Email",
        "title": "Title", "company": "Company / Account", "account": "Account ID", "country": "Country",
        "segment": "Segment", "channel": "Lead Source", "intent": "Intent", "product": "Product", "score": "Lead Score",
        "lifecycle": "Lifecycle Stage", "status": "Lead Status", "owner": "Lead Owner E-mail",
        "owner_name": "Lead Owner", "created_at": "Create Date", "updated_at": "Last Modified",
    }  # fmt: skip
    until = story.past.until
    rows = (
        (
            lead.external_id, lead.first_name, lead.last_name, lead.email,
            lead.title, lead.company or lead.account.name, lead.account.external_id, lead.account.country,
            lead.account.segment, lead.channel, lead.intent, lead.product, str(lead.score),
            _lifecycle(lead, until), _status(lead, until), *_owner(lead.cycles[-1].owner if lead.cycles else None),
            _time(lead.created_at), _time(_changed(lead, until)),
        )
        for lead in story.leads
    )  # fmt: skip
    return _file("3-leads.csv", "lead", columns, rows)


def _opportunities(story: Story) -> ExportFile:
    columns = {
        "external_id": "Opportunity ID", "name": "Opportunity Name", "lead": "Lead ID", "account": "Account ID",
        "amount": "Amount", "stage": "Stage", "is_closed": "Closed", "is_won": "Won",
        "close_on": "Close Date", "closed_at": "Closed At", "stage_at": "Last Stage Change Date",
        "opened_at": "Created Date",
        "owner": "Owner E-mail", "owner_name": "Opportunity Owner",
        "updated_at": "Last Modified Date",
    }  # fmt: skip
    until = story.past.until
    stage_columns = {entered(stage): stage for stage in _STAGES}
    rows = []
    for deal in _known_deals(story):
        entries = deal.stages_by(until)
        first: dict[str, datetime] = {}
        for stage, at in entries:
            first.setdefault(stage, at)
        stage, since = entries[-1]
        is_over = stage in (WON, LOST)
        entered_at = _time(since)
        if is_over and not deal.close_on:
            del first[stage]
            entered_at = ""
        rows.append(
            (
                deal.external_id, deal.name, deal.lead.external_id if deal.lead else "", deal.account.external_id,
                _amount(deal.amount), stage, _flag(is_over), _flag(stage == WON),
                f"{deal.close_on:%d.%m.%Y}" if deal.close_on else "",
                entered_at if is_over else "", entered_at, _time(deal.opened_at), *_owner(deal.owner), _time(since),
                *(_time(first[name]) if name in first else "" for name in _STAGES),
            )
        )  # fmt: skip
    more = {"currency": CURRENCY, "decimal": ",", "stage_columns": stage_columns}
    return _file("4-opportunities.csv", "opportunity", columns, rows, more, headers=list(stage_columns))


def _stages(story: Story) -> ExportFile:
    """Every entry into a stage, also those of deals that went back and came again."""
    columns = {"external_id": "Opportunity ID", "stage": "To Stage", "stage_at": "Edit Date"}
    rows = (
        (deal.external_id, stage, _time(at))
        for deal in _known_deals(story)
        for stage, at in deal.stages_by(story.past.until)
        if deal.close_on or stage not in (WON, LOST)
    )
    return _file("5-stage-history.csv", "stage", columns, rows)


def _responses(story: Story) -> ExportFile:
    columns = ["external_id", "lead", "touched_at", "channel", "campaign", "subject"]
    number = count(1)
    rows = (
        (
            f"RSP-{next(number):06d}",
            lead.external_id,
            _time(each.at),
            each.channel,
            each.campaign,
            each.subject,
        )
        for lead in story.leads
        for each in lead.responses
    )
    return _file("6-marketing-touches.csv", "touch", dict(zip(columns, columns, strict=True)), rows)


def _attempts(story: Story) -> ExportFile:
    columns = [
        "external_id", "lead", "touched_at", "function", "is_attempt", "channel", "outcome", "is_connected",
        "person", "person_name", "subject",
    ]  # fmt: skip
    number = count(1)
    rows = (
        (
            f"ACT-{next(number):06d}", lead.external_id, _time(each.at), "sales", "yes", each.channel, each.outcome,
            _flag(each.is_connected), *_owner(each.rep), f"{each.channel.capitalize()} by {each.rep.name}",
        )
        for lead in story.leads
        for each in lead.all_attempts()
        if each.at <= story.past.until
    )  # fmt: skip
    return _file("7-sales-attempts.csv", "touch", dict(zip(columns, columns, strict=True)), rows)


def _cycles(story: Story) -> ExportFile:
    """A report of RevOps: no CRM knows the handoff as a record."""
    columns = [
        "lead", "mql_at", "segment", "assigned_at", "owner", "owner_name", "followed_up_at", "accepted_at",
        "disposed_at", "disposition", "reason", "opportunity", "updated_at",
    ]  # fmt: skip
    rows = (_cycle(lead, cycle, story.past.until) for lead, cycle in story.cycles())
    more = {"values": {"disposition": DISPOSITIONS}}
    return _file("8-mql-cycles.csv", "cycle", dict(zip(columns, columns, strict=True)), rows, more)


def _cycle(lead: Lead, cycle: Cycle, until: datetime) -> Cells:
    disposition = cycle.disposition_by(until)
    is_over = disposition not in ("", WORKING)
    disposed = cycle.closed_at if is_over else cycle.accepted_at if disposition else None
    first = cycle.attempts[0].at if cycle.attempts and cycle.attempts[0].at <= until else None
    accepted = cycle.accepted_at if cycle.accepted_at and cycle.accepted_at <= until else None
    known = [
        at for at in (cycle.crossed_at, cycle.assigned_at, first, accepted, disposed) if at and at <= until
    ]
    return (
        lead.external_id, _time(cycle.crossed_at), lead.account.segment,
        _time(cycle.assigned_at) if cycle.owner and cycle.assigned_at <= until else "",
        *_owner(cycle.owner), _time(first), _time(accepted), _time(disposed),
        _DISPOSED.get(disposition, ""), _REASONS.get(cycle.reason, "") if is_over else "",
        cycle.deal.external_id if cycle.deal and is_over else "", _time(max(known)),
    )  # fmt: skip


def _known_deals(story: Story) -> list[Deal]:
    return [deal for deal in story.deals if deal.stages_by(story.past.until)]


def _lifecycle(lead: Lead, until: datetime) -> str:
    if not lead.cycles:
        return "engaged" if len(lead.responses) > 1 else "inquiry"
    deal = lead.cycles[-1].deal
    if deal and deal.stages_by(until):
        return "customer" if deal.is_won and deal.entries[-1][1] <= until else "opportunity"
    accepted = lead.cycles[-1].accepted_at
    return "sal" if accepted and accepted <= until else "mql"


def _status(lead: Lead, until: datetime) -> str:
    return _STATUSES[lead.cycles[-1].disposition_by(until)] if lead.cycles else "New"


def _changed(lead: Lead, until: datetime) -> datetime:
    """When somebody or something last changed the lead."""
    moments = [lead.created_at, *(each.at for each in lead.responses)]
    for cycle in lead.cycles:
        moments += [each for each in (cycle.crossed_at, cycle.accepted_at, cycle.closed_at) if each]
    return max(moment for moment in moments if moment <= until)


def _owner(rep: Rep | None) -> tuple[str, str]:
    return (rep.email, rep.name) if rep else ("", "")


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(_ZONE):%d.%m.%Y %H:%M:%S}" if moment else ""


def _flag(holds: bool) -> str:
    return "yes" if holds else "no"


def _amount(euros: int) -> str:
    return f"{euros:,}".replace(",", ".") + ",00"


def _file(
    name: str,
    kind: str,
    columns: dict[str, str],
    rows: Iterable[Cells],
    more: dict[str, Any] | None = None,
    headers: Sequence[str] = (),
) -> ExportFile:
    written = io.StringIO()
    write: Callable[[Cells], Any] = csv.writer(written, delimiter=";", lineterminator="\r\n").writerow
    write([*columns.values(), *headers])
    for row in rows:
        write(row)
    mapping = {"object": kind, "columns": columns, "zone": ZONE, "dates": "dmy", **(more or {})}
    return ExportFile(name, written.getvalue().encode(), mapping)
