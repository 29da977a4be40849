"""Senders as the tests need them: endpoints set up by the services, requests signed by the vendors' rules."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from standardwebhooks import Webhook

from alignment.intake.receive import receive
from alignment.models import Delivery, Endpoint, Scheme, Source
from alignment.services import sources

_numbers = count(1)
HEADER = "X-Intake-Secret"


# Addresses that senders call prove them by a secret; that of the API is called by nobody but itself.
SIGNING = [scheme for scheme in Scheme.values if scheme != Scheme.API_TOKEN]


@dataclass
class Sender:
    """One endpoint with its plain secret, and the way to write to it."""

    endpoint: Endpoint
    secret: str
    webhook_id: str = "6b01f113e5816f57c"
    factory: RequestFactory = field(default_factory=RequestFactory)

    def headers(self, body: bytes, external_id: str = "msg_1", at: datetime | None = None) -> dict[str, str]:
        """Valid headers for `body`, by the scheme of the endpoint."""
        if self.endpoint.scheme == Scheme.STANDARD_WEBHOOKS:
            return standard_headers(self.secret, external_id, at or timezone.now(), body)
        if self.endpoint.scheme == Scheme.ESPOCRM:
            return {"X-Signature": espocrm_8(self.secret, self.webhook_id, body)}
        return {HEADER: self.secret}

    def send(self, body: bytes = b'{"a":1}', external_id: str = "msg_1", **how: Any) -> HttpResponse:
        """Signs and delivers; `headers` and `path` stand in for the right ones."""
        headers = how.pop("headers", None)
        if headers is None:
            headers = self.headers(body, external_id)
        path = how.pop("path", self.endpoint.path)
        return receive(self.factory.post(path, body, content_type="application/json", headers=headers, **how))

    def deliveries(self) -> list[Delivery]:
        return list(Delivery.objects.filter(endpoint=self.endpoint).order_by("pk"))


def standard_headers(secret: str, external_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """By the vendor's own library, so that our verifier is held against another implementation."""
    return {
        "webhook-id": external_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign_standard(secret, external_id, str(int(at.timestamp())), body),
    }


def sign_standard(secret: str, external_id: str, timestamp: str, body: bytes) -> str:
    """Any id and timestamp, malformed ones included, truly signed; held against the library where it can."""
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    digest = hmac.new(key, f"{external_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    ours = f"v1,{base64.b64encode(digest).decode()}"
    if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 11 and timestamp[:1] != "0":
        moment = datetime.fromtimestamp(int(timestamp))  # noqa: DTZ006 - the library calls it UTC
        try:
            theirs = Webhook(secret).sign(external_id, moment, body.decode())
        except UnicodeDecodeError:
            return ours
        assert ours == theirs
    return ours


def espocrm_8(secret: str, webhook_id: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(webhook_id.encode() + b":" + digest).decode()


def espocrm_9(secret: str, webhook_id: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return base64.b64encode(f"{webhook_id}:{digest}".encode()).decode()


def make_source(kind: str = "standard") -> Source:
    key = f"crm-{next(_numbers)}"
    return sources.create_source(key=key, name=f"CRM {key}", kind=kind, by=None, at=timezone.now())


def make_sender(
    scheme: str = Scheme.STANDARD_WEBHOOKS, source: Source | None = None, **fields: Any
) -> Sender:
    if scheme == Scheme.ESPOCRM:
        fields = {"event": "Lead.update", "webhook_id": Sender.webhook_id} | fields
    if scheme == Scheme.SHARED_SECRET:
        fields = {"header": HEADER} | fields
    made = sources.add_endpoint(
        source=source or make_source("espocrm" if scheme == Scheme.ESPOCRM else "standard"),
        scheme=scheme,
        by=None,
        at=timezone.now(),
        **fields,
    )
    return Sender(*made, webhook_id=fields.get("webhook_id") or Sender.webhook_id)
