"""Proposed terms against those in force, over the same past MQLs: everything that the calibration page says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from alignment.access import Scope
from alignment.models import Person
from alignment.quarters import Quarter
from alignment.wording import truncated_share
from sla.clauses import Volume
from sla.models import ClockKind
from sla.queries import would_follow
from sla.queries.arrivals import Arrivals, arrivals
from sla.queries.remembered import as_judged, facts_so_far, remembered, replayed
from sla.queries.replay import ALL, KINDS, OUTCOMES, WHICH, KindFound, Replayed, Span, Tally
from sla.queries.windows_met import Quantile, quantiles
from sla.queries.would_follow import Delivered, Judged
from sla.terms import Terms

LONGEST = 800  # days of a span


@dataclass(frozen=True)
class Clause:
    """The consequence clause as proposed: see sla.clauses. `volumes`: none, where no volume is to be judged."""

    missed_percent: int = 15
    period: str = "month"
    volumes: tuple[Volume, ...] = ()
    volume_months: int = 2


@dataclass(frozen=True)
class Side:
    """What one set of terms would have come to. `kinds` by ClockKind."""

    terms: Terms
    kinds: dict[str, KindFound]
    judged: list[Judged]
    volumes: list[Delivered]

    @property
    def follow_up(self) -> KindFound:
        return self.kinds[ClockKind.FOLLOW_UP]

    @property
    def fired(self) -> int:
        return sum(bool(each.fires) for each in self.judged)

    @property
    def opened(self) -> int:
        return sum(each.opens for each in self.volumes)


@dataclass(frozen=True)
class Answer:
    """`today`: under the terms in force, None while there are none. `left_out`: MQLs whose score was under a raised
    threshold, None: it is not raised. `more`: leads that would have crossed a lowered one, None: it is not lowered, or
    the scope is not everybody's: a lead that was no MQL is of no team."""

    span: Span
    which: str
    cut: datetime
    clause: Clause
    today: Side | None
    proposed: Side
    left_out: int | None = None
    more: int | None = None


@dataclass(frozen=True)
class Pair:
    """A rep, segment or week under today's terms and under the proposed ones."""

    label: str
    today: Tally
    proposed: Tally


def last_quarters(count: int, *, at: datetime, zone: str) -> Span:
    """The last full quarters before `at`."""
    first = Quarter.of(at, zone)
    end = first.months()[0]
    for _ in range(count):
        first = first.previous()
    return Span(first.months()[0], end, zone)


def answer(
    terms: Terms,
    today: Terms | None,
    span: Span,
    *,
    which: str = ALL,
    clause: Clause | None = None,
    scope: Scope | None = None,
    cut: datetime,
) -> Answer:
    """`bring_up_to_date` for both terms first. `cut`: what the figures know of, the inbox being processed up to it."""
    clause, scope = clause or Clause(), scope or Scope(is_all=True)
    threshold = raised(terms, today)
    asked = Replayed(terms, span, cut, which, threshold, scope=scope)
    before = Replayed(today, span, cut, which, scope=scope) if today else None
    lowered = _lowered(terms, today)
    return Answer(
        span,
        which,
        cut,
        clause,
        _side(before, clause) if before else None,
        _side(asked, clause),
        _left_out(asked, threshold) if threshold is not None else None,
        _more(asked, lowered) if lowered is not None and scope.is_all else None,
    )


def raised(terms: Terms, today: Terms | None) -> int | None:
    """The proposed threshold where it is above the one in force."""
    if today is None or {terms.trigger.kind, today.trigger.kind} != {"score"}:
        return None
    return terms.trigger.threshold if terms.trigger.threshold > today.trigger.threshold else None


def _lowered(terms: Terms, today: Terms | None) -> int | None:
    if today is None or {terms.trigger.kind, today.trigger.kind} != {"score"}:
        return None
    return terms.trigger.threshold if terms.trigger.threshold < today.trigger.threshold else None


def _left_out(asked: Replayed, threshold: int) -> int:
    return remembered("below", asked, lambda: would_follow.below(asked, threshold))


def _more(asked: Replayed, threshold: int) -> int:
    return remembered(
        f"more {threshold}", asked, lambda: would_follow.more_leads(asked, threshold), also=facts_so_far()
    )


def _side(asked: Replayed, clause: Clause) -> Side:
    kinds = replayed(asked, KINDS)
    return Side(
        asked.terms,
        kinds,
        would_follow.follow_ups(
            kinds[ClockKind.FOLLOW_UP],
            asked,
            percent=clause.missed_percent,
            period=clause.period,
            otherwise=as_judged(asked),
        ),
        _volumes(asked, clause) if asked.scope.is_all else [],
    )


