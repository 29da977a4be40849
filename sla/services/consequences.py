"""Consequences that execute themselves: decide once, recycle in batches, take back by ruling.

A decision is one transaction (sla.services.clause_periods). What it recycles follows in transactions of their own: each
MQL by one fact of the ledger, whose ref is made of consequence and MQL, so that it exists once however often, and by
however many workers, this runs; after a crash the next run goes on with what still waits.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Min, Q

from alignment.intake.drafts import Event
from alignment.models import BY_CLAUSE, CLAUSE_UNDONE, Fact, Lead, MqlCycle, Source, Subject
from alignment.models.cycles import Disposition
from alignment.pipeline import apply_events
from alignment.pipeline.groups import lock_with_merged
from alignment.queries.inbox import processed_up_to
from alignment.retry import again_after_a_deadlock
from sla.models import Clock, Consequence, ConsequenceCycle, ConsequenceUndone, CycleState, Ruling
from sla.services import telling
from sla.services.clause_periods import judge_follow_ups, judge_volumes, take_in_what_was_held
from sla.services.renegotiation import close_by_signature

BATCH = 200
log = logging.getLogger(__name__)


class NothingToUndo(ValueError):
    """None of these MQLs is in the consequence, or a ruling took all of them back before."""


def execute_consequences(*, at: datetime) -> int:
    """Judge what is settled, follow rulings on what was held then, open and close cases, and recycle what waits; how
    many MQLs were recycled."""
    judge_follow_ups(at=at)
    take_in_what_was_held(at=at)
    judge_volumes(at=at)
    close_by_signature(at=at)
    return recycle_waiting(at=at)


def recycle_waiting(*, at: datetime) -> int:
    """Recycle what decided consequences left to recycle, in batches; how many. An MQL that cannot be recycled, for an
    error of its own, holds up no other one and is tried again by the next run. What was received before the decision
    is applied first: it may say that somebody works on the MQL."""
    waiting = ConsequenceCycle.objects.filter(
        state=CycleState.WAITING, consequence__fired_at__lte=processed_up_to(at=at)
    )
    keys = list(waiting.order_by("pk").values_list("pk", flat=True))
    return sum(_recycle_or_halve(keys[start : start + BATCH], at=at) for start in range(0, len(keys), BATCH))


def _recycle_or_halve(keys: Sequence[int], *, at: datetime) -> int:
    try:
        return _recycle(keys=keys, at=at)
    except (ValueError, DatabaseError):
        if len(keys) == 1:
            log.exception("An MQL could not be recycled by the clause; entry %s", keys[0])
            return 0
        middle = len(keys) // 2
        return _recycle_or_halve(keys[:middle], at=at) + _recycle_or_halve(keys[middle:], at=at)


@again_after_a_deadlock
@transaction.atomic
def _recycle(*, keys: Sequence[int], at: datetime) -> int:
    """One batch. Entries that another worker holds are its own."""
    entries = list(
        ConsequenceCycle.objects.filter(pk__in=keys, state=CycleState.WAITING, undone__isnull=True)
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("pk")
    )
    cycles = _lock([entry.cycle_id for entry in entries])
    known = _recorded(ref_of(BY_CLAUSE, entry) for entry in entries)
    merged = _merged_records(cycle.lead_id for cycle in cycles.values())
    facts = []
    for entry in entries:
        cycle = cycles[entry.cycle_id]
        is_recorded = ref_of(BY_CLAUSE, entry) in known
        if is_recorded or _may_recycle(cycle):
            entry.state = CycleState.RECYCLED
            if not is_recorded:
                facts.append(_recycling(entry, cycle, merged.get(cycle.lead_id, []), at=at))
        else:
            entry.state = CycleState.SPARED
        entry.executed_at = at
    if facts:
        apply_events([Event(None, 0, facts)], at=at)
    ConsequenceCycle.objects.bulk_update(entries, ["state", "executed_at"])
    return len(facts)


@again_after_a_deadlock
@transaction.atomic
def undo(
    *, consequence: Consequence, cycles: Sequence[MqlCycle] | None = None, ruling: Ruling, at: datetime
) -> list[ConsequenceUndone]:
    """Take back by a ruling what a consequence did to some of its MQLs, or to all: they count in both numbers again.

    What the clause recycled and nobody has touched since goes on as it was, its clocks not restarted; where the lead
    crossed the trigger anew meanwhile, it does not. Of merged records the ledger is told for each, whichever MQL is the
    person's now: it goes back with its record. What was taken back before is left alone. Raises NothingToUndo.
    """
    found = consequence.cycles.filter(undone__isnull=True)
    if cycles is not None:
        found = found.filter(cycle__in=cycles)
    entries = list(found.select_for_update(of=("self",)).order_by("pk"))
    taken = set(ConsequenceUndone.objects.filter(entry__in=entries).values_list("entry", flat=True))
    entries = [entry for entry in entries if entry.pk not in taken]
    if not entries:
        raise NothingToUndo("None of these MQLs is still taken out by this consequence.")
    now = _lock([entry.cycle_id for entry in entries])
    last = _last_of({cycle.lead_id for cycle in now.values()})
    undone, facts = [], []
    for entry in entries:
        cycle = now[entry.cycle_id]
        is_reopened = cycle.is_by_clause and cycle.voided_at is None and last.get(cycle.lead_id) == cycle.pk
        undone.append(ConsequenceUndone(entry=entry, ruling=ruling, is_reopened=is_reopened, undone_at=at))
    ConsequenceUndone.objects.bulk_create(undone)
    merged = _merged_records(cycle.lead_id for cycle in now.values())
    told = [row for row in undone if row.is_reopened or now[row.entry.cycle_id].lead_id in merged]
    written = _facts_of([row.entry for row in told])
    for row in told:
        fact = written.get(ref_of(BY_CLAUSE, row.entry))
        if fact is not None:
            facts.append(
                _fact(CLAUSE_UNDONE, row.entry, fact, {"disposition": None, "clause": fact.ref}, at=at)
            )
    if facts:
        apply_events([Event(None, 0, facts)], at=at)
    for entry in entries:
        if entry.state == CycleState.WAITING:  # decided and not executed: it will not be
            entry.state, entry.executed_at = CycleState.SPARED, at
            entry.save(update_fields=["state", "executed_at"])
    telling.of_undone(consequence, undone, at=at)
    return undone


def take_back(*, clock: Clock, ruling: Ruling, at: datetime) -> None:
    """What an upheld dispute on a clock does to the consequence that its MQL is in, if any: it counts again."""
    entry = (
        ConsequenceCycle.objects.filter(clock=clock).select_related("consequence__judged__agreement").first()
    )
    if entry is None:
        return
    try:
        undo(consequence=entry.consequence, cycles=[entry.cycle], ruling=ruling, at=at)
    except NothingToUndo:
        return  # an earlier ruling took it back


def ref_of(action: str, entry: ConsequenceCycle) -> str:
    """How the ledger names the act: it exists once for a consequence and an MQL, and the database checks it by this."""
    return f"{action}:{entry.consequence_id}:{entry.cycle_id}"


def _may_recycle(cycle: MqlCycle) -> bool:
    return cycle.is_open and not cycle.attempts and cycle.first_follow_up_at is None


def _lock(cycles: Sequence[int]) -> dict[int, MqlCycle]:
    """The MQLs by id, the leads that have them now locked with what is merged with them."""
    lock_with_merged(
        (), also_ids=list(MqlCycle.objects.filter(pk__in=cycles).values_list("lead_id", flat=True))
    )
    return MqlCycle.objects.select_related("opened_by").in_bulk(cycles)


def _last_of(leads: set[int]) -> dict[int, int]:
    """Per lead its last standing MQL: the one that a new fact speaks about."""
    rows = MqlCycle.objects.standing().filter(lead__in=leads).order_by("lead_id", "crossed_at", "pk")
    return dict(rows.values_list("lead_id", "pk"))


def _recorded(refs: Iterable[str]) -> set[str]:
    sources = list(Source.objects.values_list("pk", flat=True))  # ids come first in the index of refs
    found = Fact.objects.filter(source__in=sources, ref__in=list(refs))
    return set(found.values_list("ref", flat=True))


def _facts_of(entries: Sequence[ConsequenceCycle]) -> dict[str, Fact]:
    sources = list(Source.objects.values_list("pk", flat=True))
    refs = [ref_of(BY_CLAUSE, entry) for entry in entries]
    return {fact.ref: fact for fact in Fact.objects.filter(source__in=sources, ref__in=refs)}


def _merged_records(leads: Iterable[int]) -> dict[int, list[int]]:
    """Per lead with which others are merged: the first fact of each of its records, by which an act names a record
    without saying what the CRM calls it, which may be an e-mail."""
    found: dict[int, list[int]] = defaultdict(list)
    merged = Lead.objects.filter(merged_into__in=set(leads))
    roots = set(merged.values_list("merged_into", flat=True))
    for record in Lead.objects.filter(Q(pk__in=roots) | Q(merged_into__in=roots)).order_by("pk"):
        own = Fact.objects.filter(
            source=record.source_id, subject=Subject.LEAD, external_id=record.external_id
        )
        first = own.aggregate(first=Min("pk"))["first"]
        if first is not None:
            found[record.merged_into_id or record.pk].append(first)
    return found


def _recycling(entry: ConsequenceCycle, cycle: MqlCycle, merged: list[int], *, at: datetime) -> Fact:
    """Of the record that crossed, and with the crossing that is meant: so no MQL that late facts tell of is taken for
    it. `with`: a fact of each record that was merged by then (see sla.fold)."""
    fields = {
        "disposition": Disposition.RECYCLED.value, "reason": None, "crossed_at": cycle.crossed_at.isoformat(),
        "with": merged,
    }  # fmt: skip
    return _fact(BY_CLAUSE, entry, cycle.opened_by, fields, at=at)


def _fact(action: str, entry: ConsequenceCycle, of: Fact, fields: dict[str, Any], *, at: datetime) -> Fact:
    """An act of the clause on the record that `of` is about."""
    ref = ref_of(action, entry)
    return Fact(
        source_id=of.source_id,
        ref=ref,
        subject=Subject.LEAD,
        external_id=of.external_id,
        action=action,
        fields=fields,
        occurred_at=at,
        received_at=at,
        order_key=ref,
    )
