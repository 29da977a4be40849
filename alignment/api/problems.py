"""Every refusal of the API is a problem document (RFC 9457), whatever went wrong and wherever."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import django.db
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.http import Http404
from psycopg2 import errors as postgres
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from alignment.blockers import Blocked
from alignment.intake.limits import BadJson
from alignment.intake.receive import BadRequest

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
NAMESPACE = "urn:problem-type:alignment:"

# code: (status, title, what it means and what to do)
KINDS: Mapping[str, tuple[int, str, str]] = {
    "bad-request": (400, "The request cannot be read", "The body is not JSON, or not within its limits."),
    "invalid": (
        400,
        "Something in the request cannot be used",
        "`errors` names each part and what to write.",
    ),
    "unauthenticated": (401, "Prove who you are", "Send a live token, or sign in."),
    "forbidden": (403, "This is not yours to do", "The role or the token's scopes do not allow it."),
    "not-found": (404, "There is no such thing", "Or it lies outside of what you may see."),
    "method-not-allowed": (405, "This address does not do that", "The header Allow says what it does."),
    "not-acceptable": (406, "Only JSON is answered", "Accept application/json."),
    "refused": (409, "The state of things forbids it", "`refusal` names the rule; nothing was changed."),
    "busy": (409, "The same request is being handled", "Wait a second and repeat it unchanged."),
    "answer-gone": (
        410,
        "The answer is no longer kept",
        "The request had its effect and has none now: read what is there by GET.",
    ),
    "length-required": (411, "The length is missing", "Send Content-Length."),
    "too-large": (413, "The body is too large", "Send less at once."),
    "unsupported-media-type": (
        415,
        "This kind of body is not read",
        "Send application/json, a file as multipart/form-data; neither encoded nor compressed.",
    ),
    "key-reused": (422, "This Idempotency-Key had another request", "Make a new key for every act."),
    "too-many-requests": (429, "Too many requests", "Wait as many seconds as Retry-After says."),
    "internal-error": (500, "Something broke here", "It is written down; repeat the request later."),
    "unavailable": (503, "Not just now", "Repeat the request after Retry-After seconds."),
}
_BY_STATUS = {411: "length-required", 413: "too-large", 415: "unsupported-media-type"}


@dataclass
class Problem(Exception):
    """A refusal to be answered. `errors`: [{"pointer" | "parameter" | "header": where, "detail": what}]."""

    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return KINDS[self.code][0]


class ErrorSerializer(serializers.Serializer[Any]):
    """One part of the request that is at fault; exactly one of the three places is named."""

    pointer = serializers.CharField(required=False, help_text="JSON Pointer into the body: `#/channel`.")
    parameter = serializers.CharField(required=False, help_text="Name of a query parameter.")
    header = serializers.CharField(required=False, help_text="Name of a header.")
    detail = serializers.CharField(help_text="What to write instead.")


class BlockerSerializer(serializers.Serializer[Any]):
    """One reason why a gate is shut, as pages show it. Figures are exact: "numerator/denominator", or whole."""

    code = serializers.CharField(help_text="Stable, for programs.")
    message = serializers.CharField(help_text="What is missing and what to do about it, for people.")
    actual = serializers.CharField(required=False, help_text="What was found, where it is a figure.")
    required = serializers.CharField(required=False, help_text="What it must be.")  # type: ignore[assignment]
    parts = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="Where it stands for several things at once, the figure of each, such as of every month.",
    )


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.CharField(help_text="`urn:problem-type:alignment:…`: stable, for programs.")
    title = serializers.CharField(help_text="The kind of problem, for people.")
    status = serializers.IntegerField(help_text="The status of the answer.")
    detail = serializers.CharField(help_text="What happened here, for people.")
    errors = ErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    refusal = serializers.CharField(required=False, help_text="With 409: the rule that forbade it.")
    blockers = BlockerSerializer(
        many=True, required=False, help_text="With 409 where a gate or a document is not ready: every reason."
    )


def refused(refusal: Exception) -> Problem:
    """A service's refusal; its name is that of the exception, as in `cycle-is-over`."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", type(refusal).__name__).lower()
    said = " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)
    extra: dict[str, Any] = {"refusal": name}
    if isinstance(refusal, Blocked):
        extra["blockers"] = [blocker.to_json() for blocker in refusal.blockers]
    return Problem("refused", said or (type(refusal).__doc__ or ""), extra=extra)


