"""One-time codes: 140 random bits, written so that they can be typed from paper. Only their digest is ever kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # 32 signs of which no two look alike (Crockford)
_GROUPS, _GROUP = 7, 4
_READ = str.maketrans({"O": "0", "I": "1", "L": "1"})
_SPACES = re.compile(r"[\s\-\u2010-\u2015]+")
LONGEST = 200  # characters that are looked at


@dataclass(frozen=True)
class Token:
    """`code`: for the person alone, such as K7QF-9XWM-…; `digest`: its SHA-256, for the box."""

    code: str
    digest: bytes


def make_token() -> Token:
    """A fresh code, seven groups of four."""
    groups = ["".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    return Token("-".join(groups), _sha256("".join(groups)))


def digest_of(typed: str) -> bytes | None:
    """SHA-256 of a code however it was typed, or of the link that holds it; None for what cannot be a code."""
    code = _SPACES.sub("", typed[:LONGEST].rpartition("#")[2]).upper().translate(_READ)
    if len(code) != _GROUPS * _GROUP or set(code) - set(_LETTERS):
        return None
    return _sha256(code)


def _sha256(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
