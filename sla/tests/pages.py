"""Shared by the tests of this app's pages."""

from __future__ import annotations

import re

from django.test import Client

from alignment.models import User


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def found(pattern: str, page: str) -> str:
    """The first group of a pattern that must be on the page."""
    match = re.search(pattern, page, re.DOTALL)
    assert match is not None, f"not on the page: {pattern}"
    return match[1]
