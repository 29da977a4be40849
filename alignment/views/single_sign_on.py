"""Single sign-on while the provider cannot be reached: the page that says so, where the library would fail."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.openid_connect import views
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from requests import RequestException


@login_not_required
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _answer(views.login, request, provider_id)


@login_not_required
def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _answer(views.callback, request, provider_id)


def _answer(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    """Both views read the provider's discovery document before they guard themselves against its silence."""
    answer: HttpResponse
    try:
        answer = view(request, provider_id)
    except RequestException as problem:
        provider = get_adapter().get_provider(request, provider_id)
        answer = render_authentication_error(request, provider, exception=problem)
    return answer
