"""Is it working? What can be measured now of the three signals and of the figures beside them.

All quarters and months are cut in the organisation's zone. Shares are whole numbers over whole numbers; nothing is
estimated, and what cannot be measured yet has no figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db import connection

from alignment.access import Scope
from alignment.models import Organisation
from alignment.quarters import Quarter
from alignment.queries.counting import lead_counts_sql
from alignment.queries.prerequisites import last_quarters
from sla.models import ClockKind
from sla.queries import compliance
from sla.queries.compliance import Figure

COMPLIANT_ABOVE = Fraction(85, 100)
ACCEPTED_ABOVE = Fraction(70, 100)
WINDOW = timedelta(days=90)  # from a lead's creation to its opportunity; and of follow-up times
TOO_FEW = 30  # leads of a side in a quarter: fewer say nothing about a movement
HIGH_INTENT = "high_intent"
HIGH_INTENT_WITHIN = timedelta(minutes=5)
NURTURE_WITHIN = timedelta(hours=24)
QUARTERS = 4

_CONVERSION = """
SELECT width_bucket(l.made_at, %(edges)s::timestamptz[]) AS place, l.sourced_function, count(*),
    count(*) FILTER (WHERE d.opened_at < l.made_at + %(window)s::interval)
FROM (
    SELECT id, sourced_function, coalesce(crm_created_at, first_seen_at) AS made_at FROM alignment_lead
    WHERE NOT is_deleted AND merged_into_id IS NULL AND sourced_function IN ('marketing', 'sales')
      AND coalesce(crm_created_at, first_seen_at) >= %(start)s AND coalesce(crm_created_at, first_seen_at) < %(end)s
) l
LEFT JOIN (
    SELECT coalesce(r.merged_into_id, r.id) AS lead_id, min(coalesce(o.opened_at, o.first_seen_at)) AS opened_at
    FROM alignment_opportunity o JOIN alignment_lead r ON r.id = o.lead_id
    WHERE NOT o.is_deleted GROUP BY 1
) d ON d.lead_id = l.id
GROUP BY 1, 2
"""
_ACCEPTANCE = f"""
SELECT width_bucket(c.crossed_at, %(edges)s::timestamptz[]) AS place, count(*),
    count(*) FILTER (WHERE c.accepted_at IS NOT NULL OR c.disposition IN ('working', 'converted'))
FROM alignment_mqlcycle c JOIN alignment_lead l ON l.id = c.lead_id
WHERE c.voided_at IS NULL AND {lead_counts_sql("l")} AND c.crossed_at >= %(start)s AND c.crossed_at < %(end)s
GROUP BY 1
"""  # noqa: S608 - constants alone
_FOLLOW_UP = f"""
SELECT tier, count(*), count(*) FILTER (WHERE taken < within),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(floor(extract(epoch FROM taken))::bigint, %(never)s))
FROM (
    SELECT tier, first_follow_up_at - started_at AS taken,
        CASE WHEN tier = %(high)s THEN %(high_within)s::interval ELSE %(other_within)s::interval END AS within,
        started_at
    FROM alignment_mqlcycle m JOIN alignment_lead l ON l.id = m.lead_id AND {lead_counts_sql("l")}
    WHERE voided_at IS NULL AND NOT is_history AND started_at >= %(start)s AND started_at < %(end)s
) c WHERE c.started_at + c.within <= %(end)s
GROUP BY tier ORDER BY tier <> %(high)s, tier
"""  # noqa: S608 - constants alone
_WON = """
SELECT width_bucket(o.closed_at, %(edges)s::timestamptz[]) AS place, upper(o.currency),
    coalesce(root.sourced_function, l.sourced_function, 'unknown'), count(*), count(o.amount_minor),
    coalesce(sum(o.amount_minor), 0)
