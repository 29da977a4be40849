"""Rows written by the thousand: one INSERT or UPDATE over `unnest`, each column one array.

The ORM's `bulk_create` prepares every value by itself and spends most of a batch's time with it. Here values go to
the driver as they are, so callers hand over rows whose attributes have their final Python types already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeAlias

from django.db import connection, models

Column: TypeAlias = "models.Field[Any, Any]"


@cache
def _stored(model: type[models.Model]) -> tuple[Column, ...]:
    """The columns that a row brings along: what the database computes by itself is left out."""
    return tuple(field for field in model._meta.concrete_fields if not field.generated)


@cache
def _named(model: type[models.Model], names: tuple[str, ...]) -> tuple[Column, ...]:
    """The primary key and these fields."""
    by_name: dict[str, Column] = {field.name: field for field in model._meta.concrete_fields}
    return (model._meta.pk, *(by_name[name] for name in names))


def _quoted(field: Column) -> str:
    return connection.ops.quote_name(str(field.column))


@cache
def _kind(field: Column) -> str:
    if isinstance(field, models.ForeignKey):
        return _kind(field.target_field)
    if isinstance(field, models.AutoField):
        return "bigint"
    kind = str(field.db_type(connection))
    return kind.partition(" COLLATE")[0].partition("(")[0].strip()


def _values(rows: Sequence[models.Model], field: Column) -> list[Any]:
    name = field.attname
    if isinstance(field, models.JSONField):
        return [json.dumps(getattr(row, name), ensure_ascii=False) for row in rows]
    return [getattr(row, name) for row in rows]


def _arrays(fields: Sequence[Column]) -> str:
    return ", ".join(f"%s::{_kind(field)}[]" for field in fields)


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> set[int]:
    """Insert rows of one model with one statement, in the order given; ids of those that were inserted.

    Rows get their ids beforehand. `ignore_conflicts`: a row that breaks a unique key is left out, and keeps the id
    that it did not get: the caller looks at what comes back.
    """
    if not rows:
        return set()
    model = type(rows[0])
    fields = _stored(model)
    table = connection.ops.quote_name(model._meta.db_table)
    key = model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, key, len(rows)],
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
            row._state.adding = False
            row._state.db = connection.alias
        conflict = "ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(_quoted, fields))}) "  # noqa: S608 - names of our own models
            f"SELECT * FROM unnest({_arrays(fields)}) {conflict} RETURNING {_quoted(model._meta.pk)}",
            [_values(rows, field) for field in fields],
        )
        return {number for (number,) in cursor.fetchall()}


def update(rows: Sequence[models.Model], names: Iterable[str]) -> None:
    """Write these fields (named as the model does) of saved rows of one model with one statement."""
    written = tuple(names)
    if not rows or not written:
        return
    model = type(rows[0])
    fields = _named(model, written)
    key, *changed = map(_quoted, fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {connection.ops.quote_name(model._meta.db_table)} AS old "  # noqa: S608 - names of our own models
            f"SET {', '.join(f'{column} = new.{column}' for column in changed)} "
            f"FROM unnest({_arrays(fields)}) AS new ({', '.join([key, *changed])}) WHERE old.{key} = new.{key}",
            [_values(rows, field) for field in fields],
        )
