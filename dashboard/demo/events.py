"""What the demo's sources send: the same happenings in the words of each kind of source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from alignment.models import Endpoint
from dashboard.demo.leads import DemoLead
from dashboard.demo.people import Rep
from dashboard.demo.words import LOST, WON


@dataclass(frozen=True)
class Post:
    """One request to an endpoint. `event_id` names it for ever where its sender has such ids."""

    endpoint: Endpoint
    body: bytes
    event_id: str | None
    lead: str


@dataclass(frozen=True)
class Deal:
    """An opportunity of the demo; `amount` in whole euros, `close_on` an ISO date."""

    external_id: str
    name: str
    amount: int
    close_on: str
    stage: str


class Dialect(Protocol):
    """How one kind of source says what happened at `at`."""

    def created(self, lead: DemoLead, at: datetime, *, score: int) -> Post: ...
    def scored(self, lead: DemoLead, at: datetime, *, score: int, owner: Rep | None = None) -> Post: ...
    def attempted(self, lead: DemoLead, at: datetime, *, rep: Rep, channel: str, outcome: str) -> Post: ...
    def reassigned(self, lead: DemoLead, at: datetime, *, rep: Rep) -> Post: ...
    def disposed(
        self, lead: DemoLead, at: datetime, *, disposition: str, reason: str = "", deal: Deal | None = None
    ) -> Post: ...
    def closed_untagged(self, lead: DemoLead, at: datetime) -> Post: ...
    def deal(self, lead: DemoLead, at: datetime, *, deal: Deal, rep: Rep, is_new: bool) -> Post: ...


def standard_event(kind: str, external_id: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """One of our documented events; see alignment.intake.standard."""
    return {"type": kind, "timestamp": at.isoformat(), "data": {"external_id": external_id, **fields}}


def lead_fields(lead: DemoLead) -> dict[str, Any]:
    """What a CRM states of a new lead."""
    return {
        "email": lead.email,
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "title": lead.title,
        "company": lead.company,
        "account": account_id(lead.account),
        "country": lead.country,
        "segment": lead.segment,
        "channel": lead.channel,
        "intent": lead.intent,
        "product": lead.product,
        "status": "New",
    }


def account_id(account: int) -> str:
    return f"ACC-{account:03d}"


class Standard:
    """Our own event types, signed (the id is in the header) or with a shared secret (the id is in the event)."""

    def __init__(self, endpoint: Endpoint, *, is_signed: bool = True) -> None:
        self.endpoint = endpoint
        self.is_signed = is_signed
        self.sent = 0

    def post(self, event: dict[str, Any], *, lead: str = "") -> Post:
        self.sent += 1
        event_id = f"msg_{self.endpoint.source.key}_{self.sent:06d}"
        if not self.is_signed:
            event = {"id": event_id, **event}
        return Post(self.endpoint, json.dumps(event).encode(), event_id if self.is_signed else None, lead)

    def _post(self, kind: str, lead: DemoLead, at: datetime, **fields: Any) -> Post:
        return self.post(standard_event(kind, lead.external_id, at, **fields), lead=lead.external_id)

    def created(self, lead: DemoLead, at: datetime, *, score: int) -> Post:
        fields = lead_fields(lead) | {"score": score, "created_at": at.isoformat()}
        return self._post("lead.created", lead, at, **fields)

    def scored(self, lead: DemoLead, at: datetime, *, score: int, owner: Rep | None = None) -> Post:
        named = {"owner": owner.email, "owner_name": owner.name} if owner else {}
        return self._post("lead.updated", lead, at, score=score, intent=lead.intent, **named)

    def touched(self, lead: DemoLead, at: datetime, *, subject: str) -> Post:
        touch = f"{lead.external_id}-T{int(at.timestamp())}"
        fields = {"lead": lead.external_id, "channel": lead.channel, "subject": subject}
        if lead.campaign:
            fields["campaign"] = lead.campaign
        return self.post(standard_event("touch.recorded", touch, at, **fields), lead=lead.external_id)

    def attempted(self, lead: DemoLead, at: datetime, *, rep: Rep, channel: str, outcome: str) -> Post:
        event = standard_event(
            "touch.recorded",
            f"{lead.external_id}-A{int(at.timestamp())}",
            at,
            lead=lead.external_id,
            channel=channel,
            outcome=outcome,
            subject=f"{channel.capitalize()} by {rep.name}",
            is_attempt=True,
            is_connected=outcome == "connected",
            person=rep.email,
        )
        return self.post(event, lead=lead.external_id)

    def reassigned(self, lead: DemoLead, at: datetime, *, rep: Rep) -> Post:
        return self._post("lead.updated", lead, at, owner=rep.email, owner_name=rep.name)

    def disposed(
        self, lead: DemoLead, at: datetime, *, disposition: str, reason: str = "", deal: Deal | None = None
    ) -> Post:
        fields = {"disposition": disposition, "status": disposition.capitalize()}
        if reason:
            fields["reason"] = reason
        if deal is not None:
            fields["opportunity"] = deal.external_id
        return self._post("lead.dispositioned", lead, at, **fields)

    def closed_untagged(self, lead: DemoLead, at: datetime) -> Post:
        return self._post("lead.updated", lead, at, status="Closed")

    def deal(self, lead: DemoLead, at: datetime, *, deal: Deal, rep: Rep, is_new: bool) -> Post:
        fields: dict[str, Any] = {"stage": deal.stage}
        if is_new:
            fields |= {
                "name": deal.name,
                "amount": deal.amount,
                "currency": "EUR",
                "close_on": deal.close_on,
                "opened_at": at.isoformat(),
                "lead": lead.external_id,
                "account": account_id(lead.account),
                "owner": rep.email,
                "owner_name": rep.name,
            }
        elif deal.stage in (WON, LOST):
            fields["close_on"] = at.date().isoformat()
        kind = "opportunity.created" if is_new else "opportunity.updated"
        return self.post(standard_event(kind, deal.external_id, at, **fields), lead=lead.external_id)


class EspoCrm:
    """EspoCRM 9: the event is in the address, records come as an array, times are texts in UTC."""

    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self.endpoints = endpoints

    def _post(self, event: str, lead: DemoLead, **record: Any) -> Post:
        return Post(self.endpoints[event], json.dumps([record]).encode(), None, lead.external_id)

    def created(self, lead: DemoLead, at: datetime, *, score: int) -> Post:
        moment = _espocrm_time(at)
        return self._post(
            "Lead.create",
            lead,
            id=lead.external_id,
            firstName=lead.first_name,
            lastName=lead.last_name,
            emailAddress=lead.email,
            title=lead.title,
            accountName=lead.company,
            addressCountry=lead.country,
            source=lead.channel,
            status="New",
            cMqlScore=score,
            cSegment=lead.segment,
            cIntent=lead.intent,
            createdAt=moment,
            modifiedAt=moment,
        )

    def scored(self, lead: DemoLead, at: datetime, *, score: int, owner: Rep | None = None) -> Post:
        named = {"assignedUserId": owner.crm_id, "assignedUserName": owner.name} if owner else {}
        return self._post("Lead.update", lead, id=lead.external_id, cMqlScore=score, **named)

    def attempted(self, lead: DemoLead, at: datetime, *, rep: Rep, channel: str, outcome: str) -> Post:
        return self._post(
            "Call.create",
            lead,
            id=f"65c0{lead.number:07x}{int(at.timestamp()) % 16**6:06x}",
            name=f"Call by {rep.name}",
            status="Held" if outcome == "connected" else "Not Held",
            direction="Outbound",
            dateStart=_espocrm_time(at),
            parentType="Lead",
            parentId=lead.external_id,
            assignedUserId=rep.crm_id,
            assignedUserName=rep.name,
            modifiedAt=_espocrm_time(at),
        )

    def reassigned(self, lead: DemoLead, at: datetime, *, rep: Rep) -> Post:
        return self._post(
            "Lead.update",
            lead,
            id=lead.external_id,
            assignedUserId=rep.crm_id,
            assignedUserName=rep.name,
        )

    def disposed(
        self, lead: DemoLead, at: datetime, *, disposition: str, reason: str = "", deal: Deal | None = None
    ) -> Post:
        statuses = {
            "working": "In Process",
            "converted": "Converted",
            "recycled": "Recycled",
            "disqualified": "Dead",
        }
        record = {"id": lead.external_id, "status": statuses[disposition], "cDisposition": disposition}
        if reason:
            record["cReason"] = reason
        if deal is not None:
            record["createdOpportunityId"] = deal.external_id
        return self._post("Lead.update", lead, **record)

    def closed_untagged(self, lead: DemoLead, at: datetime) -> Post:
        return self._post("Lead.update", lead, id=lead.external_id, status="Dead")

    def deal(self, lead: DemoLead, at: datetime, *, deal: Deal, rep: Rep, is_new: bool) -> Post:
        if not is_new:
            closed = {"closeDate": at.date().isoformat()} if deal.stage in (WON, LOST) else {}
            return self._post("Opportunity.update", lead, id=deal.external_id, stage=deal.stage, **closed)
        moment = _espocrm_time(at)
        return self._post(
            "Opportunity.create",
            lead,
            id=deal.external_id,
            name=deal.name,
            amount=deal.amount,
            amountCurrency="EUR",
            stage=deal.stage,
            closeDate=deal.close_on,
            originalLeadId=lead.external_id,
            assignedUserId=rep.crm_id,
            assignedUserName=rep.name,
            createdAt=moment,
            modifiedAt=moment,
        )


def _espocrm_time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
