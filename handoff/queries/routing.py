"""Who gets which leads: pools with expected and received shares, turns, leave, recent decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from alignment.access import Scope
from alignment.models import Function, Lead, MqlCycle, Person, Role, Source, User
from alignment.wording import in_words
from handoff.models import Assignment, Leave, Pool, PoolMember
from handoff.queries.cycles import visible_leads
from handoff.queries.eligibility import why_skipped

RECENT = 20


@dataclass(frozen=True)
class MemberLine:
    """One member. `next_place` counts from 1 among those eligible now; None for who is skipped, and then
    `skipped` says why. `away` are leaves that run or are still to come."""

    member: PoolMember
    skipped: str
    next_place: int | None
    away: list[Leave]
    total_weight: int
    total_received: int


@dataclass(frozen=True)
class PoolPart:
    """One pool with its members in the order of joining."""

    pool: Pool
    members: list[MemberLine]
    total_received: int

    @property
    def has_eligible(self) -> bool:
        return any(not line.skipped for line in self.members)

    @property
    def is_dead_end(self) -> bool:
        """Nobody is eligible and there is no active person to fall back on."""
        return not self.has_eligible and not (self.pool.fallback and self.pool.fallback.is_active)

    @property
    def serves(self) -> str:
        return f"segment is “{in_words(self.pool.segment)}”" if self.pool.segment else "every other lead"


@dataclass(frozen=True)
class RecentAssignment:
    """One decision. `lead` is None where somebody out of scope has it now."""

    decision: Assignment
    lead: Lead | None


def pool_parts(*, at: datetime, member_user: User | None = None) -> list[PoolPart]:
    """All pools, the default one last; with `member_user` only those that this login is in."""
    pools = Pool.objects.select_related("fallback").order_by("segment", "pk")
    if member_user is not None:
        mine = PoolMember.objects.filter(pool=OuterRef("pk"), person__user=member_user)
        pools = pools.filter(Exists(mine))
    found = sorted(pools, key=lambda pool: (pool.segment == "", pool.segment.lower()))
    members: dict[int, list[PoolMember]] = defaultdict(list)
    for member in (
        PoolMember.objects.filter(pool__in=found)
        .select_related("person__team", "person__user")
        .order_by("pk")
    ):
        members[member.pool_id].append(member)
    leaves: dict[int, list[Leave]] = defaultdict(list)
    people = {member.person_id for group in members.values() for member in group}
    for leave in Leave.objects.filter(person__in=people, ends_at__gt=at).order_by("starts_at"):
        leaves[leave.person_id].append(leave)
    return [_part(pool, members[pool.pk], leaves, at) for pool in found]


def _part(pool: Pool, members: list[PoolMember], leaves: dict[int, list[Leave]], at: datetime) -> PoolPart:
    skipped = {member.pk: why_skipped(member, leaves[member.person_id], at) for member in members}
    turns = sorted(
        (member for member in members if not skipped[member.pk]),
        key=lambda member: (max(member.turn, pool.virtual_time), -member.weight, member.pk),
    )
    place = {member.pk: number for number, member in enumerate(turns, start=1)}
    weights = sum(member.weight for member in members)
    received = sum(member.received for member in members)
    lines = [
        MemberLine(
            member, skipped[member.pk], place.get(member.pk), leaves[member.person_id], weights, received
        )
        for member in members
    ]
    return PoolPart(pool, lines, received)


def recent_assignments(scope: Scope) -> list[RecentAssignment]:
    """The last decisions about people in scope, newest first."""
    rows = Assignment.objects.filter(scope.q("person")).select_related("cycle__lead", "person", "pool", "by")
    found = list(rows.order_by("-pk")[:RECENT])
    seen = {row.cycle.lead_id for row in found}
    if not scope.is_all:
        seen = set(visible_leads(scope).filter(pk__in=seen).values_list("pk", flat=True))
    return [RecentAssignment(row, row.cycle.lead if row.cycle.lead_id in seen else None) for row in found]


def sources_by_assigner() -> tuple[list[Source], list[Source]]:
    """(sources whose leads are routed here, sources whose CRM assigns owners), active ones."""
    sources = list(Source.objects.filter(is_active=True))
    ours = [source for source in sources if source.assigns == Source.Assigns.PRODUCT]
    return ours, [source for source in sources if source.assigns == Source.Assigns.CRM]


def sellers() -> QuerySet[Person]:
    """Active people who may own an MQL."""
    return Person.objects.filter(is_active=True, function__in=[Function.SALES, Function.UNKNOWN]).order_by(
        "name", "pk"
    )


def open_mqls_of(person: Person) -> int:
    """How many open MQLs somebody owns."""
    return MqlCycle.objects.open().filter(owner=person).count()


def people_managed_by(user: User) -> QuerySet[Person]:
    """Active people of the teams that a login manages."""
    return sellers().filter(team__in=user.managed_teams.all())


def own_people(user: User) -> list[Person]:
    """The person of a login, and the people whom it manages as a sales manager; active ones, its own first."""
    found = {person.pk: person for person in Person.objects.filter(user=user, is_active=True)}
    if user.has_role(Role.SALES_MANAGER):
        found |= {person.pk: person for person in people_managed_by(user)}
    return list(found.values())


def dead_ends(parts: Iterable[PoolPart]) -> list[PoolPart]:
    """Pools in which a lead would get no owner now."""
    return [part for part in parts if part.is_dead_end]
