"""Acts: one POST, one call of a service, one effect. What a service refuses is answered with 409."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid5

from django.db import OperationalError, connection
from django.http import HttpResponse
from django.utils import timezone
from psycopg2.errors import DeadlockDetected, SerializationFailure
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from alignment.api.base import Door, within_limits
from alignment.api.problems import Problem, invalid_body, refused
from alignment.api.shapes import Asked
from alignment.intake.limits import load_json
from alignment.intake.receive import read_body
from alignment.models import User
from alignment.recognised import hold_off_erasures
from alignment.services.answers import Answer, KeyReused, claim, keep

KEY = "Idempotency-Key"
TRIES = 3
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_ACTS = UUID("7c1d1f0e-7d0b-4a8e-9a53-0e5f0c7d5a11")


class Given(Asked):
    """What an act reads from its body. A field that it does not know is refused, not ignored."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        if not unknown:
            return super().to_internal_value(data)
        said = f"There is no such field here; known: {', '.join(self.fields) or 'none'}."
        refused: dict[str, Any] = {name[:60]: [said] for name in unknown[:20]}
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as problem:
            if isinstance(problem.detail, dict):  # all that is wrong is said at once
                refused |= problem.detail
        raise serializers.ValidationError(refused)


class ReasonGiven(Given):
    reason = serializers.CharField(max_length=200, help_text="Kept with what is done.")


class Act(Door):
    """One thing that can be done.

    `about` finds the object (or raises Http404, PermissionDenied), `given` reads the body, `act` calls the
    service; it returns what `serializer_class` shows, with its refusals listed in `refusals`.
    """

    given: ClassVar[type[serializers.BaseSerializer[Any]]] = Given
    serializer_class: ClassVar[type[serializers.BaseSerializer[Any]]]
    status: ClassVar[int] = 200
    refusals: ClassVar[tuple[type[Exception], ...]] = ()
    examples: ClassVar[list[Any]] = []
    is_list: ClassVar[bool] = False
    shown_once: ClassVar[tuple[str, ...]] = ()  # secrets of the answer, which are stored nowhere
    patience: ClassVar[int | None] = None  # ms for one statement or lock, where the settings allow too little
    is_erasure: ClassVar[bool] = False
    body: bytes = b""
    key: str = ""

    def about(self, *args: Any, **path: Any) -> Any:
        raise NotImplementedError

    def act(self, about: Any, given: Any, *, by: User, at: datetime, act: UUID) -> Any:
        """Do it, once: `act` is the same uuid however often the request is repeated."""
        raise NotImplementedError

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "POST":
            self.require_form(request)
        super().initial(request, *args, **kwargs)

    def post(self, request: Request, **path: Any) -> HttpResponse:
        about = self.about(**path)
        given, digest = self.receive(request)
        answer, is_replayed = _again_after_a_deadlock(lambda: self._once(about, given, digest))
        response = HttpResponse(answer.body, status=answer.status, content_type="application/json")
        if is_replayed:
            response["Idempotent-Replayed"] = "true"
        return response

    def _again(self, shown: Any) -> Answer:
        """What a repetition is answered, and what is stored meanwhile: without what is shown once."""
        return Answer(
            self.status, JSONRenderer().render({**shown, **dict.fromkeys(self.shown_once, "")}).decode()
        )

    def require_form(self, request: Request) -> None:
        """The form of the request, before anything is looked up."""
        _require_json(request)

    def receive(self, request: Request) -> tuple[Any, bytes]:
        """Read key and body: what was given, and the digest that tells this request from others."""
        self.body = read_body(request._request)
        self.key = key_of(request)
        return self._read(), digest_of(request, len(self.body), self.body)

    def _read(self) -> Any:
        document = load_json(self.body) if self.body.strip() else ([] if self.is_list else {})
        if self.is_list:
            reader = self.given(data=document, many=True, allow_empty=False)
        else:
            reader = self.given(data=document)
        if not reader.is_valid():
            raise invalid_body(reader.errors)
        return reader.validated_data

    def _once(self, about: Any, given: Any, digest: bytes) -> tuple[Answer, bool]:
        """Effect and answer in one transaction: neither is there without the other."""
        at, user = timezone.now(), self.viewer
        with within_limits(self.patience):
            if not self.is_erasure:
                # before anything is read or locked: the answer is kept, and no erasure falls between reading a person
                # for it and keeping it
                hold_off_erasures()
            try:
                found = claim(user=user, key=self.key, digest=digest, at=at)
            except KeyReused as problem:
                where = [{"header": KEY, "detail": "Make a new key for every act."}]
                raise Problem("key-reused", str(problem), where) from problem
            if found is not None:
                if not found.body:
                    raise Problem(
                        "answer-gone", "It was done; what was answered named somebody erased since."
                    )
                return found, True
            try:
                done = self.act(about, given, by=user, at=at, act=_act(user, self.key, digest))
            except self.refusals as refusal:
                raise refused(refusal) from refusal
            shown = self.serializer_class(done, context={"view": self}).data
            answer = Answer(self.status, JSONRenderer().render(shown).decode())
            keep(user=user, key=self.key, answer=self._again(shown) if self.shown_once else answer)
            return answer, False


def _act(user: User, key: str, digest: bytes) -> UUID:
    """Of this very request: with another body a key that was forgotten names another act."""
    return uuid5(_ACTS, f"{user.pk}:{key}:{digest.hex()}")


def _require_json(request: Request) -> None:
    is_empty = (
        request.META.get("CONTENT_LENGTH") or "0"
    ) == "0" and "Transfer-Encoding" not in request.headers
    kind = (request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if kind != "application/json" and not is_empty:
        raise Problem("unsupported-media-type", "Send the body as application/json.")


def key_of(request: Request) -> str:
    key = request.headers.get(KEY, "")
    if not _KEY.fullmatch(key):
        said = "Send one with every act: 1 to 100 visible ASCII characters, such as a UUID, new for each act."
        raise Problem(
            "invalid", f"The header {KEY} is missing or malformed.", [{"header": KEY, "detail": said}]
        )
    return key


def digest_of(request: Request, size: int, body: bytes) -> bytes:
    """SHA-256 of a request with this address and body; of a file the body is its own digest."""
    said = json.dumps([request.method, request.path, size]).encode()
    return hashlib.sha256(said + b"\n" + body).digest()


def _again_after_a_deadlock(attempt: Callable[[], tuple[Answer, bool]]) -> tuple[Answer, bool]:
    tries = 1
    while True:
        try:
            return attempt()
        except OperationalError as error:
            is_hopeless = not isinstance(error.__cause__, (DeadlockDetected, SerializationFailure))
            if is_hopeless or connection.in_atomic_block or tries == TRIES:
                raise
            tries += 1
            time.sleep(0.05)
