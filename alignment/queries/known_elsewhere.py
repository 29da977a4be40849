"""Whether the people of a file are known already from another source: then loading them makes them twice."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count

from alignment.importing.rows import Reject, Row
from alignment.matching.keys import email_key
from alignment.models import Lead, Source, Subject


def known_elsewhere(rows: Iterable[Row | Reject], source: Source) -> tuple[int, list[tuple[str, int]]]:
    """How many addresses the leads of these rows have that the source does not know yet, and how many of them each
    other source knows, by its name, most first. Two queries."""
    mails: dict[str, str] = {}
    for row in rows:
        for draft in row.drafts if isinstance(row, Row) else ():
            if draft.subject == Subject.LEAD and (key := email_key(draft.fields.get("email") or "")):
                mails[draft.external_id] = key
    own = Lead.objects.filter(source=source, external_id__in=mails)
    for known in own.values_list("external_id", flat=True):
        del mails[known]
    new = set(mails.values())
    found = Lead.objects.filter(email_key__in=new, is_deleted=False).exclude(source=source)
    counted = found.values_list("source__name").annotate(number=Count("email_key", distinct=True))
    return len(new), sorted(counted.order_by(), key=lambda each: (-each[1], each[0]))
