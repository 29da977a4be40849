"""Leads that look like one person: the same e-mail address, or the same full name at the same company and domain.

Leads of any sources are compared. Free mail says nothing about a company, so it counts for the first rule only.
Each lead is paired with the oldest few that are like it, none of which the CRM deleted: a thousand leads with one
address make some ten thousand pairs and not half a million, and still hang together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from alignment.matching.free_mail import free_mail_domains
from alignment.models import DuplicateRule

PAIRED_WITH = 10

_ALIKE_BY_NAME = """
    a.person_key = b.person_key AND a.company_key = b.company_key AND a.domain_key = b.domain_key
    AND a.person_key <> '' AND a.company_key <> '' AND a.domain_key <> '' AND a.domain_key <> ALL(%(free)s)
"""

# Arrays, so that each inner query runs once whatever the planner thinks of a table that just grew.
_DROP_STALE = f"""
DELETE FROM alignment_duplicatepair WHERE id = ANY(ARRAY(
    SELECT p.id FROM alignment_duplicatepair p
    JOIN alignment_lead a ON a.id = p.lead_a_id JOIN alignment_lead b ON b.id = p.lead_b_id
    WHERE p.id = ANY(ARRAY(
        SELECT id FROM alignment_duplicatepair WHERE lead_a_id = ANY(%(leads)s)
        UNION SELECT id FROM alignment_duplicatepair WHERE lead_b_id = ANY(%(leads)s)
    )) AND p.dismissed_at IS NULL
      AND NOT (a.email_key = b.email_key AND a.email_key <> '') AND NOT ({_ALIKE_BY_NAME})
    ORDER BY p.id FOR UPDATE OF p
))
"""  # noqa: S608 - constants of this module

_ADD_NEW = f"""
INSERT INTO alignment_duplicatepair AS p (lead_a_id, lead_b_id, rule, found_at, dismissed_reason)
SELECT least(a.id, o.id), greatest(a.id, o.id), min(o.rule), %(at)s, ''
FROM alignment_lead a CROSS JOIN LATERAL (
    (SELECT b.id, '{DuplicateRule.EMAIL}' AS rule FROM alignment_lead b
     WHERE b.email_key = a.email_key AND b.email_key <> '' AND b.id <> a.id AND NOT b.is_deleted
     ORDER BY b.id LIMIT {PAIRED_WITH})
    UNION ALL
    (SELECT b.id, '{DuplicateRule.NAME}' FROM alignment_lead b
     WHERE {_ALIKE_BY_NAME} AND b.person_key <> '' AND b.company_key <> '' AND b.domain_key <> '' AND b.id <> a.id
       AND NOT b.is_deleted
     ORDER BY b.id LIMIT {PAIRED_WITH})
) o
WHERE a.id = ANY(%(leads)s) AND NOT a.is_deleted
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (lead_a_id, lead_b_id) DO UPDATE SET rule = EXCLUDED.rule
WHERE p.rule <> EXCLUDED.rule AND p.dismissed_at IS NULL
"""  # noqa: S608 - constants of this module


def find_duplicates(lead_ids: Sequence[int], *, at: datetime) -> None:
    """Bring the pairs of these leads up to date, inside the caller's transaction: two statements for any number."""
    if not lead_ids:
        return
    values: dict[str, Any] = {"leads": list(lead_ids), "free": free_mail_domains(), "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_DROP_STALE, values)
        cursor.execute(_ADD_NEW, values)
