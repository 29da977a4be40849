"""What a person should know at a glance: what needs them, how the agreement is kept, whether the machinery runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import (
    DeadEvent,
    Delivery,
    DisqualificationReason,
    Endpoint,
    Fact,
    Function,
    Heartbeat,
    MqlCycle,
    Person,
    Role,
    Source,
    User,
)
from alignment.models.cycles import NEEDS_REASON
from alignment.wording import relative
from handoff.models import Pool
from handoff.queries import cycles, routing
from sla.models import Clock, ClockKind, Outcome
from sla.queries.agreements import InForce, load_book

SILENT_AFTER = timedelta(hours=24)
INBOX_WAITS_AFTER = timedelta(minutes=1)
LOOPS = {"drain": "Applying events", "sweep": "Judging clocks", "roll-up": "Adding up"}


@dataclass(frozen=True)
class Need:
    """One thing that waits for somebody: how many, what, where to look (name of an address and its query)."""

    code: str
    count: int | None
    text: str
    url_name: str
    query: str = ""
    is_urgent: bool = False


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


def is_empty() -> bool:
    """Nothing has come in from anywhere yet."""
    return not Fact.objects.exists() and not Delivery.objects.exists()


def has_endpoint() -> bool:
    """Whether any source can be reached by its sender."""
    return Endpoint.objects.filter(is_active=True, source__is_active=True).exists()


def has_default_pool() -> bool:
    """Whether leads of any segment find somebody."""
    return Pool.objects.filter(segment="").exists()


def agreement_in_force(*, at: datetime) -> InForce | None:
    return load_book().at(at)


def loops(*, at: datetime) -> list[Loop]:
    """The loops that keep the product's promises, with their last sign of life."""
    beats = {beat.name: beat for beat in Heartbeat.objects.filter(name__in=LOOPS)}
    found = []
    for name, label in LOOPS.items():
        beat = beats.get(name)
        found.append(Loop(label, beat.beat_at if beat else None, beat is None or beat.is_late(at)))
    return found


def needs(user: User, scope: Scope, *, at: datetime) -> list[Need]:
    """What waits for this login, the urgent first; empty when nothing does."""
    found: list[Need] = []
    if user.has_role(Role.REP):
        found = _overdue(scope, at, "handoff:queue") + _due_today(scope, at) + _untagged(scope)
    elif user.has_role(Role.SALES_MANAGER):
        found = _overdue(scope, at, "handoff:cycles") + _unassigned(scope) + _untagged(scope)
    elif user.has_role(Role.REVOPS):
        found = [
            *_agreement(at),
            *_unassigned(scope),
            *_overdue(scope, at, "handoff:cycles"),
            *_untagged(scope),
            *_intake(at),
            *_pools(at),
            *_unknown_people(),
        ]
    elif user.has_role(Role.CRO, Role.CMO):
        found = _agreement(at) + _unassigned(scope) + _untagged(scope)
    elif user.has_role(Role.MARKETING):
        found = _unassigned(scope) + _untagged(scope)
    return sorted(found, key=lambda need: not need.is_urgent)


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


# --- what needs somebody --------------------------------------------------------------------------------


def _counted(code: str, found: QuerySet[Any], text: str, url_name: str, **more: Any) -> list[Need]:
    """A need for as many rows as there are; none for none."""
    count = found.count()
    return [Need(code, count, text, url_name, **more)] if count else []


def _overdue(scope: Scope, at: datetime, url_name: str) -> list[Need]:
    found = cycles.in_state("overdue", scope, at=at)
    query = "state=overdue" if url_name == "handoff:cycles" else ""
    return _counted("overdue", found, "overdue", url_name, query=query, is_urgent=True)


