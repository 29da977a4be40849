"""The rows behind the scores: pages of them by key, and whole tables for a file from which scores can be recomputed.

All of it by one basis (scorecard.queries.basis): that of a scorecard lists the rows of its figures as they stood when
it was measured. Only facts that came in since, about the time before, change them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Protocol, TypeVar

from alignment.models import Lead
from scorecard.measures import CLASSES
from scorecard.queries.answers import comparison, round_in
from scorecard.queries.attribution import attribution_rows
from scorecard.queries.basis import Basis
from scorecard.queries.conversion import STATES, ConversionRow, conversion_rows
from scorecard.queries.hygiene import OUTCOMES, HygieneRow, hygiene_rows
from scorecard.queries.measure import qualified_cycles

PAGE_ROWS = 50
MOST_READ = 10_000
"""So many rows are looked through for one page; the next page goes on from there."""
_CHUNK, _STREAMED = 500, 5000
GROUPS: Mapping[str, Mapping[str, str]] = {
    "hygiene": {
        "due": "Due: counted in the rate",
        **OUTCOMES,
        "unassigned": "Not followed up in time, assigned to nobody",
    },
    "conversion": {
        "mqls": "MQLs: counted in MQL to SQL",
        "sqls": "MQLs that became SQLs",
        "opportunities": "With an opportunity: counted in lead to opportunity",
        **{key: f"Got as far as: {label}" for key, (label, _) in STATES.items()},
    },
    "attribution": CLASSES,
}
"""What the rows of each measure can be narrowed to: numerators and denominators of its rates among them."""


class NoSuchRows(LookupError):
    """No measure of this name has rows, or no such group or place."""


class Row(Protocol):
    @property
    def pk(self) -> int: ...


R = TypeVar("R", bound=Row)
Source = Callable[[int | None, int], Iterator[Any]]
"""Rows below a key, at most so many, by falling key."""


@dataclass(frozen=True)
class RowPage:
    """`rows` as the measure's own dataclasses; `cursor` of the next page, None at the end; `leads` by their keys."""

    rows: list[Any]
    cursor: str | None
    leads: Mapping[int, Lead]


def page_of(name: str, basis: Basis, *, group: str = "", after: str = "") -> RowPage:
    """Rows of one measure, the newest first, narrowed to a group of GROUPS.

    A page can hold fewer rows than fit and still have a next one: no more than MOST_READ are looked through.
    Raises NoSuchRows, NoCalendar or NoOpenTime.
    """
    if name not in GROUPS or (group and group not in GROUPS[name]):
        raise NoSuchRows(name)
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise NoSuchRows(after)
    rows, fits = _source(name, basis, group), fits_group(name, group, basis)
    found, cursor = _some(rows, fits, int(after) if after else None)
    keys = {row.pk if name == "conversion" else row.lead_id for row in found} - {None}
    return RowPage(found, cursor, Lead.objects.in_bulk(keys))


def _source(name: str, basis: Basis, group: str = "") -> Source:
    if name == "hygiene":
        within = basis.within
        return lambda below, limit: hygiene_rows(
            basis.window, within, at=basis.at, group=group, before=below, limit=limit
        )
    if name == "conversion":
        cycles = qualified_cycles(basis)
        return lambda below, limit: conversion_rows(
            basis.window, at=basis.at, qualified=cycles, before=below, limit=limit
        )
    return lambda below, limit: attribution_rows(basis.window, basis.lists, before=below, limit=limit)


def fits_group(name: str, group: str, basis: Basis) -> Callable[[Any], bool]:
    """Whether a row belongs to a group; every row to none ("")."""
    if not group:
        return lambda row: True
    if name == "hygiene":
        return lambda row: _is_hygiene(row, group)
    if name == "conversion":
        decides = "accepted" if basis.sql is None else "qualified"
        return lambda row: _is_conversion(row, group, decides)
    return lambda row: bool(row.outcome == group)


def _is_hygiene(row: HygieneRow, group: str) -> bool:
    if group == "due":
        return row.outcome != "running"
    if group == "unassigned":
        return row.outcome == "missed" and not row.is_assigned
    return row.outcome == group


