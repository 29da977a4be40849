"""The OpenAPI document, and the answer for addresses that are none."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from rest_framework import permissions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alignment.access import EVERYONE
from alignment.api import problems
from alignment.api.base import Door
from alignment.models import TokenScope

INTRODUCTION = """\
Reads what the pages show, and does what they do, for the login behind a token or session.

**Tokens.** Made under *API tokens*, shown once, sent as `Authorization: Bearer rag_…`. Scopes:
{scopes}

**Lists** come in pages: `{{"results": […], "next": "/api/v1/…"}}`. A parameter that is not known is refused.

**Acts** are POST requests with an `Idempotency-Key`, new for each act. Repeated within 24 hours with the same
body, the answer is repeated (`Idempotent-Replayed: true`) and nothing else happens.

**Rate.** `RateLimit` says how many requests may follow at once; after too many comes 429 with `Retry-After`.

**Problems** are documents of RFC 9457. Their `type` is one of:
{problems}
"""


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The document, made once per process."""
    made: dict[str, Any] = _plain(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
    made["info"]["description"] = INTRODUCTION.format(
        scopes="\n".join(f"- `{scope.value}`: {scope.label}" for scope in TokenScope),
        problems="\n".join(
            f"- `{problems.NAMESPACE}{code}` ({status}): {title}. {meaning}"
            for code, (status, title, meaning) in problems.KINDS.items()
        ),
    )
    made["servers"] = [{"url": "/"}]
    return made


def _plain(node: Any) -> Any:
    """Without the marks that the generator leaves for itself."""
    if isinstance(node, dict):
        return {name: _plain(inner) for name, inner in node.items() if name != "x-spec-enum-id"}
    return [_plain(inner) for inner in node] if isinstance(node, list) else node


class Document(Door):
    """The OpenAPI document of this API. Any live token or session may read it."""

    roles = EVERYONE
    permission_classes = [permissions.IsAuthenticated]
    schema = None  # type: ignore[assignment]

    def get(self, request: Request) -> Response:
        return Response(document())


class Nothing(APIView):
    """Addresses below /api/ that are none, for whoever asks."""

    authentication_classes = []
    permission_classes = [permissions.AllowAny]
    schema = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.headers = {"Cache-Control": "no-store"}
        found = self.initialize_request(request)
        problem = problems.Problem("not-found", "There is no such address; /api/v1/schema lists all.")
        return self.finalize_response(found, problems.answer(problem))
