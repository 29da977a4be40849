"""The stream sends signed events that the intake accepts and the drain applies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from alignment.models import DeadEvent, Delivery, MqlCycle, Touch
from alignment.pipeline import drain
from dashboard.demo import company, history, stream

AT = datetime(2026, 11, 19, 14, 0, tzinfo=UTC)


def make(transport: stream.Transport, seed: int = 7) -> stream.Stream:
    endpoint, secret = stream.find_endpoint(company.CRM, at=timezone.now())
    return stream.Stream(endpoint, secret, transport, rng=Random(seed))


def through(client: Client) -> stream.Transport:
    def send(path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        answer = client.post(path, body, content_type="application/json", headers=dict(headers))
        return answer.status_code, answer.headers.get("Retry-After", "")

    return send


@pytest.mark.django_db
@time_machine.travel(AT)  # at night and at weekends nobody has worked the new leads yet
def test_its_events_are_accepted_and_applied_to_new_and_known_leads(client: Client) -> None:
    now = timezone.now()
    made = company.set_up(at=now - company.IN_FORCE_FOR)
    history.tell(made, at=now, days=1, say=lambda line: None)
    known, cycles, dead = Delivery.objects.count(), MqlCycle.objects.count(), DeadEvent.objects.count()
    live = make(through(client))
    sentences = [live.step(at=timezone.now()) for _ in range(40)]
    assert Delivery.objects.count() == known + 40
    drain(at=timezone.now())
    assert DeadEvent.objects.count() == dead
    new = sum(sentence.startswith("New MQL") for sentence in sentences)
    assert MqlCycle.objects.count() == cycles + new and new > 5
    assert {sentence.split(":")[0] for sentence in sentences} >= {
        "New MQL",
        "Touch",
        "Attempt",
        "Disposition",
    }
    assert Touch.objects.filter(is_attempt=True, received_at__gte=now).exists()


@pytest.mark.django_db
def test_a_server_in_trouble_gets_the_same_event_again() -> None:
    company.set_up(at=AT)
    answers = [(503, "3"), (503, ""), (202, "")]
    seen: list[Any] = []
    waits: list[float] = []

    def send(path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        seen.append((headers["webhook-id"], body))
        return answers[len(seen) - 1]

    make(send).step(at=AT, sleep=waits.append)
    assert len(seen) == 3 and len(set(seen)) == 1
    assert waits == [3.0, 2.0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "words"), [(401, "same database"), (503, "6 times"), (404, "answered 404")]
)
def test_a_refusal_says_what_to_look_at(status: int, words: str) -> None:
    company.set_up(at=AT)
    with pytest.raises(stream.ServerRefused, match=words):
        make(lambda path, body, headers: (status, "")).step(at=AT, sleep=lambda seconds: None)


@pytest.mark.django_db
def test_without_the_demo_or_without_a_server_it_says_so() -> None:
    with pytest.raises(CommandError, match=r"manage\.py demo"):
        call_command("demo", "stream", "--count", "1")
    company.set_up(at=AT)
    with pytest.raises(CommandError, match="Nobody answers at http"):
        call_command("demo", "stream", "--count", "1", "--url", "http://127.0.0.1:9")


@pytest.mark.django_db(transaction=True)
def test_the_command_sends_to_a_running_server(live_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    company.set_up(at=timezone.now())
    call_command("demo", "stream", "--count", "3", "--rate", "60000", "--url", live_server.url)
    assert Delivery.objects.count() == 3
    printed = capsys.readouterr().out
    assert "Sent 3 events." in printed and "New MQL" in printed
