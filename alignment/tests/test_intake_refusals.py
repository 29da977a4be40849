"""What the door refuses, and that its refusals tell nothing."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from alignment.intake import endpoints
from alignment.intake.receive import receive
from alignment.models import Delivery, Scheme
from alignment.services import sources
from alignment.tests.senders import HEADER, Sender, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender()


def looks(response: Any) -> tuple[int, bytes, dict[str, str]]:
    return response.status_code, response.content, dict(response.items())


def test_every_refusal_of_a_sender_looks_the_same(sender: Sender, client: Client) -> None:
    body = b"{}"
    inactive, deserted = make_sender(), make_sender()
    sources.deactivate_endpoint(endpoint=inactive.endpoint, by=None, at=timezone.now())
    deserted.endpoint.source.is_active = False
    deserted.endpoint.source.save()
    answers = [
        client.post(path, body, content_type="application/json", headers=headers)
        for path, headers in (
            (sender.endpoint.path, sender.headers(b"other")),
            (sender.endpoint.path, {}),
            (inactive.endpoint.path, inactive.headers(body)),
            (deserted.endpoint.path, deserted.headers(body)),
            ("/in/nobody/", sender.headers(body)),
            ("/in/", sender.headers(body)),
            (f"{sender.endpoint.path}x/", sender.headers(body)),
            ("/in/%00/", sender.headers(body)),
            ("/in/%C3%BC/", sender.headers(body)),
            (f"/in/{'x' * 3000}/", sender.headers(body)),
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all(looks(answer) == looks(answers[0]) for answer in answers)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_only_post_is_taken(sender: Sender, method: str) -> None:
    response = receive(RequestFactory().generic(method, sender.endpoint.path, headers=sender.headers(b"")))
    assert response.status_code == 405
    assert response["Allow"] == "POST"


def test_a_compressed_body_is_not_opened(sender: Sender) -> None:
    body = zlib.compress(b"{}")
    for coding in ("gzip", "deflate", "br", "gzip, identity", ""):
        headers = {**sender.headers(body), "Content-Encoding": coding}
        assert sender.send(body, headers=headers).status_code == 415
    assert (
        sender.send(b"{}", headers={**sender.headers(b"{}"), "Content-Encoding": "identity"}).status_code
        == 202
    )


def test_a_body_over_the_limit_is_refused_unread(sender: Sender, settings: Settings) -> None:
    settings.INTAKE_MAX_BYTES = 100
    assert sender.send(b"x" * 100, "msg_1").status_code == 202
    assert sender.send(b"x" * 101, "msg_2").status_code == 413
    unread = BytesIO(b"x" * 101)
    request = RequestFactory().post(sender.endpoint.path, headers=sender.headers(b""))
    request.META |= {"CONTENT_LENGTH": "101", "wsgi.input": unread}
    assert receive(request).status_code == 413
    assert unread.tell() == 0


def chunked(sender: Sender, stream: BytesIO, body: bytes) -> HttpResponse:
    request = RequestFactory().post(
        sender.endpoint.path,
        headers={**sender.headers(body), "Transfer-Encoding": "chunked"},
    )
    request.META |= {"wsgi.input": stream, "wsgi.input_terminated": True}
    request.META.pop("CONTENT_LENGTH", None)
    return receive(request)


def test_a_chunked_body_is_read_to_the_limit_and_one_byte(sender: Sender, settings: Settings) -> None:
    settings.INTAKE_MAX_BYTES = 100
    body = b"y" * 100
    assert chunked(sender, BytesIO(body), body).status_code == 202
    assert bytes(sender.deliveries()[0].body or b"") == body
    endless = BytesIO(b"x" * 10_000)
    assert chunked(sender, endless, b"").status_code == 413
    assert endless.tell() == 101


def test_a_body_that_did_not_arrive_whole_is_not_kept() -> None:
    sender = make_sender(Scheme.SHARED_SECRET)
    for length, status in (("10", 400), ("+2", 400), ("ten", 400), ("9" * 5000, 413), ("2", 202)):
        request = RequestFactory().post(sender.endpoint.path, headers={HEADER: sender.secret})
        request.META |= {"CONTENT_LENGTH": length}
        request._stream = BytesIO(b"{}")
        assert receive(request).status_code == status, length


def test_both_secrets_open_for_24_hours_and_then_only_the_new_one(sender: Sender) -> None:
    start = timezone.now()
    new = Sender(sender.endpoint, sources.rotate_secret(endpoint=sender.endpoint, by=None, at=start))

    def statuses(seconds: float) -> tuple[int, int]:
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            return sender.send().status_code, new.send().status_code

    assert statuses(0) == (202, 202)
    assert statuses(24 * 3600 - 2) == (202, 202)
    assert statuses(24 * 3600 - 1) == (202, 202)
    assert statuses(24 * 3600) == (401, 202)  # although this process still remembers the old one


def test_a_revoked_secret_is_refused_within_two_seconds_by_other_processes_too(sender: Sender) -> None:
    assert sender.send().status_code == 202
    sender.endpoint.secrets.all().delete()  # as another process would: this one is not told
    remembered_at, known = endpoints._remembered[sender.endpoint.address]
    endpoints._remembered[sender.endpoint.address] = (remembered_at - 2, known)
    assert sender.send().status_code == 401


def test_a_switched_off_endpoint_is_refused_at_once_here(
    sender: Sender, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]]
) -> None:
    assert sender.send().status_code == 202
    with django_capture_on_commit_callbacks(execute=True):
        sources.deactivate_endpoint(endpoint=sender.endpoint, by=None, at=timezone.now())
    assert sender.send().status_code == 401


def test_a_secret_that_cannot_be_decrypted_refuses_and_the_other_slot_still_opens(sender: Sender) -> None:
    new = Sender(sender.endpoint, sources.rotate_secret(endpoint=sender.endpoint, by=None, at=timezone.now()))
    sender.endpoint.secrets.filter(slot=1).update(ciphertext=b"of another key")
    assert sender.send().status_code == 401
    assert new.send().status_code == 202
