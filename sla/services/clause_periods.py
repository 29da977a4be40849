"""Judging the periods of the clauses: each once, when nothing of it is under way any more, and for good.

A later correction restates figures beside the judgement, never the judgement. One judge at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from alignment.artifacts.canonical import canonical, digest
from alignment.models import Organisation
from alignment.queries.inbox import processed_up_to
from sla.folded import BELIEVED_BEFORE
from sla.models import (
    ClauseKind,
    ClausePeriod,
    Clock,
    Consequence,
    ConsequenceCycle,
    CycleState,
    Decision,
)
from sla.periods import Period
from sla.queries.agreements import SignedSpan, load_book
from sla.queries.follow_up_clause import FollowUps, clause_periods, follow_ups, missed_clocks
from sla.queries.volume import VolumeMonth, months_of_volume
from sla.services import telling
from sla.services.renegotiation import open_case


def judge_follow_ups(*, at: datetime) -> int:
    """Judge every follow-up period that is settled; how many. Where one was missed, the consequence is decided with it
    in one transaction: who is taken out, and who is to be recycled."""
    known = set(ClausePeriod.objects.filter(kind=ClauseKind.FOLLOW_UP).values_list("first", flat=True))
    judged = 0
    for judging in clause_periods(at=at):
        period = judging.period
        if period.first in known or judging.is_cut_short:
            continue
        with transaction.atomic():
            if not _is_alone():
                return judged
            found = follow_ups(judging, at=at)
            if found.unsettled:
                return judged
            if not ClausePeriod.objects.filter(kind=ClauseKind.FOLLOW_UP, first=period.first).exists():
                if not _decide(found, judging.span, at=at):
                    return judged
                judged += 1
    return judged


def judge_volumes(*, at: datetime) -> int:
    """Judge every calendar month of marketing's volume that no event can change by its own time any more: 72 hours
    after its end; how many. Where it is the last of so many missed ones running, a case opens with it."""
    zone = Organisation.get().zone
    known = set(ClausePeriod.objects.filter(kind=ClauseKind.VOLUME).values_list("first", flat=True))
    begun = load_book().first_signed()
    if begun is None:
        return 0
    judged = 0
    told_up_to = min(at, processed_up_to(at=at)) - BELIEVED_BEFORE
    period = month_of(begun.agreement.in_force_from)
    while period.ends_at(zone) <= told_up_to:
        if period.first not in known:
            with transaction.atomic():
                if not _is_alone():
                    return judged
                found = months_of_volume([period], at=at)[0]
                is_new = not ClausePeriod.objects.filter(kind=ClauseKind.VOLUME, first=period.first).exists()
                if found.version is not None and is_new:
                    open_case(_keep_month(found, at=at), at=at)
                    judged += 1
        period = period.next()
    return judged


def take_in_what_was_held(*, at: datetime) -> int:
    """Take out those too that a dispute held when the period was judged, which counted them as missed, and whose miss
    is known by now; how many. A ruling that took all of it back spares them."""
    taken = 0
    stands = Consequence.objects.filter(judged__held__gt=0).exclude(
        disputes__ruling__decision=Decision.UPHELD
    )
    book = load_book()
    for consequence in stands.select_related("judged__agreement"):
        with transaction.atomic():
            if not _is_alone():
                return taken
            fired = consequence.fired_at
            clocks = list(
                missed_clocks(consequence.judged.period, book.span_of(consequence.judged.agreement))
                .filter(disputes__filed_at__lte=fired, disputes__ended_at__gte=fired)
                .filter(cycle__consequence_entry__isnull=True)
                .select_related("cycle")
            )
            entries = ConsequenceCycle.objects.bulk_create(_entry(consequence, clock) for clock in clocks)
            if entries:
                telling.of_held(consequence, entries, at=at)
            taken += len(entries)
    return taken


def month_of(instant: datetime) -> Period:
    """The calendar month in which an instant lies, on the organisation's clocks."""
    return Period.of(instant.astimezone(Organisation.get().tz).date())


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('sla.consequences'))")
        return bool(cursor.fetchone()[0])


def _decide(found: FollowUps, span: SignedSpan, *, at: datetime) -> bool:
    """False where the clocks themselves say otherwise than the roll-up just did: facts came in between."""
    clocks = list(missed_clocks(found.period, span).select_related("cycle"))
    if len(clocks) + found.held != found.missed:
        return False
    evidence: dict[str, Any] = {
        "days": found.days,
        "held": found.held,
        "set_aside": found.set_aside,
        "missed_clocks": _digest([clock.pk for clock in clocks]),
    }
    judged = ClausePeriod.objects.create(
        kind=ClauseKind.FOLLOW_UP,
        unit=found.period.kind,
        first=found.period.first,
        end=found.period.end,
        agreement=found.version.agreement,
        part=found.missed,
        whole=found.due,
        percent=found.percent,
        held=found.held,
        set_aside=found.set_aside,
        is_missed=found.is_missed,
        evidence=evidence,
        evidence_digest=_digest(evidence),
        judged_at=at,
    )
    if not found.is_missed:
        return True
    consequence = Consequence.objects.create(judged=judged, kind=judged.kind, first=judged.first, fired_at=at)
    out_already = set(
        ConsequenceCycle.objects.filter(clock__in=clocks).values_list("cycle", flat=True)
    )  # where days were cut in another zone before
    ConsequenceCycle.objects.bulk_create(
        _entry(consequence, clock) for clock in clocks if clock.cycle_id not in out_already
    )
    telling.of_consequence(consequence, at=at)
    return True


def _entry(consequence: Consequence, clock: Clock) -> ConsequenceCycle:
    return ConsequenceCycle(consequence=consequence, cycle=clock.cycle, clock=clock, state=_state(clock))


def _state(clock: Clock) -> str:
    cycle = clock.cycle
    is_untouched = cycle.is_open and not cycle.attempts and cycle.first_follow_up_at is None
    return CycleState.WAITING if is_untouched else CycleState.LISTED


def _keep_month(found: VolumeMonth, *, at: datetime) -> ClausePeriod:
    if found.version is None:
        raise AssertionError("no SLA judges this month")
    evidence = {
        "lines": [
            {"segment": line.segment, "promised": line.promised, "delivered": line.delivered}
            for line in found.lines
        ],
        "outside": found.outside,
    }
    return ClausePeriod.objects.create(
        kind=ClauseKind.VOLUME,
        unit=found.period.kind,
        first=found.period.first,
        end=found.period.end,
        agreement=found.version.agreement,
        part=found.delivered,
        whole=found.promised,
        is_missed=bool(found.is_missed),
        evidence=evidence,
        evidence_digest=_digest(evidence),
        judged_at=at,
    )


def _digest(value: dict[str, Any] | Sequence[int]) -> str:
    return digest(canonical(value))
