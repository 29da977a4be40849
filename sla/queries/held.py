"""Promises whose clock a dispute held: few, so that each is judged by itself, with its holds left out of its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from alignment.business_time import BusinessCalendar, NoOpenTime
from alignment.models import MqlCycle
from sla.models import Clock, ClockHold, ClockKind, Elapsed, Outcome, Profile
from sla.queries.disputes import standing_holds
from sla.terms import Window

_ELAPSED = BusinessCalendar.always_open()
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Held:
    """A promise as its cycle and clock tell it. `held_since`: a dispute on it is undecided."""

    cycle_id: int
    kind: str
    ordinal: int
    based_at: datetime
    met_at: datetime | None
    not_owed_from: datetime | None
    held_since: datetime | None
    holds: Sequence[tuple[datetime, datetime]]
    fields: Mapping[str, Any]
    score: int | None
    team_id: int | None
    owner_id: int | None
    segment: str
    agreement_number: int | None

    def due_at(self, window: Window, calendar: BusinessCalendar | None) -> datetime:
        """Under a window of this calendar; None: by the clock. A window that no calendar fills in time is never due."""
        try:
            return (calendar or _ELAPSED).add(self.based_at, window.seconds, self.holds)
        except NoOpenTime:
            return _NEVER

    def outcome(self, due_at: datetime, cut: datetime) -> str:
        """As sla.queries.replay.OUTCOMES. What stood still before it was due is held until the ruling."""
        if self.met_at is not None and self.met_at <= due_at:
            return "met"
        if self.not_owed_from is not None and self.not_owed_from <= due_at:
            return "not_owed"
        if self.held_since is not None and self.held_since < due_at:
            return "held"
        return "missed" if due_at < cut else "running"


def held_promises(kinds: Sequence[str], assign_seconds: int) -> list[Held]:
    """Those of standing live cycles, of these kinds."""
    keys = set(
        Elapsed.objects.filter(is_held=True, kind__in=kinds).values_list("cycle_id", "kind", "ordinal")
    )
    if not keys:
        return []
    cycles = MqlCycle.objects.in_bulk({cycle for cycle, _, _ in keys})
    clocks = [
        clock
        for clock in Clock.objects.filter(cycle__in=cycles, kind__in=kinds).order_by("pk")
        if (clock.cycle_id, clock.kind, clock.ordinal) in keys
    ]
    holds = standing_holds([clock.pk for clock in clocks])
    open_holds = dict(
        ClockHold.objects.filter(clock__in=clocks, ends_at__isnull=True).values_list("clock", "starts_at")
    )
    profiles = dict(
        Elapsed.objects.filter(cycle_id__in=cycles).values_list("cycle_id", "profile_id").distinct()
    )
    fields = {pk: profile.fields for pk, profile in Profile.objects.in_bulk(set(profiles.values())).items()}
    scores = dict(Elapsed.objects.filter(cycle_id__in=cycles).values_list("cycle_id", "score"))
    found = []
    for clock in clocks:
        cycle = cycles[clock.cycle_id]
        based_at = clock.restated_start_at or clock.started_at
        if cycle.assigned_at is None and clock.kind in (ClockKind.FOLLOW_UP, ClockKind.DISPOSITION):
            based_at = cycle.started_at + timedelta(seconds=assign_seconds)
        team = clock.team_id if clock.outcome == Outcome.MET else cycle.team_id
        found.append(
            Held(
                clock.cycle_id, clock.kind, clock.ordinal, based_at, clock.met_at, clock.not_owed_from,
                open_holds.get(clock.pk), holds.get(clock.pk, ()), fields[profiles[cycle.pk]], scores[cycle.pk],
                team, clock.owner_id, clock.segment, cycle.agreement_number,
            )
        )  # fmt: skip
    return found
