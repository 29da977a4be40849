"""MQL cycles as lists: the queue of a rep, what is unassigned, what the CRM closed without a disposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery

from alignment.access import Scope
from alignment.models import Disposition, Lead, MqlCycle, Opportunity, Person
from alignment.models.cycles import NEEDS_REASON
from handoff.queries.openings import Opening, openings
from sla.models import Agreement, Clock, ClockKind, Outcome
from sla.queries.agreements import AgreementBook, load_book

PAGE = 50
LISTED = 25  # of the list of MQLs: on a phone each row is a card
STATES = {
    "open": "Open",
    "overdue": "Overdue",
    "unassigned": "Unassigned",
    "untagged": "Untagged",
    "closed": "Closed",
    "voided": "Voided by later facts",
    "history": "Imported history",
    "all": "All",
}


@dataclass(frozen=True)
class QueueRow:
    """One MQL in a list. `next_clock` is the unmet clock that falls due first: what to do next.

    `attempts_agreed` and `tier` are those of `agreement`, which the cycle runs on; imported history has none.
    `opening`: when the calendar of that clock opens; None while it is open.
    """

    cycle: MqlCycle
    next_clock: Clock | None
    clocks: dict[str, Clock]
    tier: str
    attempts_agreed: int | None
    opening: Opening | None = None
    agreement: Agreement | None = None

    @property
    def next_step(self) -> str:
        """What is due next, in words; empty when the agreement asks for nothing more."""
        if self.next_clock is None:
            return ""
        if self.next_clock.kind == ClockKind.ATTEMPT:
            return f"Attempt {self.next_clock.ordinal}"
        return self.next_clock.get_kind_display()

    @property
    def missing(self) -> str:
        return missing_in(self.cycle)

    @property
    def opportunities(self) -> list[Opportunity]:
        """What a conversion can be linked to."""
        leads = [self.cycle.lead, *self.cycle.lead.merged_leads.all()]
        return [row for lead in leads for row in lead.opportunities.all() if not row.is_deleted]


@dataclass(frozen=True)
class QueuePage:
    """Some open MQLs by time left, how many there are on all pages, and the key after which the next follow."""

    rows: list[QueueRow]
    total: int
    overdue: int
    cursor: int | None


@dataclass(frozen=True)
class Filters:
    """What a list shows. `text` is looked for in names, company and e-mail; `segment` None: any, '': none."""

    state: str = "open"
    text: str = ""
    segment: str | None = None
    owner: int | None = None
    is_oldest_first: bool = False


@dataclass(frozen=True)
class Page:
    """Some rows, and the key after which the next ones follow (None at the end)."""

    rows: list[QueueRow]
    cursor: str | None


def missing_in(cycle: MqlCycle) -> str:
    """What a record that is closed, here or in the CRM, lacks to count as tagged; empty when nothing is."""
    if (
        cycle.is_by_clause
        or cycle.voided_at
        or cycle.is_history
        or cycle.is_tagged
        or not (cycle.crm_closed_at or cycle.closed_at)
    ):
        return ""
    if cycle.disposition == Disposition.CONVERTED:
        return "Converted without an opportunity"
    if cycle.disposition in NEEDS_REASON:
        return f"{cycle.get_disposition_display()} without a reason"
    return "Closed in the CRM without a disposition"


def visible(scope: Scope) -> QuerySet[MqlCycle]:
    """Cycles in somebody's scope. Who manages a team also sees open MQLs that nobody owns, to take them."""
    condition = scope.q()
    if scope.teams:
        condition |= Q(owner__isnull=True, voided_at__isnull=True, closed_at__isnull=True, is_history=False)
    return MqlCycle.objects.filter(condition)


def visible_leads(scope: Scope) -> QuerySet[Lead]:
    """Leads in somebody's scope: all, or those with a cycle in it, with what was merged into them."""
    if scope.is_all:
        return Lead.objects.all()
    own = visible(scope)
    return Lead.objects.filter(
        Exists(own.filter(lead=OuterRef("pk"))) | Exists(own.filter(lead=OuterRef("merged_into")))
    )


