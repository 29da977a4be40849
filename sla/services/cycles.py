"""The crossing step: fold the cycles of every touched lead and keep the rows equal to the fold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from alignment.models import Lead, MqlCycle, Person
from alignment.models.cycles import AssignedBy
from alignment.pipeline import Batch
from alignment.pipeline.groups import record_of
from alignment.pipeline.rows import Changes
from alignment.pipeline.writing import insert
from sla.fold import fold_cycles
from sla.folded import FoldedCycle
from sla.queries.agreements import load_book

COLUMNS = [
    "lead", "number", "opened_by", "crossed_at", "received_at", "started_at", "is_clock_suspect", "is_history",
    "agreement_number", "tier", "segment", "accepted_at", "first_follow_up_at", "attempts",
    "disposition", "reason", "disposed_at", "is_tagged", "is_by_clause", "closed_at", "crm_closed_at", "opportunity",
    "voided_at", "void_reason", "owner", "assigned_at", "assigned_by", "team",
]  # fmt: skip
MERGED = "Merged: the same person's other record had an MQL cycle open then."
DISPROVED = "Later facts show that the lead did not cross the trigger here."


@dataclass(frozen=True)
class Owning:
    """Somebody became the owner at this instant, by this origin (alignment.models.cycles.AssignedBy): that of a CRM
    has its source."""

    at: datetime
    person: Person
    by: str
    is_suspect: bool = False
    source_id: int | None = None

    @property
    def is_named(self) -> bool:
        """By the CRM or by hand, not by our routing."""
        return self.by in (AssignedBy.CRM, AssignedBy.MANUAL)


@dataclass
class CycleFold:
    """A cycle's row beside what the facts say of it; `fold` is None for a voided cycle.

    `is_new`: inserted in this transaction, so that nothing can refer to it yet.
    `ownings` are filled by the assign step: who became the owner when, in order of time. `was_untagged`: the row was
    closed untagged before these facts.
    """

    cycle: MqlCycle
    lead: Lead
    fold: FoldedCycle | None
    is_new: bool = False
    ownings: list[Owning] = field(default_factory=list)
    was_untagged: bool = False

    @property
    def owning(self) -> Owning | None:
        """What makes the owner: the last owning by the CRM or by hand, else by our routing."""
        named = [owning for owning in self.ownings if owning.is_named] or self.ownings
        return named[-1] if named else None

    def owner_at(self, instant: datetime) -> Person | None:
        """Who had the lead at an instant; the first owner for instants before the assignment.

        Routing is provisional: it counts only where neither the CRM nor a person had named somebody.
        """
        before = [owning for owning in self.ownings if owning.at <= instant] or self.ownings[:1]
        named = [owning for owning in before if owning.is_named]
        return (named or before)[-1].person if before else None


def cross(batch: Batch) -> None:
    """Make, change, reopen or void the MQL cycles of the batch's leads; leaves `batch.extra["cycles"]`.

    Owner and assignment of live cycles are left as they are: the assign step decides them.
    """
    book = load_book()
    homes = {fact.pk: lead_id for lead_id, facts in batch.facts.items() for fact in facts}
    existing: dict[int, list[MqlCycle]] = defaultdict(list)
    rows = MqlCycle.objects.filter(lead_id__in=batch.leads).select_for_update(of=("self",)).order_by("pk")
    changes = Changes(MqlCycle, COLUMNS)
    moved: set[int] = set()
    for cycle in rows:
        changes.remember([cycle])
        # a cycle belongs to the lead of the fact that opened it, or to the one that this is merged into
        home = homes[cycle.opened_by_id]
        if cycle.lead_id != home:
            moved.add(cycle.pk)
            cycle.lead = batch.leads[home]
        existing[home].append(cycle)
    found: list[CycleFold] = []
    for lead_id, lead in batch.leads.items():
        folds = fold_cycles(batch.facts.get(lead_id, []), batch.touches.get(lead_id, []), book)
        found += _match(lead, folds, existing[lead_id], batch)
    _write(found, changes, moved)
    batch.extra["cycles"] = found


def _match(lead: Lead, folds: list[FoldedCycle], rows: list[MqlCycle], batch: Batch) -> list[CycleFold]:
    """Pair folded cycles with rows: by the fact that opened them, else by overlap, so that an owner and a running
    clock survive the news that the crossing was earlier than known. What is left over is voided or new. Numbers
    follow the order of crossing, voided cycles after the standing ones.

    Among merged leads a row stays with its record, so that it can go back with it: one that a merge voided is
    found again by overlap, and none takes another record's.
    """
    by_fact = {row.opened_by_id: row for row in rows}
    pairs: list[tuple[FoldedCycle, MqlCycle | None]] = [(f, by_fact.get(f.opened_by.pk)) for f in folds]
    taken = {row.pk for _, row in pairs if row is not None}
    free = [
        row for row in rows if row.pk not in taken and (row.voided_at is None or row.void_reason == MERGED)
    ]
    records = {fact.pk: record_of(fact) for fact in batch.facts[lead.pk]} if free else {}
    result = []
    for number, (fold, row) in enumerate(pairs, start=1):
        if row is None:
            record = record_of(fold.opened_by)
            row = next((r for r in free if records[r.opened_by_id] == record and _overlap(fold, r)), None)
            if row is not None:
                free.remove(row)
        is_new = row is None
        row = row or MqlCycle(lead=lead)
        row.number = number
        was_untagged = row.is_closed_untagged
        _copy(fold, row, batch)
        result.append(CycleFold(row, lead, fold, is_new, was_untagged=was_untagged))
    standing = {item.cycle.pk for item in result}
    reason = MERGED if lead.pk in batch.merged else DISPROVED
    for number, row in enumerate((row for row in rows if row.pk not in standing), start=len(folds) + 1):
        row.number = number
        if row.voided_at is None:
            row.voided_at = batch.at
            row.void_reason = reason
        elif row.void_reason == MERGED:
            row.void_reason = reason
        result.append(CycleFold(row, lead, None))
    return result


def _overlap(fold: FoldedCycle, row: MqlCycle) -> bool:
    if fold.is_history != row.is_history:
        return False
    latest_start = max(fold.crossed_at, row.crossed_at)
    ends: list[datetime] = [end for end in (fold.closed_at, row.closed_at) if end is not None]
    return not ends or latest_start <= min(ends)


def _copy(fold: FoldedCycle, row: MqlCycle, batch: Batch) -> None:
    row.opened_by = fold.opened_by
    row.crossed_at = fold.crossed_at
    row.received_at = fold.received_at
    row.started_at = fold.started_at
    row.is_clock_suspect = fold.is_clock_suspect
    row.is_history = fold.is_history
    row.agreement_number = fold.version.agreement.number if fold.version else None
    row.tier = fold.tier
    row.segment = fold.segment
    row.accepted_at = fold.accepted_at
    row.first_follow_up_at = fold.first_follow_up_at
    row.attempts = len(fold.attempts)
    row.disposition = fold.disposition
    row.reason = fold.reason
    row.disposed_at = fold.disposed_at
    row.is_tagged = fold.is_tagged
    row.is_by_clause = fold.is_by_clause
    row.closed_at = fold.closed_at
    row.crm_closed_at = fold.crm_closed_at
    row.opportunity = batch.opportunities.get((fold.opportunity_source_id or 0, fold.opportunity))
    row.voided_at, row.void_reason = None, ""
    if fold.is_history:
        owner = batch.persons.get((fold.opened_by.source_id, fold.owner))
        if row.owner != owner:
            row.team = owner.team if owner else None
        row.owner, row.assigned_by = owner, AssignedBy.CRM if owner else ""
        row.assigned_at = fold.assigned_at if owner else None


def _write(found: list[CycleFold], changes: Changes, moved: set[int]) -> None:
    """Closings and voids first, then what goes to another lead: at no moment may a lead have two open cycles."""
    old = [item.cycle for item in found if item.cycle.pk]
    changes.write(cycle for cycle in old if not cycle.is_open)
    changes.write(cycle for cycle in old if cycle.is_open and cycle.pk in moved)
    changes.write(cycle for cycle in old if cycle.is_open and cycle.pk not in moved)
    new = [item.cycle for item in found if not item.cycle.pk]
    new.sort(key=lambda cycle: (cycle.started_at, cycle.lead_id, cycle.number))
    insert(new)
