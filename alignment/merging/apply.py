"""One chunk of drafts into the ledger and its records, inside the caller's transaction.

The state of a record is a pure function of the ledger. Here it is computed in SQL for every record that only
imported facts speak about, in the order of locks of the drain: touch, opportunity, lead, account, campaign, cycle. What
live facts speak about too goes through the pipeline's own fold in Python, at the end.
"""

from __future__ import annotations

from django.db import connection

from alignment.merging import erased, known, leads, opportunities, people, simple, touches
from alignment.merging.chunk import Chunk
from alignment.merging.keys import KINDS, make_tables
from alignment.merging.registry import run_steps
from alignment.merging.staging import Staged, stage
from alignment.merging.statistics import count_if_believed_empty
from alignment.pipeline import refold

REASON = "history imported"
REFOLDED_AT_ONCE = 1000
_SETTINGS = """
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
SET LOCAL max_parallel_workers_per_gather = 0
"""


def merge(chunk: Chunk, staged: Staged, *, is_fresh: bool = False) -> None:
    """Apply the drafts and run the registered steps.

    `is_fresh`: the ledger held nothing of this source when its import began, so nothing is looked for in it. Raises
    IntegrityError with a unique violation where somebody made one of the new records in this moment, or a statement is
    known although `is_fresh`: nothing is done then, and trying again finds it. Raises DataError or IntegrityError
    for a value that no check before caught.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
    stage(chunk, staged)
    about_erased = erased.find_erased(
        chunk
    )  # a known statement, too, says that the file names somebody erased
    if not is_fresh:
        known.leave_out_known(chunk)
    erased.withhold_erased(chunk, about_erased)
    chunk.run("ANALYZE import_draft (id, subject, external_id, is_repeated)")
    new = known.insert_facts(chunk)
    count_if_believed_empty(new, ["alignment_fact"])
    people.make_people(chunk)
    make_tables(chunk)
    leads.find_leads(chunk)
    touches.find_touches(chunk)
    opportunities.find_opportunities(chunk)
    for kind in ("account", "campaign"):
        simple.find_simple(chunk, kind)
    erased.withhold_what_is_linked(chunk)
    touches.write_touches(chunk)
    opportunities.write_opportunities(chunk)
    changed = leads.write_leads(chunk)
    for kind in ("account", "campaign"):
        simple.write_simple(chunk, kind)
    ((found,),) = chunk.rows("SELECT count(*) FROM import_lead")
    count_if_believed_empty(found, ["alignment_lead", "alignment_account"])
    count_if_believed_empty(new, ["alignment_touch"])
    leads.compare_leads(chunk, changed)
    run_steps(chunk)
    _count_unchanged(chunk)
    touches.warn_of_channels(chunk)
    opportunities.warn_of_stages(chunk)
    leads.warn_of_dates(chunk)
    _refold(chunk)


def _count_unchanged(chunk: Chunk) -> None:
    """The records that were compared and stay as they are, but for those that Python folds."""
    for kind in KINDS:
        refolded = [key for _, subject, key in chunk.refold if subject == kind]
        query = f"SELECT count(*) FROM import_{kind} WHERE NOT is_new AND is_named AND external_id <> ALL(%(keys)s)"  # noqa: S608
        compared = chunk.rows(query, keys=refolded)[0][0]
        chunk.count(kind, "unchanged", compared - _changed(chunk, kind))


def _changed(chunk: Chunk, kind: str) -> int:
    return chunk.counts[kind]["changed"] if kind in chunk.counts else 0


def _refold(chunk: Chunk) -> None:
    ordered = sorted(chunk.refold)
    for start in range(0, len(ordered), REFOLDED_AT_ONCE):
        refold(set(ordered[start : start + REFOLDED_AT_ONCE]), at=chunk.now, reason=REASON)
