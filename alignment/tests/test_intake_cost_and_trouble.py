"""What a delivery costs, and that trouble of ours is neither a 500 nor a leak."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alignment.intake import endpoints
from alignment.intake.receive import receive
from alignment.models import Delivery
from alignment.tests.senders import Sender, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender()


def test_one_delivery_is_one_insert_and_at_most_one_look_at_the_endpoint(sender: Sender) -> None:
    with CaptureQueriesContext(connection) as first:
        sender.send(b"1", "a")
    assert [query["sql"].split()[0] for query in first] == ["SELECT", "INSERT"]
    with CaptureQueriesContext(connection) as next_one:
        sender.send(b"[" + b"{}," * 49 + b"{}]", "b")
    assert [query["sql"].split()[0] for query in next_one] == ["INSERT"]


def test_a_repeated_guess_costs_no_more_queries_than_a_repeated_delivery(sender: Sender) -> None:
    sender.send(path="/in/guess/")
    with CaptureQueriesContext(connection) as guess:
        sender.send(path="/in/guess/")
    assert len(guess) == 0


def test_guesses_do_not_fill_the_memory(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "REMEMBERED_ADDRESSES", 10)
    for number in range(30):
        sender.send(path=f"/in/guess-{number}/")
    assert len(endpoints._remembered) == 10


def test_nothing_of_a_secret_delivery_is_logged(
    sender: Sender, client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("alignment", "django.request"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)

    def post(body: bytes, external_id: str = "canary-id", **headers: str) -> int:
        signed = {**sender.headers(body, external_id), **headers}
        response = client.post(sender.endpoint.path, body, content_type="application/json", headers=signed)
        return response.status_code

    statuses = [post(b"canary-1"), post(b"canary-2"), post(b"canary", **{"webhook-id": "canary-3"})]
    statuses.append(post(b"canary", **{"Content-Encoding": "canary"}))
    monkeypatch.setattr(endpoints, "find_open", lambda address: 1 / 0)
    statuses.append(post(b"canary"))
    assert statuses == [202, 202, 401, 415, 503]
    logged = " ".join(str(vars(record)) for record in caplog.records if record.name != "django.db.backends")
    assert "delivery_conflict" in logged
    assert "ZeroDivisionError" in logged
    for secret in ("canary", sender.endpoint.address, sender.secret):
        assert secret not in logged


def test_an_error_of_our_own_is_answered_503_and_never_500(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("alignment.intake.receive.store", fail)
    response = client.post(
        sender.endpoint.path, b"{}", content_type="application/json", headers=sender.headers(b"{}")
    )
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert b"surprise" not in response.content


def test_no_request_whatever_is_answered_5xx(sender: Sender, examples: Callable[[int, int], int]) -> None:
    paths = st.just(sender.endpoint.path) | st.text(max_size=30).map(lambda text: f"/in/{text}")
    names = st.sampled_from(
        [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "X-Signature",
            "Authorization",
            "Content-Encoding",
        ]
    )
    values = st.text(max_size=40) | st.just(str(int(timezone.now().timestamp())))

    @given(paths, st.binary(max_size=60), st.dictionaries(names, values))
    @hypothesis_settings(
        max_examples=examples(200, 10_000),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def answered(path: str, body: bytes, headers: dict[str, str]) -> None:
        request = RequestFactory().post("/in/", body, content_type="application/json", headers=headers)
        request.path_info = path
        assert receive(request).status_code in {401, 415}

    answered()
    assert not Delivery.objects.exists()
