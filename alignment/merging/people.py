"""The people that a chunk names: those nobody knows yet are made, as alignment.pipeline.people makes them."""

from __future__ import annotations

from alignment.merging.chunk import Chunk
from alignment.models import Person
from alignment.pipeline.people import make_identities

_UNKNOWN = """
SELECT named.id, coalesce((array_agg(named.name ORDER BY named.n) FILTER (WHERE named.name <> ''))[1], '')
FROM (
    SELECT d.fields->>'owner' AS id, d.fields->>'owner_name' AS name, d.id AS n FROM import_draft d
    UNION ALL SELECT d.fields->>'person', d.fields->>'person_name', d.id FROM import_draft d
) named
WHERE named.id <> '' AND NOT EXISTS (
    SELECT FROM alignment_personidentity p WHERE p.source_id = %(source)s AND p.external_id = named.id
)
GROUP BY named.id
"""


def make_people(chunk: Chunk) -> None:
    """Done before any record is locked, for the reason that the pipeline gives."""
    missing = {(chunk.source_id, external_id): name for external_id, name in chunk.rows(_UNKNOWN)}
    if missing:
        before = Person.objects.count()
        make_identities(missing)
        made = Person.objects.count() - before
        chunk.count("person", "new", made)
        chunk.warn("person_not_known", made, sorted(name or ref for (_, ref), name in missing.items())[:50])
