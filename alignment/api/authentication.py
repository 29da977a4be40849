"""Who is asking: the login behind a token, or behind the browser's session. A token never widens its login."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from alignment.models import ApiToken, User
from alignment.services.tokens import digest_of, note_use

USE_NOTED_EVERY = timedelta(minutes=1)
REFUSED = "The token is not known, has expired or was revoked, or its login is switched off."


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer rag_…`. Where this header is sent, nothing else is looked at."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        kind, _, secret = header.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise exceptions.AuthenticationFailed("Write: Authorization: Bearer, and then the token.")
        at = timezone.now()
        token = (
            ApiToken.objects.live(at)
            .filter(digest=digest_of(secret.strip()), user__is_active=True)
            .select_related("user")
            .first()
        )
        if token is None:
            raise exceptions.AuthenticationFailed(REFUSED)
        if token.last_used_at is None or at - token.last_used_at >= USE_NOTED_EVERY:
            note_use(token=token, at=at, every=USE_NOTED_EVERY)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class BrowserAuthentication(SessionAuthentication):
    """The session of somebody signed in here; unsafe methods need the CSRF token in `X-CSRFToken`.

    In the header alone: to look for it in a form would read the body, a whole file perhaps, before it is known
    whether anybody may send one.
    """

    def enforce_csrf(self, request: Request) -> None:
        asked = request._request
        without_body = object.__new__(type(asked))
        without_body.__dict__ |= asked.__dict__
        if asked.method == "POST":
            without_body.method = "PUT"  # of which the body is not searched
        super().enforce_csrf(without_body)  # type: ignore[arg-type]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made under “API tokens”. It acts as its login, narrowed by its scopes.",
        }


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BrowserAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "For pages of this product only; unsafe methods need `X-CSRFToken` as well.",
        }
