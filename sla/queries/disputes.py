"""What disputes and rulings do to figures: counts beside the raw ones, and the clocks behind them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from alignment.access import Scope
from alignment.business_time import local_day_bounds
from alignment.models import Lead, MqlCycle, Organisation
from alignment.queries.identity import records_of
from sla.models import Clock, ClockHold, ClockKind, Dispute, DisputeKind, Effect, Outcome, Override

Key = tuple[Any, str]
_OF_CLOCK = ("kind", "owner", "owner__name", "team", "team__name", "segment")


@dataclass(frozen=True)
class Adjustments:
    """Counts of clocks of one kind. `held`: running ones with an undecided dispute, unmet until ruled on.
    `set_aside`: missed ones (no restated one among them) whose breach a ruling set aside: met, with rulings."""

    held: int
    set_aside: int

    def __bool__(self) -> bool:
        return bool(self.held or self.set_aside)


NO_ADJUSTMENTS = Adjustments(0, 0)


@dataclass(frozen=True)
class Adjusted:
    """Held clocks, and those that were set aside: of each its kind, owner, team and segment."""

    held: list[dict[str, Any]]
    set_aside: list[dict[str, Any]]

    def by_kind(self) -> dict[str, Adjustments]:
        """For each kind of clock."""
        held, set_aside = (Counter(row["kind"] for row in rows) for rows in (self.held, self.set_aside))
        return {kind: Adjustments(held[kind], set_aside[kind]) for kind in ClockKind.values}

    def by(self, field: str) -> dict[Key, dict[str, Adjustments]]:
        """As `by_kind`, of each owner, team or segment (`field`) that any of these clocks has: together they are it.
        The keys are (id or segment, name)."""
        name = field if field == "segment" else f"{field}__name"

        def of(rows: list[dict[str, Any]], key: Key) -> list[dict[str, Any]]:
            return [row for row in rows if row[field] == key[0]]

        keys = {(row[field], row[name] or "") for row in (*self.held, *self.set_aside)}
        return {key: Adjusted(of(self.held, key), of(self.set_aside, key)).by_kind() for key in keys}


def adjustments(first: date, end: date, kind: str, scope: Scope) -> Adjustments:
    """What disputes and rulings add to the figure of a kind over the local days from `first` until before `end`.

    A held clock counts on the day on which it fell due as of the filing, wherever later facts move it.
    """
    zone = Organisation.get().zone
    since, until = local_day_bounds(first, zone)[0], local_day_bounds(end, zone)[0]
    return adjusted(since, until, scope).by_kind()[kind]


def adjusted(since: datetime, until: datetime, scope: Scope) -> Adjusted:
    """The clocks behind `adjustments`, of every kind, in two queries: few, as somebody disputed each of them."""
    held = held_clocks(since, until).filter(scope.q())
    set_aside = set_aside_clocks().filter(scope.q(), due_at__gte=since, due_at__lt=until)
    return Adjusted(list(held.values(*_OF_CLOCK)), list(set_aside.values(*_OF_CLOCK)))


def held_clocks(since: datetime, until: datetime) -> QuerySet[Clock]:
    """Running clocks of standing cycles with an undecided dispute, due in [since, until) as of its filing."""
    return Clock.objects.filter(
        outcome=Outcome.OPEN,
        cycle__voided_at__isnull=True,
        disputes__ended_at__isnull=True,
        disputes__clock_due_at__gte=since,
        disputes__clock_due_at__lt=until,
    )


def set_aside_clocks(*, with_restated: bool = False) -> QuerySet[Clock]:
    """Missed clocks of standing cycles whose breach a ruling set aside. They stay missed in every raw figure.

    `with_restated`: those too that late evidence disproved besides, for who counts them as missed.
    """
    ruled = Override.objects.filter(clock=OuterRef("pk"), effect=Effect.SET_ASIDE)
    outcomes = [Outcome.MISSED, *([Outcome.RESTATED] if with_restated else [])]
    return Clock.objects.filter(Exists(ruled), outcome__in=outcomes, cycle__voided_at__isnull=True)


def standing_holds(clocks: Collection[int]) -> dict[int, list[tuple[datetime, datetime]]]:
    """Per clock id the UTC intervals [from, until) in which it stood still by a ruling; in one query."""
    found: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    if clocks:
        holds = ClockHold.objects.filter(clock__in=clocks, stands=True).order_by("starts_at")
        for clock, start, end in holds.values_list("clock", "starts_at", "ends_at"):
            if end is not None:
                found[clock].append((start, end))
    return found


def ruled_function(lead: Lead) -> Override | None:
    """The ruling on which function sourced a lead, or one of the records merged into it; the newest. None: no ruling.

    Show its `function` beside `lead.sourced_function`, which stays as the touches have it.
    """
    ruled = Override.objects.filter(lead__in=records_of(lead), effect=Effect.SOURCED)
    return ruled.select_related("ruling__ruled_by").order_by("-made_at", "-pk").first()


@dataclass(frozen=True)
class Standing:
    """What is disputed and ruled about a lead and one of its MQL cycles: undecided disputes, and the newest rulings."""

    sourced: Override | None = None
    sourced_dispute: Dispute | None = None
    mql: Override | None = None
    mql_dispute: Dispute | None = None


def standing_of(lead: Lead, cycle: MqlCycle | None) -> Standing:
    """On who sourced the lead, or one of the records merged into it, and on whether the cycle meets the definition of
    an MQL. Two queries."""
    own = Q(lead=lead) | Q(lead__merged_into=lead)
    ruled = own & Q(effect=Effect.SOURCED)
    open_ = own & Q(kind=DisputeKind.ATTRIBUTION)
    if cycle is not None:
        ruled |= Q(cycle=cycle, effect__in=[Effect.MEETS, Effect.MEETS_NOT])
        open_ |= Q(kind=DisputeKind.DEFINITION, cycle=cycle)
    overrides = list(Override.objects.filter(ruled).order_by("-made_at", "-pk"))
    disputes = list(Dispute.objects.undecided().filter(open_).order_by("pk"))
    return Standing(
        next((row for row in overrides if row.effect == Effect.SOURCED), None),
        next((row for row in disputes if row.kind == DisputeKind.ATTRIBUTION), None),
        next((row for row in overrides if row.effect != Effect.SOURCED), None),
        next((row for row in disputes if row.kind == DisputeKind.DEFINITION), None),
    )
