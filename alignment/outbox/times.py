"""How times stand in messages: UTC, whole seconds, ending in Z."""

from __future__ import annotations

from datetime import UTC, datetime


def told(instant: datetime) -> str:
    """As in 2026-03-02T16:20:00Z; parts of a second are cut, so that nothing is due later than it is here."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
