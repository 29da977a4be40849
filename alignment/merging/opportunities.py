"""Opportunities of a chunk and their stage entries, as alignment.pipeline.opportunities folds them."""

from __future__ import annotations

from alignment.currencies import in_minor_units
from alignment.merging.chunk import Chunk
from alignment.merging.keys import add_named, add_referred, lock_old
from alignment.merging.writing import NEW_REPEATED, OLD, facts_of, flag, insert_new, moment, text, update_old

_IS_CLOSED = f"({flag('is_closed')} OR {flag('is_won')})"
_COLUMNS = {
    "name": text("name"),
    "amount_minor": in_minor_units("f.fields", "f.fields->>'currency'"),
    "currency": f"upper({text('currency')})",
    "stage": text("stage"),
    "is_won": flag("is_won"),
    "is_closed": _IS_CLOSED,
    "close_on": "nullif(f.fields->>'close_on', '')::date",
    "opened_at": f"coalesce({moment('opened_at')}, f.first_at)",
    "closed_at": f"CASE WHEN {_IS_CLOSED} THEN f.closed_at END",
    "lead_id": "l.id",
    "account_id": "a.id",
    "owner_id": "p.person_id",
    "is_deleted": flag("is_deleted"),
    "first_seen_at": "coalesce(f.seen_at, %(at)s)",
}
_JOINS = """
LEFT JOIN import_lead l ON l.external_id = nullif(f.fields->>'lead', '')
LEFT JOIN import_account a ON a.external_id = nullif(f.fields->>'account', '')
LEFT JOIN alignment_personidentity p
  ON p.source_id = %(source)s AND p.external_id = nullif(f.fields->>'owner', '')
"""
_FOLD = f"""
SELECT k.external_id, alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key), min(f.occurred_at),
       min(f.occurred_at) FILTER (WHERE {_IS_CLOSED}), min(f.received_at), bool_and(f.is_history)
{{facts}} GROUP BY k.external_id
"""
_NEW = f"""
FROM import_opportunity k LEFT JOIN (
    SELECT external_id, fields, occurred_at AS first_at,
           CASE WHEN {_IS_CLOSED} THEN occurred_at END AS closed_at, %(at)s AS seen_at
    FROM import_draft f WHERE subject = 'opportunity' AND NOT is_repeated
    UNION ALL SELECT external_id, fields, first_at, closed_at, seen_at FROM import_opportunity_fold
) f USING (external_id)
"""  # noqa: S608
_ENTRIES = """
SELECT id, row_number() OVER (PARTITION BY id ORDER BY occurred_at, order_key) AS position, stage, occurred_at
FROM (
    SELECT k.id, f.fields->>'stage' AS stage, f.occurred_at, f.order_key,
           lag(f.fields->>'stage') OVER (PARTITION BY k.id ORDER BY f.occurred_at, f.order_key) AS before
    {facts} AND coalesce(f.fields->>'stage', '') <> ''
) said WHERE stage IS DISTINCT FROM before
"""
_PLAIN = "k.external_id IN (SELECT external_id FROM import_opportunity_fold WHERE is_history)"


def find_opportunities(chunk: Chunk) -> None:
    """Fill `import_opportunity`: what drafts are about, and what leads were ever linked to."""
    add_named(chunk, "opportunity")
    add_referred(
        chunk,
        "opportunity",
        "SELECT fields->>'opportunity' AS external_id FROM import_draft WHERE subject = 'lead'",
    )
    chunk.run(
        """
        CREATE TEMP TABLE import_opportunity_fold (
            external_id text, fields jsonb, first_at timestamptz, closed_at timestamptz, seen_at timestamptz,
            is_history boolean
        ) ON COMMIT DROP
        """
    )
    chunk.run(
        "INSERT INTO import_opportunity_fold " + _FOLD.format(facts=facts_of("opportunity", NEW_REPEATED))
    )


