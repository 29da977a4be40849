"""The webhooks of a real EspoCRM, replayed with their real headers and signatures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from alignment.models import DeadEvent, Delivery, MqlCycle
from alignment.pipeline import drain
from testing.corpus import Corpus, detailed_state, end_state, load
from testing.world import World

UNPROMISED = {"deliveries", "events", "note", "opps_with_originalLead"}


@pytest.fixture
def corpus(world: World, shared: Path) -> Corpus:
    return load(shared / "data" / "espocrm", world.at)


def expected(corpus: Corpus) -> dict[str, object]:
    return {key: value for key, value in corpus.expected.items() if key not in UNPROMISED}


def replay(corpus: Corpus, times: int, drain_after: Callable[[int], bool]) -> None:
    client = Client()
    for n, delivery in enumerate(corpus.deliveries):
        for _ in range(times):
            assert corpus.post(client, delivery) == 202
        if drain_after(n):
            drain(at=timezone.now())
    drain(at=timezone.now())


def test_in_order_it_reaches_the_expected_end_state(corpus: Corpus) -> None:
    replay(corpus, 1, lambda n: n % 7 == 0)
    assert not DeadEvent.objects.exists()
    assert end_state() == expected(corpus)


def test_every_delivery_doubled_reaches_the_same_rows(corpus: Corpus) -> None:
    point = transaction.savepoint()
    replay(corpus, 1, lambda n: n % 7 == 0)
    once = detailed_state()
    transaction.savepoint_rollback(point)
    replay(corpus, 2, lambda n: n % 5 == 0)
    assert Delivery.objects.count() == 2 * len(corpus.deliveries)
    assert end_state() == expected(corpus)
    assert detailed_state() == once
    assert len(once[-1]) == 3 * corpus.expected["opps"]


def test_a_wrong_signature_gets_401_and_leaves_nothing(corpus: Corpus) -> None:
    delivery = corpus.deliveries[0]
    other = corpus.deliveries[1]["headers"]["X-Signature"]
    assert corpus.post(Client(), delivery, **{"X-Signature": other}) == 401
    assert not Delivery.objects.exists()


def test_what_the_crm_closed_without_a_complete_disposition_is_listed(corpus: Corpus) -> None:
    replay(corpus, 1, lambda n: False)
    listed = MqlCycle.objects.closed_in_crm_untagged()
    # In this CRM nobody gave a reason with "recycled"; everything else that it closed is complete.
    assert listed.count() == corpus.expected["by_disposition"]["recycled"]
    assert set(listed.values_list("disposition", flat=True)) == {"recycled"}
