"""Pairs of leads that look like one person, side by side, with what is at stake on either side."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import QuerySet

from alignment.models import DuplicatePair, Lead, LeadMerge, MqlCycle
from alignment.queries.identity import urgent_pairs
from handoff.queries.cycles import QueueRow, queue_rows_of

PAGE = 20
FIELDS = (
    ("Name", "name"), ("E-mail", "email"), ("Title", "title"), ("Company", "company"), ("Phone", "phone"),
    ("Country", "country"), ("Segment", "segment"), ("Score", "score"), ("Status in the CRM", "status"),
    ("Owner in the CRM", "crm_owner"), ("Account", "matched_account"), ("Source", "source"),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One field on both sides; what only one of them has differs as well. E-mails are the same in any case."""

    label: str
    left: str
    right: str
    is_same: bool

    @property
    def differs(self) -> bool:
        return not self.is_same


@dataclass(frozen=True)
class Side:
    """One of the two: `open_row` is its open MQL with the clock that falls due first, `cycles` how many it had,
    `closed` how many of them are over."""

    lead: Lead
    open_row: QueueRow | None
    cycles: int
    closed: int
    merged: int


@dataclass(frozen=True)
class PairView:
    """A pair as RevOps decides it. Where a lead was merged, its survivor stands for it."""

    pair: DuplicatePair
    left: Side
    right: Side
    lines: list[Line]

    @property
    def same(self) -> list[Line]:
        return [line for line in self.lines if line.is_same]

    @property
    def different(self) -> list[str]:
        """Labels of the fields that both have, with different values."""
        return [line.label for line in self.lines if line.differs and line.left and line.right]

    @property
    def deleted(self) -> list[str]:
        """External ids of those that the CRM deleted."""
        return [side.lead.external_id for side in (self.left, self.right) if side.lead.is_deleted]

    @property
    def number(self) -> str:
        return str(self.pair.pk)

    @property
    def left_name(self) -> str:
        return f"Lead {self.left.lead.external_id}"

    @property
    def right_name(self) -> str:
        return f"Lead {self.right.lead.external_id}"

    @property
    def is_urgent(self) -> bool:
        return self.left.open_row is not None and self.right.open_row is not None


@dataclass(frozen=True)
class PairPage:
    pairs: list[PairView]
    total: int
    urgent: int
    cursor: int | None


def pair_page(*, after: str = "", is_urgent_only: bool = False) -> PairPage:
    """Open pairs, the newest first, by key. As many queries for one as for a page full."""
    found = urgent_pairs() if is_urgent_only else DuplicatePair.objects.open()
    rest = found.filter(pk__lt=int(after)) if after.isdecimal() and len(after) < 19 else found
    rows = list(_with_sides(rest).order_by("-pk")[: PAGE + 1])
    cursor = rows[PAGE - 1].pk if len(rows) > PAGE else None
    total, urgent = DuplicatePair.objects.open().count(), urgent_pairs().count()
    return PairPage(_views(rows[:PAGE]), total, urgent, cursor)


def pair_view(pk: int) -> PairView | None:
    """One open pair; None where it was settled."""
    found = _views(list(_with_sides(DuplicatePair.objects.open().filter(pk=pk))))
    return found[0] if found else None


def latest_merges() -> list[LeadMerge]:
    """The last standing merges."""
    found = LeadMerge.objects.filter(undone_at__isnull=True).select_related("survivor", "merged", "merged_by")
    return list(found.order_by("-pk")[:10])


def _with_sides(pairs: QuerySet[DuplicatePair]) -> QuerySet[DuplicatePair]:
    return pairs.select_related("lead_a", "lead_b")


def _views(pairs: list[DuplicatePair]) -> list[PairView]:
    pks = {
        pk
        for pair in pairs
        for pk in (pair.lead_a.merged_into_id or pair.lead_a_id, pair.lead_b.merged_into_id or pair.lead_b_id)
    }
    sides = _sides(pks)
    found = []
    for pair in pairs:
        left = sides[pair.lead_a.merged_into_id or pair.lead_a_id]
        right = sides[pair.lead_b.merged_into_id or pair.lead_b_id]
        lines = [_line(label, name, left.lead, right.lead) for label, name in FIELDS]
        found.append(PairView(pair, left, right, [line for line in lines if line.left or line.right]))
    return found


def _line(label: str, name: str, left: Lead, right: Lead) -> Line:
    is_same = _text(left, name) == _text(right, name)
    if name == "email" and left.email_key:
        is_same = left.email_key == right.email_key
    return Line(label, _text(left, name), _text(right, name), is_same)


def _text(lead: Lead, name: str) -> str:
    value = getattr(lead, name)
    return "" if value is None else str(value)


def _sides(pks: set[int]) -> dict[int, Side]:
    leads = Lead.objects.filter(pk__in=pks).select_related("source", "crm_owner", "matched_account")
    cycles: dict[int, list[MqlCycle]] = defaultdict(list)
    for cycle in MqlCycle.objects.standing().filter(lead__in=pks):
        cycles[cycle.lead_id].append(cycle)
    rows = {row.cycle.lead_id: row for row in queue_rows_of(MqlCycle.objects.open().filter(lead__in=pks))}
    merged: dict[int, int] = defaultdict(int)
    for survivor in LeadMerge.objects.filter(survivor__in=pks, undone_at__isnull=True).values_list(
        "survivor_id", flat=True
    ):
        merged[survivor] += 1
    return {
        lead.pk: Side(
            lead,
            rows.get(lead.pk),
            len(cycles[lead.pk]),
            sum(cycle.closed_at is not None for cycle in cycles[lead.pk]),
            merged[lead.pk],
        )
        for lead in leads
    }
