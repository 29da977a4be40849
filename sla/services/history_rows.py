"""Cycles of imported history in SQL: what sla.history and the crossing step make of leads without live facts."""

from __future__ import annotations

from alignment.merging import Chunk
from alignment.models import Subject
from sla.queries.agreements import load_book

# All statements of MQL dates about the leads of the chunk whose cycles they may change. Facts are looked up as in
# alignment.merging.writing.facts_of.
_STATED = """
CREATE TEMP TABLE import_cycle ON COMMIT DROP AS
WITH said AS (
    SELECT k.id AS lead_id, d.id AS fact_id, d.fields, d.occurred_at, d.order_key, %(at)s AS received_at
    FROM import_lead k JOIN import_draft d ON d.external_id = k.external_id AND d.subject = 'lead'
    WHERE k.is_new AND coalesce(d.fields->>'mql_at', '') <> ''
    UNION ALL
    SELECT k.id, f.id, f.fields, f.occurred_at, f.order_key, f.received_at
    FROM import_lead k
    CROSS JOIN LATERAL (
        SELECT * FROM alignment_fact f
        WHERE f.external_id = k.external_id AND f.subject = 'lead' AND f.source_id + 0 = %(source)s OFFSET 0
    ) f
    WHERE NOT k.is_new AND (k.is_named OR k.has_attempts) AND f.is_history
      AND coalesce(f.fields->>'mql_at', '') <> ''
), stated AS (
    SELECT lead_id, fields->>'mql_at' AS mql_at,
           CASE WHEN count(*) = 1 THEN (array_agg(fields))[1]
                ELSE alignment_fold(fields ORDER BY received_at, occurred_at, order_key) END AS f,
           (array_agg(fact_id ORDER BY received_at, occurred_at, order_key))[1] AS opened_by_id,
           min(received_at) AS received_at,
           (array_agg(occurred_at ORDER BY received_at DESC, occurred_at DESC, order_key DESC))[1] AS last_at
    FROM said GROUP BY lead_id, mql_at
), parted AS (
    SELECT lead_id, opened_by_id, received_at, last_at, mql_at::timestamptz AS crossed_at,
           coalesce(f->>'segment', '') AS segment, coalesce(f->>'owner', '') AS owner,
           nullif(f->>'assigned_at', '')::timestamptz AS assigned_at,
           nullif(f->>'followed_up_at', '')::timestamptz AS followed_up_at,
           nullif(f->>'accepted_at', '')::timestamptz AS accepted_at,
           nullif(f->>'disposed_at', '')::timestamptz AS disposed_at,
           CASE WHEN f->'disposed_day'->>0 = f->>'disposed_at'
                THEN (f->'disposed_day'->>1)::timestamptz END AS disposed_until,
           coalesce(f->>'disposition', '') AS disposition, coalesce(f->>'reason', '') AS reason,
           coalesce(f->>'opportunity', '') AS opportunity
    FROM stated
), tagged AS (
    SELECT *, coalesce(disposed_at, last_at) AS closing_at,
           disposition IN ('disqualified', 'recycled', 'converted') AS is_closing,
           CASE disposition WHEN 'disqualified' THEN reason <> '' WHEN 'recycled' THEN reason <> ''
                            WHEN 'converted' THEN opportunity <> '' ELSE disposition = 'working' END AS is_tagged
    FROM parted
)
SELECT lead_id, row_number() OVER (PARTITION BY lead_id ORDER BY crossed_at)::integer AS number, opened_by_id,
       received_at, crossed_at, segment, owner, opportunity, disposition, reason, is_tagged, assigned_at,
       disposition <> '' AND disposed_at IS NULL AS is_clock_suspect,
       CASE WHEN is_closing THEN closing_at END AS closed_at,
       CASE WHEN is_closing THEN disposed_until END AS closed_until,
       CASE WHEN disposition <> '' AND is_tagged THEN closing_at END AS disposed_at,
       CASE WHEN disposition IN ('working', 'converted') THEN coalesce(accepted_at, closing_at)
            ELSE accepted_at END AS accepted_at,
       least(followed_up_at, CASE WHEN is_closing THEN disposed_at END) AS first_follow_up_at, 0 AS attempts
FROM tagged
"""
# An attempt belongs to the first cycle, by crossing, in which it falls, else to the first that closed on its day at a
# time nobody told; one known by its day alone falls into a cycle that begins on that day, at once.
_ATTEMPTS = """
UPDATE import_cycle c
SET attempts = a.attempts, first_follow_up_at = least(c.first_follow_up_at, a.first_at)
FROM (
    SELECT lead_id, number, count(*) AS attempts, min(made_at) AS first_at
    FROM (
        SELECT DISTINCT ON (t.id) c.lead_id, c.number, greatest(t.touched_at, c.crossed_at) AS made_at
        FROM (SELECT DISTINCT lead_id FROM import_cycle) l
        JOIN import_lead k ON k.id = l.lead_id AND (k.has_attempts OR NOT k.is_new)
        CROSS JOIN LATERAL (
            SELECT t.id, t.touched_at, t.touched_until FROM alignment_touch t
            WHERE t.lead_id = l.lead_id AND t.is_attempt AND NOT t.is_deleted AND t.touched_at IS NOT NULL OFFSET 0
        ) t
        JOIN import_cycle c ON c.lead_id = l.lead_id
          AND (c.crossed_at <= t.touched_at OR c.crossed_at < t.touched_until)
          AND (c.closed_at IS NULL OR greatest(t.touched_at, c.crossed_at) <= c.closed_at
               OR greatest(t.touched_at, c.crossed_at) < c.closed_until)
        ORDER BY t.id, c.closed_at IS NOT NULL AND greatest(t.touched_at, c.crossed_at) > c.closed_at, c.number
    ) own
    GROUP BY lead_id, number
) a WHERE c.lead_id = a.lead_id AND c.number = a.number
"""
# Leads whose cycles only the crossing step can keep: live ones, voided ones, rows that another fact opened.
_NOT_PLAIN = """
SELECT k.external_id FROM import_lead k
CROSS JOIN LATERAL (SELECT * FROM alignment_mqlcycle m WHERE m.lead_id = k.id OFFSET 0) m
WHERE NOT k.is_new AND (k.is_named OR k.has_attempts) AND (
    NOT m.is_history OR m.voided_at IS NOT NULL
    OR NOT EXISTS (SELECT FROM import_cycle c WHERE c.lead_id = k.id AND c.opened_by_id = m.opened_by_id)
)
UNION
SELECT k.external_id FROM import_lead k
WHERE k.has_attempts AND NOT k.is_named AND k.id IN (SELECT lead_id FROM import_cycle) AND (
    SELECT f.id FROM alignment_fact f
    WHERE f.external_id = k.external_id AND f.subject = 'lead' AND f.source_id + 0 = %(source)s AND NOT f.is_history
    LIMIT 1
) IS NOT NULL
"""
_FOUND = """
FROM import_cycle c
LEFT JOIN alignment_personidentity p ON p.source_id = %(source)s AND p.external_id = nullif(c.owner, '')
LEFT JOIN alignment_person o ON o.id = p.person_id
LEFT JOIN LATERAL (
    SELECT q.id FROM alignment_opportunity q
    WHERE c.opportunity <> '' AND q.source_id = %(source)s AND q.external_id = c.opportunity LIMIT 1
) q ON true
"""
_COLUMNS = {
    "number": "c.number",
    "crossed_at": "c.crossed_at",
    "received_at": "c.received_at",
    "started_at": "c.crossed_at",
    "is_clock_suspect": "c.is_clock_suspect",
    "is_history": "true",
    "agreement_number": "NULL::integer",
    "tier": "''",
    "segment": "c.segment",
    "accepted_at": "c.accepted_at",
    "first_follow_up_at": "c.first_follow_up_at",
    "attempts": "c.attempts",
    "disposition": "c.disposition",
    "reason": "c.reason",
    "disposed_at": "c.disposed_at",
    "is_tagged": "c.is_tagged",
    "closed_at": "c.closed_at",
    "crm_closed_at": "NULL::timestamptz",
    "opportunity_id": "q.id",
    "void_reason": "''",
    "owner_id": "o.id",
    "assigned_at": "CASE WHEN o.id IS NOT NULL THEN c.assigned_at END",
    "assigned_by": "CASE WHEN o.id IS NOT NULL THEN 'crm' ELSE '' END",
}


