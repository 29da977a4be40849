"""A stored delivery asks for a drain at once; however slow or broken the broker is, no request notices."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

import pytest
from pytest_django.fixtures import Settings

from alignment import tasks
from alignment.tests.senders import make_sender


class Broker:
    """Stands in for the task's way to the broker; counts hints, and may be frozen or broken."""

    def __init__(self) -> None:
        self.hints: list[float] = []
        self.options: list[dict[str, object]] = []
        self.runs = Event()
        self.runs.set()
        self.is_broken = False

    def apply_async(self, **options: object) -> None:
        self.hints.append(time.monotonic())
        self.options.append(options)
        self.runs.wait(timeout=10)
        if self.is_broken:
            raise ConnectionError

    def wait_for(self, hints: int) -> bool:
        until = time.monotonic() + 5
        while len(self.hints) < hints and time.monotonic() < until:
            time.sleep(0.005)
        return len(self.hints) >= hints


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Broker]:
    broker = Broker()
    settings.DRAIN_HINTS = True
    monkeypatch.setattr(tasks, "HINT_INTERVAL", 0.1)
    monkeypatch.setattr(tasks.drain, "apply_async", broker.apply_async)
    yield broker
    broker.runs.set()
    tasks._hint_wanted.clear()
    time.sleep(0.15)  # the thread's pause, so that it does not run into the next test


def test_many_requests_make_few_hints_and_the_last_is_not_forgotten(broker: Broker) -> None:
    began = time.monotonic()
    while time.monotonic() - began < 0.35:
        tasks.hint_drain()
    last = time.monotonic()
    assert broker.wait_for(1)
    time.sleep(0.25)
    assert 2 <= len(broker.hints) <= 6
    assert all(later - earlier >= 0.1 for earlier, later in zip(broker.hints, broker.hints[1:], strict=False))
    assert broker.hints[-1] >= last - 0.11
    assert broker.options[0] == {"expires": 30, "retry": False}


def test_a_frozen_broker_holds_nobody_up(broker: Broker) -> None:
    broker.runs.clear()
    tasks.hint_drain()
    assert broker.wait_for(1)
    began = time.monotonic()
    for _ in range(1000):
        tasks.hint_drain()
    assert time.monotonic() - began < 0.5
    assert len(broker.hints) == 1
    broker.runs.set()
    assert broker.wait_for(2)


def test_a_broken_broker_does_not_end_the_hints(broker: Broker) -> None:
    broker.is_broken = True
    tasks.hint_drain()
    assert broker.wait_for(1)
    tasks.hint_drain()
    assert broker.wait_for(2)


def test_switched_off_nothing_is_sent(broker: Broker, settings: Settings) -> None:
    settings.DRAIN_HINTS = False
    tasks.hint_drain()
    time.sleep(0.05)
    assert broker.hints == []


@pytest.mark.django_db
def test_only_a_new_delivery_asks_for_a_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("alignment.intake.receive.hint_drain", lambda: asked.append(1))
    sender = make_sender()
    for body in (b"1", b"1", b"2"):
        sender.send(body)
    sender.send(b"3", headers={})
    assert len(asked) == 1
