"""How near the consequences of the signed SLA are."""

from __future__ import annotations

from datetime import datetime

from sla.periods import Period, periods_up_to
from sla.queries.adherence.figures import Near, NothingSigned, Span
from sla.queries.adherence.marketing import MarketingSide
from sla.queries.agreements import load_book
from sla.queries.follow_up_clause import clause_periods, follow_ups
from sla.queries.renegotiation import counted_since
from sla.queries.volume import months_of_volume


def near(marketing: MarketingSide, month: Span, *, at: datetime) -> Near | None:
    """Follow-ups of the clause's period under way, as the clause counts them, and the volume of the month. None after a
    revocation: then no consequence follows.

    Raises NothingSigned.
    """
    book = load_book()
    if book.revoked_at(at) is not None:
        return None
    judging = next(reversed(list(clause_periods(at=at, book=book))), None)
    if judging is None or judging.version.clauses is None:
        raise NothingSigned("No signed SLA is in force.")
    period, clause = judging.period, judging.version.clauses.consequences
    found = follow_ups(judging, at=at)
    promised = sum(line.mqls for line in marketing.prorated)
    return Near(
        first=period.first,
        kind=period.kind,
        percent=clause.missed_percent,
        missed=found.missed,
        due=found.due,
        more=more_misses(found.missed, found.due, clause.missed_percent),
        volume_promised=promised,
        volume_left=max(0, promised - marketing.volume(month).counted),
        months_missed=_missed_running(Period.of(month.first), clause.volume_months, at=at),
        months_allowed=clause.volume_months,
    )


def more_misses(missed: int, due: int, percent: int) -> int:
    """How many further misses, each of them due as well, bring more than `percent` of those due; 0: they are already
    more."""
    room = percent * due - 100 * missed
    return 0 if room < 0 else room // (100 - percent) + 1


def _missed_running(month: Period, most: int, *, at: datetime) -> int:
    """Full months before this one that were missed one after another, the last one included; of those that count
    since the last case closed."""
    found, since = 0, counted_since()
    for past in reversed(months_of_volume(periods_up_to(month.previous(), most), at=at)):
        if not past.is_missed or (since is not None and past.period.first <= since):
            break
        found += 1
    return found
