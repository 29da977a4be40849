"""What disputes and rulings do to figures: counts beside the raw ones, and the clocks behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from alignment.access import Scope
from alignment.business_time import local_day_bounds
from alignment.models import Lead, MqlCycle, Organisation
from alignment.queries.identity import records_of
from sla.models import Clock, ClockHold, ClockKind, Dispute, DisputeKind, Effect, Outcome, Override


@dataclass(frozen=True)
class Adjustments:
    """Counts of clocks of one kind. `held`: running ones with an undecided dispute, unmet until ruled on.
    `set_aside`: missed ones (no restated one among them) whose breach a ruling set aside: met, with rulings."""

    held: int
    set_aside: int

    def __bool__(self) -> bool:
        return bool(self.held or self.set_aside)


def adjustments(first: date, end: date, kind: str, scope: Scope) -> Adjustments:
    """What disputes and rulings add to the figure of a kind over the local days from `first` until before `end`.

    A held clock counts on the day on which it fell due as of the filing, wherever later facts move it.
    """
    return adjustments_by_kind(first, end, scope)[kind]


def adjustments_by_kind(first: date, end: date, scope: Scope) -> dict[str, Adjustments]:
    """As `adjustments`, for each kind of clock, in two queries."""
    zone = Organisation.get().zone
    since, until = local_day_bounds(first, zone)[0], local_day_bounds(end, zone)[0]
    held = _by_kind(held_clocks(since, until).filter(scope.q()))
    set_aside = _by_kind(set_aside_clocks().filter(scope.q(), due_at__gte=since, due_at__lt=until))
    return {kind: Adjustments(held.get(kind, 0), set_aside.get(kind, 0)) for kind in ClockKind.values}


def set_aside_by(field: str, first: date, end: date, scope: Scope) -> dict[tuple[str, str], int]:
    """Of each kind of clock what `set_aside` counts, by a `field` of clocks: owner, team or segment. The keys are
    (id or name, kind), '' for none; only those with any."""
    zone = Organisation.get().zone
    since, until = local_day_bounds(first, zone)[0], local_day_bounds(end, zone)[0]
    found = set_aside_clocks().filter(scope.q(), due_at__gte=since, due_at__lt=until)
    counted = found.order_by(field, "kind").values_list(field, "kind").annotate(Count("pk"))
    return {(str(key or ""), kind): count for key, kind, count in counted}


def _by_kind(clocks: QuerySet[Clock]) -> dict[str, int]:
    return dict(clocks.order_by("kind").values_list("kind").annotate(Count("pk")))


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


def ruled_functions(leads: Sequence[Lead]) -> dict[int, str]:
    """Per id of a lead the function that the newest ruling says; leads without a ruling are left out."""
    rows = Override.objects.filter(lead__in=leads, effect=Effect.SOURCED).order_by("made_at", "pk")
    return dict(rows.values_list("lead_id", "function"))


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
