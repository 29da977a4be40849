"""The intake door: prove the sender, store the raw bytes, answer. Nothing is parsed here.

Answers, and why they are these:

- 202 once the row is durable: `{"status":"accepted"}`, or "duplicate" where id and bytes came before.
- 202 `{"status":"conflict"}` where the id came with **other** bytes before. The delivery is kept and shown to
  RevOps. A 409 would only make the sender repeat the same bytes for days (Standard Webhooks: up to 76 hours),
  although nothing is lost and nothing changes by repeating; the conflict is ours to resolve.
- 401, one answer for an address nobody has, an endpoint switched off and a signature that does not hold.
- 405, 411, 413, 415 by the form of the request alone, before anything is looked up.
- 503 with Retry-After for every trouble of ours. Never 500; never 422 or 429, which EspoCRM drops for good;
  never 410, which makes senders delete their webhook.

Neither the address nor a header or a byte of the body is ever logged.
"""

from __future__ import annotations

import logging
import traceback
from datetime import datetime

import django.db
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from alignment.intake import endpoints, schemes
from alignment.intake.store import store
from alignment.tasks import hint_drain

logger = logging.getLogger(__name__)

PREFIX = "/in/"
RETRY_AFTER_SECONDS = 10


class BadRequest(Exception):
    """The form of the request rules it out: answered with `status` before the sender is looked at."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def receive(request: HttpRequest) -> HttpResponse:
    """Answers one request under /in/; raises nothing."""
    try:
        body = read_body(request)
        address = request.path_info.removeprefix(PREFIX).removesuffix("/")
        status = _with_fresh_connection(address, body, request, timezone.now())
    except BadRequest as refusal:
        response = _answer(refusal.status, f'{{"error":"{refusal.message}"}}')
        for name, value in refusal.headers.items():
            response[name] = value
        return response
    except schemes.Refused:
        return _answer(401, '{"error":"not authorised"}')
    except Exception as error:
        return _unavailable(error)
    if status == "accepted":
        hint_drain()
    return _answer(202, f'{{"status":"{status}"}}')


def _with_fresh_connection(address: str, body: bytes, request: HttpRequest, now: datetime) -> str:
    """Verifies and stores; a connection that went stale between two requests is replaced once.

    This takes the place of Django's health check, which costs every request a round trip. Storing twice is
    harmless: an id is unique, and where there is none the events are applied idempotently.
    """
    had_connection = connection.connection is not None
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return _verify_and_store(address, body, request, now)
    except (django.db.OperationalError, django.db.InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        if not had_connection:
            raise
    return _verify_and_store(address, body, request, now)


def _verify_and_store(address: str, body: bytes, request: HttpRequest, now: datetime) -> str:
    endpoint = endpoints.find_open(address)
    external_id = schemes.verify(endpoint, body, request.headers, now)
    if endpoint is None:
        raise schemes.Refused
    return store(endpoint, external_id, body)


def read_body(request: HttpRequest) -> bytes:
    if request.method != "POST":
        raise BadRequest(405, "send POST", Allow="POST")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise BadRequest(415, "send the body without Content-Encoding")
    limit = settings.INTAKE_MAX_BYTES
    stated = request.META.get("CONTENT_LENGTH") or ""
    if stated:
        if not (stated.isascii() and stated.isdigit()):
            raise BadRequest(400, "Content-Length is not a number")
        if len(stated) > 12 or int(stated) > limit:
            raise BadRequest(413, f"send at most {limit} bytes")
        stream = request
    elif request.META.get("wsgi.input_terminated"):
        # chunked: without a Content-Length Django itself reads nothing
        stream = request.META["wsgi.input"]
    elif "Transfer-Encoding" in request.headers:
        raise BadRequest(411, "send Content-Length")
    else:
        return b""
    try:
        body: bytes = stream.read(limit + 1)
    except OSError:  # the sender hung up
        raise BadRequest(400, "the body did not arrive") from None
    if len(body) > limit:
        raise BadRequest(413, f"send at most {limit} bytes")
    if stated and len(body) != int(stated):
        raise BadRequest(400, "the body is shorter than Content-Length")
    return body


def _unavailable(error: Exception) -> HttpResponse:
    # Type and place only: messages of the database quote values.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.name}:{frame.lineno}"
    logger.error("intake_unavailable", extra={"error": type(error).__name__, "place": place})
    response = _answer(503, '{"error":"try again"}')
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _answer(status: int, text: str) -> HttpResponse:
    response = HttpResponse(text + "\n", status=status, content_type="application/json")
    response["Content-Length"] = str(len(response.content))  # else a server sends it in chunks
    response["Cache-Control"] = "no-store"
    # Django logs the path of every 4xx and 5xx, and here the path is a secret.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
