"""What a delivery would become under a mapping that nobody has saved yet. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignment.intake import standard
from alignment.intake.drafts import Problem
from alignment.intake.fields import FIELDS
from alignment.intake.limits import BadJson, load_json
from alignment.intake.mapping import InvalidMapping, Mapping
from alignment.intake.parse import parse_delivery
from alignment.models import Delivery, Endpoint, Fact, Source, Subject
from alignment.queries.field_words import name_of, said


@dataclass(frozen=True)
class ReadFact:
    """A fact as people read it. `told` lists our field and its value; None is a cleared field."""

    subject: str
    external_id: str
    action: str
    occurred_at: datetime
    is_timed: bool
    told: list[tuple[str, str]]


@dataclass(frozen=True)
class Preview:
    """`unread`: names of fields that were sent and that no field of ours takes."""

    facts: list[ReadFact]
    problems: list[Problem]
    unread: list[str]


def preview_delivery(delivery: Delivery, mapping: MappingType[str, Any]) -> Preview:
    """A delivery with `source` and `endpoint` loaded, read by another mapping."""
    return preview_body(
        source=delivery.source,
        endpoint=delivery.endpoint,
        mapping=mapping,
        body=bytes(delivery.body or b""),
        received_at=delivery.received_at,
        external_id=delivery.external_id,
    )


def preview_body(
    *,
    source: Source,
    endpoint: Endpoint | None,
    mapping: MappingType[str, Any],
    body: bytes,
    received_at: datetime,
    external_id: str | None = None,
) -> Preview:
    """A body as if it came in at `received_at` through an endpoint; without one no event is named by its address."""
    drafted = Source(pk=source.pk, key=source.key, kind=source.kind, zone=source.zone, mapping=dict(mapping))
    door = endpoint or Endpoint(pk=0, source=drafted)
    drafted_delivery = Delivery(
        pk=0, source=drafted, endpoint=door, external_id=external_id, body=body, received_at=received_at
    )
    events, problems = parse_delivery(drafted_delivery)
    facts = [read_fact(fact) for event in events for fact in event.facts]
    return Preview(facts, problems, _unread(drafted, door, body))


def read_fact(fact: Fact) -> ReadFact:
    currency = str(fact.fields.get("currency") or "")
    told = [
        (name_of(name), said(fact.subject, name, value, currency=currency))
        for name, value in fact.fields.items()
    ]
    return ReadFact(
        Subject(fact.subject).label,
        fact.external_id,
        fact.action,
        fact.occurred_at,
        fact.is_timed,
        told,
    )


def _unread(source: Source, endpoint: Endpoint, body: bytes) -> list[str]:
    try:
        mapping = Mapping.of(source.kind, source.mapping, source.zone)
        items = standard.split(load_json(body))
    except (BadJson, InvalidMapping):
        return []
    found: set[str] = set()
    for item in items:
        if not isinstance(item, dict):
            continue
        record: Any
        if source.kind == "espocrm":
            subject, record = endpoint.event.partition(".")[0].lower(), item
            known = {"id", "modifiedAt"}
        else:
            subject, record = standard.TYPES.get(str(item.get("type")), Subject.LEAD).value, item.get("data")
            known = {"external_id"}
        if subject not in FIELDS or not isinstance(record, dict):
            continue
        names = mapping.fields.get(subject, {})
        found |= {str(name) for name in record} - known - {names.get(ours, ours) for ours in FIELDS[subject]}
    return sorted(found)
