"""Records by their natural key: found, made, locked and overwritten, each with one statement for any number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from django.db import models

from alignment.models import Account, Campaign, Lead, Opportunity, Touch
from alignment.pipeline.batch import Key
from alignment.pipeline.writing import insert, update

R = TypeVar("R", Account, Campaign, Lead, Opportunity, Touch)


def _by_source(keys: Iterable[Key]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for source, external_id in sorted(keys):
        found[source].append(external_id)
    return found


def where(keys: Iterable[Key]) -> models.Q:
    """Rows of these natural keys: external ids per source."""
    condition = models.Q(pk__in=[])
    for source, ids in _by_source(keys).items():
        condition |= models.Q(source_id=source, external_id__in=ids)
    return condition


def find(model: type[R], keys: Iterable[Key]) -> dict[Key, R]:
    return {(row.source_id, row.external_id): row for row in model._default_manager.filter(where(keys))}


def make(
    model: type[R], keys: Iterable[Key], defaults: Callable[[Key], dict[str, Any]] | None = None
) -> None:
    """Stubs for the keys that have no row yet; in one order, so that two makers wait for each other in it."""
    wanted = set(keys)
    wanted -= set(model._default_manager.filter(where(wanted)).values_list("source_id", "external_id"))
    stubs = [
        model(source_id=key[0], external_id=key[1], **(defaults(key) if defaults else {}))
        for key in sorted(wanted)
    ]
    insert(stubs, ignore_conflicts=True)


def find_or_make(
    model: type[R], keys: set[Key], defaults: Callable[[Key], dict[str, Any]] | None = None
) -> dict[Key, R]:
    """Rows that others refer to, unlocked."""
    make(model, keys, defaults)
    return find(model, keys)


def parts_of(keys: Iterable[Key]) -> list[int]:
    """Ids of the touches that are part of these calls."""
    condition = models.Q(pk__in=[])
    for source, calls in _by_source(keys).items():
        condition |= models.Q(source_id=source, part_of__in=calls)
    return list(Touch.objects.filter(condition).values_list("pk", flat=True))


def lock(model: type[R], keys: Iterable[Key], also_ids: Iterable[int] = ()) -> dict[Key, R]:
    """The rows, locked in the order of their ids until the transaction ends. References to them stay possible."""
    rows = (
        model._default_manager.select_for_update(of=("self",), no_key=True)
        .filter(where(keys) | models.Q(pk__in=list(also_ids)))
        .order_by("pk")
    )
    return {(row.source_id, row.external_id): row for row in rows}


class Changes:
    """Remembers rows as they were read, so that only those that a fold changed are written."""

    def __init__(self, model: type[models.Model], columns: list[str]) -> None:
        self.model, self.columns = model, columns
        fields = {field.name: field.attname for field in model._meta.concrete_fields}
        self._values = attrgetter(*(fields[column] for column in columns))
        self._before: dict[int, tuple[Any, ...]] = {}

    def remember(self, rows: Iterable[models.Model]) -> None:
        for row in rows:
            self._before[row.pk] = self._values(row)

    def changed(self, rows: Iterable[models.Model]) -> list[models.Model]:
        return [row for row in rows if self._before.get(row.pk) != self._values(row)]

    def write(self, rows: Iterable[models.Model]) -> None:
        """Write the changed rows with one statement: the columns in which any of them differs from before."""
        found = self.changed(rows)
        differing = {
            column
            for row in found
            for column, before, now in zip(self.columns, self._before[row.pk], self._values(row), strict=True)
            if before != now
        }
        update(found, [column for column in self.columns if column in differing])


def moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
