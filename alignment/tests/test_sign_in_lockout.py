"""Guessing passwords: ten for each login and address, whoever else signs in from there or from elsewhere."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from axes.models import AccessAttempt
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory

from alignment.accounts import client_address, login_tried
from alignment.models import Role, User
from testing.world import NOW

PASSWORD = "four cheerful otters"
HERE, ELSEWHERE = "192.0.2.10", "198.51.100.7"
LIMIT = 10


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann@example.com", PASSWORD, name="Ann", role=Role.REVOPS)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob@example.com", PASSWORD, name="Bob", role=Role.REP)


def attempt(
    login: str, password: str = "wrong", *, address: str = HERE, agent: str = "browser", **options: Any
) -> Any:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent, **options)
    return client.post("/accounts/login/", {"login": login, "password": password})


def gets_in(login: str, **options: Any) -> bool:
    response = attempt(login, PASSWORD, **options)
    assert response.status_code in {200, 302, 429}
    return bool(response.status_code == 302)


def is_lockout(response: Any) -> bool:
    return response.status_code == 429 and "Too many attempts" in response.content.decode()


def lock(login: str, **options: Any) -> None:
    for _ in range(LIMIT - 1):
        assert attempt(login, **options).status_code == 200
    assert is_lockout(attempt(login, **options))


def test_nine_wrong_passwords_do_no_harm_and_are_forgotten_when_the_right_one_comes(ann: User) -> None:
    for _ in range(2):
        for _ in range(LIMIT - 1):
            assert attempt("ann@example.com").status_code == 200
        assert gets_in("ann@example.com")
        assert not AccessAttempt.objects.exists()


def test_after_ten_wrong_passwords_the_right_one_waits_for_fifteen_minutes(ann: User) -> None:
    with time_machine.travel(NOW, tick=False) as now:
        lock("ann@example.com")
        page = attempt("ann@example.com", PASSWORD)
        assert is_lockout(page)
        assert "paused for 15 minutes" in page.content.decode()
        # trying on meanwhile does not make it longer
        now.shift(timedelta(minutes=14, seconds=59))
        assert is_lockout(attempt("ann@example.com", PASSWORD))
        now.shift(timedelta(seconds=2))
        assert gets_in("ann@example.com")


def test_everybody_else_there_and_the_same_person_elsewhere_still_get_in(ann: User, bob: User) -> None:
    lock("ann@example.com")
    assert gets_in("bob@example.com")
    assert gets_in("ann@example.com", address=ELSEWHERE)
    assert not gets_in("ann@example.com")


@pytest.mark.parametrize(
    "guesses",
    [
        ["ann@example.com", "Ann@Example.com", "ANN@EXAMPLE.COM", " ann@example.com "],
        # U+212A, the sign of kelvin, is k in lower case
        ["mark@example.com", "mar\u212a@example.com"],
    ],
)
def test_another_spelling_of_the_address_is_the_same_login(db: None, guesses: list[str]) -> None:
    User.objects.create_user(guesses[0], PASSWORD, name="A", role=Role.REP)
    for n in range(LIMIT):
        attempt(guesses[n % len(guesses)])
    assert not any(gets_in(spelling) for spelling in guesses)


def test_another_browser_is_no_new_start(ann: User) -> None:
    for n in range(LIMIT):
        attempt("ann@example.com", agent=f"browser {n}")
    assert not gets_in("ann@example.com", agent="a fresh one")


def test_a_login_that_does_not_exist_looks_like_a_wrong_password(ann: User) -> None:
    def seen(login: str) -> list[tuple[int, str]]:
        client = Client(REMOTE_ADDR=HERE)
        answers = []
        for _ in range(LIMIT + 2):
            answer = client.post("/accounts/login/", {"login": login, "password": "wrong"})
            text = answer.content.decode().replace(login, "LOGIN")
            token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
            answers.append((answer.status_code, strip_tokens(text, token)))
        return answers

    known, unknown = seen("ann@example.com"), seen("nobody@example.com")
    assert known == unknown
    assert [status for status, _ in known] == [200] * (LIMIT - 1) + [429] * 3


def strip_tokens(text: str, token: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text).replace(token, "")


def test_a_login_that_is_switched_off_is_told_so_only_with_its_password(ann: User) -> None:
    ann.is_active = False
    ann.save()
    assert attempt("ann@example.com").status_code == 200
    assert attempt("ann@example.com", PASSWORD)["Location"] == "/accounts/inactive/"


def test_a_new_password_ends_the_wait(ann: User) -> None:
    lock("ann@example.com")
    request = RequestFactory().post("/")
    get_adapter(request).set_password(ann, "five sleepy badgers")
    assert attempt("ann@example.com", "five sleepy badgers").status_code == 302


def test_wrong_passwords_at_a_confirmation_count_as_well(ann: User) -> None:
    client = Client(REMOTE_ADDR=HERE)
    assert (
        client.post("/accounts/login/", {"login": "ann@example.com", "password": PASSWORD}).status_code == 302
    )
    statuses = [
        client.post("/accounts/reauthenticate/", {"password": "wrong"}).status_code for _ in range(LIMIT)
    ]
    assert statuses == [200] * (LIMIT - 1) + [429]
    assert AccessAttempt.objects.get().username == "ann@example.com"


def test_a_name_longer_than_the_column_is_a_wrong_login_and_no_error(db: None) -> None:
    assert attempt("a@" + "b" * 60 + ".example.com" + ".example" * 26).status_code == 200
    request = RequestFactory().post("/")
    assert len(login_tried(request, {"email": "x" * 400})) == 255


@pytest.mark.parametrize("has_rate_limit", [True, False])
def test_of_fifty_guesses_at_the_same_time_ten_are_tried(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Any, has_rate_limit: bool
) -> None:
    """Also without the limit for each address, which lets only thirty of them pass in a minute."""
    cache.clear()  # no model's table, so it is not emptied after the test before
    if not has_rate_limit:
        settings.ACCOUNT_RATE_LIMITS = False
    User.objects.create_user("ann@example.com", PASSWORD, name="Ann", role=Role.REVOPS)
    tried: list[int] = []
    check = User.check_password

    def slow_check(user: User, raw: str) -> bool:
        tried.append(1)
        time.sleep(0.02)  # real hashes are slow, and that is when the others come
        return check(user, raw)

    monkeypatch.setattr(User, "check_password", slow_check)
    gate, seen = threading.Barrier(50), []

    def guess() -> None:
        gate.wait()
        try:
            seen.append(attempt("ann@example.com").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 50 and set(seen) == {200, 429}
    # the counts of the library are best effort where many come at once: it may refuse more than it must
    assert len(tried) == LIMIT if not has_rate_limit else len(tried) <= LIMIT


def test_the_librarys_own_limits_still_hold(ann: User) -> None:
    """Thirty sign-ins a minute from one address, twenty requests for a new password, five for one login."""
    statuses = [attempt(f"login-{n}@example.com").status_code for n in range(31)]
    assert statuses == [200] * 30 + [429]
    cache.clear()
    client = Client(REMOTE_ADDR=HERE)
    ask = [client.post("/accounts/password/reset/", {"email": "ann@example.com"}) for _ in range(6)]
    assert [response.status_code for response in ask] == [302] * 5 + [429]
    assert "Too many requests" in ask[-1].content.decode()
    elsewhere = Client(REMOTE_ADDR=ELSEWHERE)
    many = [elsewhere.post("/accounts/password/reset/", {"email": f"{n}@example.com"}) for n in range(21)]
    assert [response.status_code for response in many] == [302] * 20 + [429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", HERE),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (1, "", HERE),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
    ],
)
def test_the_address_is_the_one_that_our_proxy_saw(
    settings: Any, proxies: int, forwarded: str, expected: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory(REMOTE_ADDR=HERE).post("/", headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == expected


def test_a_forged_address_is_no_new_start(ann: User) -> None:
    for n in range(LIMIT):
        attempt("ann@example.com", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}")
    assert not gets_in("ann@example.com", HTTP_X_FORWARDED_FOR="203.0.113.99")
