"""Which drafts say nothing new: the same statement is in the ledger, or the record says all of it already."""

from __future__ import annotations

from alignment.merging.chunk import Chunk

# Scalar subqueries, here and below, so that however large the ledger is it is read by index.
_SAME_STATEMENT = """
DELETE FROM import_draft d
WHERE (SELECT f.id FROM alignment_fact f WHERE f.source_id = %(source)s AND f.ref = d.ref) IS NOT NULL
"""
_ALONE_NOW = """
UPDATE import_draft d SET is_repeated = false FROM (
    SELECT subject, external_id FROM import_draft WHERE is_repeated GROUP BY 1, 2 HAVING count(*) = 1
) s WHERE s.subject = d.subject AND s.external_id = d.external_id
"""
_KNOWN = """
CREATE TEMP TABLE import_known ON COMMIT DROP AS
SELECT k.subject, k.external_id, max(f.occurred_at) AS last_at,
       alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key) AS fields
FROM (SELECT DISTINCT subject, external_id FROM import_draft) k
CROSS JOIN LATERAL (
    SELECT f.occurred_at, f.order_key, f.fields FROM alignment_fact f
    WHERE f.source_id = %(source)s AND f.subject = k.subject AND f.external_id = k.external_id OFFSET 0
) f
GROUP BY k.subject, k.external_id
"""
# An MQL date is a statement of its own: its cycle folds from the facts that name it, not from the last ones.
_SAME_FIELDS = """
DELETE FROM import_draft d USING import_known k
WHERE k.subject = d.subject AND k.external_id = d.external_id AND NOT d.is_repeated
  AND k.last_at < d.occurred_at AND (k.fields || d.fields) = k.fields
  AND (coalesce(d.fields->>'mql_at', '') = '' OR (
        SELECT alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key) FROM alignment_fact f
        WHERE f.source_id = %(source)s AND f.subject = d.subject AND f.external_id = d.external_id
          AND f.is_history AND f.fields->>'mql_at' = d.fields->>'mql_at'
      ) @> d.fields)
"""


def leave_out_known(chunk: Chunk) -> None:
    """Take out of `import_draft` what would change nothing, now or in the order of the ledger."""
    if found := chunk.run(_SAME_STATEMENT):
        chunk.facts_unchanged += found
        chunk.run(_ALONE_NOW)
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_known")
    chunk.run(_KNOWN)
    chunk.facts_unchanged += chunk.run(_SAME_FIELDS)


def insert_facts(chunk: Chunk) -> int:
    """Every draft that is left becomes a fact; how many. A statement that two imports make at once breaks the unique
    key."""
    written = chunk.run(
        """
        INSERT INTO alignment_fact (
            id, source_id, ref, subject, external_id, action, fields, occurred_at, received_at, order_key, is_timed,
            is_history
        )
        SELECT id, %(source)s, ref, subject, external_id, '', fields, occurred_at, %(at)s, order_key, true, true
        FROM import_draft
        """
    )
    chunk.facts_new += written
    return written
