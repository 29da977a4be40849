"""Asking the REST API in tests, by token or by session."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from alignment.models import TokenScope, User
from alignment.services.tokens import create_token

ALL = tuple(TokenScope.values)
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@dataclass
class Api:
    """One asker. `headers` go with every request; answers are Django's, with `.json()`."""

    client: Client = field(default_factory=Client)
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, where: str, **query: Any) -> Any:
        return self.client.get(_path(where), query, headers=self.headers)

    def post(self, where: str, body: Any = None, *, key: str = "", **headers: str) -> Any:
        """`body` as JSON, or as it is where it is bytes. Without a `key` a new one is made."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"Idempotency-Key": key or str(uuid4()), **self.headers, **headers}
        return self.client.post(_path(where), raw, content_type="application/json", headers=sent)

    def upload(self, where: str, file: bytes, *, name: str = "leads.csv", key: str = "", **texts: Any) -> Any:
        """A file with texts beside it as a form; what is no text or truth value is sent as JSON."""
        sent = {"Idempotency-Key": key or str(uuid4()), **self.headers}
        form = {field: text if isinstance(text, str) else json.dumps(text) for field, text in texts.items()}
        body = form | {"file": SimpleUploadedFile(name, file, "text/csv")}
        return self.client.post(_path(where), body, headers=sent)

    def results(self, where: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(where, **query)
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = answer.json()["results"]
        return found


def done(answer: Any, status: int = 200) -> dict[str, Any]:
    """The JSON of an answer that has this status."""
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def refusal(answer: Any) -> str:
    """Which refusal of a service a 409 names."""
    return str(done(answer, 409)["refusal"])


def _path(where: str) -> str:
    return where if where.startswith("/") else f"/api/v1/{where}"


def secret_of(user: User, scopes: Iterable[str] = ALL, *, days: int = 30) -> str:
    """A new token of a login, valid from a day ago."""
    at = timezone.now() - timedelta(days=1)
    return create_token(user=user, name="test", scopes=list(scopes), days=days, by=user, at=at).secret


def by_token(user: User, scopes: Iterable[str] = ALL) -> Api:
    return Api(headers={"Authorization": f"Bearer {secret_of(user, scopes)}"})


def by_session(user: User, *, checks_csrf: bool = False) -> Api:
    client = Client(enforce_csrf_checks=checks_csrf)
    client.force_login(user, backend=BACKEND)
    return Api(client)
