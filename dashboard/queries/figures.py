"""The agreement in force, the loops' signs of life, and what went to sales and came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import Destination, DisqualificationReason, Heartbeat, OutgoingMail
from alignment.models.cycles import NEEDS_REASON
from handoff.queries import cycles
from sla.queries.agreements import InForce, load_book

LOOPS = {"drain": "Applying events", "sweep": "Judging clocks", "roll-up": "Adding up"}


@dataclass(frozen=True)
class Loop:
    """One loop of the machinery; `beat_at` None: it has never run."""

    label: str
    beat_at: datetime | None
    is_late: bool


@dataclass(frozen=True)
class SentBack:
    """What sales sent back to marketing in some weeks, by reason, beside how many MQLs came to an end."""

    reasons: list[tuple[str, int]]
    closed: int

    @property
    def total(self) -> int:
        return sum(count for _, count in self.reasons)


def agreement_in_force(*, at: datetime) -> InForce | None:
    return load_book().at(at)


def loops(*, at: datetime) -> list[Loop]:
    """The loops that keep the product's promises, with their last sign of life."""
    names = dict(LOOPS)
    if Destination.objects.active().exists():
        names["write-back"] = "Writing back to CRMs"
    if OutgoingMail.objects.exists():
        names["mail"] = "Sending mails"
    beats = {beat.name: beat for beat in Heartbeat.objects.filter(name__in=names)}
    found = []
    for name, label in names.items():
        beat = beats.get(name)
        found.append(Loop(label, beat.beat_at if beat else None, beat is None or beat.is_late(at)))
    return found


def sent_back(since: datetime, scope: Scope) -> SentBack:
    """Cycles closed since an instant that sales disqualified or recycled, by reason, most frequent first."""
    closed = cycles.visible(scope).filter(closed_at__gte=since, voided_at__isnull=True)
    rows = (
        closed.filter(disposition__in=NEEDS_REASON)
        .values("reason")
        .annotate(count=Count("pk"))
        .order_by("-count", "reason")
    )
    labels: dict[str, Any] = {"": "No reason given", **dict(DisqualificationReason.choices)}
    return SentBack([(str(labels[row["reason"]]), row["count"]) for row in rows], closed.count())


def mqls_delivered(last: Week, count: int, scope: Scope) -> list[tuple[Week, int]]:
    """How many MQLs crossed the trigger in each of `count` weeks up to `last`, oldest first."""
    weeks = [last]
    while len(weeks) < count:
        weeks.insert(0, weeks[0].previous())
    ranges = {
        f"week_{number}": Count("pk", filter=Q(crossed_at__gte=week.starts_at, crossed_at__lt=week.ends_at))
        for number, week in enumerate(weeks)
    }
    standing = cycles.visible(scope).filter(
        voided_at__isnull=True, crossed_at__gte=weeks[0].starts_at, crossed_at__lt=last.ends_at
    )
    sums = standing.aggregate(**ranges)
    return [(week, sums[f"week_{number}"]) for number, week in enumerate(weeks)]