FROM alignment_opportunity o
LEFT JOIN alignment_lead l ON l.id = o.lead_id LEFT JOIN alignment_lead root ON root.id = l.merged_into_id
WHERE o.is_won AND NOT o.is_deleted AND o.closed_at >= %(start)s AND o.closed_at < %(end)s
GROUP BY 1, 2, 3
"""
_OPEN = """
SELECT upper(currency), count(*), count(amount_minor), coalesce(sum(amount_minor), 0) FROM alignment_opportunity
WHERE NOT is_closed AND NOT is_deleted AND close_on >= %s AND close_on < %s GROUP BY 1 ORDER BY 2 DESC, 1
"""
_NEVER = 2**62


@dataclass(frozen=True)
class Share:
    """`part` of `whole`."""

    part: int = 0
    whole: int = 0

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.part, self.whole) if self.whole else None

    def is_above(self, limit: Fraction) -> bool | None:
        """None where there is nothing to judge. Exactly the limit is not above it."""
        return None if not self.whole else self.part * limit.denominator > limit.numerator * self.whole


@dataclass(frozen=True)
class MonthOfSla:
    """Sales' first follow-ups due in a calendar month. `is_settled` false: some day is still being added up."""

    first: date
    figure: Figure
    is_settled: bool

    @property
    def share(self) -> Share:
        return Share(self.figure.met, self.figure.due)

    @property
    def holds(self) -> bool | None:
        """Above 85%; None where nothing fell due or some day is not added up."""
        return self.share.is_above(COMPLIANT_ABOVE) if self.is_settled else None


@dataclass(frozen=True)
class QuarterOfConversion:
    """Leads created in a quarter and those of them with an opportunity opened within the window.

    `is_complete`: the window of the last of them is over, so that the figure cannot rise any more.
    """

    quarter: Quarter
    marketing: Share
    sales: Share
    is_complete: bool


@dataclass(frozen=True)
class Movement:
    """How the two conversions moved from one quarter to the next, both complete. `word`: together, diverging
    (one rose and the other fell), apart (one alone moved), still (neither did), or unknown."""

    word: str
    sentence: str
    before: Quarter | None = None
    after: Quarter | None = None


@dataclass(frozen=True)
class QuarterShare:
    quarter: Quarter
    share: Share


@dataclass(frozen=True)
class TierTime:
    """First follow-ups of one tier. `median`: seconds from crossing; None: the middle one was never followed up."""

    tier: str
    within: timedelta
    share: Share
    median: int | None


@dataclass(frozen=True)
class QuarterOfRevenue:
    """Won in a quarter, in one currency. `marketing` of `total` in minor units; `won` deals, `without` of them without
    an amount; `unknown`: minor units of deals whose lead's first touch is neither, or that have no lead."""

    quarter: Quarter
    currency: str
    marketing: int
    sales: int
    unknown: int
    total: int
    won: int
    without: int

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


@dataclass(frozen=True)
class Working:
    """Everything the page shows, as of `at`."""

    at: datetime
    zone: str
    months: list[MonthOfSla]
    conversion: list[QuarterOfConversion]
    movement: Movement
    acceptance: list[QuarterShare]
    follow_up: list[TierTime]
    revenue: list[QuarterOfRevenue]
    quarter: Quarter
    open_pipeline: list[OpenPipeline] = field(default_factory=list)

    @property
    def sales_holds(self) -> bool | None:
        """Above 85% in both months; None while either cannot be judged."""
        found = [month.holds for month in self.months]
        if False in found:
            return False
        return None if None in found else True


def working(*, at: datetime) -> Working:
    """Ask everything now; the number of statements does not depend on the number of rows."""
    zone = Organisation.get().zone
    quarters = last_quarters(at, zone, QUARTERS)
    found = conversion(quarters, zone=zone, at=at)
    present = Quarter.of(at, zone)
    return Working(
        at=at,
        zone=zone,
        months=sla_months(at=at, zone=zone),
        conversion=found,
        movement=movement(found),
        acceptance=acceptance(quarters, zone=zone),
        follow_up=follow_up(at=at),
        revenue=revenue(quarters, zone=zone),
        quarter=present,
        open_pipeline=open_pipeline(present),
    )


def sla_months(*, at: datetime, zone: str) -> list[MonthOfSla]:
    """The two full calendar months before the present one, oldest first; first follow-up, as known first."""
    present = at.astimezone(Organisation.get().tz).date().replace(day=1)
    last = (present - timedelta(days=1)).replace(day=1)
    first = (last - timedelta(days=1)).replace(day=1)
    everything = Scope(is_all=True)
    return [
        MonthOfSla(
            start,
            compliance.of_days(start, end, ClockKind.FOLLOW_UP, everything),
            compliance.are_settled(start, end),
        )
        for start, end in ((first, last), (last, present))
    ]


def conversion(quarters: Sequence[Quarter], *, zone: str, at: datetime) -> list[QuarterOfConversion]:
    """Of the leads created in each quarter, how many had an opportunity opened within 90 days of their creation."""
    given = _span(quarters, zone) | {"window": WINDOW}
    counts: dict[tuple[int, str], Share] = {}
    with connection.cursor() as cursor:
        cursor.execute(_CONVERSION, given)
        for place, side, leads, converted in cursor.fetchall():
            counts[place - 1, side] = Share(converted, leads)
    return [
        QuarterOfConversion(
            quarter,
            counts.get((place, "marketing"), Share()),
            counts.get((place, "sales"), Share()),
            quarter.ends_at(zone) + WINDOW <= at,
        )
        for place, quarter in enumerate(quarters)
    ]


