"""Attribution: opportunities opened in the window, what both functions claim of them, and the first touch.

The first touch is the earliest that a source recorded for the lead of the opportunity and for the records merged with
it; what people log here follows up a lead that was there already and sources none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from alignment.models import Function, Program
from scorecard.measures import CLASSES, Attribution, Window, added
from scorecard.models import ClaimList
from scorecard.models.claims import CLAIMING

_ROWS = """
WITH opened AS (
    SELECT o.id, o.external_id, s.key AS source, o.name, o.opened_at, o.amount_minor, upper(o.currency) AS currency,
           coalesce(l.merged_into_id, l.id) AS lead_id
    FROM alignment_opportunity o
    JOIN alignment_source s ON s.id = o.source_id LEFT JOIN alignment_lead l ON l.id = o.lead_id
    WHERE NOT o.is_deleted AND o.opened_at >= %(start)s AND o.opened_at < %(end)s
      AND (%(before)s::bigint IS NULL OR o.id < %(before)s)
    ORDER BY o.id DESC LIMIT %(limit)s
)
SELECT o.id, o.external_id, o.source, o.name, o.opened_at, o.amount_minor, o.currency, o.lead_id,
       coalesce(t.function, 'unknown'), sales.source, marketing.source
FROM opened o
LEFT JOIN LATERAL (
    SELECT t.function FROM alignment_touch t JOIN alignment_lead r ON r.id = t.lead_id
    WHERE (r.id = o.lead_id OR r.merged_into_id = o.lead_id)
      AND NOT t.is_deleted AND NOT t.is_logged_here AND t.touched_at IS NOT NULL
    ORDER BY t.touched_at, t.external_id LIMIT 1
) t ON true
LEFT JOIN scorecard_claim sales ON sales.opportunity_id = o.id AND sales.list_id = %(sales)s
LEFT JOIN scorecard_claim marketing ON marketing.opportunity_id = o.id AND marketing.list_id = %(marketing)s
ORDER BY o.id DESC
"""


@dataclass(frozen=True)
class AttributionRow:
    """One opportunity. `sales` and `marketing`: whom that function's list names as its source; None: not in the list.

    `first_touch` is marketing, sales, other or unknown; `amount` in minor units of `currency`. `outcome`: of CLASSES.
    """

    pk: int
    opportunity: str
    source: str
    name: str
    opened_at: datetime
    amount: int | None
    currency: str
    lead_id: int | None
    first_touch: str
    sales: str | None
    marketing: str | None

    @property
    def claimed_by(self) -> tuple[str, ...]:
        """The functions that name themselves."""
        said = {Function.SALES.value: self.sales, Function.MARKETING.value: self.marketing}
        return tuple(function for function, source in said.items() if source == function)

    @property
    def outcome(self) -> str:
        return outcome_of(self.claimed_by, self.first_touch)


def outcome_of(claimed_by: tuple[str, ...], first_touch: str) -> str:
    """How the claims stand to the first touch."""
    if len(claimed_by) > 1:
        return "both"
    if not claimed_by:
        return "agreed" if first_touch == "other" else "neither"
    if first_touch == "unknown":
        return "unproven"
    return "agreed" if claimed_by[0] == first_touch else "disagreed"


def newest_lists(program: Program) -> dict[str, ClaimList]:
    """By function the list that counts; functions without one are left out."""
    found = ClaimList.objects.filter(program=program).order_by("function", "-number").distinct("function")
    return {row.function: row for row in found.select_related("imported_by")}


def attribution_rows(
    window: Window,
    lists: Mapping[str, ClaimList],
    *,
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[AttributionRow]:
    """The opportunities of the window by falling key, from below `before` on; `limit`: at most so many. `lists`: by
    function those with which the first touch is compared."""
    given = {
        "start": window.starts_at,
        "end": window.ends_at,
        "before": before,
        "limit": limit,
        **{function.value: lists[function].pk if function in lists else None for function in CLAIMING},
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, given)
        while found := cursor.fetchmany(2000):
            yield from (AttributionRow(*row) for row in found)


def measure_attribution(window: Window, lists: Mapping[str, ClaimList]) -> Attribution:
    counts = dict.fromkeys(CLASSES, 0)
    money: dict[str, dict[str, int]] = {name: {} for name in CLASSES}
    deals: dict[str, int] = {}
    without = 0
    for row in attribution_rows(window, lists):
        counts[row.outcome] += 1
        if row.amount is None:
            without += 1
        else:
            money[row.outcome] = added(money[row.outcome], {row.currency: row.amount})
            deals[row.currency] = deals.get(row.currency, 0) + 1
    missing = tuple(function.value for function in CLAIMING if function not in lists)
    numbers = {function: row.number for function, row in lists.items()}
    return Attribution(counts, money, without, missing, deals=deals, lists=numbers)
