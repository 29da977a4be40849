"""The follow-up window that more than a share of MQLs would have met, with its uncertainty.

Of n MQLs the k-th shortest follow-up is that window, k the smallest whole number with k/n strictly above the share. The
interval needs no assumption about how follow-up times are distributed: the number of MQLs below the true quantile is
binomial(n, share), so the l-th and the u-th shortest enclose it with at least 95% where P(B < l) and P(B >= u) are 2.5%
or less each (order statistics; Conover, Practical Nonparametric Statistics, 3.2). MQLs that nobody followed up, or not
yet, count as not met: they are longer than any window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt

from django.db import connection

from sla.models import ClockKind
from sla.queries.replay import Replayed, lanes_sql

SHARE = 85  # percent
TAIL = 0.025


@dataclass(frozen=True)
class Quantile:
    """Of one tier. Windows in microseconds, None: longer than all that was seen. `low`, `high` enclose the true one
    with 95%; `n` MQLs, of which `followed` were followed up."""

    tier: str
    label: str
    is_business: bool
    n: int
    followed: int
    window: int | None
    low: int | None
    high: int | None

    @property
    def window_words(self) -> str:
        return self._words(self.window)

    @property
    def low_words(self) -> str:
        return self._words(self.low)

    @property
    def high_words(self) -> str:
        return self._words(self.high)

    def _words(self, micros: int | None) -> str:
        """Rounded up to whole minutes, so that the window in words keeps what the exact one keeps."""
        if micros is None:
            return "no bound"
        minutes = -(-micros // 60_000_000)
        kind = "of open time" if self.is_business else "by the clock"
        return f"{minutes // 60} h {minutes % 60} min {kind}" if minutes >= 60 else f"{minutes} min {kind}"


def rank_above(n: int, percent: int = SHARE) -> int:
    """The smallest k with k of n strictly above the percentage; n + 1 where there is none."""
    return min(percent * n // 100 + 1, n + 1)


def ranks_around(n: int, percent: int = SHARE) -> tuple[int, int]:
    """Ranks (l, u) of the order statistics that enclose the quantile with 95%; 0 and n + 1: no bound on that side."""
    low, high = 0, n + 1
    below = 0.0  # P(B < k), summed up from far below the mean
    for k, chance in _chances(n, percent / 100):
        if below <= TAIL:
            low = k
        below += chance
        if 1 - below <= TAIL + 1e-12:  # P(B >= k + 1)
            high = k + 1
            break
    return low, high


def _chances(n: int, share: float) -> Iterator[tuple[int, float]]:
    """(k, P(B = k)) from where it is nothing, ten standard deviations below the mean, to n."""
    if not n:
        return
    first = max(0, int(n * share - 10 * sqrt(n * share * (1 - share)) - 10))
    for k in range(first, n + 1):
        ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        yield k, exp(ways + k * log(share) + (n - k) * log(1 - share))


_SHORTEST = """
SELECT percentile_disc(%(fractions)s::float8[]) WITHIN GROUP (ORDER BY coalesce(need, 9223372036854775807))
FROM begun WHERE lane = %(lane)s
"""
_COUNTS = "SELECT lane, count(*), count(need) FROM begun GROUP BY lane"


def quantiles(asked: Replayed, percent: int = SHARE) -> list[Quantile]:
    """Of each tier of the terms, over MQLs whose promise to follow up began in the span; n may be 0."""
    statement, given = lanes_sql(asked, ClockKind.FOLLOW_UP)
    tiers = asked.terms.tiers
    counts: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    needs: dict[int, list[int | None]] = {}
    if given["calendars"]:
        with connection.cursor() as cursor:
            cursor.execute(statement + _COUNTS, given)
            counts |= {lane: (n, followed) for lane, n, followed in cursor.fetchall()}
            for lane, (n, _) in counts.items():
                cursor.execute(
                    statement + _SHORTEST,
                    given | {"fractions": [(k - 0.5) / n for k in _asked(n, percent)], "lane": lane},
                )
                found = iter(cursor.fetchone()[0] or [])
                needs[lane] = [
                    _finite(next(found)) if 1 <= k <= n else (0 if k < 1 else None)
                    for k in _ranks(n, percent)
                ]
    result = []
    for lane, tier in enumerate(tiers):
        n, followed = counts[lane]
        window, low, high = needs.get(lane, [None, None, None])
        is_business = tier.follow_up_within.is_business
        result.append(Quantile(tier.name, tier.label, is_business, n, followed, window, low, high))
    return result


def _ranks(n: int, percent: int) -> tuple[int, int, int]:
    low, high = ranks_around(n, percent)
    return rank_above(n, percent), low, high


def _asked(n: int, percent: int) -> list[int]:
    return [k for k in _ranks(n, percent) if 1 <= k <= n]


def _finite(need: int) -> int | None:
    return None if need == 2**63 - 1 else need