def movement(found: Sequence[QuarterOfConversion]) -> Movement:
    """Whether the two conversions moved the same way between the last two complete quarters."""
    complete = [each for each in found if each.is_complete]
    if len(complete) < 2:
        return Movement("unknown", "Two quarters must be complete before a movement can be told.")
    before, after = complete[-2:]
    sides = (before.marketing, before.sales, after.marketing, after.sales)
    if any(side.whole < TOO_FEW for side in sides):
        said = f"Fewer than {TOO_FEW} leads of a side in a quarter say nothing about a movement."
        return Movement("unknown", said, before.quarter, after.quarter)
    ways = [_way(before.marketing, after.marketing), _way(before.sales, after.sales)]
    names = ("marketing-sourced", "sales-sourced")
    said = " and ".join(f"{name} {way}" for name, way in zip(names, ways, strict=True))
    if ways == ["stayed", "stayed"]:
        word = "still"
    else:
        word = "together" if ways[0] == ways[1] else "apart" if "stayed" in ways else "diverging"
    sentence = f"From {before.quarter.name} to {after.quarter.name}: {said}."
    return Movement(word, sentence, before.quarter, after.quarter)


def _way(before: Share, after: Share) -> str:
    """A change that one lead more or less would undo is none."""
    if (after.part - 1) * before.whole > before.part * after.whole:
        return "rose"
    return "fell" if (after.part + 1) * before.whole < before.part * after.whole else "stayed"


def acceptance(quarters: Sequence[Quarter], *, zone: str) -> list[QuarterShare]:
    """Of the MQLs that crossed in each quarter, how many sales accepted (working, or converted), live and imported."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPTANCE, _span(quarters, zone))
        counts = {place - 1: Share(accepted, mqls) for place, mqls, accepted in cursor.fetchall()}
    return [QuarterShare(quarter, counts.get(place, Share())) for place, quarter in enumerate(quarters)]


def follow_up(*, at: datetime) -> list[TierTime]:
    """First follow-ups of live MQLs that crossed in the last 90 days, by tier, in elapsed time from the crossing.

    MQLs younger than the limit of their tier are left out; those never followed up count as not in time.
    """
    given: dict[str, Any] = {
        "high": HIGH_INTENT,
        "high_within": HIGH_INTENT_WITHIN,
        "other_within": NURTURE_WITHIN,
        "never": _NEVER,
        "start": at - WINDOW,
        "end": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW_UP, given)
        return [
            TierTime(
                tier,
                HIGH_INTENT_WITHIN if tier == HIGH_INTENT else NURTURE_WITHIN,
                Share(in_time, mqls),
                None if median == _NEVER else median,
            )
            for tier, mqls, in_time, median in cursor.fetchall()
        ]


def revenue(quarters: Sequence[Quarter], *, zone: str) -> list[QuarterOfRevenue]:
    """Won opportunities by the quarter in which they closed, and what of their amounts is marketing-sourced.

    One row per quarter and currency, the organisation's first; amounts are never converted. Sourced by the first touch
    of the opportunity's lead.
    """
    sums: dict[tuple[int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    with connection.cursor() as cursor:
        cursor.execute(_WON, _span(quarters, zone))
        for place, currency, side, won, with_amount, minor in cursor.fetchall():
            row = sums[place - 1, currency]
            row[side if side in {"marketing", "sales"} else "unknown"] += int(minor)
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
        )
        for currency in currencies
        for place, quarter in enumerate(quarters)
        for row in [sums.get((place, currency), defaultdict(int))]
    ]


def open_pipeline(quarter: Quarter) -> list[OpenPipeline]:
    """Open opportunities whose expected closing lies in the quarter, by currency."""
    first, end = quarter.months()[0], quarter.next().months()[0]
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [first, end])
        return [
            OpenPipeline(currency, count, count - with_amount, int(minor))
            for currency, count, with_amount, minor in cursor.fetchall()
        ]


def _span(quarters: Sequence[Quarter], zone: str) -> dict[str, Any]:
    return {
        "edges": [quarter.starts_at(zone) for quarter in quarters],
        "start": quarters[0].starts_at(zone),
        "end": quarters[-1].ends_at(zone),
    }
