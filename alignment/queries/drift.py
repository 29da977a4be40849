"""Whether the records still are what the signed definition says: filled, called the same, converting alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Case, Count, Q, QuerySet, When
from django.db.models.functions import Coalesce

from alignment.definitions import evaluate
from alignment.definitions.conditions import meets, row_holds
from alignment.definitions.fields import Field
from alignment.definitions.predicate import Definition, Limits, Part
from alignment.models import Lead, MqlCycle, Opportunity, TouchFunction
from alignment.models.leads import creation_of_leads
from alignment.queries.completeness import with_leads
from alignment.queries.counting import lead_counts
from alignment.queries.definitions import counted_mqls, moment, standing_leads
from alignment.ruled_sources import ruled_sources

LAST = 50
COMPARED = 10_000  # leads: all of a million would take seconds, on a page that is opened often
SAYS_SO, SILENT = "says-so", "silent"
DISAGREEMENTS = {
    SAYS_SO: "The CRM calls them an MQL, the definition does not",
    SILENT: "They meet the definition, the CRM does not say so",
}
SIDES = {TouchFunction.MARKETING.value: "Marketing-sourced", TouchFunction.SALES.value: "Sales-sourced"}


@dataclass(frozen=True)
class Checked:
    """One of the last MQLs with the required fields that its lead lacks."""

    cycle: MqlCycle
    missing: tuple[Field, ...]


@dataclass(frozen=True)
class PartFilled:
    part: Part
    filled: int


@dataclass(frozen=True)
class LastMqls:
    """The latest MQLs by crossing, at most 50. `filled`: those with every part filled."""

    rows: tuple[Checked, ...]
    parts: tuple[PartFilled, ...]

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def filled(self) -> int:
        return sum(not row.missing for row in self.rows)

    @property
    def lacking(self) -> list[Checked]:
        return [row for row in self.rows if row.missing]


@dataclass(frozen=True)
class Side:
    """Leads of one origin, and those of them that have an opportunity."""

    function: str
    leads: int = 0
    converted: int = 0

    @property
    def label(self) -> str:
        return SIDES[self.function]


@dataclass(frozen=True)
class Gap:
    """Lead-to-opportunity conversion of marketing- and sales-sourced leads created since `since`. `ruled`: both sides
    by the function that rulings say in the stead of the first touch, beside the judged ones; None: no other figures."""

    marketing: Side
    sales: Side
    limits: Limits
    since: datetime
    ruled: tuple[Side, Side] | None = None

    @property
    def too_few(self) -> list[Side]:
        """Sides with fewer leads than are judged."""
        return [side for side in (self.marketing, self.sales) if side.leads < self.limits.leads]

    @property
    def higher(self) -> Side:
        """The side that converts better; marketing where both do alike."""
        is_sales = self.sales.converted * self.marketing.leads > self.marketing.converted * self.sales.leads
        return self.sales if is_sales else self.marketing

    @property
    def lower(self) -> Side:
        return self.marketing if self.higher is self.sales else self.sales

    @property
    def ratio_hundredths(self) -> int | None:
        """The higher conversion in hundredths of the lower one, cut; None while there is nothing to divide by."""
        below = self.lower.converted * self.higher.leads
        return self.higher.converted * self.lower.leads * 100 // below if below else None

    @property
    def ratio(self) -> str:
        hundredths = self.ratio_hundredths
        return "" if hundredths is None else f"{hundredths // 100}.{hundredths % 100:02}×"

    @property
    def is_judged(self) -> bool:
        """Whether there are leads enough on both sides, and an opportunity on each to compare. A side without any is
        judged only where it has so many leads that even one would leave it beyond the limit."""
        return not self.too_few and (self.lower.converted > 0 or self.is_alarm)

    @property
    def is_alarm(self) -> bool:
        """Beyond the limit; exactly the limit is none. Whole numbers are compared."""
        below = max(1, self.lower.converted) * self.higher.leads
        return not self.too_few and self.higher.converted * self.lower.leads > self.limits.gap * below


@dataclass(frozen=True)
class Disagreement:
    kind: str
    count: int

    @property
    def label(self) -> str:
        return DISAGREEMENTS[self.kind]


def last_mqls(definition: Definition) -> LastMqls:
    """The last 50 MQLs, live and imported, by crossing; judged by their leads' fields as they are known now."""
    cycles = list(with_leads(counted_mqls()).order_by("-crossed_at", "-pk")[:LAST])
    rows = tuple(Checked(cycle, tuple(evaluate.missing(definition, cycle.lead))) for cycle in cycles)
    parts = tuple(
        PartFilled(part, sum(not set(part.fields) & set(row.missing) for row in rows))
        for part in definition.parts
    )
    return LastMqls(rows, parts)