def invalid_body(found: Any) -> Problem:
    """What a serializer says of a body, each with its JSON Pointer."""
    return Problem("invalid", "The body cannot be used; nothing was changed.", list(_pointers(found, "#")))


def _pointers(found: Any, place: str) -> Iterable[dict[str, str]]:
    if isinstance(found, Mapping):
        for name, inner in found.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from _pointers(inner, place if name == "non_field_errors" else f"{place}/{step}")
    elif isinstance(found, list) and any(isinstance(inner, (Mapping, list)) for inner in found):
        for number, inner in enumerate(found):
            yield from _pointers(inner, f"{place}/{number}")
    elif isinstance(found, list):
        for text in found:
            yield {"pointer": place, "detail": str(text)}
    else:
        yield {"pointer": place, "detail": str(found)}


def answer(problem: Problem) -> Response:
    """The document of a problem."""
    status, title, _ = KINDS[problem.code]
    document: dict[str, Any] = {
        "type": NAMESPACE + problem.code,
        "title": title,
        "status": status,
        "detail": problem.detail,
        **problem.extra,
    }
    if problem.errors:
        document["errors"] = problem.errors
    response = Response(document, status=status, content_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """Django REST framework's exception handler: no exception leaves the API in another form."""
    return answer(_problem_of(error))


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, (Http404, exceptions.NotFound)):
        return Problem("not-found", "There is nothing here, or nothing that you may see.")
    if isinstance(error, Blocked):
        return refused(error)
    if isinstance(error, BadJson):
        code = "too-large" if error.code == "too_large" else "bad-request"
        return Problem(code, error.message, extra={"reason": error.code})
    if isinstance(error, BadRequest):
        code = _BY_STATUS.get(error.status, "bad-request")
        return Problem(code, error.message.capitalize() + ".")
    if isinstance(error, PermissionDenied):
        return Problem("forbidden", str(error) or "Your role has no part in this.")
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, SuspiciousOperation):
        return Problem("bad-request", "The request is not well formed.")
    if isinstance(error, ValidationError):  # of a model: what no serializer found
        return invalid_body(error.message_dict if hasattr(error, "error_dict") else error.messages)
    if isinstance(error, django.db.Error):
        return _of_database(error)
    _log("api_failed", error)
    return Problem("internal-error", "The request was not carried out.")


def _of_framework(error: exceptions.APIException) -> Problem:
    if isinstance(error, exceptions.ValidationError):
        return invalid_body(error.detail)
    code = {
        401: "unauthenticated",
        403: "forbidden",
        405: "method-not-allowed",
        406: "not-acceptable",
        415: "unsupported-media-type",
    }.get(error.status_code, "bad-request")
    challenge = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if error.status_code == 401 and challenge else {}
    return Problem(code, str(error.detail), headers=headers)


def _of_database(error: django.db.Error) -> Problem:
    cause = error.__cause__
    if isinstance(cause, postgres.LockNotAvailable):
        return Problem("busy", "Something else is changing the same records.", headers={"Retry-After": "1"})
    if isinstance(cause, postgres.QueryCanceled):
        said = "The answer took too long to find; narrow it with filters."
        return Problem("unavailable", said, headers={"Retry-After": "10"})
    _log("api_database", error)
    if isinstance(error, (django.db.OperationalError, django.db.InterfaceError)):
        return Problem("unavailable", "The database does not answer.", headers={"Retry-After": "10"})
    return Problem("internal-error", "The request was not carried out.")


def _log(event: str, error: Exception) -> None:
    # Type and place only: messages of the database quote values. Whoever develops sees the whole.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    exc_info = error if settings.DEBUG else None
    logger.error(event, extra={"error": type(error).__name__, "place": place}, exc_info=exc_info)
