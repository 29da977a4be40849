"""Whether somebody proved again, minutes ago, who they are: what a signature asks for beside a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django.http import HttpRequest
from django.urls import reverse

from alignment.access import viewer
from alignment.models import User
from alignment.services.artifacts import Authentication
from alignment.views.single_sign_on import ASK_AGAIN, PROVEN

LASTS = timedelta(minutes=5)
_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """A way to prove it, as a button. `by_post`: an address that takes a form, not a link."""

    label: str
    url: str
    by_post: bool = False


def proof_of(request: HttpRequest, *, act: str, at: datetime) -> Authentication | None:
    """The newest proof of the last five minutes: single sign-on, or the password with the second factor that is set.

    `act`: the path to which `ways_to_prove` leads back. A single sign-on counts at the time that the provider names;
    where it names none, only one that was asked for again from this act. Signing in with a password long before, or
    just now, is not one: it is asked for again.
    """
    user = viewer(request)
    records = get_authentication_records(request, user)
    proofs = [
        proof for proof in (_by_password(user, records), _by_provider(request, user, records, act)) if proof
    ]
    newest = max(proofs, key=lambda proof: proof.at, default=None)
    return newest if newest and at - LASTS <= newest.at <= at else None


def ways_to_prove(request: HttpRequest, *, back: str, at: datetime) -> list[Way]:
    """What is to be done next for a proof, each of them enough; `back` is the path to return to."""
    user = viewer(request)
    found = []
    password = _newest(get_authentication_records(request, user), "password", again=True)
    query = urlencode({"next": back})
    if user.has_usable_password():
        if password and at - LASTS <= _moment(password) <= at and is_mfa_enabled(user, types=_FACTORS):
            found.append(
                Way("Enter a code of your second factor", f"{reverse('mfa_reauthenticate')}?{query}")
            )
        else:
            found.append(Way("Enter your password", f"{reverse('account_reauthenticate')}?{query}"))
    for provider in _providers(request, user):
        begin = reverse("openid_connect_login", args=[provider.app.provider_id])
        query = urlencode({"process": "login", "next": back, "auth_params": ASK_AGAIN})
        found.append(Way(f"Sign in again with {provider.app.name}", f"{begin}?{query}", by_post=True))
    return found


def _by_password(user: User, records: list[Record]) -> Authentication | None:
    password, factor = _newest(records, "password", again=True), _newest(records, "mfa")
    if password is None:
        return None
    if not is_mfa_enabled(user, types=_FACTORS):
        return Authentication(_moment(password), ("password",))
    if factor is None:
        return None
    earlier = min(_moment(password), _moment(factor))
    return Authentication(earlier, ("password", str(factor.get("type", "totp"))))


def _by_provider(request: HttpRequest, user: User, records: list[Record], act: str) -> Authentication | None:
    """At the time that the provider names for its own login; where it names none, only as the answer to this act."""
    record = _newest(records, "socialaccount")
    if record is None:
        return None
    account = SocialAccount.objects.filter(user=user, uid=record.get("uid", "")).first()
    if account is None:
        return None
    at = _moment(record)
    claims = account.extra_data.get("id_token") if isinstance(account.extra_data, dict) else None
    named = claims.get("auth_time") if isinstance(claims, dict) else None
    if isinstance(named, int) and not isinstance(named, bool) and named > 0:
        at = min(at, datetime.fromtimestamp(min(named, 2**33), UTC))
    elif request.session.get(PROVEN) != {"at": float(record["at"]), "act": act}:
        return None
    return Authentication(at, ("oidc",))


def _newest(records: list[Record], method: str, *, again: bool = False) -> Record | None:
    found = [
        record
        for record in records
        if record.get("method") == method and (record.get("reauthenticated") or not again)
    ]
    return max(found, key=lambda record: float(record["at"]), default=None)


def _moment(record: Record) -> datetime:
    return datetime.fromtimestamp(float(record["at"]), UTC)


def _providers(request: HttpRequest, user: User) -> list[Any]:
    """Providers of single sign-on that know this login and are configured today."""
    known = set(SocialAccount.objects.filter(user=user).values_list("provider", flat=True))
    if not known:
        return []
    return [
        provider
        for provider in get_adapter().list_providers(request)
        if getattr(provider, "app", None) and provider.app.provider_id in known
    ]
