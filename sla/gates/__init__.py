"""The gates that the SLA measures: that it is signed (2), and that the handoff is kept by it (3)."""

from sla.gates import handoff, signed

__all__ = ["handoff", "signed"]
