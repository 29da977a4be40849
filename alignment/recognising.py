"""Whether a raw body or a kept answer speaks of somebody: by the id of a record, an e-mail, or a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from alignment.intake.ids import forms_of
from alignment.intake.limits import BadJson, load_json

Said = tuple[str, str]  # the key under which a value stands, and the value as text
LONG_NUMBER = 6  # digits from which a number is an id wherever it stands
_ID_KEY = re.compile(r"(id|ids|lead|leads)$", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s\"'<>()\[\],;:|\\]+@[^\s\"'<>()\[\],;:|\\]+")
_QUOTED = re.compile(r'"([^"\\]{1,190})"')


def read(body: bytes) -> list[Said]:
    """All texts and numbers of a body; of one that is no JSON the whole text, and each quoted part of it."""
    try:
        return list(values(load_json(body)))
    except BadJson:
        text = body.decode("utf-8", "replace")
        return [("", text), *(("id", part) for part in _QUOTED.findall(text))]


def values(document: Any, key: str = "") -> Iterator[Said]:
    """(key, text) of every text and number in a JSON document; the members of an array stand under its key."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from values(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from values(value, key)
    elif document is not None and not isinstance(document, bool):
        yield key, str(document)


def ids_in(said: Iterable[Said], ids: Collection[str]) -> set[str]:
    """Which of these ids are named. A short number is one only under a key that ends in id, ids, lead or leads:
    elsewhere it is a score or an amount. Of the two forms of an id of Salesforce each names what is kept under any."""
    return {
        text
        for key, value in said
        for text in forms_of(value.strip())
        if text in ids and (not text.isdecimal() or len(text) >= LONG_NUMBER or _ID_KEY.search(key))
    }


def emails_in(said: Iterable[Said]) -> set[str]:
    """What looks like an e-mail, also within a longer text."""
    return {found.strip(".") for _, value in said if "@" in value for found in _EMAIL.findall(value)}
