"""Won revenue by who sourced it, and the open pipeline of a quarter. Currencies are never converted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from alignment.models import Organisation
from alignment.quarters import Quarter
from alignment.ruled_sources import ruled_sources
from dashboard.queries.working.shares import Share, span

_WON = """
SELECT width_bucket(o.closed_at, %(edges)s::timestamptz[]) AS place, upper(o.currency),
    coalesce(root.sourced_function, l.sourced_function, 'unknown') AS side,
    coalesce(d.function, u.function, root.sourced_function, l.sourced_function, 'unknown') AS by_ruling,
    count(*), count(o.amount_minor), coalesce(sum(o.amount_minor), 0)
FROM alignment_opportunity o
LEFT JOIN alignment_lead l ON l.id = o.lead_id LEFT JOIN alignment_lead root ON root.id = l.merged_into_id
LEFT JOIN unnest(%(ruled_opportunities)s::bigint[], %(opportunities_by_ruling)s::text[]) AS d(id, function)
    ON d.id = o.id
LEFT JOIN unnest(%(ruled_leads)s::bigint[], %(leads_by_ruling)s::text[]) AS u(id, function)
    ON u.id = coalesce(root.id, l.id)
WHERE o.is_won AND NOT o.is_deleted AND o.closed_at >= %(start)s AND o.closed_at < %(end)s
GROUP BY 1, 2, 3, 4
"""
_OPEN = """
SELECT upper(currency), count(*), count(amount_minor), coalesce(sum(amount_minor), 0) FROM alignment_opportunity
WHERE NOT is_closed AND NOT is_deleted AND close_on >= %s AND close_on < %s GROUP BY 1 ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True)
class QuarterOfRevenue:
    """Won in a quarter, in one currency. `marketing` of `total` in minor units; `won` deals, `without` of them without
    an amount; `unknown`: minor units of deals whose lead's first touch is neither, or that have no lead. `ruled`:
    (marketing, sales, unknown) by the function that rulings say in the stead of the first touch; None: they change
    none."""

    quarter: Quarter
    currency: str
    marketing: int
    sales: int
    unknown: int
    total: int
    won: int
    without: int
    ruled: tuple[int, int, int] | None = None

    @property
    def share(self) -> Share:
        return Share(self.marketing, self.total)


@dataclass(frozen=True)
class OpenPipeline:
    """Open opportunities expected to close in a quarter, in one currency; `without` of them have no amount."""

    currency: str
    count: int
    without: int
    minor: int


def revenue(quarters: Sequence[Quarter], *, zone: str) -> list[QuarterOfRevenue]:
    """Won opportunities by the quarter in which they closed, and what of their amounts is marketing-sourced.

    One row per quarter and currency, the organisation's first; amounts are never converted. Sourced by the first touch
    of the opportunity's lead; beside it by rulings, of which one on the opportunity goes before one on its lead.
    """
    sums: dict[tuple[int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    with connection.cursor() as cursor:
        cursor.execute(_WON, span(quarters, zone) | ruled_sources().parameters)
        for place, currency, side, by_ruling, won, with_amount, minor in cursor.fetchall():
            row = sums[place - 1, currency]
            row[_column(side)] += int(minor)
            row["ruled " + _column(by_ruling)] += int(minor)
            row["won"] += won
            row["without"] += won - with_amount
    own = Organisation.get().currency
    currencies = sorted({currency for _, currency in sums}, key=lambda code: (code != own, code)) or [own]
    return [
        QuarterOfRevenue(
            quarter,
            currency,
            marketing=row["marketing"],
            sales=row["sales"],
            unknown=row["unknown"],
            total=row["marketing"] + row["sales"] + row["unknown"],
            won=row["won"],
            without=row["without"],
            ruled=_ruled(row),
        )
        for currency in currencies
        for place, quarter in enumerate(quarters)
        for row in [sums.get((place, currency), defaultdict(int))]
    ]


def _column(side: str) -> str:
    return side if side in {"marketing", "sales"} else "unknown"


def _ruled(row: Mapping[str, int]) -> tuple[int, int, int] | None:
    columns = ("marketing", "sales", "unknown")
    if all(row["ruled " + column] == row[column] for column in columns):
        return None
    return row["ruled marketing"], row["ruled sales"], row["ruled unknown"]


def open_pipeline(quarter: Quarter) -> list[OpenPipeline]:
    """Open opportunities whose expected closing lies in the quarter, by currency."""
    first, end = quarter.months()[0], quarter.next().months()[0]
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [first, end])
        return [
            OpenPipeline(currency, count, count - with_amount, int(minor))
            for currency, count, with_amount, minor in cursor.fetchall()
        ]
