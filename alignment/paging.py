"""Pages of a list by key: the next page starts after the last row seen, however many rows lie before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

PAGE_ROWS = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
M = TypeVar("M", bound=Model)


class NoSuchPage(ValueError):
    """The address names no place in the list."""


@dataclass(frozen=True)
class Page(Generic[M]):
    """`cursor` goes into the address of the next page; None at the end of the list."""

    rows: list[M]
    cursor: str | None


def newest_first(found: QuerySet[M], after: str, *, size: int = PAGE_ROWS) -> Page[M]:
    """Rows by falling primary key; `after` is a cursor or empty. Raises NoSuchPage."""
    if after:
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise NoSuchPage(after)
        found = found.filter(pk__lt=int(after))
    return _cut(found.order_by("-pk"), size, lambda row: str(row.pk))


def by_name(found: QuerySet[M], after: str, *, size: int = PAGE_ROWS) -> Page[M]:
    """Rows by `name`, ties by primary key; `after` is the last row's key or empty. Raises NoSuchPage."""
    if after:
        is_key = after.isascii() and after.isdigit() and len(after) < 19
        last = found.model._default_manager.filter(pk=int(after)).first() if is_key else None
        if last is None:
            raise NoSuchPage(after)
        reached = getattr(last, "name", "")
        found = found.filter(Q(name__gt=reached) | Q(name=reached, pk__gt=last.pk))
    return _cut(found.order_by("name", "pk"), size, lambda row: str(row.pk))


def by_moment(
    found: QuerySet[M], moment: str, after: str, *, size: int = PAGE_ROWS, is_latest_first: bool = False
) -> Page[M]:
    """Rows by a rising point in time, or a falling one, ties by primary key likewise; `after` is a cursor or empty.
    Raises NoSuchPage."""
    if after:
        parts = after.split("-")
        if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 19 for p in parts):
            raise NoSuchPage(after)
        try:
            reached = EPOCH + timedelta(microseconds=int(parts[0]))
        except OverflowError as problem:
            raise NoSuchPage(after) from problem
        beyond = "lt" if is_latest_first else "gt"
        found = found.filter(
            Q(**{f"{moment}__{beyond}": reached}) | Q(**{moment: reached, f"pk__{beyond}": int(parts[1])})
        )

    def cursor(row: M) -> str:
        value: datetime = getattr(row, moment)
        return f"{(value - EPOCH) // timedelta(microseconds=1)}-{row.pk}"

    order = (f"-{moment}", "-pk") if is_latest_first else (moment, "pk")
    return _cut(found.order_by(*order), size, cursor)


def _cut(found: QuerySet[M], size: int, cursor: Callable[[M], str]) -> Page[M]:
    """One row more than the page shows tells whether there is a next page."""
    rows: list[Any] = list(found[: size + 1])
    return Page(rows[:size], cursor(rows[size - 1]) if len(rows) > size else None)