def _due_today(scope: Scope, at: datetime) -> list[Need]:
    """Due before the day ends in the zone in which this person reads times."""
    local = timezone.localtime(at)
    midnight = timezone.make_aware(
        datetime(local.year, local.month, local.day) + timedelta(days=1),  # noqa: DTZ001 - made aware here
    )
    due = (
        Clock.objects.filter(
            scope.q("cycle__owner"),
            outcome=Outcome.OPEN,
            met_at__isnull=True,
            due_at__gte=at,
            due_at__lt=midnight,
            cycle__voided_at__isnull=True,
            cycle__closed_at__isnull=True,
        )
        .exclude(kind=ClockKind.ASSIGN)
        .values("cycle")
        .distinct()
    )
    return _counted("due-today", due, "due before the day ends", "handoff:queue")


def _unassigned(scope: Scope) -> list[Need]:
    found = cycles.visible(scope).filter(owner__isnull=True, voided_at__isnull=True, closed_at__isnull=True)
    return _counted(
        "unassigned", found, "without an owner", "handoff:cycles", query="state=unassigned", is_urgent=True
    )


def _untagged(scope: Scope) -> list[Need]:
    found = cycles.visible(scope).filter(pk__in=MqlCycle.objects.closed_in_crm_untagged().values("pk"))
    return _counted(
        "untagged", found, "closed in the CRM without a disposition", "handoff:cycles", query="state=untagged"
    )


def _agreement(at: datetime) -> list[Need]:
    version = agreement_in_force(at=at)
    if version is None:
        text = "No agreement is in force: no MQL cycle starts and no clock runs"
        return [Need("no-agreement", None, text, "sla:agreement", is_urgent=True)]
    if version.agreement.is_signed:
        return []
    text = f"The agreement in force (v{version.agreement.number}) is not signed by the two leaders"
    return [Need("unsigned", None, text, "sla:agreement")]


def _intake(at: datetime) -> list[Need]:
    dead = DeadEvent.objects.filter(replayed_at__isnull=True)
    found = _counted("dead", dead, "that could not be applied", "alignment:sources", is_urgent=True)
    oldest = Delivery.objects.pending().aggregate(oldest=Min("received_at"))["oldest"]
    if oldest is not None and at - oldest > INBOX_WAITS_AFTER:
        text = f"The oldest delivery that waits in the inbox came {relative(oldest, now=at)}"
        found.append(Need("inbox-waits", None, text, "alignment:sources", is_urgent=True))
    if not Source.objects.filter(is_active=True).exists():
        return [
            *found,
            Need("no-source", None, "No source is connected", "alignment:sources", is_urgent=True),
        ]
    last = Delivery.objects.filter(endpoint=OuterRef("pk")).order_by("-id").values("received_at")[:1]
    endpoints = Endpoint.objects.filter(is_active=True, source__is_active=True).annotate(last=Subquery(last))
    return [
        *found,
        *_counted(
            "never-heard", endpoints.filter(last__isnull=True), "that never delivered", "alignment:sources"
        ),
        *_counted(
            "silent", endpoints.filter(last__lt=at - SILENT_AFTER), "silent for a day", "alignment:sources"
        ),
    ]


def _pools(at: datetime) -> list[Need]:
    if not Source.objects.filter(is_active=True, assigns=Source.Assigns.PRODUCT).exists():
        return []
    parts = routing.pool_parts(at=at)
    found = [
        Need("dead-end", None, f"{part.pool}: nobody is eligible and there is no fallback person",
             "handoff:pools", is_urgent=True)
        for part in routing.dead_ends(parts)
    ]  # fmt: skip
    if not any(not part.pool.segment for part in parts):
        text = "There is no default pool: leads of other segments get no owner"
        found.append(Need("no-default", None, text, "handoff:pools", is_urgent=True))
    return found


def _unknown_people() -> list[Need]:
    people = Person.objects.filter(
        is_active=True,
        user__isnull=True,
        team__isnull=True,
        function=Function.UNKNOWN,
        identities__isnull=False,
    ).distinct()
    return _counted("unknown-people", people, "named by a CRM and not set up", "alignment:people")
