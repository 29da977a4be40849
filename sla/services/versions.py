"""Cycles that crossed while a signature was on its way into the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from alignment.models import MqlCycle
from alignment.pipeline import refold_leads
from sla.queries.agreements import load_book

LOOKED_BACK = timedelta(days=1)  # no transaction takes so long
BATCH = 500


def take_over_cycles(*, at: datetime) -> int:
    """Give cycles that started after a version came in force, and were read before the others could see it, that
    version: the one in force when a cycle starts is the one that judges it. How many leads were looked at."""
    version = load_book().at(at)
    if version is None or at - version.agreement.in_force_from > LOOKED_BACK:
        return 0
    with transaction.atomic():
        keys = set(
            MqlCycle.objects.live()
            .filter(
                started_at__gte=version.agreement.in_force_from,
                started_at__lte=at,
                agreement_number__lt=version.agreement.number,
            )
            .values_list("lead__source_id", "lead__external_id")[:BATCH]
        )
        if keys:
            refold_leads(keys, at=at, reason="the SLA was signed while it crossed")
    return len(keys)
