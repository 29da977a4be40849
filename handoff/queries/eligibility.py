"""Who of a pool may get the next lead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from handoff.models import Leave, PoolMember


def why_skipped(member: PoolMember, leaves: Sequence[Leave], at: datetime) -> str:
    """Empty when eligible, else the reason in words. Closed hours skip nobody."""
    if not member.person.is_active:
        return "no longer active"
    if member.is_paused:
        return "paused"
    leave = next((leave for leave in leaves if leave.covers(at)), None)
    if leave is not None:
        return f"on leave until {leave.ends_at:%Y-%m-%d %H:%M} UTC"
    return ""
