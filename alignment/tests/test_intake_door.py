"""What is proven comes in once and is kept as it came."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alignment.models import Delivery, DeliveryState, Scheme
from alignment.tests.senders import SIGNING, Sender, make_sender, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender()


@pytest.mark.parametrize("scheme", SIGNING)
def test_a_proven_delivery_is_kept_as_it_came(scheme: str) -> None:
    sender = make_sender(scheme)
    body = '{"name": "Ünï\\u0000", "a": 1,  "a": 2}'.encode()
    response = sender.send(body, "msg_7")
    assert (response.status_code, json.loads(response.content)) == (202, {"status": "accepted"})
    [kept] = sender.deliveries()
    assert bytes(kept.body or b"") == body
    assert bytes(kept.body_sha256) == hashlib.sha256(body).digest()
    assert kept.external_id == ("msg_7" if scheme == Scheme.STANDARD_WEBHOOKS else None)
    assert kept.state == DeliveryState.PENDING
    assert kept.source_id == sender.endpoint.source_id
    assert abs(kept.received_at - timezone.now()) < timedelta(minutes=1)


def test_the_whole_application_answers_without_session_or_cookie(sender: Sender, client: Client) -> None:
    body = b"[]"
    response = client.post(
        sender.endpoint.path, body, content_type="application/json", headers=sender.headers(body)
    )
    assert response.status_code == 202
    assert set(response.headers) == {"Content-Type", "Content-Length", "Cache-Control"}
    assert not response.cookies


POISON = {
    "empty": b"",
    "not JSON": b"<html>",
    "NUL": b'{"a":"\\u0000"}',
    "raw NUL": b"\x00\x01",
    "surrogate": b'"\\ud800"',
    "deep": b"[" * 20_000,
    "not UTF-8": b"\xff\xfe\x80",
    "NaN": b"NaN",
    "huge number": b"9" * 5000,
    "form": b"a=1&b=2",
    "same key twice": b'{"a":1,"a":2}',
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_poison_that_is_signed_is_accepted_for_the_drain_to_judge(sender: Sender, body: bytes) -> None:
    assert sender.send(body).status_code == 202
    assert bytes(sender.deliveries()[0].body or b"") == body


def test_every_delivery_recorded_from_a_running_espocrm_is_kept_each_time(shared: Path) -> None:
    folder = shared / "data/espocrm"
    source = make_source("espocrm")
    with (folder / "corpus_secrets.tsv").open() as lines:
        senders = {
            event: make_sender(Scheme.ESPOCRM, source, event=event, webhook_id=webhook_id, secret=secret)
            for webhook_id, secret, event in csv.reader(lines, delimiter="\t")
        }
    with gzip.open(folder / "corpus_olist600.jsonl.gz", "rt") as lines:
        for line in lines:
            delivery = json.loads(line)
            sender = senders[delivery["path"].rpartition("/")[2]]
            headers = {"X-Signature": delivery["headers"]["X-Signature"]}
            for _ in range(2):
                assert sender.send(delivery["body"].encode(), headers=headers).status_code == 202
    assert Delivery.objects.filter(source=source).count() == 2 * 122


def test_the_same_delivery_again_is_answered_2xx_and_changes_nothing_even_76_hours_later(
    sender: Sender,
) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        assert sender.send(b"{}").content == b'{"status":"accepted"}\n'
    [first] = Delivery.objects.filter(endpoint=sender.endpoint).values()
    for later in (1, 360, 76 * 3600, 400 * 86_400):
        with time_machine.travel(start + timedelta(seconds=later), tick=False):
            response = sender.send(b"{}")
        assert (response.status_code, response.content) == (202, b'{"status":"duplicate"}\n')
    assert list(Delivery.objects.filter(endpoint=sender.endpoint).values()) == [first]


def test_a_captured_delivery_cannot_be_replayed_after_five_minutes(sender: Sender) -> None:
    headers = sender.headers(b"{}")
    with time_machine.travel(timezone.now() + timedelta(seconds=302)):
        assert sender.send(b"{}", headers=headers).status_code == 401


def test_an_id_is_unique_in_its_source_whichever_endpoint_it_comes_by(sender: Sender) -> None:
    sibling = make_sender(source=sender.endpoint.source)
    stranger = make_sender()
    assert sender.send(b"{}").content == stranger.send(b"{}").content == b'{"status":"accepted"}\n'
    assert sibling.send(b"{}").content == b'{"status":"duplicate"}\n'


def test_the_same_id_with_another_body_is_kept_once_as_a_conflict(sender: Sender) -> None:
    sender.send(b'{"a":1}')
    for _ in range(3):
        response = sender.send(b'{"a":2}')
        assert (response.status_code, response.content) == (202, b'{"status":"conflict"}\n')
    sender.send(b'{"a":3}')
    assert sender.send(b'{"a":1}').content == b'{"status":"duplicate"}\n'
    first, second, third = sender.deliveries()
    assert first.state == DeliveryState.PENDING
    for conflict, body in ((second, b'{"a":2}'), (third, b'{"a":3}')):
        assert (conflict.state, conflict.conflicts_with_id) == (DeliveryState.CONFLICT, first.pk)
        assert conflict.external_id is None
        assert bytes(conflict.body or b"") == body


def test_the_application_role_may_do_all_of_this(sender: Sender, as_application_role: str) -> None:
    answers = [sender.send(body).content for body in (b"1", b"1", b"2")]
    assert [json.loads(answer)["status"] for answer in answers] == ["accepted", "duplicate", "conflict"]
