"""Field mapping of a source: which of its fields mean what.

```json
{
  "fields": {"lead": {"score": "cMqlScore", "segment": "cSegment"}, "opportunity": {...}, "touch": {...}},
  "values": {"disposition": {"Dead": "disqualified"}, "reason": {"wrong person": "bad_fit"}},
  "closed_statuses": ["Converted", "Recycled", "Dead"],
  "won_stages": ["Closed Won"], "lost_stages": ["Closed Lost"],
  "channel_functions": {"paid_search": "marketing", "partner": "other"}
}
```
Everything is optional: a kind of source brings defaults, and what is not mapped keeps its own name.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from alignment.intake.fields import FIELDS, check_amount, read_field
from alignment.models import TouchFunction

SECTIONS = ("fields", "values", "closed_statuses", "won_stages", "lost_stages", "channel_functions")

ESPOCRM_FIELDS = {
    "lead": {
        "email": "emailAddress",
        "first_name": "firstName",
        "last_name": "lastName",
        "title": "title",
        "phone": "phoneNumber",
        "company": "accountName",
        "country": "addressCountry",
        "channel": "source",
        "status": "status",
        "owner": "assignedUserId",
        "owner_name": "assignedUserName",
        "opportunity": "createdOpportunityId",
        "created_at": "createdAt",
        "is_deleted": "deleted",
    },
    "opportunity": {
        "name": "name",
        "amount": "amount",
        "currency": "amountCurrency",
        "stage": "stage",
        "close_on": "closeDate",
        "opened_at": "createdAt",
        "lead": "originalLeadId",
        "account": "accountId",
        "owner": "assignedUserId",
        "owner_name": "assignedUserName",
        "is_deleted": "deleted",
    },
    "campaign": {"name": "name", "channel": "type", "is_deleted": "deleted"},
    "account": {"name": "name", "domain": "website", "is_deleted": "deleted"},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "espocrm": {
        "fields": ESPOCRM_FIELDS,
        "closed_statuses": ["Converted", "Recycled", "Dead"],
        "won_stages": ["Closed Won"],
        "lost_stages": ["Closed Lost"],
    }
}
CHANNEL_FUNCTIONS = {
    "paid_search": TouchFunction.MARKETING,
    "organic_search": TouchFunction.MARKETING,
    "social": TouchFunction.MARKETING,
    "paid_social": TouchFunction.MARKETING,
    "email": TouchFunction.MARKETING,
    "display": TouchFunction.MARKETING,
    "direct_traffic": TouchFunction.MARKETING,
    "other_publicities": TouchFunction.MARKETING,
    "web": TouchFunction.MARKETING,
    "webinar": TouchFunction.MARKETING,
    "event": TouchFunction.MARKETING,
    "content": TouchFunction.MARKETING,
    "demo_request": TouchFunction.MARKETING,
    "outbound": TouchFunction.SALES,
    "cold_call": TouchFunction.SALES,
    "partner": TouchFunction.OTHER,
    "referral": TouchFunction.OTHER,
    "product": TouchFunction.OTHER,
}


class InvalidMapping(ValueError):
    """The mapping cannot be used; the message names the place and what to write."""


@dataclass(frozen=True)
class Mapping:
    zone: ZoneInfo
    fields: MappingType[str, MappingType[str, str]] = field(default_factory=dict)
    values: MappingType[str, MappingType[str, str]] = field(default_factory=dict)
    closed_statuses: frozenset[str] = frozenset()
    won_stages: frozenset[str] = frozenset()
    lost_stages: frozenset[str] = frozenset()
    channel_functions: MappingType[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, document: object, zone: str) -> Mapping:
        """The mapping of a source of this kind, its own document laid over the kind's defaults."""
        if not isinstance(document, dict):
            raise InvalidMapping("The mapping is an object with " + ", ".join(SECTIONS) + ".")
        unknown = sorted(set(document) - set(SECTIONS))
        if unknown:
            raise InvalidMapping(f"Unknown section {', '.join(unknown)}; it has {', '.join(SECTIONS)}.")
        base = DEFAULTS.get(kind, {})
        functions = _texts("channel_functions", document.get("channel_functions", {}))
        for channel, function in functions.items():
            if function not in TouchFunction.values:
                raise InvalidMapping(
                    f"channel_functions: {channel}: write one of {', '.join(TouchFunction.values)}."
                )
        return cls(
            zone=ZoneInfo(zone),
            fields=_fields(base.get("fields", {}), document.get("fields", {})),
            values={
                name: {
                    theirs.strip().lower(): ours for theirs, ours in _texts(f"values: {name}", table).items()
                }
                for name, table in _sections("values", document.get("values", {})).items()
            },
            closed_statuses=_lowered("closed_statuses", document, base),
            won_stages=_lowered("won_stages", document, base),
            lost_stages=_lowered("lost_stages", document, base),
            channel_functions=CHANNEL_FUNCTIONS | {c.strip().lower(): f for c, f in functions.items()},
        )

    def read(self, subject: str, record: MappingType[str, Any]) -> dict[str, Any]:
        """Our fields found in a sender's record. Absent stays absent. Raises BadField."""
        names = self.fields.get(subject, {})
        found: dict[str, Any] = {}
        for ours in FIELDS[subject]:
            theirs = names.get(ours, ours)
            if theirs not in record:
                continue
            value = record[theirs]
            table = self.values.get(ours)
            if table and isinstance(value, str):
                value = table.get(value.strip().lower(), value)
            found[ours] = read_field(subject, ours, value, self.zone)
        check_amount(found)
        if "stage" in found and subject == "opportunity":
            stage = (found["stage"] or "").lower()
            if self.won_stages | self.lost_stages:
                found.setdefault("is_won", stage in self.won_stages)
                found.setdefault("is_closed", stage in self.won_stages | self.lost_stages)
        if subject == "lead" and "status" in found:
            found["is_closed"] = (found["status"] or "").lower() in self.closed_statuses
        return found

    def function_of(self, channel: str | None) -> str:
        return self.channel_functions.get((channel or "").strip().lower(), TouchFunction.UNKNOWN)


def _sections(where: str, document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidMapping(f"{where}: write an object.")
    return document


def _texts(where: str, document: object) -> dict[str, str]:
    table = _sections(where, document)
    if not all(k and v and isinstance(v, str) for k, v in table.items()):
        raise InvalidMapping(f"{where}: write an object of texts.")
    return table


def _fields(base: MappingType[str, MappingType[str, str]], document: object) -> dict[str, dict[str, str]]:
    merged = {subject: dict(names) for subject, names in base.items()}
    for subject, names in _sections("fields", document).items():
        if subject not in FIELDS:
            raise InvalidMapping(f"fields: {subject}: write one of {', '.join(FIELDS)}.")
        for ours, theirs in _texts(f"fields: {subject}", names).items():
            if ours not in FIELDS[subject]:
                raise InvalidMapping(
                    f"fields: {subject}: {ours} is not a field of ours; there are {', '.join(FIELDS[subject])}."
                )
            merged.setdefault(subject, {})[ours] = theirs
    return merged


def _lowered(name: str, document: MappingType[str, Any], base: MappingType[str, Any]) -> frozenset[str]:
    values = document.get(name, base.get(name, []))
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidMapping(f"{name}: write a list of texts.")
    return frozenset(value.strip().lower() for value in values)
