"""Accounts and campaigns of a chunk: every column is one field."""

from __future__ import annotations

from alignment.merging.chunk import Chunk
from alignment.merging.keys import add_named, lock_old
from alignment.merging.writing import NEW_REPEATED, OLD, facts_of, flag, insert_new, text, update_old

_COLUMNS = {
    "account": {"name": text("name"), "domain": text("domain"), "is_deleted": flag("is_deleted")},
    "campaign": {"name": text("name"), "channel": text("channel"), "is_deleted": flag("is_deleted")},
}
_FOLD = """
INSERT INTO import_{kind}_fold
SELECT k.external_id, alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key), bool_and(f.is_history)
{facts} GROUP BY k.external_id
"""


def find_simple(chunk: Chunk, kind: str) -> None:
    add_named(chunk, kind)
    chunk.run(
        f"CREATE TEMP TABLE import_{kind}_fold (external_id text, fields jsonb, is_history boolean) ON COMMIT DROP"
    )
    chunk.run(_FOLD.format(kind=kind, facts=facts_of(kind, NEW_REPEATED)))


def write_simple(chunk: Chunk, kind: str) -> None:
    """Insert and update what drafts are about, and insert what others refer to."""
    if not chunk.rows(f"SELECT 1 FROM import_{kind} LIMIT 1"):  # noqa: S608
        return
    new = f"""
    FROM import_{kind} k LEFT JOIN (
        SELECT external_id, fields FROM import_draft WHERE subject = '{kind}' AND NOT is_repeated
        UNION ALL SELECT external_id, fields FROM import_{kind}_fold
    ) f USING (external_id) WHERE k.is_new
    """  # noqa: S608
    made = insert_new(chunk, kind, _COLUMNS[kind], new)
    mentioned = chunk.rows(f"SELECT count(*) FROM import_{kind} WHERE is_new AND NOT is_named")[0][0]  # noqa: S608
    if kind == "account":
        chunk.run(
            """
            INSERT INTO alignment_changedaccount (account_id, domain_key, name_key)
            SELECT id, '', '' FROM import_account WHERE is_new AND is_named
            """
        )
    chunk.count(kind, "new", made - mentioned)
    chunk.count(kind, "mentioned", mentioned)
    if not chunk.rows(f"SELECT 1 FROM import_{kind} WHERE NOT is_new AND is_named LIMIT 1"):  # noqa: S608
        return
    lock_old(chunk, kind)
    chunk.run(f"TRUNCATE import_{kind}_fold")
    chunk.run(_FOLD.format(kind=kind, facts=facts_of(kind, OLD)))
    old = f"FROM import_{kind} k JOIN import_{kind}_fold f USING (external_id) WHERE NOT k.is_new AND f.is_history"
    _note_changes(chunk, kind, old)
    chunk.count(kind, "changed", len(update_old(chunk, kind, _COLUMNS[kind], old)))
    chunk.fold_in_python(kind, f"SELECT external_id FROM import_{kind}_fold WHERE NOT is_history")  # noqa: S608


def _note_changes(chunk: Chunk, kind: str, old: str) -> None:
    """Of accounts that change, the keys of before: leads that were or will be theirs are matched again."""
    if kind != "account":
        return
    columns = _COLUMNS[kind]
    chunk.run(
        f"""
        INSERT INTO alignment_changedaccount (account_id, domain_key, name_key)
        SELECT a.id, a.domain_key, a.name_key FROM alignment_account a
        JOIN (SELECT k.id, {", ".join(f"{value} AS {name}" for name, value in columns.items())} {old}) new USING (id)
        WHERE ROW({", ".join(f"a.{name}" for name in columns)})
              IS DISTINCT FROM ROW({", ".join(f"new.{name}" for name in columns)})
        """  # noqa: S608
    )
