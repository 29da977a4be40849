"""The people that a chunk names: made and named as alignment.pipeline.people makes and names them."""

from __future__ import annotations

from alignment.merging.chunk import Chunk
from alignment.models import Person
from alignment.pipeline.batch import Key
from alignment.pipeline.naming import Naming, heard
from alignment.pipeline.people import know

_NAMED = """
SELECT said.ref, coalesce(said.name, ''), min(said.occurred_at)
FROM (
    SELECT fields->>'owner' AS ref, fields->>'owner_name' AS name, occurred_at FROM import_draft
    UNION ALL SELECT fields->>'person', fields->>'person_name', occurred_at FROM import_draft
) said
WHERE said.ref <> '' GROUP BY 1, 2
"""


def make_people(chunk: Chunk) -> None:
    """Done before any record is locked, for the reason that the pipeline gives."""
    found: dict[Key, Naming] = {}
    for ref, name, at in chunk.rows(_NAMED):
        naming = heard(ref, name, at)
        found[(chunk.source_id, ref)] = min(found.get((chunk.source_id, ref), naming), naming)
    if not found:
        return
    before = Person.objects.count()
    missing = know(found)
    made = Person.objects.count() - before
    chunk.count("person", "new", made)
    chunk.warn("person_not_known", made, sorted(naming.name for naming in missing.values())[:50])
