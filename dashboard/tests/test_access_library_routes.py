"""Routes that come with the login library and the admin, and what a visitor, a rep and RevOps get there.

A allowed, L sent to the login, R sent to another page, U not authorised, F 403, N 404. What the product does not
offer is closed to everybody; with a staff mark the admin shows records, which has tests of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import pytest
from django.test import Client

from alignment.models import Role, User
from testing.routes import Route, every_route
from testing.world import World, add_user

CLOSED, LOGIN_ONLY = "NNN", "LAA"
LIBRARY = {
    "account_login": "ARR",
    "account_logout": "RAA",
    "account_inactive": "AAA",
    "account_signup": "ARR",  # says that it is closed
    "account_reauthenticate": LOGIN_ONLY,
    "account_change_password": LOGIN_ONLY,
    "account_set_password": "LRR",
    "account_reset_password": "AAA",
    "account_reset_password_done": "AAA",
    "account_reset_password_from_key": "AAA",
    "account_reset_password_from_key_done": "AAA",
    "account_confirm_email": "AAA",  # says that the link does not hold
    "account_email": CLOSED,
    "account_email_verification_sent": CLOSED,
    "account_confirm_login_code": CLOSED,
    "mfa_index": LOGIN_ONLY,
    "mfa_authenticate": "LRR",
    "mfa_reauthenticate": "LRR",
    "mfa_activate_totp": "LRR",
    "mfa_deactivate_totp": "LNN",
    "mfa_view_recovery_codes": "LNN",
    "mfa_generate_recovery_codes": "LRR",
    "mfa_download_recovery_codes": "LNN",
    "socialaccount_login_cancelled": "AAA",
    "socialaccount_login_error": "UUU",
    "socialaccount_signup": CLOSED,
    "socialaccount_connections": CLOSED,
    "openid_connect_login": CLOSED,  # no provider is configured here
    "openid_connect_callback": CLOSED,
    "accounts/email/": CLOSED,
    "accounts/confirm-email/": CLOSED,
    "accounts/3rdparty/": CLOSED,
    "accounts/3rdparty/signup/": CLOSED,
    "accounts/social/signup/": CLOSED,
    "accounts/social/connections/": CLOSED,
    "accounts/social/login/cancelled/": "RRR",
    "accounts/social/login/error/": "RRR",
    "accounts/login/code/confirm/": CLOSED,
    "accounts/oidc/<str:provider_id>/login/": CLOSED,
    "accounts/oidc/<str:provider_id>/login/callback/": CLOSED,
}
ADMIN = "LFF"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
VALUES = {
    "key": "abc",
    "uidb36": "1",
    "provider_id": "sso",
    "object_id": "1",
    "content_type_id": "1",
    "app_label": "sla",
    "url": "nonsense",
}


@pytest.fixture
def clients(world: World) -> list[Client]:
    """Of a visitor, a rep and RevOps."""
    visitor, rep, revops = Client(), Client(), Client()
    rep.force_login(world.users["rep.1"], backend=BACKEND)
    revops.force_login(add_user(world, Role.REVOPS), backend=BACKEND)
    return [visitor, rep, revops]


def letter(response: Any) -> str:
    if response.status_code in (301, 302):
        return "L" if response["Location"].startswith("/accounts/login/") else "R"
    return {200: "A", 401: "U", 403: "F", 404: "N"}.get(response.status_code, str(response.status_code))


def got(route: Route, client: Client, method: str = "get") -> str:
    """The letter of an answer; within the admin, of where its redirects end."""
    response = getattr(client, method)(route.address(VALUES))
    while route.is_admin and response.status_code == 302 and response["Location"].startswith("/admin/"):
        response = client.get(response["Location"])
    return letter(response)


def test_what_the_login_library_offers_answers_as_the_table_says(clients: list[Client]) -> None:
    found = {
        route: "".join(got(route, client) for client in clients)
        for route in every_route()
        if route.name in LIBRARY
    }
    wrong = [
        f"{route.pattern}: {is_} not {LIBRARY[route.name]}"
        for route, is_ in found.items()
        if is_ != LIBRARY[route.name]
    ]
    assert not wrong, "\n".join(wrong)
    assert {route.name for route in found} == set(LIBRARY)


def test_a_post_opens_nothing_that_the_table_closes(clients: list[Client]) -> None:
    for route in every_route():
        for client, letter_ in zip(clients, LIBRARY.get(route.name, ""), strict=False):
            if letter_ in "NL":
                assert got(route, client, "post") in {letter_, "405"}, route


def test_without_the_staff_mark_no_route_of_the_admin_opens(
    clients: list[Client], examples: Callable[[int, int], int]
) -> None:
    """Each route is asked by every role; without TEST_ALL every third one, by one role, who take turns."""
    every = [route for route in every_route() if route.is_admin]
    assert len(every) > 100
    routes = every[random.randrange(examples(3, 1)) :: examples(3, 1)]
    asking = cycle(zip(clients, ADMIN, strict=True))
    for method in "get", "post":
        for route in routes:
            for client, expected in islice(asking, examples(1, len(clients))):
                assert got(route, client, method) == expected, route


def test_nobody_signs_up(clients: list[Client]) -> None:
    visitor, before = clients[0], User.objects.count()
    said = {"email": "new@example.com", "password1": "four cheerful otters"}
    assert visitor.post("/accounts/signup/", said).status_code == 200
    assert User.objects.count() == before
    assert letter(visitor.get("/")) == "L"
