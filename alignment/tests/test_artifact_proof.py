"""What counts as having proven once more who one is: password with the second factor, or a fresh single sign-on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client

from alignment.models import ArtifactVersion, Role, Signature, User
from alignment.tests.artifact_pages import offered, pact, path_of, said
from alignment.tests.pages import found, signed_in
from testing.artifacts import PASSWORD, sent, user_with
from testing.oidc import Provider, serve
from testing.world import NOW


@pytest.fixture
def now(db: None) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as now, pact():
        yield now


@pytest.fixture
def version(now: Any) -> ArtifactVersion:
    return sent("pact", {"text": "One text"}, at=NOW)


@pytest.fixture
def cro(version: ArtifactVersion) -> User:
    return user_with(Role.CRO)


@pytest.fixture
def provider(settings: Any, now: Any, cro: User) -> Iterator[Provider]:
    with serve() as provider:
        settings.SOCIALACCOUNT_PROVIDERS = provider.settings()
        provider.claims = {"sub": "u-1", "email": cro.email, "email_verified": True}
        yield provider


def code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(datetime.now(UTC).timestamp()) // 30)))


def sign(client: Client, version: ArtifactVersion) -> Any:
    fields = offered(client.get(path_of(version)).content.decode())
    return client.post(path_of(version, "sign/"), fields | {"has_read": "on"})


def sign_on(provider: Provider, client: Client, begin: str) -> Any:
    """The whole way: the button, the provider, and back."""
    return client.get(provider.authorize(client.post(begin)["Location"]))


def again(page: Any) -> str:
    """Where the button for another single sign-on leads."""
    return found(r'<form method="post" action="(/accounts/oidc/[^"]+)"', page.content.decode()).replace(
        "&amp;", "&"
    )


def can_sign(client: Client, version: ArtifactVersion) -> bool:
    return "/sign/" in client.get(path_of(version)).content.decode()


def test_a_login_with_a_second_factor_gives_both_one_after_the_other(
    cro: User, version: ArtifactVersion
) -> None:
    secret = generate_totp_secret()
    TOTP.activate(cro, secret)
    client, identity = signed_in(cro), path_of(version, "identity/")
    assert client.get(identity)["Location"].startswith("/accounts/reauthenticate/?next=")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": identity})
    assert not can_sign(client, version)
    assert "Enter a code of your second factor" in said(client.get(path_of(version)))
    assert client.get(identity)["Location"].startswith("/accounts/2fa/reauthenticate/?next=")
    answer = client.post("/accounts/2fa/reauthenticate/", {"code": code(secret), "next": identity})
    assert answer["Location"] == identity
    assert client.get(identity)["Location"] == path_of(version, "#act")
    assert sign(client, version).status_code == 302
    assert Signature.objects.get().methods == ["password", "totp"]


def test_a_code_alone_is_no_proof(cro: User, version: ArtifactVersion) -> None:
    secret = generate_totp_secret()
    TOTP.activate(cro, secret)
    client = signed_in(cro)
    client.post("/accounts/2fa/reauthenticate/", {"code": code(secret)})
    assert not can_sign(client, version)


def test_the_older_of_both_counts(cro: User, version: ArtifactVersion, now: Any) -> None:
    secret = generate_totp_secret()
    TOTP.activate(cro, secret)
    client = signed_in(cro)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    now.shift(timedelta(minutes=4))
    client.post("/accounts/2fa/reauthenticate/", {"code": code(secret)})
    assert can_sign(client, version)
    now.shift(timedelta(minutes=2))
    assert not can_sign(client, version)


def test_a_code_of_this_morning_does_not_count_with_a_fresh_password(
    cro: User, version: ArtifactVersion, now: Any
) -> None:
    secret = generate_totp_secret()
    TOTP.activate(cro, secret)
    client = signed_in(cro)
    client.post("/accounts/2fa/reauthenticate/", {"code": code(secret)})
    now.shift(timedelta(minutes=4))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert can_sign(client, version)
    now.shift(timedelta(minutes=2))
    assert not can_sign(client, version), "the code is six minutes old"
    assert "Enter a code of your second factor" in said(client.get(path_of(version)))
    now.shift(timedelta(hours=3))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert not can_sign(client, version)
    client.post("/accounts/2fa/reauthenticate/", {"code": code(secret)})
    assert can_sign(client, version)


def test_a_login_without_password_confirms_by_single_sign_on_and_comes_back(
    provider: Provider, cro: User, version: ArtifactVersion, now: Any
) -> None:
    cro.set_unusable_password()
    cro.save()
    client = Client()
    sign_on(provider, client, f"/accounts/oidc/sso/login/?process=login&next={path_of(version)}")
    now.shift(timedelta(minutes=6))
    page = client.get(path_of(version))
    assert not can_sign(client, version)
    assert "Enter your password" not in said(page)
    assert "Sign in again with Company login" in said(page)
    answer = sign_on(provider, client, again(page))
    assert answer["Location"] == path_of(version, "identity/")
    assert client.get(answer["Location"])["Location"] == path_of(version, "#act")
    # the provider was told not to answer from a session of its own
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    assert "prompt" not in provider.asked[0]
    assert sign(client, version).status_code == 302
    signature = Signature.objects.get()
    assert signature.methods == ["oidc"]
    assert signature.authenticated_at == NOW + timedelta(minutes=6)


def test_coming_in_by_single_sign_on_is_a_proof_only_where_the_provider_says_when_it_was(
    provider: Provider, cro: User, version: ArtifactVersion
) -> None:
    client = Client()
    sign_on(provider, client, f"/accounts/oidc/sso/login/?next={path_of(version, 'identity/')}")
    assert not can_sign(client, version)
    provider.claims["auth_time"] = int(NOW.timestamp())
    sign_on(provider, client, "/accounts/oidc/sso/login/")
    assert can_sign(client, version)


def test_a_sign_in_that_was_asked_for_again_counts_for_the_act_it_was_asked_from(
    provider: Provider, cro: User, version: ArtifactVersion, now: Any
) -> None:
    other = sent("pact", {"text": "Another"}, key="2", at=NOW)
    client = Client()
    sign_on(provider, client, "/accounts/oidc/sso/login/")
    assert not can_sign(client, version)
    now.shift(timedelta(seconds=2))
    sign_on(provider, client, again(client.get(path_of(version))))
    assert can_sign(client, version)
    assert not can_sign(client, other)
    now.shift(timedelta(seconds=2))
    sign_on(provider, client, "/accounts/oidc/sso/login/")
    assert not can_sign(client, version)


def test_a_request_that_only_looks_like_one_for_another_sign_in_is_none(
    provider: Provider, cro: User, version: ArtifactVersion
) -> None:
    client, back = Client(), path_of(version, "identity/")
    for query in ({"next": back, "auth_params": "max_age=9"}, {"next": back}):
        sign_on(provider, client, f"/accounts/oidc/sso/login/?{urlencode(query)}")
        assert not can_sign(client, version)


def test_a_fresh_single_sign_on_counts_for_five_minutes(
    provider: Provider, cro: User, version: ArtifactVersion, now: Any
) -> None:
    client = Client()
    provider.claims["auth_time"] = int(NOW.timestamp())
    sign_on(provider, client, "/accounts/oidc/sso/login/")
    assert can_sign(client, version)
    now.shift(timedelta(minutes=5, seconds=1))
    assert not can_sign(client, version)
    # whoever has a password as well may choose
    words = said(client.get(path_of(version)))
    assert "Enter your password" in words and "Sign in again with Company login" in words


def test_a_session_that_the_provider_kept_is_no_proof(
    provider: Provider, cro: User, version: ArtifactVersion
) -> None:
    """It says when the person really proved it: an hour ago."""
    provider.claims["auth_time"] = int((NOW - timedelta(hours=1)).timestamp())
    client = Client()
    sign_on(provider, client, "/accounts/oidc/sso/login/")
    assert not can_sign(client, version)
    provider.claims["auth_time"] = int(NOW.timestamp()) - 20
    sign_on(provider, client, again(client.get(path_of(version))))
    assert sign(client, version).status_code == 302
    assert Signature.objects.get().authenticated_at == NOW - timedelta(seconds=20)


def test_a_provider_that_is_gone_is_not_offered(
    provider: Provider, cro: User, version: ArtifactVersion, settings: Any, now: Any
) -> None:
    cro.set_unusable_password()
    cro.save()
    client = Client()
    sign_on(provider, client, "/accounts/oidc/sso/login/")
    settings.SOCIALACCOUNT_PROVIDERS = {}
    now.shift(timedelta(minutes=6))
    words = said(client.get(path_of(version)))
    assert "neither a password nor single sign-on" in words


def test_the_proof_of_somebody_else_in_the_same_browser_does_not_count(
    cro: User, version: ArtifactVersion
) -> None:
    client = signed_in(user_with(Role.CMO))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.force_login(cro, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert not can_sign(client, version)


def test_it_leads_to_no_page_of_another_site(cro: User, version: ArtifactVersion) -> None:
    page = signed_in(cro).get(path_of(version)).content.decode()
    link = found(r'href="(/accounts/reauthenticate/[^"]+)"', page).replace("&amp;", "&")
    assert parse_qs(urlsplit(link).query) == {"next": [path_of(version, "identity/")]}
