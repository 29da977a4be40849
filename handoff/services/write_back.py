"""The write-back step: put what was decided here into the outbox, in the transaction that decided it.

A message holds the whole present state of an MQL cycle. It is written where something of ours is new at the CRM: an
owner or a disposition that was decided here, or due times. What the CRM itself decided goes back only where a message
with the older decision of ours is still on its way and would undo it. Where leads are merged, each of their records
is told of the person's cycles.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.db.models import prefetch_related_objects

from alignment.models import Destination, Lead, MqlCycle, OutgoingMessage, OutgoingState, PersonIdentity
from alignment.models.cycles import AssignedBy
from alignment.outbox.times import told
from alignment.pipeline import Batch
from alignment.pipeline.writing import insert
from sla.models import Clock, ClockKind, Outcome
from sla.services.cycles import CycleFold

ASSIGNED, DISPOSITIONED, RESCHEDULED = "mql.assigned", "mql.dispositioned", "mql.rescheduled"
CRM = "crm"
OWN_IDENTITY = "person:"  # how our own facts name people; no CRM knows it
Due = dict[str, str]


@dataclass(frozen=True)
class Basis:
    """What a state rests on: which decision made the owner and which the disposition (`crm`: the CRM's own; empty:
    none), the due times, and whether the cycle is open, closed or void."""

    owner: str = ""
    disposition: str = ""
    due: Due | None = None
    status: str = "open"

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Basis:
        return cls(
            **{name: stored[name] for name in ("owner", "disposition", "due", "status") if name in stored}
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "owner": self.owner,
            "disposition": self.disposition,
            "due": self.due or {},
            "status": self.status,
        }

    def news_since(self, last: OutgoingMessage | None) -> str:
        """The type of the message that is owed after the last one; empty where nothing is new to the CRM."""
        before = Basis.of(last.basis if last else {})
        if _is_ours(self.disposition) and self.disposition != before.disposition:
            return DISPOSITIONED
        if (
            before.status == "closed"
            and _is_ours(before.disposition)
            and self == replace(self, status="open", disposition="")
        ):
            return DISPOSITIONED  # a ruling took the clause's disposition back
        if _is_ours(self.owner) and self.owner != before.owner:
            return ASSIGNED
        is_rescheduled = self.status == "open" and self.owner and (self.due or {}) != (before.due or {})
        is_voided = last is not None and self.status == "void" != before.status
        if is_rescheduled or is_voided:
            return RESCHEDULED
        if last is not None and last.state == OutgoingState.PENDING:
            # the CRM decided otherwise while ours is on its way: it must not end with ours
            if self.disposition == CRM and _is_ours(before.disposition):
                return DISPOSITIONED
            if self.owner == CRM and _is_ours(before.owner):
                return ASSIGNED
        return ""


def write_back(batch: Batch) -> None:
    """Write the messages that the batch's cycles owe, each in its place in its lead's order."""
    found = Destination.objects.active().filter(source__in=batch.sources)
    destinations = {destination.source_id: destination for destination in found}
    owed = [
        (item, lead)
        for item in _live(batch)
        for lead in (item.lead, *batch.merged.get(item.lead.pk, ()))
        if lead.source_id in destinations
    ]
    if not owed:
        return
    items = [item for item, _ in owed]
    last, sequences = _last_messages({lead.pk for _, lead in owed}, destinations.values())
    due = _due_times([item.cycle for item in items])
    identities = _identities(items, destinations)
    # the assign step has set the owner of every other one
    prefetch_related_objects([item.cycle for item in items if item.fold is None], "owner", "opportunity")
    written: list[OutgoingMessage] = []
    # the last message about a lead shows its present: void cycles first, then the older before the newer
    owed.sort(key=lambda pair: (pair[1].pk, pair[0].fold is not None, pair[0].cycle.crossed_at))
    for item, lead in owed:
        destination = destinations[lead.source_id]
        before = last.get((lead.pk, item.cycle.pk))
        basis = _basis(item, lead.source_id, due.get(item.cycle.pk, {}))
        kind = basis.news_since(before)
        if not kind or (before is None and not _concerns(destination, item.cycle)):
            continue
        sequences[lead.pk] += 1
        body = _body(kind, item, lead, basis, identities, sequences[lead.pk], at=batch.at)
        written.append(
            OutgoingMessage(
                destination=destination,
                key=f"msg_{uuid4().hex}",
                lead=lead,
                cycle=item.cycle,
                sequence=sequences[lead.pk],
                type=kind,
                body=body,
                basis=basis.as_json(),
                created_at=batch.at,
                next_attempt_at=batch.at,
            )
        )
    insert(written)


def _live(batch: Batch) -> list[CycleFold]:
    items: list[CycleFold] = batch.extra["cycles"]
    return [item for item in items if not item.cycle.is_history]


def _last_messages(
    leads: set[int], destinations: Iterable[Destination]
) -> tuple[dict[tuple[int, int], OutgoingMessage], dict[int, int]]:
    """The newest message per lead and cycle at the one active destination of the lead, and the highest sequence per
    lead at any destination: the receiver may be the same as before, and takes a lower one for old."""
    rows = (
        OutgoingMessage.objects.filter(lead__in=leads)
        .order_by("lead_id", "cycle_id", "destination_id", "-sequence")
        .distinct("lead_id", "cycle_id", "destination_id")
        .defer("body")
    )
    active = {destination.pk for destination in destinations}
    last, highest = {}, defaultdict[int, int](int)
    for row in rows:
        lead = row.lead_id or 0
        highest[lead] = max(highest[lead], row.sequence)
        if row.destination_id in active:
            last[lead, row.cycle_id or 0] = row
    return last, highest


def _due_times(cycles: list[MqlCycle]) -> dict[int, Due]:
    """What is still owed, breached or not, per open cycle: {clock's kind: due time}, of attempts the next."""
    owed = Clock.objects.filter(
        cycle__in=[cycle for cycle in cycles if cycle.is_open],
        met_at__isnull=True,
        outcome__in=[Outcome.OPEN, Outcome.MISSED],
    ).exclude(kind=ClockKind.ASSIGN)
    found: dict[int, Due] = defaultdict(dict)
    for cycle_id, kind, due_at in owed.order_by("due_at", "pk").values_list("cycle_id", "kind", "due_at"):
        found[cycle_id].setdefault(kind, _text(due_at))
    return found


def _identities(items: list[CycleFold], sources: Iterable[int]) -> dict[tuple[int, int], str]:
    """How each source names the owners; where several ids lead to one person, ids go before addresses."""
    rows = PersonIdentity.objects.filter(
        source__in=list(sources),
        person__in={item.cycle.owner_id for item in items if item.cycle.owner_id},
    ).exclude(external_id__startswith=OWN_IDENTITY)
    found: dict[tuple[int, int], str] = {}
    for row in sorted(rows, key=lambda row: ("@" in row.external_id, row.pk)):
        found.setdefault((row.source_id, row.person_id), row.external_id)
    return found


def _basis(item: CycleFold, source: int, due: Due) -> Basis:
    """What the state of a cycle rests on, as the CRM of this source sees it: another CRM's decision is news to it."""
    cycle, fold = item.cycle, item.fold
    if cycle.voided_at is not None or fold is None:
        return Basis(status="void")
    owner = disposition = ""
    owning, fact = item.owning, fold.decided_by
    if owning is not None:
        is_its_own = owning.by == AssignedBy.CRM and owning.source_id == source
        owner = CRM if is_its_own else f"{owning.by}:{owning.person.pk}:{_text(owning.at)}"
    if cycle.disposition:
        is_its_own = fact is None or (not fact.is_ours and fact.source_id == source)
        disposition = CRM if is_its_own or fact is None else fact.ref
    return Basis(owner, disposition, due, "open" if cycle.is_open else "closed")


def _concerns(destination: Destination, cycle: MqlCycle) -> bool:
    """Of what was over before the destination came, nothing is told."""
    ended = cycle.closed_at or cycle.voided_at
    return ended is None or ended >= destination.created_at


def _is_ours(decision: str) -> bool:
    return decision not in ("", CRM)


def _body(
    kind: str,
    item: CycleFold,
    lead: Lead,
    basis: Basis,
    identities: dict[tuple[int, int], str],
    sequence: int,
    *,
    at: datetime,
) -> str:
    """The message as it goes out; docs/write-back.md says what each part means."""
    cycle = item.cycle
    owner = cycle.owner and {
        "name": cycle.owner.name,
        "email": cycle.owner.email or None,
        "external_id": identities.get((lead.source_id, cycle.owner.pk)),
    }
    data = {
        "lead": lead.external_id,
        "sequence": sequence,
        "mql": {
            "number": cycle.number,
            "status": basis.status,
            "crossed_at": told(cycle.crossed_at),
            "closed_at": told(cycle.closed_at) if cycle.closed_at else None,
        },
        "owner": owner,
        "assigned_at": told(cycle.assigned_at) if cycle.assigned_at else None,
        "assigned_by": cycle.assigned_by or None,
        "disposition": cycle.disposition or None,
        "reason": cycle.reason or None,
        "opportunity": cycle.opportunity.external_id if cycle.opportunity else None,
        "due": {kind: told(datetime.fromisoformat(due)) for kind, due in (basis.due or {}).items()},
    }
    return json.dumps(
        {"type": kind, "timestamp": told(at), "data": data}, ensure_ascii=False, separators=(",", ":")
    )


def _text(instant: datetime) -> str:
    """To the microsecond: what a state rests on is compared."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
