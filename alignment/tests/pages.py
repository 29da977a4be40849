"""Shared by the tests of this app's pages."""

from __future__ import annotations

from django.test import Client

from alignment.models import User


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client
