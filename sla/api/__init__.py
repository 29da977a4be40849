"""The agreement, its clocks and breaches, and compliance by week."""

from __future__ import annotations

from sla.api import adherence, agreements, clocks, compliance, consequences, disputes, handoff_weeks
from sla.api.clocks import ClocksField

__all__ = ["ClocksField", "routes"]

routes = [
    *agreements.routes,
    *clocks.routes,
    *compliance.routes,
    *adherence.routes,
    *disputes.routes,
    *consequences.routes,
    *handoff_weeks.routes,
]
