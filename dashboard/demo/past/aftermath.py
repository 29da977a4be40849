"""What becomes of the imported past once the product runs: its open ends, told by the CRM as live events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dashboard.demo.company import CRM, CURRENCY
from dashboard.demo.events import Post, Standard, standard_event
from dashboard.demo.leads import DemoLead
from dashboard.demo.past.records import RECYCLED, WORKING, Cycle, Deal, Lead
from dashboard.demo.past.story import Story
from dashboard.demo.words import LOST, WON

RETURNING = 12  # recycled leads of the past that cross the trigger again under our clocks
RESTED = timedelta(days=14)


@dataclass
class ReturningLead(DemoLead):
    """A lead of the past in the words of the live story."""

    company_name: str = ""

    @property
    def company(self) -> str:
        return self.company_name


def returning(story: Story, rng: Random) -> list[ReturningLead]:
    """Some of the leads that were recycled well before the export."""
    rested = story.past.until - RESTED
    found = [
        lead
        for lead in story.leads
        if lead.cycles
        and lead.cycles[-1].disposition == RECYCLED
        and (closed := lead.cycles[-1].closed_at)
        and closed < rested
    ]
    return [_in_live_words(lead) for lead in rng.sample(found[-400:], min(RETURNING, len(found)))]


def events_after(story: Story, crm: Standard, *, until: datetime) -> Iterator[tuple[datetime, Post]]:
    """What the CRM tells between the export and `until`: attempts, dispositions, stages; each with its time."""
    for lead, cycle in story.cycles():
        for at, kind, external_id, fields in _of_cycle(lead, cycle):
            if story.past.until < at <= until:
                yield at, crm.post(standard_event(kind, external_id, at, **fields), lead=lead.external_id)
    for deal in story.deals:
        lead_id = deal.lead.external_id if deal.lead else ""
        for at, kind, fields in _of_deal(deal, story.past.until, until):
            if story.past.until < at <= until:
                yield at, crm.post(standard_event(kind, deal.external_id, at, **fields), lead=lead_id)


def _of_cycle(lead: Lead, cycle: Cycle) -> Iterator[tuple[datetime, str, str, dict[str, Any]]]:
    key = lead.external_id
    for attempt in cycle.attempts:
        fields = {
            "lead": key,
            "channel": attempt.channel,
            "outcome": attempt.outcome,
            "subject": f"{attempt.channel.capitalize()} by {attempt.rep.name}",
            "is_attempt": True,
            "is_connected": attempt.is_connected,
            "person": attempt.rep.email,
        }
        yield attempt.at, "touch.recorded", f"{key}-A{int(attempt.at.timestamp())}", fields
    if cycle.accepted_at:
        yield cycle.accepted_at, "lead.dispositioned", key, {"disposition": WORKING, "status": "Working"}
    if cycle.closed_at:
        fields = {"disposition": cycle.disposition, "status": cycle.disposition.capitalize()}
        if cycle.reason:
            fields["reason"] = cycle.reason
        if cycle.deal:
            fields["opportunity"] = cycle.deal.external_id
        if cycle.disposition == RECYCLED:
            fields |= {"score": lead.score // 3}
        yield cycle.closed_at, "lead.dispositioned", key, fields


def _of_deal(
    deal: Deal, exported: datetime, until: datetime
) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    opened = deal.entries[0][1]
    for stage, at in deal.entries:
        fields: dict[str, Any] = {"stage": stage}
        if stage in (WON, LOST):
            fields["close_on"] = at.date().isoformat()
        if at == opened:
            fields |= {
                "name": deal.name,
                "amount": deal.amount,
                "currency": CURRENCY,
                "close_on": _expected(deal),
                "opened_at": at.isoformat(),
                "account": deal.account.external_id,
            }
            fields |= {"lead": deal.lead.external_id} if deal.lead else {}
            fields |= {"owner": deal.owner.email, "owner_name": deal.owner.name} if deal.owner else {}
        yield at, "opportunity.created" if at == opened else "opportunity.updated", fields
    closed = deal.entries[-1][1]
    if (
        opened <= exported
        and deal.close_on
        and exported.date() < deal.close_on < until.date() < closed.date()
    ):
        # the expected day has passed while we watched: somebody puts it off
        moved = datetime(
            deal.close_on.year, deal.close_on.month, deal.close_on.day, 15, tzinfo=exported.tzinfo
        )
        yield moved, "opportunity.updated", {"close_on": closed.date().isoformat()}


def _expected(deal: Deal) -> str:
    return deal.entries[-1][1].date().isoformat()


def _in_live_words(lead: Lead) -> ReturningLead:
    return ReturningLead(
        number=10000 + lead.number,
        source=CRM,
        first_name=lead.first_name,
        last_name=lead.last_name,
        account=1000 + lead.account.number,
        title=lead.title,
        country=lead.account.country,
        segment=lead.account.segment,
        channel=lead.channel,
        campaign=lead.campaign,
        intent=lead.intent,
        product=lead.product,
        company_name=lead.account.name,
    )