def merge_cycles(chunk: Chunk) -> None:
    """Make the cycles of the chunk's leads what their imported facts state; leads that are no mere history go to
    `chunk.refold`."""
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_cycle")
    chunk.run(_STATED)
    chunk.run("ANALYZE import_cycle (lead_id, number)")
    is_touched = "NOT k.is_new AND (k.is_named OR k.has_attempts)"
    if chunk.rows(f"SELECT 1 FROM import_lead k WHERE {is_touched} OR k.has_attempts LIMIT 1"):  # noqa: S608
        chunk.run(_ATTEMPTS)
        chunk.run(
            f"""
            SELECT count(*) FROM (
                SELECT FROM alignment_mqlcycle WHERE lead_id IN (SELECT id FROM import_lead k WHERE {is_touched})
                ORDER BY id FOR UPDATE
            ) locked
            """  # noqa: S608 - constants of this module
        )
        chunk.fold_in_python(Subject.LEAD.value, _NOT_PLAIN)
        _leave_out(chunk)
        _update(chunk)
    _insert(chunk)
    _warn(chunk)


def _leave_out(chunk: Chunk) -> None:
    chunk.run(
        """
        DELETE FROM import_cycle WHERE lead_id IN (
            SELECT id FROM import_lead WHERE external_id = ANY(%(leads)s)
        )
        """,
        leads=[key for _, subject, key in chunk.refold if subject == Subject.LEAD],
    )


