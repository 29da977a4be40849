"""Rows written by the thousand: one INSERT or UPDATE over `unnest`, each column one array.

The ORM's `bulk_create` prepares every value by itself and spends most of a batch's time with it. Here values go to
the driver as they are, so callers hand over rows whose attributes have their final Python types already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models


@cache
def _stored(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """The columns that a row brings along: what the database computes by itself is left out."""
    return tuple(field for field in model._meta.concrete_fields if not field.generated)


@cache
def _kind(field: models.Field[Any, Any]) -> str:
    if isinstance(field, models.ForeignKey):
        return _kind(field.target_field)
    if isinstance(field, models.AutoField):
        return "bigint"
    kind = str(field.db_type(connection))
    return kind.partition(" COLLATE")[0].partition("(")[0].strip()


def _values(rows: Sequence[models.Model], field: models.Field[Any, Any]) -> list[Any]:
    name = field.attname
    if isinstance(field, models.JSONField):
        return [json.dumps(getattr(row, name), ensure_ascii=False) for row in rows]
    return [getattr(row, name) for row in rows]


def _arrays(fields: Sequence[models.Field[Any, Any]]) -> str:
    return ", ".join(f"%s::{_kind(field)}[]" for field in fields)


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> set[int]:
    """Insert rows of one model with one statement, in the order given; ids of those that were inserted.

    Rows get their ids beforehand. `ignore_conflicts`: a row that breaks a unique key is left out, and keeps the id
    that it did not get: the caller looks at what comes back.
    """
    if not rows:
        return set()
    model = type(rows[0])
    pk = model._meta.pk
    fields = _stored(model)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, pk.column, len(rows)],
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
            row._state.adding = False
            row._state.db = connection.alias
        columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
        conflict = "ON CONFLICT DO NOTHING RETURNING" if ignore_conflicts else "RETURNING"
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({_arrays(fields)}) "  # noqa: S608 - our own names
            f"{conflict} {connection.ops.quote_name(pk.column)}",
            [_values(rows, field) for field in fields],
        )
        return {number for (number,) in cursor.fetchall()}


def update(rows: Sequence[models.Model], names: Iterable[str]) -> None:
    """Write these fields (named as the model does) of saved rows of one model with one statement."""
    if not rows:
        return
    model = type(rows[0])
    pk = model._meta.pk
    fields = [model._meta.get_field(name) for name in names]
    quote = connection.ops.quote_name
    changed = ", ".join(f"{quote(field.column)} = new.{quote(field.column)}" for field in fields)
    columns = ", ".join(quote(field.column) for field in [pk, *fields])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(model._meta.db_table)} AS old SET {changed} "  # noqa: S608 - our own names
            f"FROM unnest({_arrays([pk, *fields])}) AS new ({columns}) "
            f"WHERE old.{quote(pk.column)} = new.{quote(pk.column)}",
            [_values(rows, field) for field in [pk, *fields]],
        )
