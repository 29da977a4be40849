"""Temporary tables of the records that a chunk speaks about, each with its id before it is written.

`import_lead`, `import_touch`, `import_opportunity`, `import_account`, `import_campaign`, one row a record:
`external_id`; `id`, of the row that is there or the next of the sequence; `is_new`; `is_named`: drafts speak about it
itself and not only others refer to it; `is_repeated`: more than one of them does. Of leads also `has_attempts`: its
attempts by sales may be others than before, and `is_plain`: imported facts alone speak about it, and it is merged with
no other. Ids are given beforehand so that
rows can refer to each other whatever the order in which they are written, which is the order of locks of the drain.
"""

from __future__ import annotations

from django.db import connection

from alignment.merging.chunk import Chunk

# in the order of locks of the drain
KINDS = ("touch", "opportunity", "lead", "account", "campaign")
_MORE = {
    "touch": "old_lead_id bigint, was_attempt boolean",
    "lead": "has_attempts boolean NOT NULL DEFAULT false, is_plain boolean NOT NULL DEFAULT true",
}
_FROM_ROW = {"touch": {"old_lead_id": "lead_id", "was_attempt": "is_attempt"}}


def lock_tables() -> None:
    """Let nobody else write records until the transaction ends; reading goes on. In the order of the drain's locks."""
    with connection.cursor() as cursor:
        for kind in KINDS:
            cursor.execute(f"LOCK TABLE alignment_{kind} IN SHARE ROW EXCLUSIVE MODE")


def make_tables(chunk: Chunk) -> None:
    for kind in KINDS:
        chunk.run(f"DROP TABLE IF EXISTS pg_temp.import_{kind}, pg_temp.import_{kind}_fold")
        more = f", {_MORE[kind]}" if kind in _MORE else ""
        chunk.run(
            f"CREATE TEMP TABLE import_{kind} (external_id text, id bigint, is_new boolean, is_named boolean, "
            f"is_repeated boolean{more}) ON COMMIT DROP"
        )


def add_named(chunk: Chunk, kind: str) -> None:
    """The records that drafts are about. Called first for a kind."""
    _add(
        chunk,
        kind,
        f"""
        SELECT DISTINCT external_id, true AS is_named, is_repeated FROM import_draft WHERE subject = '{kind}'
        """,  # noqa: S608 - names of this package
    )
    chunk.run(f"ANALYZE import_{kind} (external_id, id)")


def add_referred(chunk: Chunk, kind: str, query: str) -> None:
    """The records whose external ids the query gives in its column `external_id`, if they are not there yet."""
    _add(
        chunk,
        kind,
        f"""
        SELECT DISTINCT q.external_id, false AS is_named, false AS is_repeated FROM ({query}) q
        WHERE q.external_id <> ''
          AND NOT EXISTS (SELECT FROM import_{kind} i WHERE i.external_id = q.external_id)
        """,  # noqa: S608
    )


def _add(chunk: Chunk, kind: str, query: str) -> None:
    columns = _FROM_ROW.get(kind, {})
    names = "".join(f", {name}" for name in columns)
    found = "".join(f", r.{column}" for column in ["id", *columns.values()])
    chunk.run(
        f"""
        INSERT INTO import_{kind} (external_id, is_named, is_repeated, id, is_new{names})
        SELECT k.external_id, k.is_named, k.is_repeated, coalesce(r.id, nextval('alignment_{kind}_id_seq')),
               r.id IS NULL{found.removeprefix(", r.id")}
        FROM ({query}) k
        LEFT JOIN LATERAL (
            SELECT * FROM alignment_{kind} r WHERE r.source_id = %(source)s AND r.external_id = k.external_id LIMIT 1
        ) r ON true
        """  # noqa: S608
    )


def lock_old(chunk: Chunk, kind: str) -> None:
    """Lock the rows that are there in the order of their ids, as the drain does."""
    chunk.run(
        f"""
        SELECT count(*) FROM (
            SELECT FROM alignment_{kind} WHERE id IN (SELECT id FROM import_{kind} WHERE NOT is_new)
            ORDER BY id FOR NO KEY UPDATE
        ) locked
        """  # noqa: S608
    )