def _update(chunk: Chunk) -> None:
    """The team is that of the owner when the owner became it: somebody who changes teams takes no cycle along."""
    new = ", ".join(f"{expression} AS {column}" for column, expression in _COLUMNS.items())
    before, after = (", ".join(f"{side}.{column}" for column in _COLUMNS) for side in ("old", "new"))
    changed = chunk.run(
        f"""
        UPDATE alignment_mqlcycle AS old
        SET {", ".join(f"{column} = new.{column}" for column in _COLUMNS)},
            team_id = CASE WHEN old.owner_id IS DISTINCT FROM new.owner_id THEN new.team_id ELSE old.team_id END
        FROM (SELECT c.opened_by_id, c.lead_id, o.team_id, {new} {_FOUND}) AS new
        WHERE old.lead_id = new.lead_id AND old.opened_by_id = new.opened_by_id
          AND ROW({before}) IS DISTINCT FROM ROW({after})
        """  # noqa: S608
    )
    chunk.count("cycle", "changed", changed)


def _insert(chunk: Chunk) -> None:
    made = chunk.run(
        f"""
        INSERT INTO alignment_mqlcycle (lead_id, opened_by_id, team_id, {", ".join(_COLUMNS)})
        SELECT c.lead_id, c.opened_by_id, o.team_id, {", ".join(_COLUMNS.values())} {_FOUND}
        WHERE NOT EXISTS (
            SELECT FROM alignment_mqlcycle m WHERE m.lead_id = c.lead_id AND m.opened_by_id = c.opened_by_id
        )
        """  # noqa: S608
    )
    chunk.count("cycle", "new", made)


def _warn(chunk: Chunk) -> None:
    found = chunk.rows(
        """
        SELECT k.external_id, count(*) OVER () FROM import_cycle c JOIN import_lead k ON k.id = c.lead_id
        WHERE c.closed_at < c.crossed_at AND k.is_named ORDER BY k.external_id LIMIT 10
        """
    )
    chunk.warn("closed_before_crossing", found[0][1] if found else 0, (row[0] for row in found))
    found = chunk.rows(
        """
        SELECT k.external_id, count(*) OVER () FROM import_cycle c JOIN import_lead k ON k.id = c.lead_id
        WHERE least(c.assigned_at, nullif(c.accepted_at, c.closed_at), nullif(c.first_follow_up_at, c.closed_at))
              < c.crossed_at AND k.is_named
        ORDER BY k.external_id LIMIT 10
        """
    )
    chunk.warn("worked_before_crossing", found[0][1] if found else 0, (row[0] for row in found))
    _warn_of_trigger(chunk)


def _warn_of_trigger(chunk: Chunk) -> None:
    """Leads that stand above today's trigger and have no cycle: history crosses none by itself."""
    version = load_book().at(chunk.now)
    if version is None:
        return
    trigger = version.terms.trigger
    holds = "l.score >= %(threshold)s"
    if trigger.kind != "score":
        holds = f"lower(btrim(l.{trigger.field})) = lower(%(value)s)"  # one of TRIGGER_FIELDS
    found = chunk.rows(
        f"""
        SELECT k.external_id, count(*) OVER () FROM import_lead k JOIN alignment_lead l ON l.id = k.id
        WHERE k.is_named AND k.is_plain AND {holds}
          AND (SELECT m.id FROM alignment_mqlcycle m WHERE m.lead_id = k.id AND m.voided_at IS NULL LIMIT 1) IS NULL
        ORDER BY k.external_id LIMIT 10
        """,  # noqa: S608 - a column's name, checked when the terms were read
        threshold=trigger.threshold,
        value=trigger.value,
    )
    chunk.warn("trigger_without_date", found[0][1] if found else 0, (row[0] for row in found))
