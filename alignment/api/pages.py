"""Pages of a list by key: what is added or taken away meanwhile neither repeats nor hides a row. Nothing counts.

A row that is itself moved between two pages, by a change of the moment that the list is ordered by, may be missed or
met twice; ids never change.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from alignment.api.problems import Problem

USUAL, MOST = 50, 100


class KeyPages(BasePagination):
    """`{"results": [...], "next": address of the next page or null}`; `limit` up to 100, `ordering`, `cursor`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request, door = request, view
        self.limit = _limit(request.query_params.get("limit"))
        self.ordering = request.query_params.get("ordering") or next(iter(door.orderings))
        name = self.ordering.removeprefix("-")
        if name not in door.orderings or self.ordering.startswith("--"):
            known = ", ".join(f"{known}, -{known}" for known in door.orderings)
            _refuse("ordering", f"One of {known}.")
        self.column, is_falling = door.orderings[name], self.ordering.startswith("-")
        if (cursor := request.query_params.get("cursor")) is not None:
            queryset = queryset.filter(self._follows(cursor, "lt" if is_falling else "gt"))
        sign = "-" if is_falling else ""
        order = [f"{sign}pk"] if self.column == "pk" else [f"{sign}{self.column}", f"{sign}pk"]
        rows = list(queryset.order_by(*order)[: self.limit + 1])
        self.last = rows[self.limit - 1] if len(rows) > self.limit else None
        return rows[: self.limit]

    def _follows(self, cursor: str, side: str) -> Q:
        """Condition on what comes after the row that a cursor names."""
        ordering, value, pk = _read(cursor)
        if ordering != self.ordering:
            _refuse("cursor", "It belongs to another ordering; follow `next` as it was given.")
        if self.column == "pk":
            return Q(**{f"pk__{side}": pk})
        try:
            reached = datetime.fromisoformat(str(value))
        except ValueError:
            _refuse("cursor", "Follow `next` as it was given.")
        if reached.tzinfo is None:
            _refuse("cursor", "Follow `next` as it was given.")
        return Q(**{f"{self.column}__{side}": reached}) | Q(**{self.column: reached, f"pk__{side}": pk})

    def _next(self) -> str | None:
        """The address of the next page, from the root of this site."""
        if self.last is None:
            return None
        pairs = [(name, value) for name, value in self.request.query_params.items() if name != "cursor"]
        return f"{self.request.path}?{urlencode([*pairs, ('cursor', self._cursor(self.last))])}"

    def _cursor(self, row: Model) -> str:
        value = None
        if self.column != "pk":
            moment: datetime = getattr(row, self.column)
            value = moment.astimezone(UTC).isoformat()
        text = json.dumps([self.ordering, value, row.pk], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        return Response({"results": data, "next": self._next()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": {"type": "array", "items": schema.get("items", schema), "maxItems": MOST},
                "next": {
                    "type": ["string", "null"],
                    "description": "Address of the next page from the root of this site; null on the last one.",
                },
            },
        }


def _refuse(parameter: str, detail: str) -> Any:
    said = "There are parameters that cannot be used."
    raise Problem("invalid", said, [{"parameter": parameter, "detail": detail}])


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST):
        _refuse("limit", f"A whole number from 1 to {MOST}.")
    return int(text)


def _read(cursor: str) -> tuple[str, str | None, int]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        ordering, value, pk = json.loads(raw)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        _refuse("cursor", "Follow `next` as it was given.")
    if isinstance(pk, bool) or not isinstance(pk, int) or not 0 <= pk < 2**63:
        _refuse("cursor", "Follow `next` as it was given.")
    return str(ordering), value, pk
