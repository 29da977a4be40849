"""The end of a hold: it stands as time in which the clock stood still, or it is lifted without effect."""

from __future__ import annotations

from datetime import datetime

from alignment.models import Lead, MqlCycle
from alignment.pipeline import refold_leads
from alignment.pipeline.groups import lock_with_merged
from sla.models import Clock, ClockHold, Dispute


def lock(dispute: Dispute) -> tuple[Dispute, Clock | None]:
    """The dispute and its clock, locked after the lead that has the clock's cycle now, as everywhere."""
    clock = None
    if dispute.clock_id is not None and dispute.cycle_id is not None:
        lead = MqlCycle.objects.values_list("lead_id", flat=True).get(pk=dispute.cycle_id)
        lock_with_merged((), also_ids=[lead])
        clock = Clock.objects.select_for_update(of=("self",)).select_related("cycle").get(pk=dispute.clock_id)
    found = Dispute.objects.select_for_update(of=("self",)).select_related(
        "clock", "agreement", "cycle", "consequence", "renegotiation", "lead", "opportunity"
    )
    return found.get(pk=dispute.pk), clock


def open_hold(dispute: Dispute) -> ClockHold | None:
    return ClockHold.objects.filter(dispute=dispute, ends_at__isnull=True).first()


def lift(hold: ClockHold, *, at: datetime) -> None:
    """Without effect: the clock is due as it was, and where that is over the sweep stamps the breach of then."""
    _end(hold, ends_at=at, stands=False)


def let_stand(hold: ClockHold, *, until: datetime, at: datetime) -> None:
    """The clock stood still until an instant: its due time moves, with an audit row; no other clock's does."""
    _end(hold, ends_at=until, stands=True)
    lead = Lead.objects.get(cycles=hold.clock.cycle_id)
    reason = f"stood still by the ruling on dispute {hold.dispute_id}"
    refold_leads({(lead.source_id, lead.external_id)}, at=at, reason=reason)


def _end(hold: ClockHold, *, ends_at: datetime, stands: bool) -> None:
    hold.ends_at, hold.stands = ends_at, stands
    hold.save(update_fields=["ends_at", "stands"])
    Clock.objects.filter(pk=hold.clock_id).update(held_since=None)
