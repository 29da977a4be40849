"""Which drafts say nothing new: the same statement is in the ledger."""

from __future__ import annotations

from alignment.merging.chunk import Chunk

# A scalar subquery, so that however large the ledger is it is read by index.
_SAME_STATEMENT = """
WITH gone AS (
    DELETE FROM import_draft d
    WHERE (SELECT f.id FROM alignment_fact f WHERE f.source_id = %(source)s AND f.ref = d.ref) IS NOT NULL
    RETURNING d.subject, d.external_id
), said AS (
    INSERT INTO import_said (subject, external_id) SELECT DISTINCT subject, external_id FROM gone
)
SELECT count(*) FROM gone
"""
_NOTHING_ELSE = """
SELECT subject, count(*) FROM (
    SELECT subject, external_id FROM import_said EXCEPT SELECT subject, external_id FROM import_draft
) known GROUP BY subject
"""
_ALONE_NOW = """
UPDATE import_draft d SET is_repeated = false FROM (
    SELECT subject, external_id FROM import_draft WHERE is_repeated GROUP BY 1, 2 HAVING count(*) = 1
) s WHERE s.subject = d.subject AND s.external_id = d.external_id
"""


def leave_out_known(chunk: Chunk) -> None:
    """Take out of `import_draft` the statements that the ledger has: same record, time and fields. Records of which
    nothing is left are counted as known.

    Nothing else is left out, however little it changes now: state must not depend on what came in which order.
    """
    chunk.run("DROP TABLE IF EXISTS pg_temp.import_said")
    chunk.run("CREATE TEMP TABLE import_said (subject text, external_id text) ON COMMIT DROP")
    ((found,),) = chunk.rows(_SAME_STATEMENT)
    if found:
        chunk.facts_unchanged += found
        chunk.run(_ALONE_NOW)
        for subject, number in chunk.rows(_NOTHING_ELSE):
            chunk.count(subject, "known", number)


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
