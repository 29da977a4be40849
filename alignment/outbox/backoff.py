"""When a message that failed is tried again: soon at first, then at ever longer intervals, for about two days."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS: list[timedelta] = [
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    *[timedelta(hours=12)] * 3,
]
ATTEMPTS = len(DELAYS) + 1
LONGEST_RETRY_AFTER = timedelta(hours=6)
LONGEST_HOLD = timedelta(minutes=5)


def delay(attempts: int, *, draw: random.Random | None = None) -> timedelta | None:
    """How long to wait after this many failed attempts, up to a quarter longer so that not all come at once.

    None: it is given up.
    """
    if attempts >= ATTEMPTS:
        return None
    return DELAYS[max(attempts, 1) - 1] * (draw or random).uniform(1, 1.25)


def hold(failures: int) -> timedelta:
    """How long all messages wait for a receiver that was out of reach this often in a row."""
    return min(DELAYS[0] * (1 << min(max(failures, 1) - 1, 10)), LONGEST_HOLD)


def retry_after(header: str | None, *, at: datetime) -> timedelta | None:
    """What the receiver asks for, in seconds or as a date: between none and six hours; None where unreadable."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        wanted = timedelta(seconds=int(text[:9]))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        wanted = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at
    return max(timedelta(0), min(wanted, LONGEST_RETRY_AFTER))
