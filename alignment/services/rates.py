"""How often somebody may ask: a token bucket per holder, taken from by one statement, by the database's clock."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection

# A row that does not come back had less than one request left. Time never runs backwards for a bucket: of two
# statements that wait for each other, the later one may carry the earlier clock.
_TAKE = """
    INSERT INTO alignment_ratebucket AS bucket (holder, level, filled_at)
    VALUES (%(holder)s, %(burst)s - 1, clock_timestamp())
    ON CONFLICT (holder) DO UPDATE SET
        level = LEAST(%(burst)s, bucket.level + %(per_second)s
            * GREATEST(0, extract(epoch FROM EXCLUDED.filled_at - bucket.filled_at))) - 1,
        filled_at = GREATEST(bucket.filled_at, EXCLUDED.filled_at)
    WHERE LEAST(%(burst)s, bucket.level + %(per_second)s
            * GREATEST(0, extract(epoch FROM EXCLUDED.filled_at - bucket.filled_at))) >= 1
    RETURNING level
"""
_LEVEL = """
    SELECT level + %(per_second)s * GREATEST(0, extract(epoch FROM clock_timestamp() - filled_at))
    FROM alignment_ratebucket WHERE holder = %(holder)s
"""


class Taken(NamedTuple):
    """Whether the request may go on, how many more may follow at once, and the seconds until one may."""

    is_allowed: bool
    left: int
    wait: float


def take(*, holder: str, burst: int, per_second: float) -> Taken:
    """Take one request of a holder, who may make `burst` at once and `per_second` in the long run."""
    given: dict[str, str | float] = {"holder": holder, "burst": float(burst), "per_second": per_second}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, given)
        row = cursor.fetchone()
        if row is not None:
            return Taken(True, int(row[0]), 0.0)
        cursor.execute(_LEVEL, given)
        level = float(cursor.fetchone()[0])
    return Taken(False, 0, max(0.0, 1 - level) / per_second)
