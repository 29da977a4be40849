"""What a definition makes of the latest records: how many of the last 500 meet it, by which part they fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from alignment.definitions.fields import CYCLE, LEAD, SUBJECT_LABELS
from alignment.definitions.predicate import Definition, Part
from alignment.models import Lead, MqlCycle
from alignment.models.leads import creation_of_leads
from alignment.queries.called import LATEST, Called, Counted, called, failed_parts
from alignment.queries.definitions import moment, records_of

SAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """A record, the lead to look at (None: an opportunity without one), and the parts by which it fails."""

    name: str
    lead: Lead | None
    failed: tuple[Part, ...]


@dataclass(frozen=True)
class Counts:
    """`called`: of those that the CRM (or the agreement's trigger) calls an MQL; None for other definitions.

    A part of a draft that has no complete row takes no part in any of the figures; in `parts` it has None.
    """

    about: str
    has_rows: bool
    counted: Counted
    parts: tuple[tuple[Part, int | None], ...]
    meeting: tuple[Sample, ...]
    failing: tuple[Sample, ...]
    called: Called | None


def count(key: str, definition: Definition, *, at: datetime) -> Counts:
    """As many queries for one record as for 500; the rows are evaluated in memory."""
    now = moment(at)
    records = latest(definition.subject)
    failed = [failed_parts(definition, record, now) for record in records]
    has_rows = any(part.rows for part in definition.parts)
    met = [has_rows and not parts for parts in failed]
    samples = [
        Sample(_name(record), _lead(record), parts) for record, parts in zip(records, failed, strict=True)
    ]
    return Counts(
        about=SUBJECT_LABELS[definition.subject],
        has_rows=has_rows,
        counted=Counted(len(records), sum(met)),
        parts=tuple(
            (part, sum(part not in parts for parts in failed) if part.rows else None)
            for part in definition.parts
        ),
        meeting=tuple([each for each, holds in zip(samples, met, strict=True) if holds][:SAMPLES]),
        failing=tuple([each for each, holds in zip(samples, met, strict=True) if not holds][:SAMPLES]),
        called=called(definition, at=at) if key == "mql" else None,
    )


def latest(subject: str) -> list[Any]:
    """The last 500 records of a subject: leads by creation, MQLs by crossing, opportunities as they came in."""
    found: QuerySet[Any] = records_of(subject)
    if subject == LEAD:
        found = found.order_by(creation_of_leads().desc(), "-pk")
    elif subject == CYCLE:
        found = found.order_by("-crossed_at", "-pk")
    else:
        found = found.order_by("-pk")
    return list(found[:LATEST])


def _name(record: Any) -> str:
    if isinstance(record, MqlCycle):
        return record.lead.name
    return str(record)


def _lead(record: Any) -> Lead | None:
    return record if isinstance(record, Lead) else record.lead
