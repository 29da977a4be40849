"""Whether a replay of live MQLs gives what the engine recorded, clock by clock."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from alignment.models import MqlCycle
from sla.models import Clock, ClockCorrection, ClockKind, Outcome
from sla.queries.agreements import load_book
from sla.queries.replay import LIVE, Replayed, Span, outcomes
from sla.services.elapsed import bring_up_to_date, needed_by

KINDS = tuple(ClockKind.values)


def recorded() -> dict[tuple[int, str, int], str]:
    """What the clocks say. Restated counts as the evidence has it: met, or no longer owed when it fell due."""
    found = {}
    last = {correction.clock_id: correction for correction in ClockCorrection.objects.order_by("pk")}
    for clock in Clock.objects.filter(cycle__voided_at__isnull=True):
        outcome = {"open": "running"}.get(clock.outcome, clock.outcome)
        if clock.outcome == Outcome.RESTATED:
            correction = last[clock.pk]
            is_met = correction.met_at is not None and correction.met_at <= correction.due_at
            outcome = "met" if is_met else "not_owed"
        found[clock.cycle_id, clock.kind, clock.ordinal] = outcome
    return found


def replayed(at: datetime) -> dict[tuple[int, str, int], str]:
    """Every live MQL under the version that it runs on."""
    book = load_book()
    found: dict[tuple[int, str, int], str] = {}
    for number in filter(None, set(MqlCycle.objects.live().values_list("agreement_number", flat=True))):
        terms = book.by_number(number).terms
        bring_up_to_date(at=at, needed=needed_by(terms))
        span = Span(date(2026, 1, 1), date(2027, 12, 1), "UTC")
        made = outcomes(Replayed(terms, span, at, LIVE, version=number), KINDS)
        found |= {key: {"held": "running"}.get(outcome, outcome) for key, outcome in made.items()}
    return found


def assert_equal_to_the_engine(at: datetime) -> Counter[tuple[str, str]]:
    engine, again = recorded(), replayed(at)
    # a promise that the facts no longer know is no part of a replay
    gone = {key for key in engine.keys() - again.keys() if engine[key] == "not_owed" and key[1] == "attempt"}
    assert {key: engine[key] for key in engine.keys() - gone} == again
    return Counter((kind, outcome) for (_, kind, _), outcome in again.items())
