"""Making and revoking API tokens. The secret is returned once; only its digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q

from alignment.models import ApiToken, Role, TokenScope, User
from alignment.services.history import save_with_history

PREFIX = "rag_"
HINT_LENGTH = len(PREFIX) + 6
LIFETIMES = (30, 90, 365)  # days
MOST_LIVE = 50  # of one login


class NoScope(ValueError):
    """A token without a scope could do nothing, and one with an unknown scope is a mistake."""


class UnknownLifetime(ValueError):
    """A token lives 30, 90 or 365 days."""


class TooManyTokens(Exception):
    """A login with so many live tokens has lost sight of them."""


class AlreadyRevoked(Exception):
    """Nothing is left to revoke."""


class NotYourToken(PermissionDenied):
    """Tokens are made and revoked by their own login; RevOps may revoke any."""


class NewToken(NamedTuple):
    token: ApiToken
    secret: str  # plain; there is no way to read it again


def digest_of(secret: str) -> bytes:
    """By what a token is found. The secret has 256 random bits: a plain digest cannot be searched through."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@transaction.atomic
def create_token(
    *, user: User, name: str, scopes: Collection[str], days: int, by: User | None, at: datetime
) -> NewToken:
    """A token that acts as `user` within `scopes` for `days`. `by` None stands for the product itself.

    Raises NotYourToken, NoScope, UnknownLifetime, TooManyTokens, or ValidationError (no name).
    """
    if by is not None and by.pk != user.pk:
        raise NotYourToken("Each login makes its own tokens.")
    chosen = [scope for scope in TokenScope.values if scope in set(scopes)]
    if not chosen or len(chosen) != len(set(scopes)):
        raise NoScope(f"Choose at least one of {', '.join(TokenScope.values)}.")
    if days not in LIFETIMES:
        raise UnknownLifetime("A token lives 30, 90 or 365 days.")
    User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    if ApiToken.objects.live(at).filter(user=user).count() >= MOST_LIVE:
        raise TooManyTokens(f"There are {MOST_LIVE} live tokens; revoke those that nothing uses any more.")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name.strip(),
        scopes=chosen,
        hint=secret[:HINT_LENGTH],
        digest=digest_of(secret),
        created_at=at,
        expires_at=at + timedelta(days=days),
    )
    token.clean_fields()
    save_with_history(token, reason="made", by=by, at=at)
    return NewToken(token, secret)


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User | None, at: datetime) -> ApiToken:
    """End a token for good; its next request is refused. Raises NotYourToken or AlreadyRevoked."""
    if by is not None and by.pk != token.user_id and not by.has_role(Role.REVOPS):
        raise NotYourToken("Only its login and RevOps may revoke this token.")
    token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    if token.revoked_at is not None:
        raise AlreadyRevoked("This token was revoked already.")
    token.revoked_at, token.revoked_by = at, by
    save_with_history(token, reason="revoked", by=by, at=at)
    return token


@transaction.atomic
def revoke_tokens_of(user: User, *, reason: str, by: User | None, at: datetime) -> int:
    """End all tokens of a login that was switched off or has a new password; how many ended. None comes back."""
    live = ApiToken.objects.live(at).filter(user=user).order_by("pk")
    for token in (found := list(live.select_for_update(of=("self",)))):
        token.revoked_at, token.revoked_by = at, by
        save_with_history(token, reason=reason, by=by, at=at)
    return len(found)


def note_use(*, token: ApiToken, at: datetime, every: timedelta) -> None:
    """Remember when a token was last used, at most once per `every` however many requests come."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - every)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=at)
