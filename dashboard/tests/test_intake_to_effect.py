"""From the address to the effect: many senders at once, and poison among good events."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import alignment.tasks
from alignment.models import DeadEvent, Delivery, DeliveryState, Fact, Lead, MqlCycle, Scheme
from alignment.services.sources import add_endpoint
from alignment.tests.senders import sign_standard
from handoff.models import Assignment
from handoff.tests.test_drain import GARBAGE
from sla.models import Clock, ClockKind
from testing.site import Sender
from testing.world import World, build_world, event

THREADS = 50


def connect(world: World, site: str = "") -> Sender:
    """A sender to the world's CRM, which may write to an address of its own."""
    made = add_endpoint(source=world.crm, scheme=Scheme.STANDARD_WEBHOOKS, by=None, at=world.at)
    return Sender(site + made.endpoint.path, made.secret)


@pytest.mark.django_db(transaction=True)
def test_the_same_crossing_sent_by_50_threads_has_one_effect(
    site: str, live_server: Any, examples: Callable[[int, int], int]
) -> None:
    live_server.thread.httpd.socket.listen(
        THREADS
    )  # by itself it keeps only ten waiting and drops the others
    world = build_world(timezone.now())
    sender = connect(world, site)
    rounds = examples(2, 10)
    for number in range(rounds):
        said = event("lead.updated", f"L{number}", world.at, id=f"evt-{number}", score=80)
        together = Barrier(THREADS)

        def send(_: int, said: dict[str, Any] = said, together: Barrier = together) -> int:
            together.wait(timeout=30)
            return sender.send(said)

        with ThreadPoolExecutor(THREADS) as pool:
            assert Counter(pool.map(send, range(THREADS))) == {202: THREADS}
        assert Delivery.objects.count() == number + 1
        alignment.tasks.drain()
    assert Delivery.objects.filter(state=DeliveryState.DONE).count() == rounds
    found = [Fact.objects.count(), Lead.objects.count(), MqlCycle.objects.count(), Assignment.objects.count()]
    assert found == [rounds] * 4
    for kind in (ClockKind.ASSIGN, ClockKind.FOLLOW_UP, ClockKind.DISPOSITION):
        assert Clock.objects.filter(kind=kind).count() == rounds, kind
    assert not DeadEvent.objects.exists()


def post(client: Client, sender: Sender, external_id: str, body: bytes) -> int:
    """Deliver any bytes with a true signature; the status of the answer."""
    moment = str(int(timezone.now().timestamp()))
    headers = {
        "webhook-id": external_id,
        "webhook-timestamp": moment,
        "webhook-signature": sign_standard(sender.secret, external_id, moment, body),
    }
    return client.post(sender.address, body, content_type="application/json", headers=headers).status_code


@pytest.mark.django_db
def test_poison_among_good_deliveries_is_taken_and_set_aside_and_stops_nobody(
    examples: Callable[[int, int], int],
) -> None:
    world = build_world(timezone.now())
    sender, client = connect(world), Client(raise_request_exception=False)
    good, poison = examples(1_000, 10_000), examples(100, 200)
    deliveries = [(f"poison-{n}", GARBAGE[n % len(GARBAGE)]) for n in range(poison)]
    for n in range(good):
        said = event("lead.updated", f"good{n}", world.at, id=f"good-{n}", score=80)
        deliveries.append((f"good-{n}", json.dumps(said).encode()))
    random.Random(4).shuffle(deliveries)

    answers = Counter(post(client, sender, external_id, body) for external_id, body in deliveries)
    assert answers == {202: good + poison}
    while Delivery.objects.pending().exists():
        assert alignment.tasks.drain(), "the drain stopped before the end"

    expected = {f"good{n}" for n in range(good)}
    assert set(Lead.objects.values_list("external_id", flat=True)) == expected
    assert set(MqlCycle.objects.values_list("lead__external_id", flat=True)) == expected
    assert MqlCycle.objects.count() == Assignment.objects.count() == Fact.objects.count() == good
    dead = DeadEvent.objects.values_list("delivery__external_id", "code", "message")
    assert Counter(external_id for external_id, _, _ in dead) == {f"poison-{n}": 1 for n in range(poison)}
    assert all(code and message for _, code, message in dead)
