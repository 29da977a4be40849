"""Consequences that a replay's figures would have had, by the clause as proposed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from alignment.business_time.zones import start_of_day
from sla.clauses import Volume
from sla.periods import Period
from sla.queries.as_judged import Otherwise
from sla.queries.replay import ALL, HISTORY, KindFound, Replayed, owners_of


@dataclass(frozen=True)
class Judged:
    """Follow-ups that fell due in a period, counted as the clause counts: `missed` those that a dispute holds and those
    that only late evidence disproved, met those that a ruling set aside. `fires`: more than the percentage was missed;
    None where the period is not whole in the span, or not over, and where nothing was due."""

    period: Period
    missed: int
    due: int
    fires: bool | None


@dataclass(frozen=True)
class Delivered:
    """MQLs of a month beside the volume asked of them. None: the month is not whole in the span, or not over.
    `opens`: with the months before it so many ran together that a renegotiation would have opened in it; one a run."""

    period: Period
    mqls: int
    promised: int
    is_missed: bool | None
    opens: bool


def follow_ups(
    found: KindFound,
    asked: Replayed,
    *,
    percent: int,
    period: str,
    otherwise: Mapping[date, Otherwise] | None = None,
) -> list[Judged]:
    """By calendar month or quarter; exactly the percentage fires nothing. `otherwise`: by month what the clause counts
    otherwise than the replay."""
    sums = {each: Otherwise() for each in _periods(asked, period)}
    for month, tally in found.months.items():
        total = sums[Period.of(month, period)]
        total.missed += tally.missed + tally.held
        total.due += tally.due + tally.held
    for month, more in (otherwise or {}).items():
        total = sums[Period.of(month, period)]
        total.missed += more.missed
        total.due += more.due
    return [
        Judged(
            each,
            total.missed,
            total.due,
            100 * total.missed > percent * total.due if total.due and _is_whole(each, asked) else None,
        )
        for each, total in sorted(sums.items())
    ]


def volumes(
    asked: Replayed,
    lines: Sequence[Volume],
    *,
    running: int,
    counts: Mapping[date, Mapping[str, int]] | None = None,
) -> list[Delivered]:
    """By calendar month in which MQLs crossed. A month is missed by its total, as the clause counts; MQLs of segments
    that no line names count for none. Leads that an import tells of count like the others, where they are asked for.
    `counts`: what `crossed` says, where it is known already."""
    promised = sum(line.mqls for line in lines)
    counts = crossed(asked) if counts is None else counts
    names = {line.segment.lower() for line in lines}
    result: list[Delivered] = []
    missed = 0
    for period in _periods(asked, "month"):
        by_segment = counts.get(period.first, {})
        mqls = sum(n for segment, n in by_segment.items() if "" in names or segment.lower() in names)
        is_missed = mqls < promised if promised and _is_whole(period, asked) else None
        missed = missed + 1 if is_missed else 0
        opens = bool(is_missed) and missed == running  # once a run, as the clause does
        result.append(Delivered(period, mqls, promised, is_missed, opens))
    return result


def _periods(asked: Replayed, kind: str) -> list[Period]:
    found = [Period.of(asked.span.first, kind)]
    while found[-1].end < asked.span.end:
        found.append(found[-1].next())
    return found


def _is_whole(period: Period, asked: Replayed) -> bool:
    span = asked.span
    within = span.first <= period.first and period.end <= span.end
    return within and period.ends_at(span.zone) <= asked.cut


_CROSSED = """
SELECT width_bucket(m.crossed_at, %(starts)s::timestamptz[]), m.segment, count(*)
FROM alignment_mqlcycle m {opening}
WHERE m.voided_at IS NULL AND m.crossed_at >= %(first)s AND m.crossed_at < %(end)s {which}
GROUP BY 1, 2
"""


def crossed(asked: Replayed) -> dict[date, dict[str, int]]:
    """MQLs by month and segment; what drops out under a raised threshold is left out."""
    months = [period.first for period in _periods(asked, "month")]
    opening, which = "", ""
    if asked.threshold is not None:
        opening = "LEFT JOIN sla_opening o ON o.cycle_id = m.id"
        which += " AND (o.score IS NULL OR o.score >= %(threshold)s)"
    if asked.which != ALL:
        which += f" AND {'' if asked.which == HISTORY else 'NOT '}m.is_history"
    given: dict[str, Any] = {
        "starts": [start_of_day(month, asked.span.zone) for month in months],
        "first": asked.span.starts_at,
        "end": asked.span.ends_at,
        "threshold": asked.threshold,
    }
    found: dict[date, dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_CROSSED.format(opening=opening, which=which), given)
        for place, segment, count in cursor.fetchall():
            found[months[place - 1]][segment] = count
    return dict(found)


_BELOW = """
SELECT count(*) FROM alignment_mqlcycle m JOIN sla_opening o ON o.cycle_id = m.id
WHERE m.voided_at IS NULL AND m.crossed_at >= %(first)s AND m.crossed_at < %(end)s AND o.score < %(threshold)s {which}
"""
# The highest score that each record of a lead was given in the span; a lead that crossed in it is no further one.
_MORE = """
SELECT count(DISTINCT coalesce(l.merged_into_id, l.id)) FROM (
    SELECT f.source_id, f.external_id FROM alignment_fact f
    WHERE f.subject = 'lead' AND NOT f.is_history AND f.occurred_at >= %(first)s AND f.occurred_at < %(end)s
      AND jsonb_typeof(f.fields->'score') = 'number'
    GROUP BY 1, 2
    HAVING max((f.fields->>'score')::numeric) >= %(threshold)s
) f
JOIN alignment_lead l ON l.source_id = f.source_id AND l.external_id = f.external_id
WHERE NOT EXISTS (
    SELECT FROM alignment_mqlcycle m WHERE m.lead_id = coalesce(l.merged_into_id, l.id) AND m.voided_at IS NULL
      AND (m.closed_at IS NULL OR m.closed_at >= %(first)s) AND m.crossed_at < %(end)s
)
"""


def below(asked: Replayed, threshold: int) -> int:
    """MQLs of the span that a raised threshold would have left out: those whose score at the crossing is known. Of
    those that are asked for: a scope has its own."""
    which = ""
    if asked.which != ALL:
        which = f"AND {'' if asked.which == HISTORY else 'NOT '}m.is_history"
    if not asked.scope.is_all:
        which += " AND m.owner_id = ANY(%(owners)s::bigint[])"
    return _count(_BELOW.format(which=which), asked, threshold)


def more_leads(asked: Replayed, threshold: int) -> int:
    """Leads that reached a lowered threshold in the span and were no MQL then, whoever's they are. A count and no more:
    nobody was asked to follow them up, so there is nothing to replay."""
    return _count(_MORE, asked, threshold)


def _count(statement: str, asked: Replayed, threshold: int) -> int:
    given: dict[str, Any] = {
        "first": asked.span.starts_at,
        "end": asked.span.ends_at,
        "threshold": threshold,
        "owners": owners_of(asked.scope),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return int(cursor.fetchone()[0])
