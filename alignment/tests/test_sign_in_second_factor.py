"""The second factor: set up by its owner, asked for at every way in, each code once; reset by RevOps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import caches
from django.test import Client

from alignment.models import Person, Role, User
from alignment.services import people
from alignment.services.authority import OnlyRevOps
from alignment.tests.pages import found, signed_in
from testing.oidc import serve
from testing.world import NOW, World, add_user

PASSWORD = "four cheerful otters"
PERIOD = timedelta(seconds=30)


@pytest.fixture
def now(db: None) -> Any:
    with time_machine.travel(NOW, tick=False) as now:
        yield now


@pytest.fixture
def ann(now: Any) -> User:
    return User.objects.create_user("ann@example.com", PASSWORD, name="Ann", role=Role.CRO)


def code(secret: str) -> str:
    """What the app shows at this moment."""
    return str(format_hotp_value(hotp_value(secret, int(datetime.now(UTC).timestamp()) // 30)))


def enter_password(client: Client, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": "ann@example.com", "password": password})


def enter_code(client: Client, given: str) -> Any:
    return client.post("/accounts/2fa/authenticate/", {"code": given})


def prove(client: Client, password: str = PASSWORD) -> Any:
    """Confirm once more who it is; it counts for five minutes."""
    return client.post("/accounts/reauthenticate/", {"password": password})


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def set_up(client: Client, now: Any) -> tuple[str, list[str]]:
    """Through the pages; the key, and the recovery codes that are shown. A period later no code is used."""
    assert "/accounts/reauthenticate/" in client.get("/accounts/2fa/totp/activate/")["Location"]
    prove(client)
    page = text(client.get("/accounts/2fa/totp/activate/"))
    secret = found(r'<dd class="secret">([A-Z2-7]+)</dd>', page)
    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()
    response = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)}, follow=True)
    codes = re.findall(r"<li>(\d{8})</li>", text(response))
    assert len(codes) == 10
    now.shift(PERIOD)
    return secret, codes


@pytest.fixture
def factor(ann: User, now: Any) -> tuple[str, list[str]]:
    client = Client()
    enter_password(client)
    return set_up(client, now)


def test_once_set_up_the_password_alone_opens_nothing(factor: tuple[str, list[str]]) -> None:
    client = Client()
    response = enter_password(client)
    assert response["Location"].startswith("/accounts/2fa/authenticate/")
    for path in ("/", "/queue/", "/accounts/password/change/", "/accounts/2fa/", "/admin/login/"):
        assert client.get(path)["Location"].startswith("/accounts/login/"), path
    assert enter_code(client, "123456").status_code == 200
    assert not is_in(client)
    assert enter_code(client, code(factor[0])).status_code == 302
    assert is_in(client)


def test_a_code_cannot_be_used_twice_not_even_at_another_process(
    factor: tuple[str, list[str]], now: Any
) -> None:
    seen = code(factor[0])
    first, second = Client(), Client()
    for client in (first, second):
        enter_password(client)
    enter_code(first, seen)
    assert is_in(first)
    enter_code(second, seen)
    assert not is_in(second)
    # what processes remember together is in the database
    assert type(caches["default"]).__name__ == "DatabaseCache"
    now.shift(PERIOD)
    enter_code(second, seen)
    assert not is_in(second)
    enter_code(second, code(factor[0]))
    assert is_in(second)


def test_a_recovery_code_lets_in_once(factor: tuple[str, list[str]]) -> None:
    spare = factor[1][3]
    first, second = Client(), Client()
    for client in (first, second):
        enter_password(client)
        enter_code(client, spare)
    assert is_in(first) and not is_in(second)
    enter_code(second, factor[1][4])
    assert is_in(second)


def test_codes_cannot_be_guessed_from_many_addresses(factor: tuple[str, list[str]]) -> None:
    for n in range(10):
        client = Client(REMOTE_ADDR=f"192.0.2.{n}")
        enter_password(client)
        assert "Incorrect code" in text(enter_code(client, "123456"))
    client = Client(REMOTE_ADDR="198.51.100.1")
    enter_password(client)
    assert "Too many failed" in text(enter_code(client, code(factor[0])))
    assert not is_in(client)


def test_the_second_factor_is_asked_for_after_single_sign_on_too(
    factor: tuple[str, list[str]], settings: Any
) -> None:
    with serve() as provider:
        settings.SOCIALACCOUNT_PROVIDERS = provider.settings()
        provider.claims = {"sub": "1", "email": "ann@example.com", "email_verified": True}
        client = Client()
        begun = client.post("/accounts/oidc/sso/login/")
        back = client.get(provider.authorize(begun["Location"]))
        assert back["Location"].startswith("/accounts/2fa/authenticate/")
        assert not is_in(client)
        enter_code(client, code(factor[0]))
        assert is_in(client)


def test_a_new_password_by_mail_does_not_skip_it(factor: tuple[str, list[str]], mailoutbox: Any) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": "ann@example.com"})
    link = found(r"(/accounts/password/reset/key/\S+)", mailoutbox[0].body)
    form = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": "five sleepy badgers", "password2": "five sleepy badgers"})
    assert not is_in(client)
    enter_password(client, "five sleepy badgers")
    assert not is_in(client)


@pytest.mark.parametrize(
    "path", ["totp/deactivate/", "recovery-codes/", "recovery-codes/generate/", "recovery-codes/download/"]
)
def test_after_five_minutes_every_change_asks_again_who_it_is(
    factor: tuple[str, list[str]], now: Any, path: str
) -> None:
    client = Client()
    enter_password(client)
    enter_code(client, code(factor[0]))
    prove(client)
    assert client.get(f"/accounts/2fa/{path}").status_code == 200
    now.shift(timedelta(minutes=5, seconds=1))
    before = list(Authenticator.objects.values("type", "data"))
    for answer in (client.get(f"/accounts/2fa/{path}"), client.post(f"/accounts/2fa/{path}")):
        assert answer.status_code in {302, 405}
        if answer.status_code == 302:
            assert "reauthenticate" in answer["Location"]
    assert list(Authenticator.objects.values("type", "data")) == before


def test_it_is_switched_off_after_proving_who_it_is(factor: tuple[str, list[str]], now: Any) -> None:
    client = Client()
    enter_password(client)
    enter_code(client, code(factor[0]))
    now.shift(timedelta(minutes=6))
    off = "/accounts/2fa/totp/deactivate/"
    prove(client, "wrong")
    assert client.post(off)["Location"].startswith("/accounts/reauthenticate/")
    assert Authenticator.objects.count() == 2
    # either the password or a code is proof
    client.post("/accounts/2fa/reauthenticate/", {"code": code(factor[0])})
    assert client.get(off).status_code == 200
    client.post(off)
    assert not Authenticator.objects.exists()
    enter_password(fresh := Client())
    assert is_in(fresh)


class TestReset:
    """By RevOps, for somebody who lost phone and recovery codes."""

    @pytest.fixture
    def rep(self, world: World) -> User:
        user = world.users["rep.1"]
        Authenticator.objects.create(user=user, type="totp", data={"secret": "A" * 32})
        Authenticator.objects.create(user=user, type="recovery_codes", data={"seed": "a", "used_mask": 0})
        return user

    def test_the_factor_and_its_codes_are_gone_and_the_history_says_by_whom(
        self, world: World, rep: User
    ) -> None:
        revops = add_user(world, Role.REVOPS, "Olga")
        person = Person.objects.get(user=rep)
        client = signed_in(revops)
        button = f"Reset second factor of {rep.name}"
        assert button in text(client.get(f"/people/{person.pk}/"))
        response = client.post(f"/people/logins/{rep.pk}/second-factor/", follow=True)
        assert "The password alone lets" in text(response)
        assert button not in text(response)
        assert not Authenticator.objects.filter(user=rep).exists()
        entry = rep.history.latest("history_date", "history_id")
        assert (entry.history_change_reason, entry.history_user) == ("second factor reset", revops)
        again = client.post(f"/people/logins/{rep.pk}/second-factor/", follow=True)
        assert "has no second factor" in text(again)

    def test_leaders_who_own_no_leads_have_it_on_the_list(self, world: World, rep: User) -> None:
        cro = add_user(world, Role.CRO, "Carla")
        client = signed_in(add_user(world, Role.REVOPS, "Olga"))
        button = "Reset second factor of Carla"
        assert button not in text(client.get("/people/"))
        Authenticator.objects.create(user=cro, type="totp", data={"secret": "A" * 32})
        assert button in text(client.get("/people/"))
        assert client.post(f"/people/logins/{cro.pk}/second-factor/")["Location"] == "/people/"
        assert not Authenticator.objects.filter(user=cro).exists()

    def test_nobody_else_may_and_nobody_their_own(self, world: World, rep: User) -> None:
        manager = add_user(world, Role.SALES_MANAGER, "Max")
        with pytest.raises(OnlyRevOps):
            people.reset_second_factor(user=rep, by=manager, at=world.at)
        revops = add_user(world, Role.REVOPS, "Olga")
        Authenticator.objects.create(user=revops, type="totp", data={"secret": "A" * 32})
        with pytest.raises(people.OwnSecondFactor):
            people.reset_second_factor(user=revops, by=revops, at=world.at)
        client = signed_in(revops)
        assert "Reset second factor of Olga" not in text(client.get("/people/"))
        refused = client.post(f"/people/logins/{revops.pk}/second-factor/", follow=True)
        assert "Switch your own second factor off" in text(refused)
        assert Authenticator.objects.count() == 3
