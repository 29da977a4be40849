"""Sessions: their cookies and age, what ends them, and that nothing in a request leads elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from alignment.models import Role, User
from testing.world import NOW

PASSWORD, NEW = "four cheerful otters", "five sleepy badgers"
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    " https://evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "/\t/evil.example",
    "//evil.example\\@testserver/",
]


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann@example.com", PASSWORD, name="Ann", role=Role.REVOPS)


def sign_in(client: Client, password: str = PASSWORD, path: str = "/accounts/login/", **more: str) -> Any:
    return client.post(path, {"login": "ann@example.com", "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def in_production(expression: str) -> Any:
    """The value of an expression over the settings `s`, as the production server has them."""
    environment = os.environ | {
        "PRODUCTION": "1",
        "SECRET_KEY": "k" * 60,
        "BASE_URL": "https://alignment.example",
        "ALLOWED_HOSTS": "alignment.example",
    }
    code = f"import json; from alignment import settings as s; print(json.dumps({expression}))"
    return json.loads(subprocess.check_output([sys.executable, "-c", code], text=True, env=environment))


def test_in_production_cookies_travel_only_encrypted_and_no_script_reads_them() -> None:
    names = [
        "SESSION_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY",
        "SESSION_COOKIE_SAMESITE",
        "CSRF_COOKIE_SECURE",
        "CSRF_COOKIE_HTTPONLY",
        "CSRF_COOKIE_SAMESITE",
        "SECURE_SSL_REDIRECT",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "DEBUG",
    ]
    assert in_production(f"[getattr(s, name) for name in {names}]") == [
        True,
        True,
        "Lax",
        True,
        True,
        "Lax",
        True,
        ["alignment.example"],
        ["https://alignment.example"],
        False,
    ]


def test_the_cookies_of_a_sign_in_have_these_flags(ann: User, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    client = Client()
    client.get("/accounts/login/")
    sign_in(client)
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax"), name
    # gone when the browser is closed
    assert client.cookies["sessionid"]["max-age"] == ""


def test_a_session_ends_twelve_hours_after_signing_in_however_busy_it_was(ann: User) -> None:
    with time_machine.travel(NOW, tick=False) as now:
        client = Client()
        sign_in(client)
        for _ in range(11):
            now.shift(timedelta(hours=1))
            # each writes into the session
            client.post("/accounts/reauthenticate/", {"password": PASSWORD})
            assert is_in(client)
        now.shift(timedelta(minutes=59, seconds=59))
        assert is_in(client)
        key = client.cookies["sessionid"].value
        now.shift(timedelta(seconds=1))
        assert client.get("/queue/")["Location"] == "/accounts/login/?next=/queue/"
        assert not Session.objects.filter(session_key=key).exists()
        sign_in(client)
        assert is_in(client)


def test_signing_in_makes_a_new_session(ann: User) -> None:
    client = Client()
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies["sessionid"] = before = session.session_key or ""
    sign_in(client)
    assert client.cookies["sessionid"].value != before
    assert not Session.objects.filter(session_key=before).exists()
    stranger = Client()
    stranger.cookies["sessionid"] = before
    assert not is_in(stranger)


def test_signing_out_is_an_act_and_ends_the_session(ann: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")
    key = client.cookies["sessionid"].value
    assert "Sign out" in client.get("/accounts/logout/").content.decode()
    assert is_in(client)
    assert client.post("/accounts/logout/").status_code == 403
    assert is_in(client)
    token = client.cookies["csrftoken"].value
    assert client.post("/accounts/logout/", {"csrfmiddlewaretoken": token}).status_code == 302
    assert not is_in(client)
    thief = Client()
    thief.cookies["sessionid"] = key
    assert not is_in(thief)


def test_a_new_password_keeps_this_session_and_ends_the_others(ann: User) -> None:
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    assert is_in(here) and is_in(there)
    wrong = here.post(
        "/accounts/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    )
    assert wrong.status_code == 200 and is_in(there)
    done = here.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )
    assert done.status_code == 302
    assert is_in(here)
    assert not is_in(there)
    sign_in(fresh := Client())
    assert not is_in(fresh)
    sign_in(fresh, NEW)
    assert is_in(fresh)


@pytest.mark.parametrize("weak", ["short", "ann@example.com", "123456789012", "password1234"])
def test_a_weak_password_is_refused(ann: User, weak: str) -> None:
    client = Client()
    sign_in(client)
    given = {"oldpassword": PASSWORD, "password1": weak, "password2": weak}
    assert client.post("/accounts/password/change/", given).status_code == 200
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_next_leads_off_the_site(ann: User, target: str) -> None:
    by_field, by_query, already, out = Client(), Client(), Client(), Client()
    assert sign_in(by_field, next=target)["Location"] == "/"
    by_query_path = Client().get("/accounts/login/", {"next": target}).wsgi_request.get_full_path()
    assert sign_in(by_query, path=by_query_path)["Location"] == "/"
    already.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert already.get("/accounts/login/", {"next": target})["Location"] == "/"
    assert already.get("/accounts/reauthenticate/", {"next": target}).status_code == 200
    confirmed = already.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": target})
    assert confirmed["Location"] == "/"
    out.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert out.post("/accounts/logout/", {"next": target})["Location"] == "/"


def test_a_page_that_was_asked_for_comes_after_signing_in(ann: User) -> None:
    client = Client()
    asked = client.get("/people/?show=all")["Location"]
    assert asked == "/accounts/login/?next=/people/%3Fshow%3Dall"
    assert 'name="next" value="/people/?show=all"' in client.get(asked).content.decode()
    assert sign_in(client, next="/people/?show=all")["Location"] == "/people/?show=all"


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "a b", "testserver@evil.example"]
)
def test_a_forged_host_is_refused(ann: User, host: str) -> None:
    for path in ("/accounts/login/", "/accounts/password/reset/", "/"):
        assert Client(HTTP_HOST=host).get(path).status_code == 400
        assert Client(HTTP_HOST=host).post(path, {"email": "ann@example.com"}).status_code == 400
