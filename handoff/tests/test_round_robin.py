"""Fairness of the weighted round robin: as a queue by itself, and with two drainers at once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment.models import MqlCycle, Person
from alignment.pipeline import drain
from handoff.models import Assignment, Leave, Pool, PoolMember
from handoff.services.fair_queue import pick
from testing.world import NOW, World, add_rep, build_world, event


def members(pool: Pool, weights: list[int]) -> list[PoolMember]:
    return [
        PoolMember(pk=n, pool=pool, person=Person(pk=n, name=f"P{n}"), weight=weight)
        for n, weight in enumerate(weights, start=1)
    ]


def serve(
    pool: Pool, team: list[PoolMember], leaves: dict[int, list[Leave]] | None = None
) -> PoolMember | None:
    return pick(pool, team, leaves or {}, NOW).member


@given(size=st.integers(1, 12), leads=st.integers(0, 200))
def test_equal_weights_never_differ_by_more_than_one(size: int, leads: int) -> None:
    pool = Pool(name="p")
    team = members(pool, [1] * size)
    for _ in range(leads):
        serve(pool, team)
        counts = [member.received for member in team]
        assert max(counts) - min(counts) <= 1


@given(weights=st.lists(st.integers(1, 16), min_size=1, max_size=8), rounds=st.integers(1, 12))
def test_shares_follow_the_weights(weights: list[int], rounds: int) -> None:
    pool = Pool(name="p")
    team = members(pool, weights)
    for _ in range(rounds * sum(weights)):
        serve(pool, team)
    assert [member.received for member in team] == [rounds * weight for weight in weights]


def test_weights_2_1_1_go_round_as_m_j_s_m() -> None:
    pool = Pool(name="p")
    team = members(pool, [2, 1, 1])
    order = "".join("MJS"[found.pk - 1] for _ in range(8) if (found := serve(pool, team)))
    assert order == "MJSMMJSM"


@given(
    size=st.integers(2, 6),
    steps=st.lists(st.tuples(st.sampled_from(["lead", "pause", "resume"]), st.integers(0, 5)), max_size=120),
)
@settings(max_examples=60)
def test_who_comes_back_is_not_flooded_and_the_others_stay_fair(
    size: int, steps: list[tuple[str, int]]
) -> None:
    pool = Pool(name="p")
    team = members(pool, [1] * size)
    since: Counter[int] = Counter()
    for act, n in steps:
        member = team[n % size]
        if act == "lead":
            found = serve(pool, team)
            if found is None:
                assert all(m.is_paused for m in team)
            else:
                assert not found.is_paused
                since[found.pk] += 1
        else:
            member.is_paused = act == "pause"
            since.clear()
        eligible = [m for m in team if not m.is_paused]
        if eligible:
            counts = [since[m.pk] for m in eligible]
            # one for the turn order, one for where the change caught the round
            assert max(counts) - min(counts) <= 2


def test_leave_skips_and_says_until_when() -> None:
    pool = Pool(name="p")
    team = members(pool, [1, 1])
    away = Leave(person=team[0].person, starts_at=NOW, ends_at=NOW + timedelta(days=1))
    found = pick(pool, team, {1: [away]}, NOW)
    assert found.member == team[1]
    assert found.considered[0]["skipped"] == "on leave until 2026-11-18 10:00 UTC"
    assert pick(pool, team, {1: [away]}, NOW + timedelta(days=1)).member == team[0]


def test_a_pool_by_segment_then_the_default_then_the_fallback_person(world: World) -> None:
    boss = Person.objects.create(name="Boss", function="sales", team=world.team)
    enterprise = Pool.objects.create(name="Enterprise", segment="enterprise", fallback=boss)
    closer = add_rep(world, "Closer")
    PoolMember.objects.filter(person=closer).update(pool=enterprise)
    world.send(event("lead.updated", "A", world.at, score=80, segment="Enterprise"))
    world.send(event("lead.updated", "B", world.at, score=80, segment="tiny"))
    PoolMember.objects.filter(person=closer).update(is_paused=True)
    world.send(event("lead.updated", "C", world.at, score=80, segment="enterprise"))
    owners = dict(MqlCycle.objects.values_list("lead__external_id", "owner__name"))
    assert owners == {"A": "Closer", "B": "Rep 1", "C": "Boss"}
    fallback = Assignment.objects.get(cycle__lead__external_id="C")
    assert fallback.origin == Assignment.Origin.FALLBACK
    assert fallback.explanation["considered"][0]["skipped"] == "paused"


def test_nobody_eligible_and_no_fallback_leaves_it_unassigned_and_its_follow_up_counts(world: World) -> None:
    PoolMember.objects.update(is_paused=True)
    world.send(event("lead.updated", "A", world.at, score=80))
    cycle = MqlCycle.objects.get()
    assert cycle.owner is None
    assert set(cycle.clocks.values_list("kind", flat=True)) == {"assign", "follow_up", "disposition"}


def test_an_owner_set_in_the_crm_counts_as_the_assignment_and_outranks_routing(world: World) -> None:
    world.send(event("lead.updated", "A", world.at, score=80))
    routed = MqlCycle.objects.get()
    assert routed.assigned_by == "routed"
    later = world.at + timedelta(minutes=3)
    world.send(event("lead.updated", "A", later, owner=world.reps[2].email), at=later)
    cycle = MqlCycle.objects.get()
    assert (cycle.owner, cycle.assigned_by, cycle.assigned_at) == (world.reps[2], "crm", routed.assigned_at)


@pytest.mark.django_db(transaction=True)
def test_two_drainers_at_once_keep_the_counts_within_one(examples: Callable[[int, int], int]) -> None:
    """Waves of random size and batch: after each, whatever the two did to each other, nobody is two ahead."""
    rng = random.Random(21)
    world = build_world(reps=5)
    sent = 0
    for _ in range(examples(8, 40)):
        for n in range(sent, sent + rng.randint(1, 60)):
            body = event("lead.updated", f"L{n}", world.at, id=f"L{n}", score=80)
            world.deliver(body, external_id=f"L{n}")
            sent = n + 1
        drain_twice_at_once(world, rng.randint(1, 9))
        counts = Counter(Assignment.objects.values_list("person__name", flat=True))
        received = [counts[rep.name] for rep in world.reps]
        assert sum(received) == sent
        assert max(received) - min(received) <= 1, received


def drain_twice_at_once(world: World, batch_size: int) -> None:
    start = threading.Barrier(2)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            start.wait()
            drain(at=world.at, batch_size=batch_size)
        except BaseException as problem:
            failures.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