def write_opportunities(chunk: Chunk) -> None:
    """Insert and update opportunities with their stage entries; leads and accounts have ids, perhaps no rows yet."""
    if not chunk.rows("SELECT 1 FROM import_opportunity LIMIT 1"):
        return
    add_referred(chunk, "account", f"SELECT f.fields->>'account' AS external_id {_NEW} WHERE k.is_new")
    made = insert_new(chunk, "opportunity", _COLUMNS, f"{_NEW} {_JOINS} WHERE k.is_new")
    mentioned = chunk.rows("SELECT count(*) FROM import_opportunity WHERE is_new AND NOT is_named")[0][0]
    chunk.count("opportunity", "new", made - mentioned)
    chunk.count("opportunity", "mentioned", mentioned)
    entered = chunk.run(
        """
        INSERT INTO alignment_opportunitystage (opportunity_id, position, stage, entered_at)
        SELECT k.id, 1, d.fields->>'stage', d.occurred_at
        FROM import_opportunity k JOIN import_draft d ON d.external_id = k.external_id
        WHERE k.is_new AND d.subject = 'opportunity' AND NOT d.is_repeated
          AND coalesce(d.fields->>'stage', '') <> ''
        """
    )
    chunk.count("stage", "new", entered)
    _insert_entries(chunk, NEW_REPEATED)
    lock_old(chunk, "opportunity")
    chunk.run("TRUNCATE import_opportunity_fold")
    chunk.run("INSERT INTO import_opportunity_fold " + _FOLD.format(facts=facts_of("opportunity", OLD)))
    for kind in ("lead", "account"):
        add_referred(chunk, kind, f"SELECT fields->>'{kind}' AS external_id FROM import_opportunity_fold")  # noqa: S608
    old = f"FROM import_opportunity k JOIN import_opportunity_fold f USING (external_id) {_JOINS}"
    changed = update_old(chunk, "opportunity", _COLUMNS, f"{old} WHERE NOT k.is_new AND f.is_history")
    chunk.count("opportunity", "changed", len(changed))
    _insert_entries(chunk, f"{OLD} AND {_PLAIN}")
    chunk.fold_in_python(
        "opportunity", "SELECT external_id FROM import_opportunity_fold WHERE NOT is_history"
    )


def _insert_entries(chunk: Chunk, which: str) -> None:
    """Make the stage entries of these records those of their facts: what no longer holds in its place goes.

    New are as many as there are more than before: an entry that moved was there, and so the chunks of a file add up.
    """
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_entry")
    entries = _ENTRIES.format(facts=facts_of("opportunity", which))
    chunk.run(f"CREATE TEMP TABLE import_entry ON COMMIT DROP AS {entries}")
    moved = chunk.run(
        """
        DELETE FROM alignment_opportunitystage s USING import_opportunity k
        WHERE s.opportunity_id = k.id AND NOT k.is_new AND k.external_id IN (
            SELECT external_id FROM import_opportunity_fold WHERE is_history
        ) AND (s.opportunity_id, s.position, s.stage, s.entered_at) NOT IN (
            SELECT id, position, stage, occurred_at FROM import_entry
        )
        """
    )
    entered = chunk.run(
        """
        INSERT INTO alignment_opportunitystage (opportunity_id, position, stage, entered_at)
        SELECT id, position, stage, occurred_at FROM import_entry ON CONFLICT (opportunity_id, position) DO NOTHING
        """
    )
    chunk.count("stage", "new", max(0, entered - moved))


def warn_of_stages(chunk: Chunk) -> None:
    """Stages by whose name a deal is over, while neither the file nor the source says so."""
    found = chunk.rows(
        """
        SELECT fields->>'stage', count(*) FROM import_draft
        WHERE subject = 'opportunity' AND fields->>'stage' ~* '\\m(won|lost|closed)\\M'
          AND NOT coalesce((fields->>'is_closed')::boolean, false)
          AND NOT coalesce((fields->>'is_won')::boolean, false)
        GROUP BY 1 ORDER BY 2 DESC, 1
        """
    )
    chunk.warn("final_stage_open", sum(number for _, number in found), (stage for stage, _ in found))
