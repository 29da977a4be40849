"""Routing: the rules in words, shares and turns, and who may change what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alignment.models import MqlCycle, Person, Role, Team
from handoff.models import Leave, Pool, PoolMember
from handoff.services.acts import assign_by_hand
from handoff.tests.pages import add_mql, client_of
from testing.world import World, add_rep, add_user, build_world


@pytest.fixture
def world(db: None) -> World:
    return build_world(timezone.now() - timedelta(days=1), reps=2)


@pytest.fixture
def revops(world: World) -> Client:
    return client_of(add_user(world, Role.REVOPS))


@pytest.fixture
def manager(world: World) -> Client:
    return client_of(add_user(world, Role.SALES_MANAGER))


@pytest.fixture
def rep(world: World) -> Client:
    return client_of(world.users["rep.1"])


def page_of(client: Client) -> str:
    answer = client.get("/routing/")
    assert answer.status_code == 200
    return answer.content.decode()


def text(answer: Any) -> str:
    return str(answer.content.decode())


def member_of(world: World, number: int = 0) -> PoolMember:
    return PoolMember.objects.get(person=world.reps[number])


def test_the_rules_stand_in_words_with_shares_and_turns(world: World, revops: Client) -> None:
    Pool.objects.create(name="Big deals", segment="enterprise", fallback=world.reps[1])
    PoolMember.objects.filter(person=world.reps[0]).update(weight=3)
    for number in range(4):
        add_mql(world, f"Lead{number}")
    page = page_of(revops)
    assert "If the segment is “enterprise”" in page
    assert "Every other lead, whatever its segment" in page
    assert "Rep 1 with weight 3" in page
    assert "75.0% (3 of 4)" in page  # expected, and received alike
    assert page.count("75.0% (3 of 4)") == 2
    assert page.count("Next lead") == 1
    assert "Nobody is in this pool yet; every lead goes to Rep 2" in page
    assert "Lead3 Inc" not in page
    assert "Lead3" in page.partition("Last assignments")[2]


def test_a_pool_without_anybody_eligible_is_shown_as_such(world: World, revops: Client) -> None:
    PoolMember.objects.update(is_paused=True)
    page = page_of(revops)
    assert "A lead would get no owner" in page
    Pool.objects.update(fallback=world.reps[0])
    assert "Only the fallback is left" in page_of(revops)
    PoolMember.objects.all().delete()
    Pool.objects.all().delete()
    page = page_of(revops)
    assert "No pool yet" in page
    assert "There is no default pool" in page


def test_revops_sets_up_a_pool_once(revops: Client) -> None:
    typed = {"name": "Big deals", "segment": "enterprise", "fallback": ""}
    assert "Big deals is set up" in text(revops.post("/routing/pools/", typed, follow=True))
    refused = revops.post("/routing/pools/", typed)
    assert refused.status_code == 409
    assert "already" in text(refused)
    assert 'value="Big deals"' in text(refused)
    assert Pool.objects.filter(segment="enterprise").count() == 1
    assert revops.post("/routing/pools/", {"name": " "}).status_code == 422


def test_revops_adds_a_person_with_a_weight(world: World, revops: Client) -> None:
    new = Person.objects.create(name="New Rep", function="sales", team=world.team)
    url = f"/routing/pools/{world.pool.pk}/members/"
    assert revops.post(url, {"person": new.pk, "weight": "17"}).status_code == 422
    assert revops.post(url, {"person": world.reps[0].pk, "weight": "1"}).status_code == 409
    assert revops.post(url, {"person": new.pk, "weight": "4"}).status_code == 302
    assert PoolMember.objects.get(person=new).weight == 4
    assert revops.post("/routing/pools/0/members/", {"person": new.pk, "weight": "4"}).status_code == 404


def test_revops_changes_weight_and_fallback_and_removes(world: World, revops: Client) -> None:
    member = member_of(world)
    assert revops.post(f"/routing/members/{member.pk}/weight/", {"weight": "5"}).status_code == 302
    assert revops.post(f"/routing/members/{member.pk}/weight/", {"weight": "0"}).status_code == 422
    assert (
        revops.post(f"/routing/pools/{world.pool.pk}/fallback/", {"person": world.reps[1].pk}).status_code
        == 302
    )
    member.refresh_from_db()
    world.pool.refresh_from_db()
    assert (member.weight, world.pool.fallback) == (5, world.reps[1])
    for _ in range(2):
        assert revops.post(f"/routing/members/{member.pk}/remove/").status_code == 302
    assert not PoolMember.objects.filter(pk=member.pk).exists()


def test_a_manager_pauses_the_own_people_only(world: World, manager: Client) -> None:
    far = add_rep(world, "Far Away", team=Team.objects.create(name="Elsewhere"))
    own, other = member_of(world), PoolMember.objects.get(person=far)
    for _ in range(2):
        assert manager.post(f"/routing/members/{own.pk}/pause/").status_code == 302
    own.refresh_from_db()
    assert own.is_paused
    assert own.history.filter(is_paused=True).count() == 1
    manager.post(f"/routing/members/{own.pk}/resume/")
    assert not PoolMember.objects.get(pk=own.pk).is_paused
    assert manager.post(f"/routing/members/{other.pk}/pause/").status_code == 403
    other.refresh_from_db()
    assert not other.is_paused
    page = page_of(manager)
    assert f"/routing/members/{own.pk}/pause/" in page
    assert f"/routing/members/{other.pk}/" not in page
    assert "/weight/" not in page
    assert "New pool" not in page


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/routing/pools/", {"name": "Mine"}),
        ("/routing/pools/{pool}/members/", {"person": "{new}", "weight": "1"}),
        ("/routing/pools/{pool}/fallback/", {"person": ""}),
        ("/routing/members/{member}/weight/", {"weight": "9"}),
        ("/routing/members/{member}/remove/", {}),
    ],
)
def test_pools_are_set_up_by_revops_only(
    world: World, manager: Client, rep: Client, path: str, typed: dict[str, str]
) -> None:
    new = Person.objects.create(name="New", function="sales", team=world.team)
    member = member_of(world)
    url = path.format(pool=world.pool.pk, member=member.pk)
    typed = {name: value.format(new=new.pk) for name, value in typed.items()}
    for client in (manager, rep, client_of(add_user(world, Role.MARKETING))):
        assert client.post(url, typed).status_code == 403
    member.refresh_from_db()
    assert member.weight == 1
    assert not Pool.objects.filter(name="Mine").exists()


class TestARepReads:
    def test_the_shares_of_the_own_pools_and_nothing_to_change(self, world: World, rep: Client) -> None:
        Pool.objects.create(name="Big deals", segment="enterprise")
        add_mql(world, "Ada")
        page = page_of(rep)
        assert "Rep 2" in page
        assert "100.0% (1 of 1)" in page
        assert "Big deals" not in page
        assert "/pause/" not in page
        assert "/weight/" not in page

    def test_only_the_own_assignments(self, world: World, rep: Client) -> None:
        add_mql(world, "Mine")
        add_mql(world, "Theirs")
        ledger = page_of(rep).partition("Your last assignments")[2]
        assert "Mine" in ledger
        assert "Theirs" not in ledger

    def test_a_lead_that_went_to_somebody_else_is_named_no_longer(self, world: World, rep: Client) -> None:
        """The own decision stays, with its explanation; the lead is out of scope, as over the API."""
        add_mql(world, "Staying")
        add_mql(world, "Other")
        add_mql(world, "Another")
        gone = add_mql(world, "Leaving")
        own, by = world.reps[0], add_user(world, Role.REVOPS)
        for cycle in MqlCycle.objects.filter(lead__last_name__in=["Staying", "Leaving"]):
            if cycle.owner != own:
                assign_by_hand(cycle=cycle, person=own, by=by, at=timezone.now())
        before = page_of(rep).partition("Your last assignments")[2]
        assert "Leaving" in before and reverse("handoff:lead", args=[gone.lead_id]) in before
        gone.refresh_from_db()
        assign_by_hand(cycle=gone, person=world.reps[1], by=by, at=timezone.now())
        after = page_of(rep).partition("Your last assignments")[2]
        assert "Staying" in after and "A lead that somebody else has now" in after
        assert "Leaving" not in after and reverse("handoff:lead", args=[gone.lead_id]) not in after

    def test_a_rep_in_no_pool_is_told(self, world: World, rep: Client) -> None:
        PoolMember.objects.filter(person=world.reps[0]).delete()
        assert "You are in no pool" in page_of(rep)


class TestLeave:
    def typed(self, person: Person, start: timedelta, end: timedelta) -> dict[str, Any]:
        now = timezone.now()
        return {
            "person": person.pk,
            "starts_at": f"{now + start:%Y-%m-%dT%H:%M}",
            "ends_at": f"{now + end:%Y-%m-%dT%H:%M}",
            "note": "holiday",
        }

    def test_a_rep_enters_the_own_leave_and_comes_back(self, world: World, rep: Client) -> None:
        hour = timedelta(hours=1)
        assert rep.post("/routing/leave/", self.typed(world.reps[0], -hour, 9 * hour)).status_code == 302
        leave = Leave.objects.get()
        assert leave.covers(timezone.now())
        assert "away until" in page_of(rep)
        assert add_mql(world, "Ada", at=timezone.now()).owner == world.reps[1]
        assert rep.post(f"/routing/leave/{leave.pk}/end/").status_code == 302
        leave.refresh_from_db()
        assert not leave.covers(timezone.now())
        assert rep.post(f"/routing/leave/{leave.pk}/end/").status_code == 409

    def test_leave_of_others_takes_a_manager_of_theirs(
        self, world: World, rep: Client, manager: Client
    ) -> None:
        hour = timedelta(hours=1)
        other = self.typed(world.reps[1], hour, 2 * hour)
        assert rep.post("/routing/leave/", other).status_code == 422
        far = add_rep(world, "Far Away", team=Team.objects.create(name="Elsewhere"))
        assert manager.post("/routing/leave/", self.typed(far, hour, 2 * hour)).status_code == 422
        assert not Leave.objects.exists()
        assert manager.post("/routing/leave/", other).status_code == 302
        leave = Leave.objects.get()
        # out of the rep's scope it is not even there
        rep.post(f"/routing/leave/{leave.pk}/end/")
        assert Leave.objects.filter(pk=leave.pk).exists()
        # not begun: it is taken off
        manager.post(f"/routing/leave/{leave.pk}/end/")
        assert not Leave.objects.exists()

    def test_who_goes_on_leave_is_told_how_many_mqls_stay(self, world: World, rep: Client) -> None:
        hour = timedelta(hours=1)
        first = rep.post("/routing/leave/", self.typed(world.reps[0], hour, 2 * hour), follow=True)
        assert "New leads go to others meanwhile; no clock stops." in first.content.decode()
        add_mql(world, "Ada", owner=world.reps[0].email)
        again = rep.post("/routing/leave/", self.typed(world.reps[0], hour, 2 * hour), follow=True)
        assert "1 open MQL stays with Rep 1; hand it over on its page." in again.content.decode()

    def test_a_refused_leave_stands_open_with_the_error_at_its_field(self, world: World, rep: Client) -> None:
        hour = timedelta(hours=1)
        answer = rep.post("/routing/leave/", self.typed(world.reps[0], 2 * hour, hour))
        page = answer.content.decode()
        assert answer.status_code == 409
        form = page.partition('id="leave"')[2].partition("</details>")[0]
        assert '<details class="change" open>' in form
        assert "Leave must end after it starts." in form

    @pytest.mark.parametrize(("start", "end"), [(2, 1), (-5, -3)])
    def test_leave_that_cannot_be_is_refused_and_kept_in_the_form(
        self, world: World, revops: Client, start: int, end: int
    ) -> None:
        hour = timedelta(hours=1)
        answer = revops.post("/routing/leave/", self.typed(world.reps[0], start * hour, end * hour))
        assert answer.status_code == 409
        assert 'value="holiday"' in text(answer)
        assert not Leave.objects.exists()


def test_who_has_no_part_in_routing_does_not_open_it(world: World) -> None:
    for role in (Role.MARKETING, Role.CRO, Role.CMO, Role.FINANCE, Role.BOARD_VIEWER):
        assert client_of(add_user(world, role)).get("/routing/").status_code == 403


def test_queries_do_not_grow_with_pools_and_members(
    world: World, revops: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(25) as few:
        page_of(revops)
    for number in range(20):
        person = add_rep(world, f"More {number}")
        pool = Pool.objects.create(name=f"Pool {number}", segment=f"s{number}", fallback=person)
        PoolMember.objects.create(pool=pool, person=person)
        now = timezone.now()
        Leave.objects.create(person=person, starts_at=now, ends_at=now + timedelta(days=1))
    add_mql(world, "Ada")
    with django_assert_max_num_queries(len(few)):
        page_of(revops)
