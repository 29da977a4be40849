"""EspoCRM webhooks: the event is in the address, records come as an array, updates carry no time and no id.

A create carries `modifiedAt`; everything else is dated by its receipt and ordered by place in the inbox, so that a
delivery repeated at once leaves the same state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alignment.intake.drafts import Event, Stamp, Unreadable, derived_facts
from alignment.intake.fields import instant, read_field
from alignment.intake.ids import one_form, within
from alignment.intake.mapping import Mapping
from alignment.models import Delivery, Fact, Subject, TouchFunction

SUBJECTS = {
    "Lead": Subject.LEAD,
    "Opportunity": Subject.OPPORTUNITY,
    "Campaign": Subject.CAMPAIGN,
    "Account": Subject.ACCOUNT,
    "Call": Subject.TOUCH,
    "Meeting": Subject.TOUCH,
}
CHANGES = {"create", "update", "delete", "fieldUpdate"}


def parse(delivery: Delivery, position: int, item: Any, mapping: Mapping, event: str) -> Event:
    """Raises Unreadable or BadField."""
    entity, _, rest = event.partition(".")
    change = rest.partition(".")[0]
    if entity not in SUBJECTS or change not in CHANGES:
        raise Unreadable("unknown_event", f"“{event[:60]}” is not an event that this endpoint understands.")
    if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not 0 < len(item["id"]) <= 190:
        raise Unreadable("no_id", "Each record is an object with its id.")
    item = item | {"id": one_form(item["id"])}
    stamp = _stamp(delivery, position, item, mapping, change)
    subject = SUBJECTS[entity]
    if change == "delete":
        return Event(delivery.pk, position, [stamp.fact(0, subject, item["id"], {"is_deleted": True})])
    if subject == Subject.TOUCH:
        return Event(delivery.pk, position, _touches(stamp, entity, item, mapping))
    fields = mapping.read(subject, item)
    facts = [stamp.fact(0, subject, item["id"], fields)]
    if subject == Subject.LEAD:
        facts += derived_facts(stamp, item["id"], fields, mapping.function_of(fields.get("channel")))
    return Event(delivery.pk, position, facts)


def _touches(stamp: Stamp, entity: str, item: dict[str, Any], mapping: Mapping) -> list[Fact]:
    """A call or meeting as facts about the call itself, and one about each further lead that it names.

    Updates carry only what changed, so that it took place and that it was outbound are facts of their own; the
    fold puts them together.
    """
    fields: dict[str, Any] = {"channel": entity.lower()}
    for ours, theirs in (
        ("subject", "name"),
        ("outcome", "status"),
        ("touched_at", "dateStart"),
        ("person", "assignedUserId"),
        ("person_name", "assignedUserName"),
        ("is_deleted", "deleted"),
    ):
        if theirs in item:
            fields[ours] = read_field(Subject.TOUCH, ours, item[theirs], mapping.zone)
    if "status" in item:
        fields["took_place"] = item["status"] in {"Held", "Not Held"}
        fields["is_connected"] = entity == "Meeting" and item["status"] == "Held"
    if "direction" in item or entity == "Meeting":
        fields["is_outbound"] = entity == "Meeting" or item["direction"] == "Outbound"
        fields["function"] = TouchFunction.SALES if fields["is_outbound"] else TouchFunction.OTHER
    leads = _leads(item)
    if not leads:
        return [stamp.fact(0, Subject.TOUCH, item["id"], fields)]
    parts = [
        stamp.fact(n, Subject.TOUCH, within(item["id"], lead), {"lead": lead, "part_of": item["id"]})
        for n, lead in enumerate(leads[1:], start=1)
    ]
    return [stamp.fact(0, Subject.TOUCH, item["id"], fields | {"lead": leads[0], "leads": leads}), *parts]


def _leads(item: dict[str, Any]) -> list[str]:
    """The leads that a call names: its parent first, the others by their ids, whatever order they came in."""
    others = item.get("leadsIds") or []
    parent = item.get("parentId") if item.get("parentType") == "Lead" else None
    if not isinstance(others, list):
        raise Unreadable("bad_lead", "leadsIds is a list of ids.")
    named = [*([parent] if parent else []), *others]
    if not all(isinstance(lead, str) and 0 < len(lead) <= 190 for lead in named):
        raise Unreadable("bad_lead", "The leads of a call are named by their ids.")
    first = [one_form(parent)] if parent else []
    return [*first, *sorted(set(map(one_form, others)) - set(first))]


def _stamp(delivery: Delivery, position: int, item: dict[str, Any], mapping: Mapping, change: str) -> Stamp:
    occurred_at = None
    if change == "create" and item.get("modifiedAt"):
        try:
            stated = datetime.fromisoformat(instant(item["modifiedAt"], mapping.zone))
        except ValueError as problem:
            raise Unreadable("bad_time", f"modifiedAt: {problem}") from problem
        # Updates are dated by receipt: a create dated later than its own receipt would outrank them all.
        occurred_at = min(stated, delivery.received_at)
    return Stamp.of(delivery, position, occurred_at=occurred_at)
