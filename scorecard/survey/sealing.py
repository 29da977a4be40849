"""Answers are sealed until the survey closes: a copy of the database taken meanwhile cannot be read.

Each survey has a key of its own, which the database holds closed under a key derived from SECRET_KEY. At the close
the box is emptied with its key. A sealed answer has always the same length and differs each time it is sealed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"scorecard: answers of the trust survey, 1"
_NONCE = 12  # bytes


class Unreadable(Exception):
    """The answers were sealed under another SECRET_KEY."""


def new_key() -> bytes:
    """The wrapped key of a new survey."""
    return _close(AESGCM.generate_key(256), _outer(settings.SECRET_KEY))


def unwrap(wrapped: bytes) -> bytes:
    """The key itself. Keys in SECRET_KEY_FALLBACKS still open what they closed. Raises Unreadable."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _open(wrapped, _outer(secret))
        except InvalidTag:
            continue
    raise Unreadable(
        "SECRET_KEY has changed since the survey began. Put the earlier one into SECRET_KEY_FALLBACKS, or withdraw "
        "the survey."
    )


def seal(group: int, values: Sequence[int], key: bytes) -> bytes:
    """34 bytes that hold five values of 1 to 5 and the number of the group they count in."""
    return _close(bytes((group, *values)), key)


def unseal(sealed: bytes, key: bytes) -> tuple[int, tuple[int, ...]]:
    """(group, values) of a sealed answer. Raises Unreadable."""
    try:
        group, *values = _open(sealed, key)
    except InvalidTag:
        raise Unreadable("A sealed answer was made with another key, or was tampered with.") from None
    return group, tuple(values)


def _outer(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())


def _close(plain: bytes, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, None)


def _open(closed: bytes, key: bytes) -> bytes:
    return AESGCM(key).decrypt(closed[:_NONCE], closed[_NONCE:], None)
