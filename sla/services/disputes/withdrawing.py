"""Withdrawing a dispute, by whoever filed it, before it is ruled on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alignment.models import User
from alignment.retry import again_after_a_deadlock
from sla.models import Dispute, Ending
from sla.services.disputes import holds, telling
from sla.services.disputes.refusals import DisputeIsOver, NotTheFiler


@again_after_a_deadlock
def withdraw(*, dispute: Dispute, by: User, at: datetime) -> None:
    """End a dispute without a ruling; a hold is lifted without effect. Raises NotTheFiler or DisputeIsOver."""
    if dispute.filed_by_id != by.pk:
        raise NotTheFiler("Only who filed a dispute withdraws it.")
    with transaction.atomic():
        dispute, _ = holds.lock(dispute)
        if not dispute.is_undecided:
            raise DisputeIsOver("It was ruled on or withdrawn in the meantime; nothing was changed.")
        dispute.ended_at, dispute.ending = at, Ending.WITHDRAWN
        dispute.save(update_fields=["ended_at", "ending"])
        if hold := holds.open_hold(dispute):
            holds.lift(hold, at=at)
        telling.withdrawn(dispute, at=at)
