"""Secrets of endpoints are encrypted with a key outside the database, in the form that senders expect."""

from __future__ import annotations

import base64

import pytest
from pytest_django.fixtures import Settings

from alignment.intake import secrets
from alignment.models import Scheme
from alignment.tests.senders import SIGNING


def test_a_secret_comes_back_and_is_not_readable_in_the_row() -> None:
    ciphertext = secrets.encrypt("whsec_canary")
    assert b"canary" not in ciphertext
    assert secrets.decrypt(memoryview(ciphertext)) == "whsec_canary"
    assert secrets.encrypt("whsec_canary") != ciphertext


def test_another_key_does_not_open_it_and_a_fallback_key_does(settings: Settings) -> None:
    settings.SECRET_KEY = "first-" + "k" * 50
    ciphertext = secrets.encrypt("s")
    settings.SECRET_KEY = "second-" + "k" * 50
    with pytest.raises(secrets.UnreadableSecret):
        secrets.decrypt(ciphertext)
    settings.SECRET_KEY_FALLBACKS = ["first-" + "k" * 50]
    assert secrets.decrypt(ciphertext) == "s"


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_changed_row_does_not_open(place: int) -> None:
    ciphertext = bytearray(secrets.encrypt("s"))
    ciphertext[place] ^= 1
    with pytest.raises(secrets.UnreadableSecret):
        secrets.decrypt(bytes(ciphertext))


@pytest.mark.parametrize("scheme", SIGNING)
def test_made_secrets_suit_their_scheme_and_differ(scheme: str) -> None:
    made = {secrets.generate(scheme) for _ in range(20)}
    assert len(made) == 20
    for secret in made:
        secrets.check(scheme, secret)


def test_a_standard_webhooks_secret_has_at_least_24_bytes() -> None:
    secret = secrets.generate(Scheme.STANDARD_WEBHOOKS)
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        (Scheme.STANDARD_WEBHOOKS, "whsec_"),
        (Scheme.STANDARD_WEBHOOKS, "whsec_!!!!"),
        (Scheme.STANDARD_WEBHOOKS, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        (Scheme.STANDARD_WEBHOOKS, "whsec_" + base64.b64encode(b"x" * 23).decode()),
        (Scheme.STANDARD_WEBHOOKS, "whsec_" + base64.b64encode(b"x" * 65).decode()),
        (Scheme.ESPOCRM, ""),
        (Scheme.ESPOCRM, "0123456789abcde"),
        (Scheme.ESPOCRM, "0123456789abcdef\n"),
        (Scheme.SHARED_SECRET, "password"),
        (Scheme.SHARED_SECRET, "x" * 23),
        (Scheme.SHARED_SECRET, "x" * 20 + " " + "x" * 20),
    ],
)
def test_weak_and_malformed_secrets_are_refused(scheme: str, secret: str) -> None:
    with pytest.raises(secrets.UnsuitableSecret):
        secrets.check(scheme, secret)
