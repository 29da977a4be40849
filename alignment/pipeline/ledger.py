"""The ledger of facts: writing what is new, reading all that is known of a record, folding it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import connection

from alignment.models import Fact

SubjectKey = tuple[int, str, str]
Ledger = dict[SubjectKey, list[Fact]]
Folds = dict[SubjectKey, dict[str, Any]]


class IdConflict(ValueError):
    """An id that the ledger already knows came again with another content."""


def insert_facts(facts: list[Fact]) -> None:
    """Write the facts that the ledger does not know. Sorted, so that two drainers wait for each other in one order."""
    known = {
        (row["source_id"], row["ref"]): row
        for row in Fact.objects.filter(source_id__in={f.source_id for f in facts}, ref__in=[f.ref for f in facts])
        .values("source_id", "ref", "fields", "external_id")
    }  # fmt: skip
    fresh: dict[tuple[int, str], Fact] = {}
    for fact in facts:
        before = known.get((fact.source_id, fact.ref)) or fresh.get((fact.source_id, fact.ref))
        if before is None:
            fresh[(fact.source_id, fact.ref)] = fact
            continue
        row = (
            before
            if isinstance(before, dict)
            else {"fields": before.fields, "external_id": before.external_id}
        )
        if row["fields"] != fact.fields or row["external_id"] != fact.external_id:
            raise IdConflict(f"The id {fact.ref.removeprefix('id:')} was used before with another content.")
    Fact.objects.bulk_create([fresh[key] for key in sorted(fresh)], ignore_conflicts=True)


def load_facts(keys: set[SubjectKey]) -> Ledger:
    """All facts of each record, (source id, subject, external id), in order of occurrence."""
    ordered = sorted(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT f.id FROM alignment_fact f
            JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS k(source_id, subject, external_id)
              USING (source_id, subject, external_id)
            """,
            [[k[0] for k in ordered], [k[1] for k in ordered], [k[2] for k in ordered]],
        )
        ids = [row[0] for row in cursor.fetchall()]
    found: Ledger = defaultdict(list)
    for fact in Fact.objects.filter(pk__in=ids).order_by("occurred_at", "order_key"):
        found[(fact.source_id, fact.subject, fact.external_id)].append(fact)
    return found


def fold_fields(facts: Iterable[Fact]) -> dict[str, Any]:
    """Last writer per field; `facts` in order of occurrence."""
    fields: dict[str, Any] = {}
    for fact in facts:
        fields.update(fact.fields)
    return fields
