"""Leads of a chunk, as alignment.pipeline.leads folds them, with the first touch and the function that sourced them."""

from __future__ import annotations

from alignment.matching.accounts import match_leads
from alignment.matching.duplicates import find_duplicates
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
    WHERE t.lead_id = k.id AND NOT t.is_deleted AND NOT t.is_logged_here AND t.touched_at IS NOT NULL
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


def write_leads(chunk: Chunk) -> list[int]:
    """Insert and update the leads; ids of the old ones that changed."""
    add_referred(chunk, "account", f"SELECT f.fields->>'account' AS external_id {_NEW} WHERE k.is_new")
    columns = _COLUMNS | {"first_seen_at": "%(at)s", "match_rule": "''"}
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
    _leave_to_python(chunk)
    told = f"FROM import_lead k JOIN import_lead_fold f USING (external_id) {_JOINS}"
    changed = update_old(chunk, "lead", _COLUMNS, f"{told} WHERE NOT k.is_new AND k.is_plain")
    chunk.count("lead", "changed", len(changed))
    named = f"FROM import_lead k {_FIRST_TOUCH} WHERE NOT k.is_new AND NOT k.is_named AND k.is_plain"
    update_old(chunk, "lead", _FIRST, named)
    return changed


def _leave_to_python(chunk: Chunk) -> None:
    """Leads about which live facts speak too, and leads that are merged with others."""
    chunk.fold_in_python("lead", "SELECT external_id FROM import_lead_fold WHERE NOT is_history")
    if chunk.rows("SELECT 1 FROM alignment_leadmerge WHERE undone_at IS NULL LIMIT 1"):
        chunk.fold_in_python(
            "lead",
            """
            SELECT k.external_id FROM import_lead k JOIN alignment_leadmerge m ON k.id IN (m.merged_id, m.survivor_id)
            WHERE NOT k.is_new AND m.undone_at IS NULL
            """,
        )
    refolded = [key for _, subject, key in chunk.refold if subject == "lead"]
    chunk.run("UPDATE import_lead SET is_plain = false WHERE external_id = ANY(%(leads)s)", leads=refolded)


def compare_leads(chunk: Chunk, changed: list[int]) -> None:
    """Find the accounts and the duplicates of new and changed leads."""
    new = [pk for (pk,) in chunk.rows("SELECT id FROM import_lead WHERE is_new AND is_named")]
    match_leads(new + changed)
    find_duplicates(new + changed, at=chunk.now)


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
