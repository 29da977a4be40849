"""Doors before the views: the lean intake path, default-deny login, private pages, the viewer's zone."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequired
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from alignment import nameless
from alignment.accounts import SIGNED_IN_AT, client_address
from alignment.models import Organisation

GetResponse = Callable[[HttpRequest], HttpResponse]


class IntakeMiddleware:
    """Hands `/in/<address>/` straight to the intake: no session, no CSRF, no login, no templates."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/in/"):
            from alignment.intake.receive import receive

            return receive(request)
        return self.get_response(request)


class NamelessMiddleware:
    """Takes from a request of the anonymous survey all that tells who sends it, before anything else looks at it.

    Cookies, address, browser and every header that is not needed are gone: no session is opened, and no log line,
    error report or library behind this can keep what it does not see. What remains for limiting requests is
    `nameless_key`: a digest of the address under a salt that lives in this process's memory for a day.
    """

    PREFIX = "/survey/"
    KEPT = frozenset({"HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_ACCEPT_ENCODING"})
    EMPTIED = frozenset(
        {"REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER", "RAW_URI", "QUERY_STRING"}
    )

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(self.PREFIX):
            request.nameless_key = nameless.key_of(client_address(request) or "")  # type: ignore[attr-defined]
            for name in {name for name in request.META if name.startswith("HTTP_")} - self.KEPT:
                del request.META[name]
            request.META.update(dict.fromkeys(self.EMPTIED & set(request.META), ""))
            for name in ("headers", "COOKIES"):  # as they were read for the key
                request.__dict__.pop(name, None)
        return self.get_response(request)


class PrivatePagesMiddleware:
    """Keeps what somebody sees after signing in out of every cache, the browser's own included.

    Whoever has the device next, or shares a proxy, finds no names there after signing out.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if SESSION_KEY in request.session:
            add_never_cache_headers(response)
        return response


class SessionAgeMiddleware:
    """Ends a session at its age, counted from signing in: what is saved in it meanwhile does not prolong it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        since = request.session.get(SIGNED_IN_AT)
        if since is not None and time.time() - since >= settings.SESSION_COOKIE_AGE:
            logout(request)
        return self.get_response(request)


class LoginRequiredMiddleware(DjangoLoginRequired):
    """Every view needs a login unless it says otherwise; allauth's own pages say so by their prefix."""

    def process_view(self, request, view_func, view_args, view_kwargs):  # type: ignore[no-untyped-def]
        if request.path_info.startswith(("/accounts/", "/static/", "/healthz", "/metrics")):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class ZoneMiddleware:
    """Times are shown in the viewer's zone, else the organisation's; the zone is always printed beside them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            organisation = Organisation.get()
            request.organisation = organisation  # type: ignore[attr-defined]
            with timezone.override(user.zone or organisation.zone):
                return self.get_response(request)
        return self.get_response(request)
