"""An October of first follow-ups under a signed SLA, missed and kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sla.services import mark_breached, roll_up
from testing.sla import signed_sla
from testing.world import World, event, terms

SIGNED = datetime(2026, 9, 28, 9, 0, tzinfo=UTC)
CROSSED = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)  # a Tuesday: due on Friday, after 24 open hours
AFTER = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)


def october(world: World, *, missed: int, met: int, touched: int = 0, **clauses: Any) -> None:
    """MQLs of October of a signed SLA: so many never followed up, or late (`touched` of them), and the rest in time."""
    signed_sla(terms(world.calendar), at=SIGNED, **clauses)
    late = CROSSED + timedelta(days=6)
    events = [event("lead.updated", f"L{n}", CROSSED, score=80) for n in range(missed + met)]
    in_time = range(missed, missed + met)
    world.send(*events, at=CROSSED)
    world.send(*(attempt(n, CROSSED + timedelta(hours=1)) for n in in_time), at=CROSSED + timedelta(hours=1))
    mark_breached(at=late)
    world.send(*(attempt(n, late) for n in range(touched)), at=late)
    mark_breached(at=AFTER)
    roll_up(at=AFTER)


def attempt(number: int, at: datetime) -> dict[str, Any]:
    return event(
        "touch.recorded", f"T{number}-{at:%d%H%M}", at, lead=f"L{number}", channel="call", is_attempt=True
    )
