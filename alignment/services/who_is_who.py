"""Match every lead with accounts and with other leads, as after a large import or once a night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from alignment.matching.accounts import match_leads, match_waiting
from alignment.matching.duplicates import find_duplicates
from alignment.models import Lead
from alignment.retry import again_after_a_deadlock

CHUNK = 5_000


def compare_leads(*, at: datetime) -> int:
    """Match all leads and find all pairs, some thousand leads a transaction; how many leads changed their account.

    Two leads, or a lead and an account, that two drainers took in at the very same moment did not see each other:
    this finds them.
    """
    changed = match_waiting()
    for ids in _chunks():
        changed += _compare(ids, at=at)
    return changed


@again_after_a_deadlock
def _compare(ids: list[int], *, at: datetime) -> int:
    with transaction.atomic():
        changed = match_leads(ids)
        find_duplicates(ids, at=at)
    return changed


def _chunks() -> Iterator[list[int]]:
    last = 0
    while ids := list(Lead.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        yield ids
        last = ids[-1]