def visible_opportunities(scope: Scope) -> QuerySet[Opportunity]:
    """Opportunities in somebody's scope: all, or those of the leads in it."""
    found = Opportunity.objects.all()
    return found if scope.is_all else found.filter(lead__in=visible_leads(scope))


def unmet(at: datetime) -> QuerySet[Clock]:
    """Clocks of what sales still owes, though it was due before `at`. One that a dispute holds stands still."""
    return Clock.objects.filter(
        met_at__isnull=True,
        held_since__isnull=True,
        due_at__lt=at,
        outcome__in=[Outcome.OPEN, Outcome.MISSED],
    ).exclude(kind=ClockKind.ASSIGN)


def in_state(state: str, scope: Scope, *, at: datetime) -> QuerySet[MqlCycle]:
    """Cycles of one of STATES as of `at`, in no order."""
    found = visible(scope)
    if state == "history":
        return found.filter(voided_at__isnull=True, is_history=True)
    if state != "all":
        found = found.filter(is_history=False)
    if state == "open":
        return found.filter(voided_at__isnull=True, closed_at__isnull=True)
    if state == "overdue":
        late = unmet(at).filter(cycle=OuterRef("pk"))
        return found.filter(Exists(late), voided_at__isnull=True, closed_at__isnull=True)
    if state == "unassigned":
        return found.filter(voided_at__isnull=True, closed_at__isnull=True, owner__isnull=True)
    if state == "untagged":
        return found.filter(pk__in=MqlCycle.objects.closed_in_crm_untagged().values("pk"))
    if state == "closed":
        return found.filter(voided_at__isnull=True, closed_at__isnull=False)
    if state == "voided":
        return found.filter(voided_at__isnull=False)
    return found


def page(filters: Filters, scope: Scope, *, at: datetime, after: str = "") -> Page:
    """25 cycles in order of crossing, after the key `after` (unreadable: from the start)."""
    found = in_state(filters.state, scope, at=at).select_related("lead__source", "owner", "team")
    for word in filters.text.split()[:5]:
        found = found.filter(
            Q(lead__first_name__icontains=word)
            | Q(lead__last_name__icontains=word)
            | Q(lead__company__icontains=word)
            | Q(lead__email__icontains=word)
        )
    if filters.segment is not None:
        found = found.filter(segment=filters.segment)
    if filters.owner is not None:
        found = found.filter(owner=filters.owner)
    key = _read_key(after)
    if filters.is_oldest_first:
        if key:
            found = found.filter(Q(started_at__gt=key[0]) | Q(started_at=key[0], pk__gt=key[1]))
        found = found.order_by("started_at", "pk")
    else:
        if key:
            found = found.filter(Q(started_at__lt=key[0]) | Q(started_at=key[0], pk__lt=key[1]))
        found = found.order_by("-started_at", "-pk")
    cycles = list(found.prefetch_related(_due_clocks())[: LISTED + 1])
    rows = queue_rows(cycles[:LISTED], at=at)
    return Page(rows, _key(cycles[LISTED - 1]) if len(cycles) > LISTED else None)


def queue_page(
    scope: Scope, *, at: datetime, owner_id: int | None = None, after: str = "", size: int = PAGE
) -> QueuePage:
    """Open MQLs in a scope (or those of one person in it) by time left, after the MQL named `after`.

    What nothing is due for comes last. An `after` that is no longer among them: from the start.
    """
    owed = (
        Clock.objects.filter(cycle=OuterRef("pk"), met_at__isnull=True)
        .exclude(kind=ClockKind.ASSIGN)
        .exclude(outcome=Outcome.NOT_OWED)
    )
    found = in_state("open", scope, at=at)
    if owner_id is not None:
        found = found.filter(owner=owner_id)
    found = found.annotate(next_due=Subquery(owed.order_by("due_at").values("due_at")[:1]))
    late = Exists(unmet(at).filter(cycle=OuterRef("pk")))
    counts = found.aggregate(total=Count("pk"), overdue=Count("pk", filter=late))
    rest = found.filter(_follows(found, after)).order_by(F("next_due").asc(nulls_last=True), "pk")
    cycles = list(_with_rows(rest)[: size + 1])
    cursor = cycles[size - 1].pk if len(cycles) > size else None
    return QueuePage(queue_rows(cycles[:size], at=at), counts["total"], counts["overdue"], cursor)


