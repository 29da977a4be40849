"""One form of bytes for one content: Unicode NFC first, then RFC 8785, then SHA-256.

RFC 8785 alone lets the same word through in two forms (é as one code point or as two). Numbers are whole ones that
every JSON reader keeps (within 2^53-1); money and ratios are decimal strings, so that no reader rounds them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

import rfc8785

LARGEST = 2**53 - 1
DEEPEST = 40  # levels of lists and objects within each other


class NotCanonical(ValueError):
    """A value that cannot be signed; the message names the place and says what to write instead."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value in UTF-8. Raises NotCanonical."""
    return rfc8785.dumps(normalised(value))


def digest(raw: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()


def normalised(value: Any, where: str = "content") -> Any:
    """The value as plain dicts, lists, strings in NFC, ints, booleans and None. Raises NotCanonical.

    `where` names the value in messages.
    """
    return _normalised(value, where, 0)


def _normalised(value: Any, where: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise NotCanonical(where, f"more than {DEEPEST} levels deep; make it flatter.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise NotCanonical(where, f"{value} is too large a number; write it as a string.")
        return int(value)
    if isinstance(value, Mapping):
        return _object(value, where, depth)
    if isinstance(value, list | tuple):
        return [_normalised(item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value)]
    if isinstance(value, float):
        raise NotCanonical(
            where, f'{value!r} may be rounded by a reader; write it as a string, such as "2.5".'
        )
    raise NotCanonical(
        where, f"{type(value).__name__} is no JSON; write text, whole numbers, lists or objects."
    )


def _object(value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, item in value.items():
        if not isinstance(name, str):
            raise NotCanonical(where, f"the name {name!r} is no text.")
        key = _text(name, f"{where}, a name")
        if key in found:
            raise NotCanonical(where, f"two names are the same word, “{key}”, in two spellings; keep one.")
        found[key] = _normalised(item, f"{where}.{key}", depth + 1)
    return found


def _text(value: str, where: str) -> str:
    if "\0" in value:
        raise NotCanonical(where, "it holds a NUL character; take it out.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotCanonical(where, "it holds half of a character (a lone surrogate); type it again.") from None
    return unicodedata.normalize("NFC", str.__str__(value))
