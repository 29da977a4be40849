"""The clock of the rulings: a dispute on which nobody ruled in time goes to the escalation owner."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from sla.models import Dispute
from sla.services.disputes import telling

BATCH = 100


def mark_overdue(*, at: datetime) -> int:
    """Mark undecided disputes whose time for a ruling is over, once each, and tell the escalation owner, who may rule
    from then on; how many were marked. Runs on any number of workers."""
    total = 0
    while True:
        with transaction.atomic():
            found = list(
                Dispute.objects.overdue(at)
                .filter(overdue_at__isnull=True)
                .select_related("agreement", "clock", "cycle", "owner", "filed_by", "consequence__judged")
                .order_by("rule_by", "pk")
                .select_for_update(of=("self",), skip_locked=True)[:BATCH]
            )
            Dispute.objects.filter(pk__in=[dispute.pk for dispute in found]).update(overdue_at=at)
            for dispute in found:
                telling.overdue(dispute, at=at)
        total += len(found)
        if len(found) < BATCH:
            return total
