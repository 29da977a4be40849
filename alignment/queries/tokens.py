"""API tokens as people see them: their own, and for RevOps everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from alignment.models import ApiToken, Role, User


@dataclass(frozen=True)
class TokenRow:
    """A token; `state` is live, expired or revoked."""

    token: ApiToken
    state: str
    is_own: bool


def visible_tokens(user: User) -> QuerySet[ApiToken]:
    """RevOps looks after all tokens, others after their own."""
    found = ApiToken.objects.select_related("user", "revoked_by")
    return found if user.has_role(Role.REVOPS) else found.filter(user=user)


def token_row(token: ApiToken, user: User, *, at: datetime) -> TokenRow:
    return TokenRow(token, token.state(at), token.user_id == user.pk)
