"""Killed at any moment, with a lost or emptied broker, nothing is lost and nothing is done twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from alignment.models import Delivery, Fact, MqlCycle
from alignment.tasks import drain as drain_task
from handoff.models import Assignment
from testing import corpus as corpora
from testing.broker import Broker
from testing.figures import MEASURED
from testing.processes import database_url, wait_until, worker
from testing.world import World, build_world, event

# Only against hanging. What the product promises is 5 s; what it took is told at the end of the run, because
# the time to start a process says more about the machine than about the product.
LONGEST = 60.0
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("processes")]


@pytest.fixture
def now_world() -> World:
    return build_world(timezone.now())


@pytest.fixture
def blocked_batch() -> Iterator[psycopg2.extensions.connection]:
    """Holds the table of cycles, so that a batch stops in its middle, after facts and leads were written."""
    other = psycopg2.connect(database_url())
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE alignment_mqlcycle IN ACCESS EXCLUSIVE MODE")
    yield other
    other.close()


def is_waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def test_a_worker_killed_in_the_middle_of_a_batch_leaves_nothing_and_the_next_one_does_it_once(
    now_world: World,
    blocked_batch: psycopg2.extensions.connection,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    world, leads = now_world, 200
    for n in range(leads):
        body = event("lead.updated", f"L{n}", world.at, id=f"L{n}", score=80)
        world.deliver(body, external_id=f"L{n}")
    with worker(tmp_path) as running:
        running.start()
        wait_until(is_waiting_for_a_lock)
        running.kill()
        blocked_batch.rollback()
        wait_until(lambda: not is_waiting_for_a_lock())
        assert Delivery.objects.pending().count() == leads
        assert not Fact.objects.exists() and not MqlCycle.objects.exists()
        begun = time.monotonic()
        running.start()
        wait_until(lambda: MqlCycle.objects.count() == leads, LONGEST)
        seconds = time.monotonic() - begun
    record_property(f"{MEASURED}seconds from starting the next worker to the effect", f"{seconds:.2f}")
    assert Delivery.objects.pending().count() == 0
    assert Fact.objects.count() == leads
    assert Assignment.objects.count() == leads


def test_the_recorded_webhooks_reach_their_end_state_through_kills(
    now_world: World, shared: Path, tmp_path: Path
) -> None:
    corpus = corpora.load(shared / "data" / "espocrm", now_world.at)
    client, rng = Client(), random.Random(9)
    with worker(tmp_path) as running:
        for part in range(4):
            for delivery in corpus.deliveries[part * 31 : part * 31 + 31]:
                assert corpus.post(client, delivery) == 202
            running.start()
            waiting = Delivery.objects.pending().count()
            wait_until(lambda waiting=waiting: Delivery.objects.pending().count() < waiting or is_busy())
            time.sleep(rng.random() * 0.3)
            running.kill()
        running.start()
        wait_until(lambda: Delivery.objects.pending().count() == 0)
    expected = {name: corpus.expected[name] for name in corpora.end_state()}
    assert corpora.end_state() == expected


def is_busy() -> bool:
    """Whether a batch is claimed: some pending row is locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM alignment_delivery WHERE state = 'pending') - (SELECT count(*) FROM "
            "(SELECT id FROM alignment_delivery WHERE state = 'pending' FOR UPDATE SKIP LOCKED) AS free)"
        )
        return bool(cursor.fetchone()[0])


def test_an_emptied_redis_loses_nothing(now_world: World, tmp_path: Path, broker: Broker) -> None:
    world = now_world
    with worker(tmp_path, broker.url) as running:
        running.start()
        for n in range(60):
            body = event("lead.updated", f"L{n}", world.at, id=f"L{n}", score=80)
            world.deliver(body, external_id=f"L{n}")
            if n % 10 == 5:
                broker.empty()
                running.kill()
                broker.empty()
                running.start()
        wait_until(lambda: MqlCycle.objects.count() == 60, LONGEST)
        keys = " ".join(str(key) for key in broker.redis.keys("*"))
    assert Assignment.objects.count() == 60
    assert "example.com" not in keys


def test_hints_lost_or_doubled_change_nothing(now_world: World) -> None:
    world = now_world
    world.deliver(event("lead.updated", "L", world.at, id="L", score=80), external_id="L")
    for _ in range(3):
        drain_task()
    assert MqlCycle.objects.count() == 1 and Assignment.objects.count() == 1
