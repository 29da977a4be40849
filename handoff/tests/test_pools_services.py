"""Pools are set up by RevOps; managers pause their people; leave sends leads to others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from alignment.models import Person, Role, Team, User
from alignment.services.authority import NotYourTeam, OnlyRevOps
from handoff.models import STRIDE, Leave, Pool, PoolMember
from handoff.services import pools
from handoff.services.fair_queue import pick

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def login(name: str, role: Role) -> User:
    return User.objects.create(email=f"{name.lower()}@example.com", name=name, role=role)


@pytest.fixture
def olga(db: None) -> User:
    return login("Olga", Role.REVOPS)


@pytest.fixture
def manager(db: None) -> User:
    return login("Max", Role.SALES_MANAGER)


@pytest.fixture
def ann(manager: User) -> Person:
    team = Team.objects.create(name="East")
    team.managers.add(manager)
    return Person.objects.create(name="Ann", team=team, user=login("Ann", Role.REP))


@pytest.fixture
def ben(ann: Person) -> Person:
    return Person.objects.create(name="Ben", team=ann.team, user=login("Ben", Role.REP))


@pytest.fixture
def pool(olga: User) -> Pool:
    return pools.create_pool(name="Inbound", by=olga, at=AT)


def reasons(instance: Pool | PoolMember) -> list[str]:
    """Why it was changed, in order of writing; the turns of the queue have no reason."""
    entries = instance.history.order_by("history_id").exclude(history_change_reason=None)
    return [entry.history_change_reason for entry in entries]


def draw(
    pool: Pool, times: int, *, leaves: dict[int, list[Leave]] | None = None, at: datetime = AT
) -> list[str]:
    """Names in the order in which leads would be given out, the turns saved."""
    members = list(pool.members.select_related("person").order_by("pk"))
    pool.refresh_from_db()
    names = []
    for _ in range(times):
        found = pick(pool, members, leaves or {}, at)
        names.append(found.member.person.name if found.member else "")
    for member in members:
        member.save()
    pool.save()
    return names


def test_a_segment_is_served_by_one_pool(pool: Pool, olga: User) -> None:
    with pytest.raises(pools.PoolExists, match="all other leads"):
        pools.create_pool(name="Second default", by=olga, at=AT)
    pools.create_pool(name="Enterprise", segment="enterprise", by=olga, at=AT)
    with pytest.raises(pools.PoolExists, match="enterprise"):
        pools.create_pool(name="Big", segment="enterprise", by=olga, at=AT)
    with pytest.raises(ValidationError):
        pools.create_pool(name=" ", segment="small", by=olga, at=AT)
    assert pool.history.get().history_user == olga


def test_a_newcomer_starts_at_the_pools_present_turn(
    pool: Pool, olga: User, ann: Person, ben: Person
) -> None:
    pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    draw(pool, 7)
    member = pools.add_member(pool=pool, person=ben, by=olga, at=AT)
    pool.refresh_from_db()
    assert member.turn == pool.virtual_time == 6 * STRIDE
    names = draw(pool, 10)
    assert abs(names.count("Ann") - names.count("Ben")) <= 1


def test_membership_is_refused_twice_and_to_those_who_left(pool: Pool, olga: User, ann: Person) -> None:
    pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    with pytest.raises(pools.AlreadyMember):
        pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    gone = Person.objects.create(name="Gone", is_active=False)
    with pytest.raises(pools.PersonInactive):
        pools.add_member(pool=pool, person=gone, by=olga, at=AT)
    with pytest.raises(pools.PersonInactive):
        pools.set_fallback(pool=pool, person=gone, by=olga, at=AT)


@pytest.mark.parametrize("weight", [0, 17, -1])
def test_weights_go_from_1_to_16(pool: Pool, olga: User, ann: Person, ben: Person, weight: int) -> None:
    member = pools.add_member(pool=pool, person=ann, weight=16, by=olga, at=AT)
    with pytest.raises(pools.WeightOutOfRange):
        pools.set_weight(member=member, weight=weight, by=olga, at=AT)
    with pytest.raises(pools.WeightOutOfRange):
        pools.add_member(pool=pool, person=ben, weight=weight, by=olga, at=AT)


def test_a_weight_changes_the_share_from_the_next_lead_on(
    pool: Pool, olga: User, ann: Person, ben: Person
) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    pools.add_member(pool=pool, person=ben, by=olga, at=AT)
    draw(pool, 4)
    pools.set_weight(member=member, weight=3, by=olga, at=AT)
    assert draw(pool, 40).count("Ann") in (29, 30, 31)
    assert reasons(member)[-1] == "weight 1 → 3"


def test_a_stale_object_does_not_turn_the_queue_back(pool: Pool, olga: User, ann: Person) -> None:
    stale = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    stale_pool = Pool.objects.get(pk=pool.pk)
    draw(pool, 5)
    pools.set_weight(member=stale, weight=2, by=olga, at=AT)
    pools.set_fallback(pool=stale_pool, person=ann, by=olga, at=AT)
    member = PoolMember.objects.get(pk=stale.pk)
    assert (member.turn, member.received, member.pool.virtual_time) == (5 * STRIDE, 5, 4 * STRIDE)


def test_who_was_paused_gets_no_leads_and_makes_none_up(
    pool: Pool, olga: User, manager: User, ann: Person, ben: Person
) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    pools.add_member(pool=pool, person=ben, by=olga, at=AT)
    pools.pause_member(member=member, reason="training", by=manager, at=AT)
    assert set(draw(pool, 10)) == {"Ben"}
    resumed = pools.resume_member(member=member, by=manager, at=AT)
    assert resumed.turn == resumed.pool.virtual_time
    assert draw(pool, 10).count("Ann") <= 6
    assert reasons(member) == ["joined Inbound with weight 1", "training", "resumed"]


def test_pausing_twice_is_kept_once(pool: Pool, olga: User, ann: Person) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    for _ in range(2):
        pools.pause_member(member=member, by=olga, at=AT)
    assert member.history.count() == 2


def test_who_leaves_a_pool_stays_in_its_history(pool: Pool, olga: User, ann: Person) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    pools.remove_member(member=member, by=olga, at=AT)
    assert not pool.members.exists()
    last = PoolMember.history.latest("history_id")
    assert (last.history_type, last.history_change_reason, last.history_user) == ("-", "left Inbound", olga)


def test_a_fallback_is_a_person_or_nobody(pool: Pool, olga: User, ann: Person) -> None:
    assert pools.set_fallback(pool=pool, person=ann, by=olga, at=AT).fallback == ann
    assert pools.set_fallback(pool=pool, person=None, by=olga, at=AT).fallback is None
    assert reasons(pool) == ["pool made", "fallback: Ann", "fallback: nobody"]


def test_only_revops_sets_up_pools(pool: Pool, olga: User, manager: User, ann: Person, ben: Person) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    for act in (
        lambda: pools.create_pool(name="Mine", segment="x", by=manager, at=AT),
        lambda: pools.add_member(pool=pool, person=ben, by=manager, at=AT),
        lambda: pools.remove_member(member=member, by=manager, at=AT),
        lambda: pools.set_weight(member=member, weight=2, by=manager, at=AT),
        lambda: pools.set_fallback(pool=pool, person=ben, by=manager, at=AT),
    ):
        with pytest.raises(OnlyRevOps):
            act()


def test_a_manager_pauses_only_the_own_team(pool: Pool, olga: User, ann: Person) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    stranger = login("Sue", Role.SALES_MANAGER)
    for by in (stranger, ann.user):
        with pytest.raises(NotYourTeam):
            pools.pause_member(member=member, by=by, at=AT)
        with pytest.raises(NotYourTeam):
            pools.resume_member(member=member, by=by, at=AT)


def test_leave_is_entered_by_the_person_the_manager_or_revops(
    olga: User, manager: User, ann: Person, ben: Person
) -> None:
    for by in (ann.user, manager, olga):
        pools.add_leave(person=ann, starts_at=AT, ends_at=AT + DAY, by=by, at=AT)
    with pytest.raises(NotYourTeam):
        pools.add_leave(person=ann, starts_at=AT, ends_at=AT + DAY, by=ben.user, at=AT)
    assert Leave.objects.count() == 3


def test_leads_go_to_others_during_leave(pool: Pool, olga: User, ann: Person, ben: Person) -> None:
    for person in (ann, ben):
        pools.add_member(pool=pool, person=person, by=olga, at=AT)
    leave = pools.add_leave(person=ann, starts_at=AT, ends_at=AT + DAY, by=olga, at=AT)
    assert set(draw(pool, 4, leaves={ann.pk: [leave]})) == {"Ben"}
    assert "Ann" in draw(pool, 4, leaves={ann.pk: [leave]}, at=AT + DAY)


def test_leave_must_end_after_it_starts_and_not_be_over(olga: User, ann: Person) -> None:
    with pytest.raises(pools.LeaveEndsTooEarly):
        pools.add_leave(person=ann, starts_at=AT, ends_at=AT, by=olga, at=AT)
    with pytest.raises(pools.LeaveIsOver):
        pools.add_leave(person=ann, starts_at=AT - DAY, ends_at=AT, by=olga, at=AT)


def test_leave_ends_early_or_is_taken_off_before_it_begins(olga: User, ann: Person, ben: Person) -> None:
    running = pools.add_leave(person=ann, starts_at=AT - DAY, ends_at=AT + DAY, by=olga, at=AT)
    with pytest.raises(NotYourTeam):
        pools.end_leave(leave=running, by=ben.user, at=AT)
    pools.end_leave(leave=running, by=ann.user, at=AT)
    running.refresh_from_db()
    assert running.ends_at == AT
    with pytest.raises(pools.LeaveIsOver):
        pools.end_leave(leave=running, by=ann.user, at=AT)
    later = pools.add_leave(person=ann, starts_at=AT + DAY, ends_at=AT + 2 * DAY, by=olga, at=AT)
    pools.end_leave(leave=later, by=ann.user, at=AT)
    assert not Leave.objects.filter(pk=later.pk).exists()
    assert Leave.history.latest("history_id").history_change_reason == "not taken"


@pytest.mark.usefixtures("as_application_role")
def test_the_application_role_can_set_up_a_pool(pool: Pool, olga: User, ann: Person) -> None:
    member = pools.add_member(pool=pool, person=ann, by=olga, at=AT)
    assert pools.set_weight(member=member, weight=2, by=olga, at=AT).weight == 2
