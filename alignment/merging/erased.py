"""What a file says about an erased person enters the ledger without what is personal, as in the drain."""

from __future__ import annotations

import json

from alignment.erasure import digests
from alignment.merging.chunk import Chunk
from alignment.models import Erasure, ErasureMark, Fact
from alignment.pipeline.erased import withhold, withhold_linked
from alignment.pipeline.ledger import load_facts
from alignment.recognised import hold_off_erasures

_ABOUT_ERASED = """
WITH erased AS (
    SELECT DISTINCT l.id, l.external_id FROM alignment_erasure e
    JOIN alignment_lead l ON l.id = e.lead_id AND l.source_id = %(source)s
), linked AS (
    SELECT subject, external_id FROM import_draft WHERE fields->>'lead' IN (SELECT external_id FROM erased)
    UNION
    SELECT d.subject, d.external_id FROM import_draft d JOIN erased ON d.fields->'leads' ? erased.external_id
)
SELECT d.id FROM import_draft d WHERE d.subject = 'lead' AND d.external_id IN (SELECT external_id FROM erased)
UNION
SELECT same.id FROM linked JOIN import_draft same USING (subject, external_id)
UNION
SELECT d.id FROM erased
JOIN alignment_touch t ON t.lead_id = erased.id
JOIN import_draft d ON d.subject = 'touch' AND d.external_id = t.external_id AND t.source_id = %(source)s
UNION
SELECT d.id FROM erased
JOIN alignment_opportunity o ON o.lead_id = erased.id
JOIN import_draft d ON d.subject = 'opportunity' AND d.external_id = o.external_id AND o.source_id = %(source)s
"""


def find_erased(chunk: Chunk) -> set[int]:
    """Ids of the drafts about erased leads or with the e-mail of one. Holds off erasures until the transaction ends."""
    hold_off_erasures()
    if not Erasure.objects.exists():
        return set()
    ids = {pk for (pk,) in chunk.rows(_ABOUT_ERASED)} | _with_erased_email(chunk)
    chunk.names_erased = chunk.names_erased or bool(ids)
    return ids


def withhold_erased(chunk: Chunk, ids: set[int]) -> None:
    """Take out of these drafts of `import_draft`, as far as they are still there, what is personal."""
    if not ids:
        return
    facts = [
        Fact(pk=pk, source_id=chunk.source_id, ref=ref, subject=subject, external_id=key, fields=fields)
        for pk, ref, subject, key, fields in chunk.rows(
            """
            SELECT id, ref, subject, external_id, fields::text FROM import_draft WHERE id = ANY(%(ids)s) ORDER BY id
            """,
            ids=sorted(ids),
        )
    ]
    for fact in facts:
        fact.fields = json.loads(fact.fields)
    clean, about = withhold(facts, at=chunk.now)
    changed = [fact for fact in clean if (fact.source_id, fact.ref) in about]
    chunk.run(
        """
        UPDATE import_draft d SET fields = c.fields::jsonb
        FROM unnest(%(ids)s::bigint[], %(fields)s::text[]) c(id, fields) WHERE d.id = c.id
        """,
        ids=[fact.pk for fact in changed],
        fields=[json.dumps(fact.fields) for fact in changed],
    )
    leads = sorted({fact.external_id for fact in changed if fact.subject == "lead"})
    chunk.warn("erased_person", len(leads), leads)


def withhold_what_is_linked(chunk: Chunk) -> None:
    """Take the person out of what the ledger held of touches and opportunities before these drafts linked them. The
    caller has locked the records."""
    linked = chunk.rows(
        """
        SELECT DISTINCT d.subject, d.external_id FROM import_draft d
        JOIN alignment_lead l ON l.source_id = %(source)s
          AND (l.external_id = d.fields->>'lead' OR d.fields->'leads' ? l.external_id)
        WHERE d.subject IN ('touch', 'opportunity')
          AND l.id IN (SELECT lead_id FROM alignment_erasure)
        """
    )
    if linked:
        withhold_linked(load_facts({(chunk.source_id, *record) for record in linked}), at=chunk.now)


def _with_erased_email(chunk: Chunk) -> set[int]:
    """Drafts of leads with the e-mail of somebody erased: other records of that person, of which RevOps is told."""
    marks = {
        bytes(found)
        for found in ErasureMark.objects.filter(kind=ErasureMark.Kind.EMAIL).values_list("digest", flat=True)
    }
    if not marks:
        return set()
    emails = chunk.rows(
        "SELECT id, fields->>'email' FROM import_draft WHERE subject = 'lead' AND fields->>'email' <> ''"
    )
    return {
        pk for pk, email in emails if any(found in marks for found in digests(ErasureMark.Kind.EMAIL, email))
    }
