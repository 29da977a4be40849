"""Single sign-on (OIDC): opens a login that RevOps made, by its verified address; never makes one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core import mail
from django.test import Client

from alignment.models import Role, User
from testing.oidc import CLIENT_ID, Provider, serve

BEGIN = "/accounts/oidc/sso/login/"
CALLBACK = "/accounts/oidc/sso/login/callback/"


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    with serve() as provider:
        settings.SOCIALACCOUNT_PROVIDERS = provider.settings()
        provider.claims = {"sub": "u-1", "email": "Ann@Example.com", "email_verified": True, "name": "Ann"}
        yield provider


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user(
        "ann@example.com", "four cheerful otters", name="Ann", role=Role.REVOPS, title="Head of RevOps"
    )


def sign_on(provider: Provider, client: Client, at: str = BEGIN) -> Any:
    """The whole way: the button, the provider, and back."""
    begun = client.post(at)
    assert begun.status_code == 302, begun.content
    return client.get(provider.authorize(begun["Location"]))


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_the_button_is_there_only_where_a_provider_is_configured(db: None, provider: Provider) -> None:
    assert "Company login" in Client().get("/accounts/login/").content.decode()
    provider_less = Client().get("/accounts/login/", {"next": "/queue/"})
    assert provider_less.status_code == 200


def test_a_login_with_the_verified_address_is_opened_and_connected(provider: Provider, ann: User) -> None:
    client = Client()
    response = sign_on(provider, client)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_in(client)
    account = SocialAccount.objects.get()
    assert (account.user, account.provider, account.uid) == (ann, "sso", "u-1")
    ann.refresh_from_db()
    assert (ann.name, ann.email, ann.title, ann.role) == (
        "Ann",
        "ann@example.com",
        "Head of RevOps",
        "revops",
    )
    assert ann.check_password("four cheerful otters")
    entry = ann.history.latest("history_date")
    assert (entry.history_change_reason, entry.history_user) == ("single sign-on connected", ann)
    # RevOps keeps the one address, on the login; nothing is mailed, and no token of the provider is kept
    assert not EmailAddress.objects.exists()
    assert not SocialToken.objects.exists()
    assert mail.outbox == []


def test_the_request_carries_state_and_a_challenge(provider: Provider, ann: User) -> None:
    sign_on(provider, Client())
    sign_on(provider, Client())
    first, second = provider.asked
    assert first["client_id"] == CLIENT_ID and first["response_type"] == "code"
    assert set(first["scope"].split()) == {"openid", "profile", "email"}
    assert first["redirect_uri"].endswith(CALLBACK)
    assert first["code_challenge_method"] == "S256"
    assert first["state"] != second["state"] and first["code_challenge"] != second["code_challenge"]


def test_the_connected_login_is_found_again_by_the_providers_id(provider: Provider, ann: User) -> None:
    sign_on(provider, Client())
    provider.claims |= {"email": "ann.married@example.com", "email_verified": False}
    client = Client()
    sign_on(provider, client)
    assert is_in(client)
    assert SocialAccount.objects.get().user == ann
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert ann.history.count() == 2  # made, connected


def test_it_leads_to_the_page_that_was_asked_for(provider: Provider, ann: User) -> None:
    asked = Client()
    assert sign_on(provider, asked, BEGIN + "?process=login&next=%2Fpeople%2F")["Location"] == "/people/"
    lured = Client()
    assert sign_on(provider, lured, BEGIN + "?next=https%3A%2F%2Fevil.example%2F")["Location"] == "/"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "stranger@example.com"}, "There is no login for stranger@example.com"),
        ({"email_verified": False}, "did not confirm"),
        ({"email_verified": "false"}, "did not confirm"),
        ({"email_verified": None}, "did not confirm"),
        ({"email": ""}, "which e-mail address"),
    ],
)
def test_without_a_login_for_a_verified_address_it_is_refused(
    provider: Provider, ann: User, claims: dict[str, Any], words: str
) -> None:
    provider.claims |= claims
    client = Client()
    response = sign_on(provider, client)
    assert response.status_code == 403
    assert words in response.content.decode()
    assert not is_in(client)
    assert list(User.objects.all()) == [ann]
    assert not SocialAccount.objects.exists()
    assert not EmailAddress.objects.exists()
    # nothing is left in the session to finish a sign-up with
    assert client.post("/accounts/3rdparty/signup/", {"email": "a@example.com"}).status_code == 404
    assert list(User.objects.all()) == [ann]


def test_a_provider_that_writes_true_as_a_word_is_understood(provider: Provider, ann: User) -> None:
    provider.claims |= {"email_verified": "true"}
    client = Client()
    sign_on(provider, client)
    assert is_in(client)


@pytest.mark.parametrize("connected", [False, True])
def test_a_login_that_is_switched_off_stays_shut(provider: Provider, ann: User, connected: bool) -> None:
    if connected:
        sign_on(provider, Client())
    ann.is_active = False
    ann.save()
    client = Client()
    response = sign_on(provider, client)
    assert (response.status_code, response["Location"]) == (302, "/accounts/inactive/")
    assert "switched off" in client.get("/accounts/inactive/").content.decode()
    assert not is_in(client)
    assert SocialAccount.objects.exists() is connected


def test_an_answer_to_somebody_elses_attempt_is_refused(provider: Provider, ann: User) -> None:
    attacker, victim = Client(), Client()
    back = provider.authorize(attacker.post(BEGIN)["Location"])
    for response in (
        victim.get(back),
        victim.get(CALLBACK, {"code": "made-up", "state": "made-up"}),
        victim.get(CALLBACK, {"code": "made-up"}),
    ):
        assert response.status_code in {200, 401, 403}
        assert "Single sign-on failed" in response.content.decode()
    assert not is_in(victim)
    # a code that was caught on the way is of no use in another attempt: its challenge is another one
    caught = dict(pair.split("=") for pair in back.partition("?")[2].split("&"))["code"]
    state = provider.authorize(victim.post(BEGIN)["Location"]).rpartition("state=")[2]
    assert "Single sign-on failed" in victim.get(CALLBACK, {"code": caught, "state": state}).content.decode()
    assert not is_in(victim)


def test_an_answer_is_good_once(provider: Provider, ann: User) -> None:
    client = Client()
    back = provider.authorize(client.post(BEGIN)["Location"])
    client.get(back)
    assert is_in(client)
    client.post("/accounts/logout/")
    assert "Single sign-on failed" in client.get(back).content.decode()
    assert not is_in(client)


@pytest.mark.parametrize(
    "forged",
    [{"aud": "another client"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "somebody else"}],
)
def test_a_token_that_is_not_for_us_or_not_about_the_same_person_is_refused(
    provider: Provider, ann: User, forged: dict[str, Any]
) -> None:
    provider.id_token = forged
    client = Client()
    response = sign_on(provider, client)
    assert response.status_code < 500
    assert "Single sign-on failed" in response.content.decode() or response.status_code == 403
    assert not is_in(client)
    assert not SocialAccount.objects.exists()


def test_a_provider_in_trouble_gives_a_page_not_an_error(
    provider: Provider, ann: User, settings: Any
) -> None:
    client = Client()
    provider.broken = True
    response = sign_on(provider, client)
    assert response.status_code < 500 and "Single sign-on failed" in response.content.decode()
    gone = provider.settings()
    gone["openid_connect"]["APPS"][0]["settings"] = {"server_url": "http://127.0.0.1:9"}
    settings.SOCIALACCOUNT_PROVIDERS = gone
    for path in (BEGIN, CALLBACK):
        response = client.post(path)
        assert response.status_code < 500 and "Single sign-on failed" in response.content.decode()


def test_whoever_cancels_there_is_told_so_here(provider: Provider, ann: User) -> None:
    client = Client()
    state = provider.authorize(client.post(BEGIN)["Location"]).rpartition("state=")[2]
    response = client.get(CALLBACK, {"error": "access_denied", "state": state}, follow=True)
    assert "cancelled" in response.content.decode()


def test_only_a_press_of_the_button_leaves_the_site(provider: Provider, ann: User) -> None:
    response = Client().get(BEGIN)
    assert response.status_code == 200
    assert "Sign in with Company login" in response.content.decode()
    assert Client(enforce_csrf_checks=True).post(BEGIN).status_code == 403


def test_the_provider_is_allowed_as_the_target_of_forms_by_its_authorization_endpoint() -> None:
    def policy(**environment: str) -> str:
        code = "from alignment.settings import CONTENT_SECURITY_POLICY as c; print(c['DIRECTIVES']['form-action'])"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OIDC_")}
        return subprocess.check_output([sys.executable, "-c", code], text=True, env=clean | environment)

    server = {"OIDC_SERVER_URL": "https://id.example/realm", "OIDC_CLIENT_ID": "x"}
    assert "https://id.example'" in policy(**server)
    split = policy(**server, OIDC_AUTHORIZE_URL="https://login.example/authorize")
    assert "https://login.example'" in split
    assert "http" not in policy()
