"""The assign step: every open MQL cycle gets a named owner, with the explanation kept.

An owner that the CRM names counts as the assignment and outranks our own routing. What nobody owns is routed: the
pool of its segment, else the default pool; when nobody there is eligible, the fallback person.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignment.models import Function, MqlCycle, Person, Source
from alignment.models.cycles import AssignedBy
from alignment.pipeline import Batch
from alignment.pipeline.rows import Changes
from handoff.models import Assignment, Leave, Pool, PoolMember
from handoff.services.fair_queue import pick
from sla.services import keep_clocks
from sla.services.cycles import CycleFold

COLUMNS = ["owner", "assigned_at", "assigned_by", "team"]


@dataclass(frozen=True)
class Owning:
    """Somebody became the owner at this instant, by this origin."""

    at: datetime
    person: Person
    by: str


def assign(batch: Batch) -> None:
    """Decide owner and first assignment of the batch's cycles, route what nobody owns, then keep the clocks."""
    items: list[CycleFold] = [item for item in batch.extra["cycles"] if item.fold is not None]
    ledger: dict[int, list[Assignment]] = defaultdict(list)
    rows = Assignment.objects.filter(cycle__in=[item.cycle for item in items]).select_related("person__team")
    for row in rows.order_by("assigned_at", "pk"):
        ledger[row.cycle_id].append(row)
    changes = Changes(MqlCycle, COLUMNS)
    changes.remember(item.cycle for item in items)
    unowned: list[MqlCycle] = []
    for item in items:
        ownings = _crm_ownings(item, batch) + _own_ownings(item, ledger[item.cycle.pk])
        _own(item.cycle, ownings)
        if ownings:
            continue
        if item.cycle.is_open and batch.sources[item.lead.source_id].assigns == Source.Assigns.PRODUCT:
            unowned.append(item.cycle)
    if unowned:
        route(unowned, at=batch.at)
    changes.write(item.cycle for item in items)
    keep_clocks(batch)


def _crm_ownings(item: CycleFold, batch: Batch) -> list[Owning]:
    """Owners that the CRM named during the cycle, and one it had before if that is somebody known to be in sales.

    An owner from before the crossing who is not known to sell is the CRM's default, not a handoff.
    """
    if item.fold is None:
        return []
    found = []
    source = item.lead.source_id
    before = batch.persons.get((source, item.fold.owner_before)) if item.fold.owner_before else None
    if before is not None and before.function == Function.SALES:
        found.append(Owning(item.cycle.started_at, before, AssignedBy.CRM))
    for event in item.fold.owner_events:
        person = batch.persons.get((source, event.person))
        if person is not None and person.function in (Function.SALES, Function.UNKNOWN):
            found.append(Owning(max(event.at, item.cycle.started_at), person, AssignedBy.CRM))
    return found


def _own_ownings(item: CycleFold, rows: list[Assignment]) -> list[Owning]:
    """Our own assignments, but for those made before we learned that the cycle was over already."""
    if item.fold is None:
        return []
    end = item.fold.closed_believed_at
    return [
        Owning(row.assigned_at, row.person, row.origin)
        for row in rows
        if end is None or row.assigned_at <= end
    ]


def _own(cycle: MqlCycle, ownings: list[Owning]) -> None:
    """The first owning is the assignment and gives the calendar; the last by the CRM or by hand is the owner.

    Routing is provisional: it counts only where neither the CRM nor a person named somebody.
    """
    if not ownings:
        cycle.owner = cycle.assigned_at = cycle.team = None
        cycle.assigned_by = ""
        return
    first = min(ownings, key=lambda owning: owning.at)
    named = [owning for owning in ownings if owning.by in (AssignedBy.CRM, AssignedBy.MANUAL)]
    last = max(named or ownings, key=lambda owning: owning.at)
    cycle.assigned_at, cycle.team = first.at, first.person.team
    cycle.owner, cycle.assigned_by = last.person, last.by


def route(cycles: list[MqlCycle], *, at: datetime) -> list[Assignment]:
    """Give each cycle to the next eligible person of its pool; sets owner and assignment on the cycles (unsaved)
    and writes the ledger. Locks the pools in the order of their ids."""
    pools = list(Pool.objects.select_for_update(of=("self",)).select_related("fallback__team").order_by("pk"))
    members: dict[int, list[PoolMember]] = defaultdict(list)
    for member in PoolMember.objects.select_related("person__team").order_by("pk"):
        members[member.pool_id].append(member)
    leaves: dict[int, list[Leave]] = defaultdict(list)
    for leave in Leave.objects.filter(starts_at__lte=at, ends_at__gt=at):
        leaves[leave.person_id].append(leave)
    by_segment = {pool.segment.lower(): pool for pool in pools}
    written: list[Assignment] = []
    for cycle in sorted(cycles, key=lambda cycle: (cycle.started_at, cycle.pk)):
        assignment = _route_one(cycle, by_segment, members, leaves, at)
        if assignment is not None:
            written.append(assignment)
            _own(cycle, [Owning(at, assignment.person, assignment.origin)])
    Assignment.objects.bulk_create(written)
    PoolMember.objects.bulk_update(
        [member for pool in pools for member in members[pool.pk]], ["turn", "received"]
    )
    Pool.objects.bulk_update(pools, ["virtual_time"])
    return written


def _route_one(
    cycle: MqlCycle,
    by_segment: dict[str, Pool],
    members: dict[int, list[PoolMember]],
    leaves: dict[int, list[Leave]],
    at: datetime,
) -> Assignment | None:
    own = by_segment.get(cycle.segment.lower()) if cycle.segment else None
    default = by_segment.get("")
    pool = own or default
    if pool is None:
        return None
    rule = f"segment is “{cycle.segment}”" if own else "no pool for this segment: default pool"
    explanation: dict[str, Any] = {"pool": pool.name, "rule": rule}
    found = pick(pool, members[pool.pk], leaves, at)
    explanation["considered"] = found.considered
    if found.member is not None:
        return Assignment(
            cycle=cycle,
            person=found.member.person,
            origin=Assignment.Origin.ROUTED,
            pool=pool,
            explanation=explanation | {"chosen": "lowest turn among those eligible"},
            assigned_at=at,
        )
    fallback = next((p.fallback for p in (pool, default) if p and p.fallback and p.fallback.is_active), None)
    if fallback is None:
        return None
    return Assignment(
        cycle=cycle,
        person=fallback,
        origin=Assignment.Origin.FALLBACK,
        pool=pool,
        explanation=explanation | {"chosen": "nobody in the pool is eligible: fallback person"},
        assigned_at=at,
    )
