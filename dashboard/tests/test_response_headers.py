"""What the browser is told with every kind of answer: where content may come from, and that nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from alignment.models import Organisation, Role
from testing.world import World, add_user

POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "font-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'"},
    "frame-ancestors": {"'none'"},
    "base-uri": {"'none'"},
    "object-src": {"'none'"},
}
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ON_PAGES = {**EVERYWHERE, "X-Frame-Options": "DENY"}
FIGURES = "/compliance/rows.csv?week=2026-11-16&kind=assign"

Answer = Callable[[World, Client, pytest.MonkeyPatch], Any]


def signed_in(world: World, client: Client, role: Role = Role.REVOPS) -> Client:
    client.force_login(add_user(world, role), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def broken(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What somebody sees when the product fails."""

    def fail() -> Organisation:
        raise RuntimeError("out of order")

    signed_in(world, client)
    monkeypatch.setattr(Organisation, "get", fail)
    client.raise_request_exception = False
    return client.get("/")


# name: (status, how to get the answer)
PUBLIC: dict[str, tuple[int, Answer]] = {
    "login page": (200, lambda world, client, _: client.get("/accounts/login/")),
    "way to the login page": (302, lambda world, client, _: client.get("/queue/")),
    "health": (200, lambda world, client, _: client.get("/healthz")),
    "404 of a visitor": (404, lambda world, client, _: client.get("/nowhere/")),
    "post without a token": (403, lambda world, client, _: Client(True).post("/accounts/login/", {})),
}
PRIVATE: dict[str, tuple[int, Answer]] = {
    "home": (200, lambda world, client, _: signed_in(world, client).get("/")),
    "404": (404, lambda world, client, _: signed_in(world, client).get("/nowhere/")),
    "404 of an object": (404, lambda world, client, _: signed_in(world, client).get("/leads/999999/")),
    "403": (403, lambda world, client, _: signed_in(world, client, Role.FINANCE).get("/sources/")),
    "405": (405, lambda world, client, _: signed_in(world, client).get("/routing/pools/")),
    "500": (500, broken),
    "download": (200, lambda world, client, _: signed_in(world, client).get(FIGURES)),
    "password page": (
        200,
        lambda world, client, _: signed_in(world, client).get("/accounts/password/change/"),
    ),
    "admin": (403, lambda world, client, _: signed_in(world, client).get("/admin/login/")),
}


def policy_of(response: Any) -> dict[str, set[str]]:
    directives = [part.split() for part in response["Content-Security-Policy"].split(";") if part.strip()]
    assert len({name for name, *_ in directives}) == len(directives), "a directive is said twice"
    return {name: set(sources) for name, *sources in directives}


@pytest.mark.parametrize("name", [*PUBLIC, *PRIVATE])
def test_every_page_tells_the_browser_to_trust_nothing_but_this_site(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    status, answer = (PUBLIC | PRIVATE)[name]
    response = answer(world, Client(), monkeypatch)
    assert response.status_code == status
    assert policy_of(response) == POLICY
    assert "Content-Security-Policy-Report-Only" not in response
    assert {header: response.get(header) for header in ON_PAGES} == ON_PAGES


@pytest.mark.parametrize("name", PRIVATE)
def test_no_cache_keeps_what_somebody_sees_after_signing_in(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    response = PRIVATE[name][1](world, Client(), monkeypatch)
    assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))


def test_a_static_file_is_taken_for_what_it_says_and_may_be_kept(world: World) -> None:
    for client in (Client(), signed_in(world, Client())):
        response = client.get("/static/css/app.css")
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/css")
        assert {header: response.get(header) for header in EVERYWHERE} == EVERYWHERE
        assert "no-store" not in response["Cache-Control"] and "Set-Cookie" not in response
        response.close()


def test_the_intake_answers_senders_in_json_that_nobody_keeps(world: World) -> None:
    for path in (world.crm_endpoint.path, "/in/nowhere/"):
        response = Client().post(path, b"{}", content_type="application/json")
        assert response.status_code == 401
        assert response["Content-Type"] == "application/json"
        assert response["Cache-Control"] == "no-store"
        assert not response.cookies


def test_after_signing_out_the_way_back_shows_the_login(world: World) -> None:
    client = signed_in(world, Client())
    assert "no-store" in client.get("/people/")["Cache-Control"]
    client.post("/accounts/logout/")
    assert client.get("/people/")["Location"].startswith("/accounts/login/")
