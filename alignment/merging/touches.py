"""Touches of a chunk, as alignment.pipeline.touches folds them."""

from __future__ import annotations

from alignment.merging.chunk import Chunk
from alignment.merging.keys import add_named, add_referred, lock_old
from alignment.merging.writing import NEW_REPEATED, OLD, facts_of, flag, insert_new, moment, text, update_old


def _is_attempt(fields: str) -> str:
    """Said outright, or an outbound call or meeting that took place; by sales."""
    said, happened, outbound = (
        f"coalesce(({fields}->>'{name}')::boolean, false)"
        for name in ("is_attempt", "took_place", "is_outbound")
    )
    return f"(({said} OR ({happened} AND {outbound})) AND coalesce({fields}->>'function' = 'sales', false))"


_FUNCTION = "coalesce(nullif(f.fields->>'function', ''), 'unknown')"
_COLUMNS = {
    "lead_id": "l.id",
    "function": _FUNCTION,
    "channel": text("channel"),
    "subject": text("subject"),
    "outcome": text("outcome"),
    "is_attempt": _is_attempt("f.fields"),
    "is_connected": flag("is_connected"),
    "person_id": "p.person_id",
    "campaign_id": "c.id",
    "touched_at": f"coalesce({moment('touched_at')}, f.first_at)",
    "touched_until": (
        "CASE WHEN f.fields->'touched_day'->>0 = f.fields->>'touched_at' "
        "THEN (f.fields->'touched_day'->>1)::timestamptz END"
    ),
    "received_at": "f.known_at",
    "is_history": "true",
    "is_logged_here": "false",
    "part_of": "''",
    "is_deleted": flag("is_deleted"),
}
_JOINS = """
LEFT JOIN import_lead l ON l.external_id = nullif(f.fields->>'lead', '')
LEFT JOIN import_campaign c ON c.external_id = nullif(f.fields->>'campaign', '')
LEFT JOIN alignment_personidentity p
  ON p.source_id = %(source)s AND p.external_id = nullif(f.fields->>'person', '')
"""
# What we know and when: of an attempt, when we learned that it was made.
_FOLD = f"""
SELECT external_id, (array_agg(so_far) FILTER (WHERE n = of_n))[1], min(occurred_at),
       coalesce(
           (array_agg(received_at ORDER BY n) FILTER (WHERE {_is_attempt("so_far")}))[1], min(received_at)
       ), bool_and(is_history)
FROM (
    SELECT k.external_id, f.occurred_at, f.received_at, f.is_history, alignment_fold(f.fields) OVER w AS so_far,
           row_number() OVER w AS n, count(*) OVER (PARTITION BY k.external_id) AS of_n
    {{facts}}
    WINDOW w AS (PARTITION BY k.external_id ORDER BY f.occurred_at, f.order_key ROWS UNBOUNDED PRECEDING)
) run GROUP BY external_id
"""  # noqa: S608 - constants of this module
# Calls with several leads: Python folds the call and its parts together.
_IN_CALLS = """
SELECT external_id FROM import_draft
WHERE subject = 'touch' AND (coalesce(fields->>'part_of', '') <> '' OR fields ? 'leads')
UNION
SELECT k.external_id FROM import_touch k
WHERE (SELECT count(*) FROM (
    SELECT FROM alignment_touch t WHERE t.source_id = %(source)s AND t.part_of = k.external_id AND t.part_of <> ''
    LIMIT 1
) part) > 0
"""
_OURS = "NOT EXISTS (SELECT FROM import_call s WHERE s.external_id = k.external_id)"


def find_touches(chunk: Chunk) -> None:
    """Fill `import_touch`, and `import_call` with those that Python folds."""
    add_named(chunk, "touch")
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_call")
    chunk.run(f"CREATE TEMP TABLE import_call ON COMMIT DROP AS {_IN_CALLS}")
    chunk.run(
        """
        CREATE TEMP TABLE import_touch_fold (
            external_id text, fields jsonb, first_at timestamptz, known_at timestamptz, is_history boolean
        ) ON COMMIT DROP
        """
    )
    chunk.run("INSERT INTO import_touch_fold " + _FOLD.format(facts=facts_of("touch", NEW_REPEATED)))


def write_touches(chunk: Chunk) -> None:
    """Insert and update the touches; their leads and campaigns have ids already, but perhaps no rows yet."""
    new = """
    FROM import_touch k JOIN (
        SELECT external_id, fields, occurred_at AS first_at, %(at)s AS known_at FROM import_draft
        WHERE subject = 'touch' AND NOT is_repeated
        UNION ALL SELECT external_id, fields, first_at, known_at FROM import_touch_fold
    ) f USING (external_id)
    """
    add_referred(chunk, "campaign", f"SELECT f.fields->>'campaign' AS external_id {new} WHERE k.is_new")
    chunk.count(
        "touch", "new", insert_new(chunk, "touch", _COLUMNS, f"{new} {_JOINS} WHERE k.is_new AND {_OURS}")
    )
    _note_attempts(chunk)
    lock_old(chunk, "touch")
    chunk.run("TRUNCATE import_touch_fold")
    chunk.run("INSERT INTO import_touch_fold " + _FOLD.format(facts=facts_of("touch", OLD)))
    add_referred(chunk, "lead", "SELECT fields->>'lead' AS external_id FROM import_touch_fold")
    add_referred(chunk, "campaign", "SELECT fields->>'campaign' AS external_id FROM import_touch_fold")
    old = f"FROM import_touch k JOIN import_touch_fold f USING (external_id) {_JOINS}"
    where = f"WHERE NOT k.is_new AND f.is_history AND {_OURS}"
    chunk.count("touch", "changed", len(update_old(chunk, "touch", _COLUMNS, f"{old} {where}")))
    chunk.fold_in_python(
        "touch",
        """
        SELECT external_id FROM import_call JOIN import_touch USING (external_id)
        UNION SELECT external_id FROM import_touch_fold WHERE NOT is_history
        """,
    )
    _note_leads(chunk)


def _note_leads(chunk: Chunk) -> None:
    """The leads that touches left, and those whose attempts by sales may be others than before."""
    add_referred(
        chunk,
        "lead",
        """
        SELECT l.external_id FROM alignment_lead l
        WHERE l.source_id = %(source)s AND l.id IN (SELECT old_lead_id FROM import_touch)
        """,
    )
    _note_attempts(chunk)
    chunk.run(
        """
        UPDATE import_lead SET has_attempts = true
        WHERE id IN (SELECT old_lead_id FROM import_touch WHERE was_attempt)
        """
    )


def _note_attempts(chunk: Chunk) -> None:
    chunk.run(
        f"""
        UPDATE import_lead SET has_attempts = true WHERE external_id IN (
            SELECT fields->>'lead' FROM import_draft
            WHERE subject = 'touch' AND NOT is_repeated AND {_is_attempt("fields")}
            UNION SELECT fields->>'lead' FROM import_touch_fold WHERE {_is_attempt("fields")}
        ) AND NOT has_attempts
        """  # noqa: S608 - constants of this module
    )


def warn_of_channels(chunk: Chunk) -> None:
    found = chunk.rows(
        """
        SELECT fields->>'channel', count(*) FROM import_draft
        WHERE subject = 'touch' AND fields->>'function' = 'unknown' AND coalesce(fields->>'channel', '') <> ''
        GROUP BY 1 ORDER BY 2 DESC, 1
        """
    )
    chunk.warn("unknown_channel", sum(number for _, number in found), (channel for channel, _ in found))
