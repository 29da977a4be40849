"""MQL cycles that nobody was eligible for get their owner once somebody is."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db import transaction

from alignment.models import MqlCycle, Source
from alignment.pipeline import refold_leads
from handoff.models import Leave, Pool, PoolMember
from handoff.queries.eligibility import why_skipped

BATCH = 500


def route_unassigned(*, at: datetime) -> int:
    """Route what waits without an owner, oldest first; how many leads were looked at, none while nobody could get
    them. Assigned by then counts from then: the missed assignment stays missed."""
    if not _is_anybody_eligible(at):
        return 0
    waiting = (
        MqlCycle.objects.unassigned()
        .filter(lead__source__assigns=Source.Assigns.PRODUCT)
        .order_by("started_at", "pk")
        .values_list("lead__source_id", "lead__external_id")[:BATCH]
    )
    with transaction.atomic():
        keys = set(waiting)
        if keys:
            refold_leads(keys, at=at, reason="somebody can be assigned now")
    return len(keys)


def _is_anybody_eligible(at: datetime) -> bool:
    if Pool.objects.filter(fallback__is_active=True).exists():
        return True
    leaves: dict[int, list[Leave]] = defaultdict(list)
    for leave in Leave.objects.filter(starts_at__lte=at, ends_at__gt=at):
        leaves[leave.person_id].append(leave)
    members = PoolMember.objects.select_related("person")
    return any(not why_skipped(member, leaves[member.person_id], at) for member in members)
