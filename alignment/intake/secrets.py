"""Secrets of endpoints: made here, shown once, and kept encrypted with a key that is not in the database."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from alignment.models import Scheme

STANDARD_WEBHOOKS_PREFIX = "whsec_"
_PURPOSE = b"alignment: secrets of intake endpoints, 1"
_ESPOCRM = re.compile(r"[\x21-\x7e]{16,200}")
_SHARED = re.compile(r"[\x21-\x7e]{24,200}")


class UnreadableSecret(Exception):
    """The stored secret was encrypted under another SECRET_KEY, or was tampered with."""


class UnsuitableSecret(Exception):
    """The given secret does not have the form that its scheme asks for."""


def encrypt(secret: str) -> bytes:
    return _cipher().encrypt(secret.encode())


def decrypt(ciphertext: bytes | memoryview) -> str:
    """The plain secret. Keys in SECRET_KEY_FALLBACKS still open what they closed. Raises UnreadableSecret."""
    try:
        return _cipher().decrypt(bytes(ciphertext)).decode()
    except InvalidToken:
        raise UnreadableSecret("SECRET_KEY has changed since this secret was stored.") from None


def generate(scheme: str) -> str:
    """A fresh secret in the form that senders of `scheme` expect. Raises UnsuitableSecret where it has none."""
    if scheme not in _GENERATE:
        raise UnsuitableSecret("Nothing is signed here: the REST API has tokens of its own.")
    return _GENERATE[scheme]()


def check(scheme: str, secret: str) -> None:
    """Raises UnsuitableSecret where a secret made elsewhere is too weak or malformed for its scheme."""
    if scheme not in _GENERATE:
        raise UnsuitableSecret("Nothing is signed here: the REST API has tokens of its own.")
    if scheme == Scheme.STANDARD_WEBHOOKS:
        key = standard_webhooks_key(secret)
        if not secret.startswith(STANDARD_WEBHOOKS_PREFIX) or key is None or not 24 <= len(key) <= 64:
            raise UnsuitableSecret("Write whsec_ and then 24 to 64 bytes in base64.")
    elif scheme == Scheme.ESPOCRM:
        if not _ESPOCRM.fullmatch(secret):
            raise UnsuitableSecret("Copy the secret key from the webhook in EspoCRM (32 hexadecimal digits).")
    elif not _SHARED.fullmatch(secret):
        raise UnsuitableSecret("A shared secret has 24 to 200 letters, digits and signs, without spaces.")


def standard_webhooks_key(secret: str) -> bytes | None:
    """The HMAC key behind `whsec_`, padded or not; None where it is not base64."""
    encoded = secret.removeprefix(STANDARD_WEBHOOKS_PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


_GENERATE: dict[str, Callable[[], str]] = {
    Scheme.STANDARD_WEBHOOKS: lambda: (
        STANDARD_WEBHOOKS_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    ),
    Scheme.ESPOCRM: lambda: secrets.token_hex(16),
    Scheme.SHARED_SECRET: lambda: secrets.token_urlsafe(32),
}


def _cipher() -> MultiFernet:
    return _cipher_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _cipher_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in keys])


def _derive(key: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
