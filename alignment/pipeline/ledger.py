"""The ledger of facts: writing what is new, reading all that is known of a record, folding it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from alignment.models import Fact
from alignment.pipeline.writing import insert

SubjectKey = tuple[int, str, str]
Ledger = dict[SubjectKey, list[Fact]]
Folds = dict[SubjectKey, dict[str, Any]]


class IdConflict(ValueError):
    """An id that the ledger already knows came again with another content."""


def insert_facts(facts: list[Fact], *, rewritten: Collection[tuple[int, str]] = ()) -> None:
    """Write the facts that the ledger does not know; raises IdConflict where an id came with another content.

    Those about an erased person, `rewritten` by (source id, ref), are no longer what the sender said: of them only
    the first counts.
    Sorted, so that two drainers wait for each other in one order; compared after the insert, so that what another
    drainer wrote meanwhile is seen.
    """
    fresh = {(fact.source_id, fact.ref): fact for fact in reversed(facts)}
    inserted = insert([fresh[key] for key in sorted(fresh)], ignore_conflicts=True)
    stored = {key: fact for key, fact in fresh.items() if fact.pk in inserted}
    known = fresh.keys() - stored.keys()
    if known:
        # ref alone would do but for the sources: the same ref of another source is left out below
        rows = Fact.objects.filter(source_id__in={key[0] for key in known}, ref__in=[key[1] for key in known])
        stored |= {(fact.source_id, fact.ref): fact for fact in rows if (fact.source_id, fact.ref) in known}
    for fact in facts:
        if (fact.source_id, fact.ref) in rewritten:
            continue
        if _content(stored[(fact.source_id, fact.ref)]) != _content(fact):
            raise IdConflict(f"The id {fact.ref.rpartition('id:')[2]} was used before with another content.")


def _content(fact: Fact) -> tuple[object, ...]:
    when = fact.occurred_at if fact.is_timed else None
    return (fact.subject, fact.external_id, fact.action, fact.fields, when)


def load_facts(keys: set[SubjectKey]) -> Ledger:
    """All facts of each record, (source id, subject, external id), in order of occurrence.

    `source_id + 0` keeps the planner from the index on (source_id, ref), which for a source that is new since the
    last ANALYZE seems as good, and reads every fact of the source for each record.
    """
    ordered = sorted(keys)
    found: Ledger = defaultdict(list)
    for fact in Fact.objects.raw(
        """
        SELECT f.* FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS k(source_id, subject, external_id)
        CROSS JOIN LATERAL (
            SELECT * FROM alignment_fact f
            WHERE f.external_id = k.external_id AND f.subject = k.subject AND f.source_id + 0 = k.source_id OFFSET 0
        ) f
        ORDER BY f.occurred_at, f.order_key
        """,
        [[k[0] for k in ordered], [k[1] for k in ordered], [k[2] for k in ordered]],
    ):
        found[(fact.source_id, fact.subject, fact.external_id)].append(fact)
    return found


def fold_fields(facts: Iterable[Fact]) -> dict[str, Any]:
    """Last writer per field; `facts` in order of occurrence."""
    fields: dict[str, Any] = {}
    for fact in facts:
        fields.update(fact.fields)
    return fields
