"""What is kept for a time only: raw content from outside, of which what was made of it stays.

Each part that keeps such content registers how much of it is due and how a batch of it is emptied, in a module
that its `AppConfig.ready` imports:

    @expires("Uploaded files", count=count_old_files)
    def empty_old_files(cut_off: datetime, limit: int, at: datetime) -> Amount: ...

`count` and the decorated function agree on what is due: content from before `cut_off` that nothing waits for. The
function empties at most `limit` rows with one statement and says how many rows and bytes; it is called, each time
in a transaction of its own, until it finds none. It may run twice or on many workers at once.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Amount(NamedTuple):
    """Rows, and the bytes of content in them."""

    rows: int
    size: int


Count = Callable[[datetime], Amount]
Empty = Callable[[datetime, int, datetime], Amount]


@dataclass(frozen=True)
class Part:
    """One kind of raw content."""

    name: str
    count: Count
    empty: Empty


_parts: dict[str, Part] = {}


def expires(name: str, *, count: Count) -> Callable[[Empty], Empty]:
    """Register what empties a batch of one kind of raw content; `name` is what people read."""

    def register(empty: Empty) -> Empty:
        _parts[name] = Part(name, count, empty)
        return empty

    return register


def parts() -> list[Part]:
    """What was registered, by name."""
    return [_parts[name] for name in sorted(_parts)]


def months_before(at: datetime, months: int) -> datetime:
    """The same day and time `months` earlier; the month's last day where it has no such day."""
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)