def disagreeing(definition: Definition, kind: str, *, at: datetime, is_all: bool = False) -> QuerySet[Lead]:
    """Of the latest 10,000 leads those whose status in the CRM and whose fields say different things, in no order; none
    where the definition does not say what the CRM calls an MQL. `is_all`: of all leads, however many."""
    if definition.crm_status is None:
        return Lead.objects.none()
    now = moment(at)
    called, met = row_holds(definition.crm_status.row, now), meets(definition, now)
    compared = standing_leads() if is_all else _latest()
    return compared.filter(called & ~met if kind == SAYS_SO else met & ~called)


def disagreements(definition: Definition, *, at: datetime) -> list[Disagreement]:
    """How many of the latest 10,000 leads disagree, either way. Two queries are faster than one here: each stops at the
    first row that decides it."""
    return [Disagreement(kind, disagreeing(definition, kind, at=at).count()) for kind in DISAGREEMENTS]


def has_earlier() -> bool:
    """Whether there are more leads than are compared."""
    return _first_compared() is not None


def _latest() -> QuerySet[Lead]:
    """The latest 10,000 leads by creation, in no order. By the moment of the first of them, which the index finds: a
    list of keys would have the whole table read."""
    first = _first_compared()
    if first is None:
        return standing_leads()
    made_at, pk = first
    found = standing_leads().alias(made_at=creation_of_leads()).filter(made_at__gte=made_at)
    return found.exclude(made_at=made_at, pk__lt=pk)


def _first_compared() -> tuple[datetime, int] | None:
    """Creation and key of the first of the latest leads; None while there are no more than these."""
    found = standing_leads().annotate(made_at=creation_of_leads()).order_by("-made_at", "-pk")
    last = list(found.values_list("made_at", "pk")[COMPARED - 1 : COMPARED + 1])
    return last[0] if len(last) == 2 else None


def gap(limits: Limits, *, at: datetime) -> Gap:
    """Conversion of either origin over the leads created within the days of the limits."""
    since = at - timedelta(days=limits.days)
    counted = (
        _created(since, at)
        .filter(sourced_function__in=SIDES)
        .values("sourced_function")
        .annotate(leads=Count("pk"), converted=Count("pk", filter=_is_converted()))
        .order_by()
    )
    sides = {
        row["sourced_function"]: Side(row["sourced_function"], row["leads"], row["converted"])
        for row in counted
    }
    marketing, sales = (sides.get(function, Side(function)) for function in SIDES)
    return Gap(marketing, sales, limits, since, _ruled((marketing, sales), since, at))


def _ruled(raw: tuple[Side, Side], since: datetime, until: datetime) -> tuple[Side, Side] | None:
    ruled = ruled_sources().leads
    if not ruled:
        return None
    rows = _created(since, until).filter(pk__in=list(ruled))
    moved = rows.values_list("pk", "sourced_function", Case(When(_is_converted(), then=1), default=0))
    leads, converted = Counter[str](), Counter[str]()
    for pk, function, is_converted in moved:
        for side, by in ((function, -1), (ruled[pk], 1)):
            leads[side] += by
            converted[side] += by * is_converted
    marketing, sales = (
        replace(
            side, leads=side.leads + leads[side.function], converted=side.converted + converted[side.function]
        )
        for side in raw
    )
    return None if (marketing, sales) == raw else (marketing, sales)


def leads_of_side(limits: Limits, function: str, *, is_converted: bool, at: datetime) -> QuerySet[Lead]:
    """The leads behind one number of the gap, in no order."""
    found = _created(at - timedelta(days=limits.days), at).filter(sourced_function=function)
    return found.filter(_is_converted()) if is_converted else found


def _created(since: datetime, until: datetime) -> QuerySet[Lead]:
    """Leads made within a time that count, each with the records merged into it; those of erased people stay, as what
    counts of them does."""
    return Lead.objects.alias(made_at=creation_of_leads()).filter(
        lead_counts(), made_at__gte=since, made_at__lte=until, merged_into=None
    )


def _is_converted() -> Q:
    """Leads that have an opportunity, by their own record or by one merged into it."""
    deals = Opportunity.objects.filter(is_deleted=False, lead__isnull=False)
    return Q(pk__in=deals.values(stays=Coalesce("lead__merged_into_id", "lead_id")))
