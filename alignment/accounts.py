"""Signing in. Logins are made by RevOps, not by visitors; here is how somebody proves to be the owner of one."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from axes.utils import reset as forget_guesses
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.models import User
from alignment.services.tokens import revoke_tokens_of

SIGNED_IN_AT = "signed_in_at"  # in the session: Unix time at which it began
_LONGEST_LOGIN = 255  # characters; as many as the table of guesses takes


def login_tried(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Under which name a guess is counted: the e-mail address as logins are looked up, in lower case."""
    given = credentials or request.POST
    login = given.get("email") or given.get("login") or given.get("username") or ""
    return str(login).strip().lower()[:_LONGEST_LOGIN]


def client_address(request: HttpRequest) -> str | None:
    """From where a guess comes; None where no connection stands behind a request.

    A network of IPv6 counts as one address: whoever has one has all of it.
    """
    try:
        address: str = get_account_adapter().get_client_ip(request)
    except PermissionDenied:
        return None
    if ipaddress.ip_address(address).version == 4:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Wrong passwords are counted by axes, which shows its own page when there were too many."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """One guess at a time for each login and address: side by side, many would pass before one counts."""
        guess = f"{login_tried(request, credentials)} {client_address(request)}"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [guess])
            user: User | None = super().authenticate(request, **credentials)
        return user

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        request.session[SIGNED_IN_AT] = int(time.time())

    def set_password(self, user: User, password: str) -> None:
        """A new password ends the tokens that were made with the old one; and whoever could set it need not wait
        for guesses at the old one to be forgotten."""
        with transaction.atomic():
            super().set_password(user, password)
            revoke_tokens_of(user, reason="new password", by=user, at=timezone.now())
        forget_guesses(username=login_tried(self.request, {"email": user.email}))

    def get_reset_password_from_key_url(self, key: str) -> str:
        """On the address of this installation, whatever host the request named."""
        link: str = super().get_reset_password_from_key_url(key)
        return settings.BASE_URL + urlsplit(link).path


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Single sign-on opens an existing login by its verified e-mail address; it never makes one."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """The first time, connect the login that has the address; later the provider's own id finds it."""
        if _subjects(sociallogin.account.extra_data) != {sociallogin.account.uid}:
            raise ImmediateHttpResponse(_refuse(request, sociallogin, "mismatch"))
        if sociallogin.is_existing:
            return
        if not sociallogin.email_addresses:
            raise ImmediateHttpResponse(_refuse(request, sociallogin, "no-address"))
        # some providers write the boolean as a word, and the word "false" is not false
        verified = [a.email.lower() for a in sociallogin.email_addresses if a.verified in (True, "true")]
        if not verified:
            raise ImmediateHttpResponse(_refuse(request, sociallogin, "unverified"))
        user = User.objects.filter(email__in=verified).first()
        if user is None:
            raise ImmediateHttpResponse(_refuse(request, sociallogin, "unknown"))
        if not user.is_active:
            raise ImmediateHttpResponse(get_account_adapter().respond_user_inactive(request, user))
        user._history_user = user  # type: ignore[attr-defined]
        user._change_reason = "single sign-on connected"  # type: ignore[attr-defined]
        sociallogin.connect(request, user)


def _subjects(claims: Mapping[str, Any]) -> set[str]:
    """Whom the provider's answers are about; two answers about two people are no proof of either."""
    return {str(claims[part].get("sub")) for part in ("id_token", "userinfo") if part in claims}


def _refuse(request: HttpRequest, sociallogin: Any, reason: str) -> HttpResponse:
    address = sociallogin.email_addresses[0].email if sociallogin.email_addresses else ""
    return render(request, "socialaccount/refused.html", {"reason": reason, "address": address}, status=403)
