"""Leads of a chunk, as alignment.pipeline.leads folds them, with the first touch and the function that sourced them."""

from __future__ import annotations

from alignment.merging.chunk import Chunk
from alignment.merging.keys import add_named, add_referred, lock_old
from alignment.merging.writing import NEW_REPEATED, OLD, facts_of, flag, insert_new, moment, text, update_old
from alignment.pipeline.leads import TEXTS

_FIRST = {"first_touch_id": "t.id", "sourced_function": "coalesce(t.function, 'unknown')"}
_COLUMNS = (
    {name: text(name) for name in TEXTS}
    | {
        "channel": "f.fields->>'channel'",
        "score": "(f.fields->>'score')::integer",
        "crm_created_at": moment("created_at"),
        "account_id": "a.id",
        "crm_owner_id": "p.person_id",
        "is_deleted": flag("is_deleted"),
    }
    | _FIRST
)
_FIRST_TOUCH = """
LEFT JOIN LATERAL (
    SELECT t.id, t.function FROM alignment_touch t
    WHERE t.lead_id = k.id AND NOT t.is_deleted AND t.touched_at IS NOT NULL
    ORDER BY t.touched_at, t.external_id LIMIT 1
) t ON true
"""
_JOINS = f"""
LEFT JOIN import_account a ON a.external_id = nullif(f.fields->>'account', '')
LEFT JOIN alignment_personidentity p
  ON p.source_id = %(source)s AND p.external_id = nullif(f.fields->>'owner', '')
{_FIRST_TOUCH}
"""
_FOLD = """
SELECT k.external_id, alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key), bool_and(f.is_history)
{facts} GROUP BY k.external_id
"""
_NEW = """
FROM import_lead k LEFT JOIN (
    SELECT external_id, fields FROM import_draft WHERE subject = 'lead' AND NOT is_repeated
    UNION ALL SELECT external_id, fields FROM import_lead_fold
) f USING (external_id)
"""


def find_leads(chunk: Chunk) -> None:
    """Fill `import_lead`: the leads that drafts are about or name."""
    add_named(chunk, "lead")
    add_referred(
        chunk,
        "lead",
        """
        SELECT fields->>'lead' AS external_id FROM import_draft WHERE subject IN ('touch', 'opportunity')
        """,
    )
    chunk.run(
        "CREATE TEMP TABLE import_lead_fold (external_id text, fields jsonb, is_history boolean) ON COMMIT DROP"
    )
    chunk.run("INSERT INTO import_lead_fold " + _FOLD.format(facts=facts_of("lead", NEW_REPEATED)))


def write_leads(chunk: Chunk) -> None:
    """Insert and update the leads. `import_lead_fold` then holds the old ones that drafts are about."""
    add_referred(chunk, "account", f"SELECT f.fields->>'account' AS external_id {_NEW} WHERE k.is_new")
    columns = _COLUMNS | {"first_seen_at": "%(at)s"}
    made = insert_new(chunk, "lead", columns, f"{_NEW} {_JOINS} WHERE k.is_new")
    mentioned = chunk.rows(
        "SELECT external_id FROM import_lead WHERE is_new AND NOT is_named ORDER BY external_id"
    )
    chunk.count("lead", "new", made - len(mentioned))
    chunk.count("lead", "mentioned", len(mentioned))
    chunk.warn("lead_not_told", len(mentioned), (external_id for (external_id,) in mentioned[:50]))
    lock_old(chunk, "lead")
    chunk.run("TRUNCATE import_lead_fold")
    chunk.run("INSERT INTO import_lead_fold " + _FOLD.format(facts=facts_of("lead", OLD)))
    add_referred(chunk, "account", "SELECT fields->>'account' AS external_id FROM import_lead_fold")
    told = f"FROM import_lead k JOIN import_lead_fold f USING (external_id) {_JOINS}"
    changed = update_old(chunk, "lead", _COLUMNS, f"{told} WHERE NOT k.is_new AND f.is_history")
    chunk.count("lead", "changed", changed)
    named = f"FROM import_lead k {_FIRST_TOUCH} WHERE NOT k.is_new AND NOT k.is_named"
    update_old(chunk, "lead", _FIRST, named)
    chunk.fold_in_python("lead", "SELECT external_id FROM import_lead_fold WHERE NOT is_history")


def warn_of_dates(chunk: Chunk) -> None:
    found = chunk.rows(
        """
        SELECT external_id, count(*) OVER () FROM import_draft
        WHERE subject = 'lead' AND coalesce(fields->>'mql_at', '') <> ''
          AND coalesce(fields->>'disposition', '') <> '' AND coalesce(fields->>'disposed_at', '') = ''
        ORDER BY line LIMIT 10
        """
    )
    chunk.warn("disposition_without_date", found[0][1] if found else 0, (row[0] for row in found))
