"""How a signer proved who they are, just before signing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator

from alignment.models import User
from alignment.services.artifacts.refusals import AuthenticationTooOld, AuthenticationTooWeak

MOST = timedelta(minutes=5)
STRONG = frozenset({"totp", "recovery_codes", "webauthn", "oidc"})


@dataclass(frozen=True)
class Authentication:
    """`at`: when; `methods`: by what, of "password", "totp", "recovery_codes", "webauthn", "oidc"."""

    at: datetime
    methods: tuple[str, ...]


def require_fresh(authentication: Authentication, *, by: User, at: datetime) -> None:
    """Raises AuthenticationTooOld past five minutes, AuthenticationTooWeak without the second factor that is set."""
    if not authentication.methods or not at - MOST <= authentication.at <= at:
        raise AuthenticationTooOld(
            f"Signing asks for your password again, at most {MOST.seconds // 60} minutes before. Confirm who you "
            "are and sign then."
        )
    if STRONG.isdisjoint(authentication.methods) and _has_second_factor(by):
        raise AuthenticationTooWeak(
            "Your login has a second factor. Confirm with a code of it beside the password, then sign."
        )


def _has_second_factor(user: User) -> bool:
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return bool(Authenticator.objects.filter(user=user, type__in=kinds).exists())
