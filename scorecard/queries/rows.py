"""The rows behind the scores: pages of them by key, and whole tables for a file from which scores can be recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Protocol, TypeVar

from alignment.models import Lead, Program
from scorecard.measures import CLASSES, Window
from scorecard.queries.answers import comparison, round_of
from scorecard.queries.attribution import attribution_rows
from scorecard.queries.conversion import STATES, conversion_rows
from scorecard.queries.hygiene import OUTCOMES, hygiene_rows
from scorecard.queries.measure import sql_predicate
from scorecard.queries.window import diagnosis_of, follow_up_window, window_of

PAGE_ROWS = 50
_CHUNK = 500
GROUPS: Mapping[str, Mapping[str, str]] = {
    "hygiene": OUTCOMES,
    "conversion": {key: f"Got as far as: {label}" for key, (label, _) in STATES.items()},
    "attribution": CLASSES,
}
"""What the rows of each measure can be narrowed to."""


class NoSuchRows(LookupError):
    """No measure of this name has rows, or no such group or place."""


class Row(Protocol):
    @property
    def pk(self) -> int: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class RowPage:
    """`rows` as the measure's own dataclasses; `cursor` of the next page, None at the end; `leads` by their keys."""

    rows: list[Any]
    cursor: str | None
    window: Window
    leads: Mapping[int, Lead]


def page_of(name: str, program: Program, *, group: str = "", after: str = "", at: datetime) -> RowPage:
    """Rows of one measure, the newest first, narrowed to a group of GROUPS. Raises NoSuchRows."""
    if name not in GROUPS or (group and group not in GROUPS[name]):
        raise NoSuchRows(name)
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise NoSuchRows(after)
    diagnosis = diagnosis_of(program)
    window = window_of(diagnosis, at=at)
    before = int(after) if after else None
    found: list[Any]
    if name == "hygiene":
        within = follow_up_window(diagnosis)
        found = _some(
            lambda below: hygiene_rows(window, within, at=at, before=below, limit=_CHUNK),
            lambda row: not group or row.outcome == group,
            before,
        )
    elif name == "conversion":
        qualified = sql_predicate(at=at)
        found = _some(
            lambda below: conversion_rows(window, qualified=qualified, before=below, limit=_CHUNK),
            lambda row: not group or row.reached == group,
            before,
        )
    else:
        found = _some(
            lambda below: attribution_rows(window, program, before=below, limit=_CHUNK),
            lambda row: not group or row.outcome == group,
            before,
        )
    shown = found[:PAGE_ROWS]
    keys = {row.pk if name == "conversion" else row.lead_id for row in shown} - {None}
    cursor = str(shown[-1].pk) if len(found) > PAGE_ROWS else None
    return RowPage(shown, cursor, window, Lead.objects.in_bulk(keys))


def _some(
    rows: Callable[[int | None], Iterator[R]], fits: Callable[[R], bool], before: int | None
) -> list[R]:
    """One row more than a page that fits, chunk by chunk."""
    found: list[R] = []
    while True:
        chunk = list(islice(rows(before), _CHUNK))
        found += [row for row in chunk if fits(row)]
        if len(chunk) < _CHUNK or len(found) > PAGE_ROWS:
            return found[: PAGE_ROWS + 1]
        before = chunk[-1].pk


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


def table_of(name: str, program: Program, *, at: datetime) -> Iterator[list[Any]]:
    """All rows for COLUMNS as of `at`, times in ISO 8601 in UTC. Raises NoSuchRows; StillBlind for the answers."""
    if name not in COLUMNS:
        raise NoSuchRows(name)
    if name == "definitions":
        return _answers(program)
    diagnosis = diagnosis_of(program)
    window = window_of(diagnosis, at=at)
    if name == "hygiene":
        rows = hygiene_rows(window, follow_up_window(diagnosis), at=at)
        return (
            [
                row.pk, row.source, row.lead, row.lead_id, _iso(row.crossed_at), _iso(row.started_at),
                _iso(row.due_at), _iso(row.followed_up_at), int(row.is_assigned), int(row.is_history), _iso(at),
            ]
            for row in rows
        )  # fmt: skip
    if name == "conversion":
        return (
            [
                row.pk, row.source, row.lead, _iso(row.created_at),
                *("" if row.has[key] is None else int(bool(row.has[key])) for key in list(STATES)[1:]), _iso(at),
            ]
            for row in conversion_rows(window, qualified=sql_predicate(at=at))
        )  # fmt: skip
    return (
        [
            row.opportunity, row.source, row.lead_id or "", _iso(row.opened_at),
            "" if row.amount is None else row.amount, row.currency, row.first_touch, row.sales or "",
            row.marketing or "",
        ]
        for row in attribution_rows(window, program)
    )  # fmt: skip


def _answers(program: Program) -> Iterator[list[Any]]:
    found = round_of(program)
    if found is None:
        return iter(())
    return ([line.question.key, line.sales, line.marketing] for line in comparison(found).lines)


def _iso(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""