def _follows(found: QuerySet[Any], after: str) -> Q:
    """Condition on what comes after an MQL in the order of urgency."""
    last = None
    if after.isdecimal() and len(after) < 19:
        last = found.filter(pk=int(after)).values_list("next_due", "pk").first()
    if last is None:
        return Q()
    due, pk = last
    if due is None:
        return Q(next_due__isnull=True, pk__gt=pk)
    return Q(next_due__gt=due) | Q(next_due=due, pk__gt=pk) | Q(next_due__isnull=True)


def _with_rows(cycles: QuerySet[MqlCycle]) -> QuerySet[MqlCycle]:
    """With all that a card of the queue shows."""
    return cycles.select_related("lead", "owner__team").prefetch_related(
        _due_clocks(), "lead__opportunities", "lead__merged_leads__opportunities"
    )


def queue_rows(
    cycles: Sequence[MqlCycle], book: AgreementBook | None = None, at: datetime | None = None
) -> list[QueueRow]:
    """Rows of cycles whose clocks are prefetched as `due_clocks`; with `at` they know when closed calendars open."""
    if not cycles:
        return []
    book = book or load_book()
    rows = [_queue_row(cycle, book) for cycle in cycles]
    if at is None:
        return rows
    opening = openings([row.next_clock for row in rows if row.next_clock], at=at)
    return [replace(row, opening=opening.get(row.next_clock.pk)) if row.next_clock else row for row in rows]


def queue_rows_of(cycles: QuerySet[MqlCycle]) -> list[QueueRow]:
    """Rows of these cycles, with all that a card shows; two queries and what the agreement takes."""
    return queue_rows(list(_with_rows(cycles)))


def _queue_row(cycle: MqlCycle, book: AgreementBook) -> QueueRow:
    clocks: list[Clock] = cycle.due_clocks  # type: ignore[attr-defined]
    terms = book.terms_of(cycle)
    waiting = [c for c in clocks if c.met_at is None and c.kind != ClockKind.ASSIGN] if cycle.is_open else []
    return QueueRow(
        cycle,
        waiting[0] if waiting else None,
        {c.kind: c for c in clocks},
        terms.tier(cycle.tier).label if terms else "Imported history",
        terms.attempts if terms else None,
        agreement=book.agreement_of(cycle),
    )


def segments(scope: Scope) -> list[str]:
    """Segments that occur among the cycles in scope; '' where some have none."""
    return list(visible(scope).order_by("segment").values_list("segment", flat=True).distinct())


def owners(scope: Scope) -> QuerySet[Person]:
    """People in scope who own, or owned last, at least one cycle."""
    return Person.objects.filter(Exists(visible(scope).filter(owner=OuterRef("pk")))).order_by("name", "pk")


def _due_clocks() -> Prefetch[str, QuerySet[Clock], str]:
    owed = (
        Clock.objects.exclude(outcome=Outcome.NOT_OWED)
        .select_related("calendar_version")
        .defer("calendar_version__schedule")
        .order_by("due_at", "pk")
    )
    return Prefetch("clocks", owed, to_attr="due_clocks")


def _key(cycle: MqlCycle) -> str:
    return f"{cycle.started_at.astimezone(UTC).isoformat().removesuffix('+00:00')}~{cycle.pk}"


def _read_key(text: str) -> tuple[datetime, int] | None:
    instant, _, pk = text.partition("~")
    try:
        number = int(pk)
        found = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    except ValueError:
        return None
    return (found, number) if 0 <= number < 2**63 else None
