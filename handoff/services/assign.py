"""The assign step: every open MQL cycle gets a named owner, with the explanation kept.

An owner that the CRM names counts as the assignment and outranks our own routing. What nobody owns is routed: the
pool of its segment, else the default pool; when nobody there is eligible, the fallback person.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from alignment.models import Function, MqlCycle, Source
from alignment.models.cycles import AssignedBy
from alignment.pipeline import Batch
from alignment.pipeline.rows import Changes
from alignment.pipeline.writing import insert
from handoff.models import Assignment, Leave, Pool, PoolMember
from handoff.services.fair_queue import pick
from sla.echo import Decision, Echoes
from sla.services import keep_clocks
from sla.services.cycles import CycleFold, Owning

COLUMNS = ["owner", "assigned_at", "assigned_by", "team"]


def assign(batch: Batch) -> None:
    """Decide owner and first assignment of the batch's cycles, route what nobody owns, then keep the clocks."""
    items: list[CycleFold] = [
        item for item in batch.extra["cycles"] if item.fold is not None and not item.fold.is_history
    ]
    ledger: dict[int, list[Assignment]] = defaultdict(list)
    rows = Assignment.objects.filter(cycle__in=[item.cycle for item in items if not item.is_new])
    for row in rows.select_related("person__team", "person__merged_into__team").order_by("pk"):
        ledger[row.cycle_id].append(row)
    changes = Changes(MqlCycle, COLUMNS)
    changes.remember(item.cycle for item in items)
    unowned: list[CycleFold] = []
    for item in items:
        ours = _own_ownings(item, ledger[item.cycle.pk])
        item.ownings = _crm_ownings(item, batch, ours) + ours
        _own(item)
        source = batch.sources[item.fold.opened_by.source_id] if item.fold else None
        is_ours = source is not None and source.assigns == Source.Assigns.PRODUCT
        if not item.ownings and item.cycle.is_open and is_ours:
            unowned.append(item)
    if unowned:
        route(unowned, at=batch.at)
    changes.write(item.cycle for item in items)
    keep_clocks(batch)


def _crm_ownings(item: CycleFold, batch: Batch, ours: list[Owning]) -> list[Owning]:
    """Owners that the CRM named during the cycle, and one it had before if that is somebody known to be in sales.

    An owner from before the crossing who is not known to sell is the CRM's default, not a handoff. One that we had
    written to the CRM, and that it gives back, is no naming.
    """
    if item.fold is None:
        return []
    found = []
    source, start = item.fold.opened_by.source_id, item.cycle.started_at
    echoes = Echoes(_decision(owning, item.cycle) for owning in ours)
    before = batch.persons.get((source, item.fold.owner_before)) if item.fold.owner_before else None
    if before is not None and before.function == Function.SALES:
        found.append(Owning(start, before, AssignedBy.CRM, source_id=source))
        echoes.overrule(at=start)
    for event in item.fold.owner_events:
        person = batch.persons.get((event.source_id, event.person))
        if person is None or person.function not in (Function.SALES, Function.UNKNOWN):
            continue
        if not echoes.gives_back(person.__eq__, at=event.at, received_at=event.received_at):
            found.append(
                Owning(max(event.at, start), person, AssignedBy.CRM, event.is_suspect, event.source_id)
            )
            echoes.overrule(at=event.at)
    return found


def _decision(owning: Owning, cycle: MqlCycle) -> Decision:
    """Our assignment as the CRM may give it back; one dated by a crossing yet to come was made at its receipt."""
    known_from = owning.at if owning.at > cycle.started_at else min(owning.at, cycle.received_at)
    return Decision(owning.person, owning.at, known_from, is_provisional=not owning.is_named)


def _own_ownings(item: CycleFold, rows: list[Assignment]) -> list[Owning]:
    """Our own assignments, but for those made before we learned that the cycle was over already."""
    if item.fold is None:
        return []
    end = item.fold.closed_believed_at
    return [
        Owning(max(row.assigned_at, item.cycle.started_at), row.person.merged_into or row.person, row.origin)
        for row in rows
        if end is None or row.assigned_at <= end
    ]


def _own(item: CycleFold) -> None:
    """The first owning is the assignment and gives the team, whose calendar runs the clocks to the end; the last
    by the CRM or by hand is the owner."""
    cycle = item.cycle
    item.ownings.sort(key=lambda owning: owning.at)
    if not item.ownings:
        cycle.owner = cycle.assigned_at = cycle.team = None
        cycle.assigned_by = ""
        return
    first = item.ownings[0]
    if cycle.team_id is None or cycle.assigned_at != first.at:
        # a person who changes teams later takes no running clock along
        cycle.team = first.person.team
    cycle.assigned_at = first.at
    owning = item.owning or first
    cycle.owner, cycle.assigned_by = owning.person, owning.by


def route(items: list[CycleFold], *, at: datetime) -> list[Assignment]:
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
    for item in sorted(items, key=lambda item: (item.cycle.started_at, item.cycle.pk)):
        # the database's clock dates the receipt, ours the assignment: it never comes before what it answers
        when = max(at, item.cycle.started_at, item.cycle.received_at)
        assignment = _route_one(item.cycle, by_segment, members, leaves, when)
        if assignment is not None:
            written.append(assignment)
            item.ownings = [Owning(when, assignment.person, assignment.origin)]
            _own(item)
    insert(written)
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
