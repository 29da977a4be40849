"""Our own documented event types, as Standard Webhooks send them and as Zapier or Make can build them.

`{"type": "lead.updated", "id": "evt_1", "timestamp": "2026-03-02T14:05:11Z", "data": {"external_id": "00Q…", …}}`,
one object or an array. The header's webhook id (else the event's `id`) identifies the event for ever; in an array
each event should carry its own `id`. `timestamp` is the time of occurrence, at most a day after the receipt.

| type | states |
| --- | --- |
| lead.created, lead.updated | fields of a lead |
| lead.mql | the same, and that the lead became an MQL at `timestamp` |
| lead.dispositioned | an explicit disposition, with reason |
| lead.deleted | the record was deleted |
| touch.recorded | one dated interaction; `is_attempt` for outbound by sales |
| opportunity.created, opportunity.updated, opportunity.deleted | fields of an opportunity |
| campaign.updated, account.updated | name, channel, domain |
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from alignment.intake.drafts import Event, Stamp, Unreadable, derived_facts
from alignment.intake.fields import BadField, instant
from alignment.intake.ids import one_form
from alignment.intake.mapping import Mapping
from alignment.models import Delivery, Subject, TouchFunction

AHEAD = timedelta(days=1)  # of its receipt: clocks and zones differ
TYPES = {
    "lead.created": Subject.LEAD,
    "lead.updated": Subject.LEAD,
    "lead.mql": Subject.LEAD,
    "lead.dispositioned": Subject.LEAD,
    "lead.deleted": Subject.LEAD,
    "touch.recorded": Subject.TOUCH,
    "opportunity.created": Subject.OPPORTUNITY,
    "opportunity.updated": Subject.OPPORTUNITY,
    "opportunity.deleted": Subject.OPPORTUNITY,
    "campaign.updated": Subject.CAMPAIGN,
    "account.updated": Subject.ACCOUNT,
}


def split(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]


def parse(delivery: Delivery, position: int, item: Any, mapping: Mapping, is_array: bool) -> Event:
    """Raises Unreadable or BadField."""
    if not isinstance(item, dict):
        raise Unreadable("not_an_object", "An event is an object with type, timestamp and data.")
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise Unreadable("unknown_type", f"Unknown type “{str(kind)[:60]}”; known are {', '.join(TYPES)}.")
    data = item.get("data")
    if not isinstance(data, dict):
        raise Unreadable("no_data", "The event has no data object.")
    external_id = data.get("external_id")
    if (
        isinstance(external_id, bool)
        or not isinstance(external_id, str | int)
        or not str(external_id).strip()
    ):
        raise Unreadable("no_external_id", "data.external_id must name the record: a text that is not empty.")
    external_id = one_form(str(external_id).strip())
    if len(external_id) > 190:
        raise Unreadable("no_external_id", "data.external_id is longer than 190 characters.")
    stamp = _stamp(delivery, position, item, mapping, is_array)
    subject = TYPES[kind]
    fields = mapping.read(subject, data)
    if kind.endswith(".deleted"):
        fields = {"is_deleted": True}
    if kind == "lead.mql":
        fields |= {"lifecycle": fields.get("lifecycle") or "mql", "mql_at": stamp.occurred_at.isoformat()}
    action = ""
    if kind == "lead.dispositioned":
        if not fields.get("disposition"):
            raise BadField("disposition", "lead.dispositioned needs one")
        action = "disposition"
    if subject == Subject.TOUCH:
        # a partial event states nothing about what it leaves out; the first one dates the touch
        if "function" not in fields and fields.get("is_attempt"):
            fields["function"] = TouchFunction.SALES
        elif "function" not in fields and "channel" in fields:
            fields["function"] = mapping.function_of(fields["channel"])
        if fields.get("is_attempt") and fields["function"] != TouchFunction.SALES:
            raise BadField("is_attempt", "only touches of sales are attempts")
    facts = [stamp.fact(0, subject, external_id, fields, action)]
    if subject == Subject.LEAD:
        facts += derived_facts(stamp, external_id, fields, mapping.function_of(fields.get("channel")))
    return Event(delivery.pk, position, facts)


def _refuse_ahead(stated: datetime, received_at: datetime) -> None:
    """What happened last counts, so an event of next year would outlive all news until then."""
    if stated > received_at + AHEAD:
        raise Unreadable(
            "ahead_of_receipt",
            f"timestamp: {stated:%Y-%m-%d %H:%M} UTC is more than a day after the event was received "
            f"({received_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC): set the sender's clock right, and send the event "
            "with its true time under a new id.",
        )


def _stamp(
    delivery: Delivery, position: int, item: dict[str, Any], mapping: Mapping, is_array: bool
) -> Stamp:
    occurred_at = None
    if "timestamp" in item:
        try:
            occurred_at = datetime.fromisoformat(instant(item["timestamp"], mapping.zone))
        except ValueError as problem:
            raise BadField("timestamp", str(problem)) from problem
        _refuse_ahead(occurred_at, delivery.received_at)
    own = item.get("id")
    if own is not None and (not isinstance(own, str) or not 0 < len(own) <= 190):
        raise Unreadable("bad_id", "id is a text of at most 190 characters.")
    if delivery.external_id and not is_array:
        event_id = delivery.external_id
    elif own:
        event_id = own
    elif delivery.external_id:
        event_id = f"{delivery.external_id}#{position}"
    else:
        event_id = ""
    return Stamp.of(delivery, position, occurred_at=occurred_at, event_id=event_id)
