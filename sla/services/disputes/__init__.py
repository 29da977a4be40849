"""Arbitration: filing a dispute, ruling on it, withdrawing it, and saying when nobody ruled in time."""

from sla.services.disputes.filing import file_dispute
from sla.services.disputes.overdue import mark_overdue
from sla.services.disputes.ruling import Decided, rule
from sla.services.disputes.withdrawing import withdraw

__all__ = ["Decided", "file_dispute", "mark_overdue", "rule", "withdraw"]
