"""Setting up who gets leads: pools, their members and weights, pauses, fallbacks, leave."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from alignment.models import Person, User
from alignment.services.authority import require_manager_of, require_revops
from alignment.services.history import delete_with_history, save_with_history
from handoff.models import Leave, Pool, PoolMember

WEIGHTS = range(1, 17)


class PoolExists(Exception):
    """A pool has this name, or serves this segment, already."""


class AlreadyMember(Exception):
    """This person is in the pool already."""


class PersonInactive(ValueError):
    """Who has left gets no leads."""


class WeightOutOfRange(ValueError):
    """Weights are whole numbers from 1 to 16."""


class LeaveIsOver(ValueError):
    """This leave has ended already."""


class LeaveEndsTooEarly(ValueError):
    """Leave must end after it starts."""


def create_pool(
    *, name: str, segment: str = "", fallback: Person | None = None, by: User | None, at: datetime
) -> Pool:
    """A pool for the leads of one segment; without a segment, for all others.

    Raises OnlyRevOps, PoolExists, PersonInactive, or ValidationError for an empty name.
    """
    require_revops(by, "Pools")
    _require_active(fallback)
    pool = Pool(name=name.strip(), segment=segment.strip(), fallback=fallback)
    pool.clean_fields()
    try:
        with transaction.atomic():
            save_with_history(pool, reason="pool made", by=by, at=at)
    except IntegrityError as problem:
        served = f"the segment “{pool.segment}”" if pool.segment else "all other leads"
        raise PoolExists(f"A pool is named “{pool.name}” or serves {served} already.") from problem
    return pool


@transaction.atomic
def add_member(*, pool: Pool, person: Person, weight: int = 1, by: User | None, at: datetime) -> PoolMember:
    """A newcomer's turn is the pool's present one: neither a flood of leads to catch up nor a wait.

    Raises OnlyRevOps, WeightOutOfRange, PersonInactive or AlreadyMember.
    """
    require_revops(by, "Pools")
    _require_weight(weight)
    _require_active(person)
    pool = _lock(pool.pk)
    if pool.members.filter(person=person).exists():
        raise AlreadyMember(f"{person} is in {pool} already.")
    member = PoolMember(pool=pool, person=person, weight=weight, turn=pool.virtual_time)
    save_with_history(member, reason=f"joined {pool} with weight {weight}", by=by, at=at)
    return member


@transaction.atomic
def remove_member(*, member: PoolMember, reason: str = "", by: User | None, at: datetime) -> None:
    """Take somebody out of a pool; what they received stays in the ledger. Raises OnlyRevOps."""
    require_revops(by, "Pools")
    member = _lock_member(member)
    delete_with_history(member, reason=reason or f"left {member.pool}", by=by, at=at)


@transaction.atomic
def set_weight(*, member: PoolMember, weight: int, by: User | None, at: datetime) -> PoolMember:
    """Change a share from the next lead on. Raises OnlyRevOps or WeightOutOfRange."""
    require_revops(by, "Pools")
    _require_weight(weight)
    member = _lock_member(member)
    reason = f"weight {member.weight} → {weight}"
    member.weight = weight
    save_with_history(member, reason=reason, by=by, at=at)
    return member


@transaction.atomic
def pause_member(*, member: PoolMember, reason: str = "", by: User | None, at: datetime) -> PoolMember:
    """Leads go to the others until resumed. Raises NotYourTeam: it takes RevOps or a manager of the team."""
    require_manager_of(member.person, by)
    member = _lock_member(member)
    if not member.is_paused:
        member.is_paused = True
        save_with_history(member, reason=reason or "paused", by=by, at=at)
    return member


@transaction.atomic
def resume_member(*, member: PoolMember, reason: str = "", by: User | None, at: datetime) -> PoolMember:
    """Back in the pool at its present turn: the leads of the pause are not made up. Raises NotYourTeam."""
    require_manager_of(member.person, by)
    member = _lock_member(member)
    if member.is_paused:
        member.is_paused = False
        member.turn = max(member.turn, member.pool.virtual_time)
        save_with_history(member, reason=reason or "resumed", by=by, at=at)
    return member


@transaction.atomic
def set_fallback(*, pool: Pool, person: Person | None, by: User | None, at: datetime) -> Pool:
    """Who gets a lead when nobody in the pool is eligible. Raises OnlyRevOps or PersonInactive."""
    require_revops(by, "Pools")
    _require_active(person)
    pool = _lock(pool.pk)
    pool.fallback = person
    save_with_history(pool, reason=f"fallback: {person or 'nobody'}", by=by, at=at)
    return pool


def add_leave(
    *,
    person: Person,
    starts_at: datetime,
    ends_at: datetime,
    note: str = "",
    by: User | None,
    at: datetime,
) -> Leave:
    """Time away, entered by the person, a manager of the team or RevOps: leads go to others, no clock stops.

    Raises NotYourTeam, LeaveEndsTooEarly or LeaveIsOver.
    """
    require_manager_of(person, by, or_self=True)
    if ends_at <= starts_at:
        raise LeaveEndsTooEarly("Leave must end after it starts.")
    if ends_at <= at:
        raise LeaveIsOver("This leave is over already; leads that came in the meantime stay where they are.")
    leave = Leave(person=person, starts_at=starts_at, ends_at=ends_at, note=note[:120])
    save_with_history(leave, reason=note or "leave entered", by=by, at=at)
    return leave


@transaction.atomic
def end_leave(*, leave: Leave, reason: str = "", by: User | None, at: datetime) -> None:
    """Back earlier: leave that runs ends now, leave that has not begun is taken off.

    Raises NotYourTeam or LeaveIsOver.
    """
    require_manager_of(leave.person, by, or_self=True)
    leave = Leave.objects.select_for_update(of=("self",)).get(pk=leave.pk)
    if leave.ends_at <= at:
        raise LeaveIsOver("This leave has ended already.")
    if leave.starts_at >= at:
        delete_with_history(leave, reason=reason or "not taken", by=by, at=at)
        return
    leave.ends_at = at
    save_with_history(leave, reason=reason or "back earlier", by=by, at=at)


def _require_weight(weight: int) -> None:
    if weight not in WEIGHTS:
        raise WeightOutOfRange(f"A weight is a whole number from 1 to 16, not {weight}.")


def _require_active(person: Person | None) -> None:
    if person is not None and not person.is_active:
        raise PersonInactive(f"{person} is no longer active and gets no leads.")


def _lock(pool_id: int) -> Pool:
    """The pool's row, with the turn that it has come to; routing waits meanwhile."""
    return Pool.objects.select_for_update(of=("self",), no_key=True).get(pk=pool_id)


def _lock_member(member: PoolMember) -> PoolMember:
    """The member as it is under the pool's lock: routing moves turns."""
    _lock(member.pool_id)
    return PoolMember.objects.select_related("pool", "person").get(pk=member.pk)
