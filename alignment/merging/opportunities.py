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
    "opened_at": f"coalesce({moment('opened_at')}, (f.course).first_at)",
    "closed_at": "(f.course).closed_at",
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
_FOLD = """
SELECT k.external_id, alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key),
       alignment_course(f.fields, f.occurred_at ORDER BY f.occurred_at, f.order_key), min(f.received_at),
       bool_and(f.is_history)
{facts} GROUP BY k.external_id
"""
_NEW = """
FROM import_opportunity k LEFT JOIN (
    SELECT external_id, fields, alignment_course_step(NULL, fields, occurred_at) AS course, %(at)s AS seen_at
    FROM import_draft f WHERE subject = 'opportunity' AND NOT is_repeated
    UNION ALL SELECT external_id, fields, course, seen_at FROM import_opportunity_fold
) f USING (external_id)
"""
# those that are not new, and of which only imported facts speak
_PLAIN = """
FROM import_opportunity k JOIN import_opportunity_fold f USING (external_id) {joins} WHERE NOT k.is_new AND f.is_history
"""


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
            external_id text, fields jsonb, course alignment_course_state, seen_at timestamptz, is_history boolean
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
    _insert_entries(chunk, f"SELECT k.id, f.course {_NEW} WHERE k.is_new")
    lock_old(chunk, "opportunity")
    chunk.run("TRUNCATE import_opportunity_fold")
    chunk.run("INSERT INTO import_opportunity_fold " + _FOLD.format(facts=facts_of("opportunity", OLD)))
    for kind in ("lead", "account"):
        add_referred(chunk, kind, f"SELECT fields->>'{kind}' AS external_id FROM import_opportunity_fold")  # noqa: S608
    changed = update_old(chunk, "opportunity", _COLUMNS, _PLAIN.format(joins=_JOINS))
    chunk.count("opportunity", "changed", len(changed))
    _insert_entries(chunk, "SELECT k.id, f.course " + _PLAIN.format(joins=""))
    chunk.fold_in_python(
        "opportunity", "SELECT external_id FROM import_opportunity_fold WHERE NOT is_history"
    )


def _insert_entries(chunk: Chunk, courses: str) -> None:
    """Make the stage entries of these opportunities (id, course) those of their courses: what no longer holds in its
    place goes.

    New are as many as there are more than before: an entry that moved was there, and so the chunks of a file add up.
    """
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_entry")
    chunk.run(
        f"""
        CREATE TEMP TABLE import_entry ON COMMIT DROP AS
        SELECT c.id, e.position, e.stage, e.entered_at
        FROM ({courses}) c
        LEFT JOIN LATERAL unnest((c.course).stages, (c.course).entered)
            WITH ORDINALITY AS e(stage, entered_at, position) ON true
        """  # noqa: S608
    )
    moved = chunk.run(
        """
        DELETE FROM alignment_opportunitystage s USING (SELECT DISTINCT id FROM import_entry) named
        WHERE s.opportunity_id = named.id AND NOT EXISTS (
            SELECT FROM import_entry e WHERE (e.id, e.position, e.stage, e.entered_at)
                = (s.opportunity_id, s.position, s.stage, s.entered_at)
        )
        """
    )
    entered = chunk.run(
        """
        INSERT INTO alignment_opportunitystage (opportunity_id, position, stage, entered_at)
        SELECT id, position, stage, entered_at FROM import_entry WHERE position IS NOT NULL
        ON CONFLICT (opportunity_id, position) DO NOTHING
        """
    )
    chunk.count("stage", "new", max(0, entered - moved))


def warn_of_stages(chunk: Chunk) -> None:
    """Opportunities whose stage says by its name that they are over, while neither a file nor the source says so."""
    found = chunk.rows(
        """
        SELECT stage, count(*) FROM alignment_opportunity
        WHERE id IN (SELECT id FROM import_opportunity WHERE is_named) AND NOT is_closed
          AND stage ~* '\\m(won|lost|closed)\\M'
        GROUP BY 1 ORDER BY 2 DESC, 1
        """
    )
    chunk.warn("final_stage_open", sum(number for _, number in found), (stage for stage, _ in found))
