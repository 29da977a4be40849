"""Single values out of an address or a form that no Form reads: never more than the database and a page can take."""

from __future__ import annotations

import re

from django.http import HttpRequest, QueryDict

LONGEST = 200  # characters
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes neither NUL nor half of a surrogate pair
_LARGEST = 2**63 - 1  # of a primary key


def asked(request: HttpRequest, name: str, *, longest: int = LONGEST) -> str:
    """The value of `?name=`, cut off at `longest` characters; empty without it."""
    return read_text(request.GET, name, longest=longest)


def posted(request: HttpRequest, name: str, *, longest: int = LONGEST) -> str:
    """The value of a field of the form that was sent, cut off at `longest` characters; empty without it."""
    return read_text(request.POST, name, longest=longest)


def read_text(given: QueryDict, name: str, *, longest: int = LONGEST) -> str:
    """The last value of that name without blanks around it and without what cannot be stored."""
    return _UNSTORABLE.sub("", str(given.get(name, ""))).strip()[:longest]


def read_number(text: str) -> int | None:
    """The primary key that a text names in ASCII digits; None for anything else, such as `²` or 5,000 digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return number if (number := int(text)) <= _LARGEST else None
