"""RFC 8785 written a second time, from its text and without the library: tests compare the product with it."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def code_units(text: str) -> list[int]:
    """UTF-16 code units, by which RFC 8785 (3.2.3) sorts names: above U+FFFF they begin with a surrogate."""
    units: list[int] = []
    for letter in text:
        point = ord(letter)
        if point < 0x10000:
            units.append(point)
        else:
            point -= 0x10000
            units += [0xD800 + (point >> 10), 0xDC00 + (point & 0x3FF)]
    return units


def written(value: Any) -> str:
    """Canonical JSON of dicts, lists, texts, whole numbers, booleans and None, texts brought to NFC."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, str):
        return _text(unicodedata.normalize("NFC", value))
    if isinstance(value, list):
        return "[" + ",".join([written(item) for item in value]) + "]"
    named = {unicodedata.normalize("NFC", name): item for name, item in value.items()}
    if len(named) != len(value):
        raise ValueError("two names became one")
    parts = [_text(name) + ":" + written(named[name]) for name in sorted(named, key=code_units)]
    return "{" + ",".join(parts) + "}"


def digest_of(value: Any) -> str:
    """SHA-256 in hex of the canonical JSON in UTF-8."""
    return hashlib.sha256(written(value).encode("utf-8")).hexdigest()


def _text(text: str) -> str:
    letters = []
    for letter in text:
        point = ord(letter)
        if point in _SHORT:
            letters.append(_SHORT[point])
        elif point < 0x20:
            letters.append(f"\\u{point:04x}")
        else:
            letters.append(letter)
    return '"' + "".join(letters) + '"'
