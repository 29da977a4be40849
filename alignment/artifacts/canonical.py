"""Canonical bytes of a JSON value, which is what gets signed: texts in NFC, then RFC 8785."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

import rfc8785

LARGEST = 2**53 - 1  # beyond it another program may read another number


class NotCanonical(ValueError):
    """The value has no canonical form; the message says where and why."""


def canonical(value: Any) -> bytes:
    """UTF-8 bytes of a value of dicts, lists, texts, whole numbers, booleans and None.

    Texts that look alike get the same bytes. Raises NotCanonical for floats, numbers beyond ±(2^53 − 1), lone
    surrogates, keys that are no text or become the same key, and anything else.
    """
    return rfc8785.dumps(_normalised(value, "the value"))


def digest(raw: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()


def _normalised(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise NotCanonical(f"{where}: {value} is too large; write it as a text.")
        return int(value)
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise NotCanonical(f"{where}: the key {key!r} is no text.")
            name = _text(key, where)
            if name in found:
                raise NotCanonical(f"{where}: the key “{name}” is there twice.")
            found[name] = _normalised(item, f"{where}.{name}" if where != "the value" else name)
        return found
    if isinstance(value, list | tuple):
        return [_normalised(item, f"{where}[{number}]") for number, item in enumerate(value)]
    raise NotCanonical(f"{where}: a {type(value).__name__} cannot be signed; write it as a text.")


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotCanonical(f"{where}: the text holds half of a character (a lone surrogate).") from None
    return unicodedata.normalize("NFC", value)
