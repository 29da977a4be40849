"""Tokens of the REST API."""

from __future__ import annotations

from django import forms

from alignment.models import Role, TokenScope, User
from alignment.services.tokens import LIFETIMES

WORKERS = frozenset({TokenScope.LEADS_WRITE, TokenScope.ROUTING_WRITE})
ONLY_REVOPS = frozenset(TokenScope) - WORKERS - {TokenScope.READ}


def scopes_for(user: User) -> list[tuple[str, str]]:
    """The scopes that could do anything for this login."""
    left_out: set[str] = set() if user.has_role(Role.REVOPS) else set(ONLY_REVOPS)
    if not user.has_role(Role.REVOPS, Role.SALES_MANAGER, Role.REP):
        left_out |= WORKERS
    return [
        (scope.value, f"{scope.label.removesuffix(' (RevOps)')} ({scope.value})")
        for scope in TokenScope
        if scope not in left_out
    ]


class TokenForm(forms.Form):
    """A new token. Which scopes it offers depends on the role."""

    name = forms.CharField(max_length=80, help_text="What uses it, as in: nightly export to the warehouse.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what it may do; a token for nothing is of no use."},
    )
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(days, f"{days} days") for days in LIFETIMES],
        initial=90,
        label="Expires after",
    )

    def __init__(self, *args: object, user: User, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101 - as declared above
        scopes.choices = scopes_for(user)
        scopes.initial = [TokenScope.READ.value]
