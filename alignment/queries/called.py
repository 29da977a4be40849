"""Records that are called an MQL, and whether the signed rows agree: the last 500 that the CRM calls so, or, where the
definition does not say what the CRM calls one, the last 500 that crossed the trigger of the agreement.

That every field is filled (see alignment.queries.completeness) is something else: a filled field may say anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from alignment.definitions import evaluate
from alignment.definitions.conditions import meets, row_holds
from alignment.definitions.evaluate import Moment
from alignment.definitions.fields import LEAD
from alignment.definitions.predicate import Definition, Part
from alignment.models import Lead, MqlCycle
from alignment.models.leads import creation_of_leads
from alignment.queries.completeness import with_leads
from alignment.queries.definitions import counted_mqls, moment, records_of

LATEST = 500
MET, UNMET = "called-met", "called-unmet"
CALLED = {
    MET: "Called an MQL, and they meet the definition",
    UNMET: "Called an MQL, and they do not meet the definition",
}


@dataclass(frozen=True)
class Counted:
    """Of `total` records those that meet the definition."""

    total: int
    met: int

    @property
    def unmet(self) -> int:
        return self.total - self.met


@dataclass(frozen=True)
class Called(Counted):
    """`by`: who calls them so, as in "that crossed the trigger of the agreement"."""

    by: str = ""

    @property
    def total_words(self) -> str:
        return f"{self.total:,}"


def called(definition: Definition, *, at: datetime) -> Called:
    """How many of the last 500 meet the definition, live and imported; their fields as they are known now."""
    now = moment(at)
    if definition.crm_status is not None:
        leads, said = list(_by_crm(definition, now)), "the CRM calls an MQL"
    else:
        leads = [cycle.lead for cycle in with_leads(_crossed())]
        said = "crossed the trigger of the agreement"
    has_rows = any(part.rows for part in definition.parts)
    # as all that is counted, by the parts that have rows: a draft whose part is not complete has one count, not two
    met = sum(has_rows and not failed_parts(definition, lead, now) for lead in leads)
    return Called(len(leads), met, said)


def called_leads(definition: Definition, kind: str, *, at: datetime) -> QuerySet[Lead]:
    """Of the last 500 that the CRM calls an MQL those of one kind, in no order."""
    now = moment(at)
    last = records_of(LEAD).filter(pk__in=_by_crm(definition, now).values("pk"))
    return last.filter(meets(definition, now) if kind == MET else ~meets(definition, now))


def called_cycles(definition: Definition, kind: str, *, at: datetime) -> QuerySet[MqlCycle]:
    """Of the last 500 that crossed those of one kind, with their leads, in no order."""
    now = moment(at)
    last = with_leads(MqlCycle.objects.filter(pk__in=_crossed().values("pk")))
    return last.filter(meets(definition, now, "lead__") if kind == MET else ~meets(definition, now, "lead__"))


def failed_parts(definition: Definition, record: object, now: Moment) -> tuple[Part, ...]:
    """Parts with rows that do not speak for the record."""
    return tuple(
        part for part in definition.parts if part.rows and not evaluate.part_holds(part, record, now)
    )


def _by_crm(definition: Definition, now: Moment) -> QuerySet[Lead]:
    if definition.crm_status is None:
        return Lead.objects.none()
    found: QuerySet[Lead] = records_of(LEAD).filter(row_holds(definition.crm_status.row, now))
    return found.order_by(creation_of_leads().desc(), "-pk")[:LATEST]


def _crossed() -> QuerySet[MqlCycle]:
    return counted_mqls().order_by("-crossed_at", "-pk")[:LATEST]