def _is_conversion(row: ConversionRow, group: str, decides: str) -> bool:
    if group == "mqls":
        return bool(row.has["mql"])
    if group == "sqls":
        return bool(row.has["mql"] and row.has[decides])
    if group == "opportunities":
        return bool(row.has["opportunity"])
    return row.reached == group


def _some(rows: Source, fits: Callable[[Any], bool], before: int | None) -> tuple[list[Any], str | None]:
    """A page of rows that fit, and from where on the next one looks."""
    found: list[Any] = []
    for _ in range(MOST_READ // _CHUNK):
        chunk = list(islice(rows(before, _CHUNK), _CHUNK))
        found += [row for row in chunk if fits(row)]
        if len(found) > PAGE_ROWS:
            return found[:PAGE_ROWS], str(found[PAGE_ROWS - 1].pk)
        if len(chunk) < _CHUNK:
            return found, None
        before = chunk[-1].pk
    return found, str(before)


COLUMNS: Mapping[str, Sequence[str]] = {
    "definitions": ("question", "sales", "marketing"),
    "hygiene": (
        "cycle", "crm", "lead", "lead_key", "crossed_at", "started_at", "due_at", "followed_up_at", "assigned",
        "history", "measured_at",
    ),
    "conversion": (
        "lead_key", "crm", "lead", "created_at", "engaged", "mql", "accepted", "qualified", "opportunity",
        "measured_at",
    ),
    "attribution": (
        "opportunity", "crm", "lead_key", "opened_at", "amount_minor", "currency", "first_touch", "sales_says",
        "marketing_says",
    ),
}  # fmt: skip


def table_of(name: str, basis: Basis, *, group: str = "") -> Iterator[list[Any]]:
    """All rows, or those of a group, for COLUMNS, times in ISO 8601 in UTC, read a piece at a time.

    Raises, before the first row: NoSuchRows, NoCalendar, NoOpenTime; StillBlind for the answers.
    """
    if name not in COLUMNS or (group and group not in GROUPS.get(name, {})):
        raise NoSuchRows(name)
    if name == "definitions":
        return _answers(basis)
    rows, fits, line = _source(name, basis, group), fits_group(name, group, basis), _LINES[name]
    if name == "hygiene":
        basis.within.check(basis.at)
    return (line(row, _iso(basis.at)) for row in _all(rows) if fits(row))


def _all(rows: Source) -> Iterator[Any]:
    """Piece by piece, so that no more than one is held."""
    before: int | None = None
    while True:
        read = 0
        for row in rows(before, _STREAMED):
            yield row
            before, read = row.pk, read + 1
        if read < _STREAMED:
            return


def _hygiene_line(row: HygieneRow, at: str) -> list[Any]:
    return [
        row.pk, row.source, row.lead, row.lead_id, _iso(row.crossed_at), _iso(row.started_at), _iso(row.due_at),
        _iso(row.followed_up_at), int(row.is_assigned), int(row.is_history), at,
    ]  # fmt: skip


def _conversion_line(row: ConversionRow, at: str) -> list[Any]:
    evidence = ("" if row.has[key] is None else int(bool(row.has[key])) for key in list(STATES)[1:])
    return [row.pk, row.source, row.lead, _iso(row.created_at), *evidence, at]


def _attribution_line(row: Any, at: str) -> list[Any]:
    return [
        row.opportunity, row.source, row.lead_id or "", _iso(row.opened_at),
        "" if row.amount is None else row.amount, row.currency, row.first_touch, row.sales or "", row.marketing or "",
    ]  # fmt: skip


_LINES: Mapping[str, Callable[[Any, str], list[Any]]] = {
    "hygiene": _hygiene_line,
    "conversion": _conversion_line,
    "attribution": _attribution_line,
}


def _answers(basis: Basis) -> Iterator[list[Any]]:
    found = round_in(basis.round)
    if found is None:
        return iter(())
    return ([line.question.key, line.sales, line.marketing] for line in comparison(found).lines)


def _iso(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""
