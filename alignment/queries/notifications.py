"""What a person was told, the unread first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alignment.models import Notification, User
from alignment.paging import PAGE_ROWS, NoSuchPage

_CURSOR = re.compile(r"([ur])-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class Told:
    """A page of the list; `cursor` None at its end."""

    rows: list[Notification]
    cursor: str | None


def unread_count(user: User) -> int:
    return Notification.objects.unread().filter(user=user).count()


def told(user: User, after: str = "", *, size: int = PAGE_ROWS) -> Told:
    """The unread, newest first, then the read, newest first. `after`: a cursor or empty. Raises NoSuchPage.

    One that is read between two pages is not met again where the list had passed it.
    """
    part, below = "u", 10**18
    if after:
        match = _CURSOR.fullmatch(after)
        if match is None:
            raise NoSuchPage(after)
        part, below = match[1], int(match[2])
    mine = Notification.objects.filter(user=user).order_by("-pk")
    rows: list[Notification] = []
    if part == "u":
        rows = list(mine.filter(read_at__isnull=True, pk__lt=below)[: size + 1])
        below = 10**18
    if len(rows) <= size:
        rows += mine.filter(read_at__isnull=False, pk__lt=below)[: size + 1 - len(rows)]
    shown = rows[:size]
    cursor = f"{'r' if shown[-1].read_at else 'u'}-{shown[-1].pk}" if len(rows) > size else None
    return Told(shown, cursor)
