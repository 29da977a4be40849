"""What a definition makes of the latest records: how many of the last 500 meet it, by which part they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from alignment.definitions import evaluate
from alignment.definitions.conditions import row_holds
from alignment.definitions.evaluate import Moment
from alignment.definitions.fields import CYCLE, LEAD, SUBJECT_LABELS
from alignment.definitions.predicate import Definition, Part
from alignment.models import Lead, MqlCycle
from alignment.models.leads import creation_of_leads
from alignment.queries.completeness import with_leads
from alignment.queries.definitions import counted_mqls, moment, records_of

LATEST = 500
SAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """A record, the lead to look at (None: an opportunity without one), and the parts by which it fails."""

    name: str
    lead: Lead | None
    failed: tuple[Part, ...]


@dataclass(frozen=True)
class Counted:
    """Of `total` records those that meet the definition."""

    total: int
    met: int

    @property
    def unmet(self) -> int:
        return self.total - self.met


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
    called: Counted | None
    called_by: str


def count(key: str, definition: Definition, *, at: datetime) -> Counts:
    """As many queries for one record as for 500; the rows are evaluated in memory."""
    now = moment(at)
    records = latest(definition.subject)
    failed = [_failed(definition, record, now) for record in records]
    has_rows = any(part.rows for part in definition.parts)
    met = [has_rows and not parts for parts in failed]
    samples = [
        Sample(_name(record), _lead(record), parts) for record, parts in zip(records, failed, strict=True)
    ]
    called, called_by = _called(definition, now) if key == "mql" else (None, "")
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
        called=called,
        called_by=called_by,
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


def _called(definition: Definition, now: Moment) -> tuple[Counted, str]:
    """Of the last 500 leads that the CRM calls an MQL; where the definition does not say what it calls so, of the last
    500 that crossed the trigger of the agreement."""
    leads: Sequence[Lead]
    if definition.crm_status is not None:
        found = records_of(LEAD).filter(row_holds(definition.crm_status.row, now))
        leads = list(found.order_by(creation_of_leads().desc(), "-pk")[:LATEST])
        said = "the CRM calls an MQL"
    else:
        cycles: list[MqlCycle] = list(with_leads(counted_mqls()).order_by("-crossed_at", "-pk")[:LATEST])
        leads = [cycle.lead for cycle in cycles]
        said = "crossed the trigger of the agreement"
    # as the other figure, by the parts that have rows: a draft whose part is not complete has one count, not two
    has_rows = any(part.rows for part in definition.parts)
    return Counted(len(leads), sum(has_rows and not _failed(definition, lead, now) for lead in leads)), said


def _failed(definition: Definition, record: Any, now: Moment) -> tuple[Part, ...]:
    return tuple(
        part for part in definition.parts if part.rows and not evaluate.part_holds(part, record, now)
    )


def _name(record: Any) -> str:
    if isinstance(record, MqlCycle):
        return record.lead.name
    return str(record)


def _lead(record: Any) -> Lead | None:
    return record if isinstance(record, Lead) else record.lead
