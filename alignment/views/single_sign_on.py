"""Single sign-on: the page that says so while the provider cannot be reached, and which sign-ins were asked for again.

A provider that does not say when somebody proved who they are may have answered from a session of its own. A sign-in
counts as a fresh proof all the same where it is the answer to a request for another one (`ASK_AGAIN`): that is known
by the state of the request, which comes back with the answer, and holds for the act that it was begun from.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.openid_connect import views
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from requests import RequestException

from alignment.asked import asked

ASK_AGAIN = "prompt=login&max_age=0"  # the provider must not answer from a session of its own
ASKED, PROVEN = "sign_ins_asked_again", "sign_in_proven_again"  # in the session
_MOST = 5  # requests that are remembered


@login_not_required
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    answer = _answer(views.login, request, provider_id)
    if asked(request, "auth_params") == ASK_AGAIN:
        (state,) = parse_qs(urlsplit(answer.get("Location", "")).query).get("state") or [""]
        if state:
            known = {**request.session.get(ASKED, {}), state: asked(request, "next")}
            request.session[ASKED] = dict(list(known.items())[-_MOST:])
    return answer


@login_not_required
def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    begun: dict[str, str] = dict(request.session.get(ASKED, {}))
    before = _signed_in_at(request)
    answer = _answer(views.callback, request, provider_id)
    act = begun.pop(asked(request, "state"), None)
    if act is not None:
        request.session[ASKED] = begun
        found = _signed_in_at(request)
        if found is not None and found != before:
            request.session[PROVEN] = {"at": found, "act": act}
    return answer


def _signed_in_at(request: HttpRequest) -> float | None:
    """When the session's newest single sign-on was."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    times = [float(record["at"]) for record in records if record.get("method") == "socialaccount"]
    return max(times, default=None)


def _answer(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    """Both views read the provider's discovery document before they guard themselves against its silence."""
    answer: HttpResponse
    try:
        answer = view(request, provider_id)
    except RequestException as problem:
        provider = get_adapter().get_provider(request, provider_id)
        answer = render_authentication_error(request, provider, exception=problem)
    return answer