def _volumes(asked: Replayed, clause: Clause) -> list[Delivered]:
    counts = remembered("crossed", asked, lambda: would_follow.crossed(asked))
    return would_follow.volumes(asked, clause.volumes, running=clause.volume_months, counts=counts)


def shortest_windows(answered: Answer, scope: Scope) -> list[Quantile]:
    """Of each proposed tier the window that more than 85% of follow-ups would have met."""
    terms = answered.proposed.terms
    threshold = raised(terms, answered.today.terms if answered.today else None)
    asked = Replayed(terms, answered.span, answered.cut, answered.which, threshold, scope=scope)
    return remembered("quantiles", asked, lambda: quantiles(asked))


def when_they_arrive(answered: Answer) -> Arrivals:
    """Against the proposed default calendar."""
    terms = answered.proposed.terms
    asked = Replayed(terms, answered.span, answered.cut, answered.which)
    return remembered(
        "arrivals", asked, lambda: arrivals(answered.span, terms.default_calendar, answered.which)
    )


def by_rep(answered: Answer) -> list[Pair]:
    """Those with most follow-ups missed under the proposed terms first."""
    sides = _sides(answered)
    owners = {owner for side in sides for owner in side.follow_up.reps}
    names = dict(Person.objects.filter(pk__in=[pk for pk in owners if pk]).values_list("pk", "name"))
    return _pairs(answered, "reps", [(owner, names.get(owner or 0, "")) for owner in owners])


def by_segment(answered: Answer) -> list[Pair]:
    found = {segment for side in _sides(answered) for segment in side.follow_up.segments}
    return _pairs(answered, "segments", [(segment, segment) for segment in found])


def by_week(answered: Answer) -> list[tuple[date, Tally, Tally]]:
    """Every week of the span: Monday, today's and the proposed terms' follow-ups that would have fallen due in it."""
    span = answered.span
    monday = span.first - timedelta(days=span.first.weekday())
    found = []
    while monday < span.end:
        today = answered.today.follow_up.weeks.get(monday, Tally()) if answered.today else Tally()
        found.append((monday, today, answered.proposed.follow_up.weeks.get(monday, Tally())))
        monday += timedelta(days=7)
    return found


def _sides(answered: Answer) -> list[Side]:
    return [side for side in (answered.today, answered.proposed) if side is not None]


def _pairs(answered: Answer, group: str, keys: Sequence[tuple[Any, str]]) -> list[Pair]:
    today = getattr(answered.today.follow_up, group) if answered.today else {}
    proposed = getattr(answered.proposed.follow_up, group)
    pairs = [Pair(label, today.get(key, Tally()), proposed.get(key, Tally())) for key, label in keys]
    return sorted(pairs, key=lambda pair: (-pair.proposed.missed, pair.label))


def figures(side: Side) -> dict[str, Any]:
    """Of a saved scenario: counts only, and nobody's name."""
    return {
        "promises": {kind: _counts(found.total) for kind, found in side.kinds.items()},
        "weeks": {
            monday.isoformat(): _counts(tally) for monday, tally in sorted(side.follow_up.weeks.items())
        },
        "segments": {segment: _counts(tally) for segment, tally in sorted(side.follow_up.segments.items())},
        "follow_up_clause": [
            {
                "period": each.period.name,
                "missed": each.missed,
                "due": each.due,
                "fires": each.fires,
            }
            for each in side.judged
        ],
        "volume_clause": [
            {"month": each.period.name, "mqls": each.mqls, "promised": each.promised, "opens": each.opens}
            for each in side.volumes
        ],
    }


def _counts(tally: Tally) -> dict[str, int]:
    return {outcome: getattr(tally, outcome) for outcome in OUTCOMES}


def sentences(answered: Answer) -> list[str]:
    """What an SLA prints of a scenario: short, with figures and what they count."""
    proposed, today = answered.proposed, answered.today
    last = answered.span.end - timedelta(days=1)
    days = f"{answered.span.first:%-d %b %Y} to {last:%-d %b %Y}"
    said = f"{WHICH[answered.which]} with a follow-up due {days}: in time {_share(proposed.follow_up.total)}"
    found = [said + (f", under today's terms {_share(today.follow_up.total)}." if today else ".")]
    whole = [each for each in proposed.judged if each.fires is not None]
    if whole:
        clause = answered.clause
        said = (
            f"More than {clause.missed_percent}% missed in {proposed.fired} of {len(whole)} {clause.period}s"
        )
        found.append(said + (f", under today's terms in {today.fired}." if today else "."))
    return found


def _share(tally: Tally) -> str:
    return truncated_share(tally.met, tally.due)
