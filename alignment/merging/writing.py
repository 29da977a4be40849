"""Rows written from folds: columns with the SQL that computes each of them, for INSERT and for UPDATE."""

from __future__ import annotations

from collections.abc import Mapping

from alignment.merging.chunk import Chunk

Columns = Mapping[str, str]


def text(name: str) -> str:
    return f"coalesce(f.fields->>'{name}', '')"


def flag(name: str) -> str:
    return f"coalesce((f.fields->>'{name}')::boolean, false)"


def moment(name: str) -> str:
    return f"(f.fields->>'{name}')::timestamptz"


def insert_new(chunk: Chunk, kind: str, columns: Columns, source: str) -> int:
    """Insert the new records in the order of their keys. `source`: FROM and WHERE that give k (the key) and f (the
    fold). A record that somebody else inserted meanwhile breaks the unique key, and the chunk is tried again."""
    return chunk.run(
        f"""
        INSERT INTO alignment_{kind} (id, source_id, external_id, {", ".join(columns)})
        SELECT k.id, %(source)s, k.external_id, {", ".join(columns.values())} {source}
        ORDER BY k.external_id COLLATE "C"
        """
    )


def update_old(chunk: Chunk, kind: str, columns: Columns, source: str) -> list[int]:
    """Overwrite the rows that differ from their folds; their ids."""
    new = ", ".join(f"{expression} AS {column}" for column, expression in columns.items())
    changed = ", ".join(f"{column} = new.{column}" for column in columns)
    before, after = (", ".join(f"{side}.{column}" for column in columns) for side in ("old", "new"))
    found = chunk.rows(
        f"""
        UPDATE alignment_{kind} AS old SET {changed}
        FROM (SELECT k.id, {new} {source}) AS new
        WHERE old.id = new.id AND ROW({before}) IS DISTINCT FROM ROW({after})
        RETURNING old.id
        """  # noqa: S608
    )
    return [pk for (pk,) in found]


def facts_of(kind: str, which: str) -> str:
    """FROM clause: the facts (f) of the records (k) of `import_KIND` for which `which` holds, by index.

    Here and wherever facts are looked up by record, `source_id + 0` keeps the planner from the index on (source_id,
    ref): for a source that is new since the last ANALYZE both seem as good, and it would read all its facts each time.
    """
    return f"""
    FROM import_{kind} k
    CROSS JOIN LATERAL (
        SELECT * FROM alignment_fact f
        WHERE f.external_id = k.external_id AND f.subject = '{kind}' AND f.source_id + 0 = %(source)s OFFSET 0
    ) f
    WHERE k.is_named AND {which}
    """  # noqa: S608


NEW_REPEATED = "k.is_new AND k.is_repeated"
OLD = "NOT k.is_new"
