"""MQL cycles of one lead as a pure function of its facts and touches.

State folds by time of occurrence. A second time runs beside it: the instant that a live clock believes, which is
the stated time only within [receipt - 72 h, receipt + 60 s], else the receipt. Cycles of imported history
(sla.history) stand beside the live ones, as the file states them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from typing import Any

from alignment.models import BY_CLAUSE, CLAUSE_UNDONE, Fact, Touch
from alignment.models.cycles import CLOSING, NEEDS_REASON, Disposition
from alignment.pipeline.batch import Key
from alignment.pipeline.groups import by_record, in_order, record_of
from alignment.pipeline.ledger import fold_fields
from sla.echo import Decision, Echoes
from sla.folded import BELIEVED_AFTER, AgreementBook, Attempt, FoldedCycle, OwnerEvent, believe
from sla.history import history_cycles, one_at_a_time, without_overlap

Statement = tuple[Fact, dict[str, Any], dict[str, Any], dict[str, Any]]


def fold_cycles(facts: Sequence[Fact], touches: Sequence[Touch], book: AgreementBook) -> list[FoldedCycle]:
    """Cycles in order of crossing. `facts` in order of occurrence, `touches` by time.

    The facts may be those of several records of one person (merged leads). Each record crosses the trigger and is
    written to for itself, as its source sees it; the cycles are the person's, one at a time.

    Two states run along: what is true of the lead, and what the CRM last said. A CRM that repeats its old
    disposition after somebody set another one here has decided nothing new, nor has one that gives back ours.
    """
    records = by_record(facts)
    past = one_at_a_time([cycle for own in records for cycle in history_cycles(own)])
    decisions = list(_decisions(facts))
    echoes = {record_of(own[0]): Echoes(decisions) for own in records}
    live: list[FoldedCycle] = []
    for fact, before, live_only, said in merge(
        *map(_statements, records), key=lambda statement: in_order(statement[0])
    ):
        current = _current(live, past, fact)
        if current is None or current.is_history or current.closed_at is not None:
            opened = _crossing(fact, before, live_only, current, book)
            if opened is not None:
                live.append(opened)
                current = opened
                for told in echoes.values():
                    told.begin(at=fact.occurred_at)
        elif (
            record_of(fact) not in current.records - current.let_go.keys()
            and _crossing(fact, before, live_only, current, book) is not None
        ):
            current.records.add(record_of(fact))
            current.let_go.pop(record_of(fact), None)
        if current is not None and not (current.is_history and current.closed_at is not None):
            if fact.action in (BY_CLAUSE, CLAUSE_UNDONE):
                _follow_clause(current, fact, facts)
            else:
                _advance(current, fact, said, book, echoes[record_of(fact)])
    cycles = sorted([*without_overlap(past, live), *live], key=lambda cycle: cycle.crossed_at)
    _place_attempts(cycles, touches)
    return cycles


def _statements(facts: Sequence[Fact]) -> Iterator[Statement]:
    """Each live fact with what was true of the lead before it, with imported history and by live facts alone, and
    what the CRM had said (empty for an act of ours).

    Of imported history only what had reached us by then counts: a file that comes later must not undo a crossing
    that was judged without it.
    """
    history = [fact for fact in facts if fact.is_history]
    known: list[Fact] = []
    live_only: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    crm: dict[str, Any] = {}
    for fact in facts:
        if fact.is_history:
            continue
        if history:
            by_then = [past for past in history if past.received_at <= fact.received_at]
            ordered = sorted([*by_then, *known], key=lambda each: (each.occurred_at, each.order_key))
            fields = fold_fields(ordered)
            crm = fold_fields(each for each in ordered if not each.is_ours)
            known.append(fact)
        yield fact, dict(fields), dict(live_only), {} if fact.is_ours else dict(crm)
        fields.update(fact.fields)
        live_only.update(fact.fields)
        if not fact.is_ours:
            crm.update(fact.fields)


def _decisions(facts: Sequence[Fact]) -> Iterator[Decision]:
    """The dispositions that were set here, each with its reason, and those that a ruling took back."""
    for fact in facts:
        is_one = fact.fields.get("disposition") or fact.action == CLAUSE_UNDONE
        if fact.is_ours and not fact.is_history and is_one:
            decided = (fact.fields.get("disposition") or "", fact.fields.get("reason"))
            yield Decision(decided, fact.occurred_at, fact.received_at)


def _is_echo(fact: Fact, echoes: Echoes) -> bool:
    """Whether the CRM gives back a disposition of ours; else it has decided itself. A reason that it does not
    name contradicts none."""
    said, why = fact.fields["disposition"], fact.fields.get("reason")
    if echoes.gives_back(
        lambda ours: ours[0] == said and (not why or why == ours[1]),
        at=fact.occurred_at,
        received_at=fact.received_at,
    ):
        return True
    echoes.overrule(at=fact.occurred_at)
    return False


def _current(live: list[FoldedCycle], past: list[FoldedCycle], fact: Fact) -> FoldedCycle | None:
    """The cycle that a live fact speaks about: the last one begun by then, live or of history known by then."""
    found = live[-1:] + [
        cycle
        for cycle in past
        if cycle.crossed_at <= fact.occurred_at and cycle.received_at <= fact.received_at
    ]
    return max(found, key=lambda cycle: (cycle.crossed_at, not cycle.is_history), default=None)


def _crossing(
    fact: Fact,
    before: dict[str, Any],
    live_only: dict[str, Any],
    last: FoldedCycle | None,
    book: AgreementBook,
) -> FoldedCycle | None:
    """A cycle, when this fact takes the lead over the trigger of the agreement in force when it would start.

    An old file may say that a lead was over the trigger already, but never that one had fallen below it again.
    """
    after = before | fact.fields
    crossed_at, is_stated = _crossed_at(fact, last)
    started_at, is_suspect = believe(crossed_at, fact.received_at)
    version = book.at(started_at)
    if version is None:
        return None
    trigger = version.terms.trigger
    if trigger.field not in fact.fields or not trigger.holds(after):
        return None
    if trigger.holds(before) or trigger.holds(live_only):
        return None
    return FoldedCycle(
        opened_by=fact,
        version=version,
        tier=version.terms.tier_of(after).name,
        segment=after.get("segment") or "",
        crossed_at=crossed_at,
        received_at=fact.received_at,
        started_at=started_at,
        is_clock_suspect=is_suspect,
        is_stated=is_stated,
        records={record_of(fact)},
        fields=dict(after),
        owner_before=before.get("owner") or "",
    )


def _crossed_at(fact: Fact, last: FoldedCycle | None) -> tuple[datetime, bool]:
    """The MQL date that the source states beside the crossing, unless it is stale or in the future."""
    stated = fact.fields.get("mql_at")
    if stated:
        instant = datetime.fromisoformat(stated)
        is_future = instant > fact.occurred_at + BELIEVED_AFTER
        is_stale = last is not None and last.closed_at is not None and instant <= last.closed_at
        if not is_future and not is_stale:
            return instant, True
    return fact.occurred_at, False


def _advance(
    cycle: FoldedCycle, fact: Fact, said: dict[str, Any], book: AgreementBook, echoes: Echoes
) -> None:
    """What this fact does to the cycle, open or just closed: later facts may complete a closed one.

    `said` is what the CRM said before, empty for an act of ours: only a change is a statement.
    """
    written = fact.fields
    at, is_suspect = believe(fact.occurred_at, fact.received_at)
    is_open = cycle.closed_at is None
    if is_open and not cycle.is_stated and written.get("mql_at") and fact is not cycle.opened_by:
        _state_crossing(cycle, datetime.fromisoformat(written["mql_at"]), book)
    if is_open and written.get("owner") and written["owner"] != said.get("owner"):
        cycle.owner_events.append(
            OwnerEvent(fact.source_id, written["owner"], at, fact.received_at, is_suspect)
        )
    if written.get("opportunity"):
        cycle.opportunity, cycle.opportunity_source_id = written["opportunity"], fact.source_id
    disposition = written.get("disposition")
    if said.get("disposition") and "disposition" in written and not disposition:
        echoes.empty(at=fact.occurred_at)
    is_statement = disposition and (fact.action or disposition != said.get("disposition"))
    if not (is_statement and not fact.is_ours and _is_echo(fact, echoes)):
        reason = written.get("reason")
        if reason and reason != cycle.reason and (fact.action or reason != said.get("reason")):
            cycle.reason, cycle.decided_by = reason, fact
            if cycle.by_clause:
                _dispose(cycle, fact, cycle.disposition, at, is_suspect)
        if is_statement:
            _dispose(cycle, fact, disposition, at, is_suspect)
            cycle.decided_by = fact
    if (written.get("is_closed") or written.get("is_deleted")) and cycle.crm_closed_at is None:
        cycle.crm_closed_at = at
    if cycle.is_tagged and cycle.disposed_at is None:
        cycle.disposed_at, cycle.is_disposal_suspect = at, is_suspect


def _state_crossing(cycle: FoldedCycle, stated: datetime, book: AgreementBook) -> None:
    """The source states the MQL date after the crossing itself, as one webhook a field does."""
    started_at, is_suspect = believe(stated, cycle.received_at)
    version = book.at(started_at)
    if stated > cycle.crossed_at or version is None:
        return
    cycle.crossed_at, cycle.is_stated = stated, True
    cycle.started_at, cycle.is_clock_suspect = started_at, is_suspect
    cycle.version, cycle.tier = version, version.terms.tier_of(cycle.fields).name


def _follow_clause(cycle: FoldedCycle, fact: Fact, facts: Sequence[Fact]) -> None:
    """The consequence clause recycles what is open, with no reason of sales; a ruling gives back what it had been.

    What was closed in time after all, as late facts tell, stays as sales closed it. Of records that were merged since,
    each of which had an MQL, the person's goes on until the clause has recycled all of them.
    """
    if fact.action == BY_CLAUSE and cycle.closed_at is None:
        own, opener = record_of(fact), record_of(cycle.opened_by)
        if not _is_meant(cycle, fact) and (own == opener or own not in cycle.records):
            return
        cycle.let_go = dict.fromkeys((own, *_recycled_with(fact, cycle, facts)), fact) | cycle.let_go
        if cycle.records - cycle.let_go.keys():
            return
        act = cycle.let_go.get(opener, fact)
        cycle.by_clause, cycle.before_clause = act.ref, (cycle.disposition, cycle.decided_by)
        cycle.disposition, cycle.reason, cycle.decided_by = Disposition.RECYCLED, "", act
        cycle.closed_at = cycle.closed_believed_at = fact.occurred_at
        cycle.is_closing_suspect = False
    elif fact.action == CLAUSE_UNDONE:
        undone = [record for record, act in cycle.let_go.items() if act.ref == fact.fields.get("clause")]
        for record in undone:
            del cycle.let_go[record]
        if not undone or not cycle.by_clause:
            return
        cycle.disposition = cycle.before_clause[0]
        cycle.decided_by = fact if cycle.disposition else None
        cycle.by_clause = ""
        cycle.closed_at = cycle.closed_believed_at = None


def _recycled_with(fact: Fact, cycle: FoldedCycle, facts: Sequence[Fact]) -> set[Key]:
    """The records that were merged when the clause acted: its act on the one MQL was for all of them. An act that names
    none was for every record."""
    if "with" not in fact.fields:
        return set(cycle.records)
    return {record_of(each) for each in facts if each.pk in fact.fields["with"]}


def _is_meant(cycle: FoldedCycle, fact: Fact) -> bool:
    """Whether it is the MQL that the clause recycled: not a later one, or one of another record, that late facts or a
    merge put in its place. Late facts may put its own crossing earlier."""
    crossed_at = fact.fields.get("crossed_at")
    if not crossed_at:
        return True
    is_its_record = record_of(fact) == record_of(cycle.opened_by)
    return is_its_record and cycle.crossed_at <= datetime.fromisoformat(crossed_at)


def _dispose(cycle: FoldedCycle, fact: Fact, disposition: str, at: datetime, is_suspect: bool) -> None:
    if cycle.by_clause:  # sales decided after all
        cycle.by_clause, cycle.closed_at, cycle.closed_believed_at = "", None, None
        cycle.let_go.clear()
    cycle.let_go.pop(record_of(fact), None)
    cycle.disposition = disposition
    if disposition in CLOSING:
        if cycle.closed_at is None:
            cycle.closed_at, cycle.closed_believed_at = fact.occurred_at, at
            cycle.is_closing_suspect = is_suspect
    else:
        cycle.closed_at = cycle.closed_believed_at = None
    if disposition not in NEEDS_REASON:
        cycle.reason = ""
    elif "reason" in fact.fields:
        cycle.reason = fact.fields["reason"] or ""
    if disposition in (Disposition.WORKING, Disposition.CONVERTED):
        cycle.accepted_at = cycle.accepted_at or at


def _place_attempts(cycles: list[FoldedCycle], touches: Sequence[Touch]) -> None:
    for touch in touches:
        if not touch.is_attempt or touch.touched_at is None:
            continue
        cycle, made_at = _place(cycles, touch.touched_at, touch.touched_until)
        if cycle is None:
            continue
        if cycle.is_history:
            cycle.attempts.append(Attempt(made_at, touch.is_connected, False))
        elif not touch.is_history:  # what only a file tells meets no clock and starts none
            at, is_suspect = believe(touch.touched_at, touch.received_at)
            cycle.attempts.append(Attempt(at, touch.is_connected, is_suspect))
    for cycle in cycles:
        cycle.attempts.sort(key=lambda attempt: attempt.at)


def _place(
    cycles: list[FoldedCycle], touched_at: datetime, touched_until: datetime | None
) -> tuple[FoldedCycle | None, datetime]:
    """The first cycle in which an attempt falls, else the first that closed on its day at a time nobody told, or whose
    closing was told too late to be believed before the attempt; and when it was made: one known by its day alone falls
    into a cycle of history that begins on that day, at once."""
    closing: tuple[FoldedCycle | None, datetime] = None, touched_at
    for cycle in cycles:
        made_at = touched_at
        if cycle.is_history and touched_until and cycle.crossed_at < touched_until:
            made_at = max(touched_at, cycle.crossed_at)
        if made_at < cycle.crossed_at:
            continue
        if cycle.closed_at is None or made_at <= cycle.closed_at:
            return cycle, made_at
        believed = None if cycle.is_history else cycle.closed_believed_at
        is_on_the_day = cycle.closed_until is not None and made_at < cycle.closed_until
        if closing[0] is None and (is_on_the_day or (believed is not None and made_at <= believed)):
            closing = cycle, made_at
    return closing
