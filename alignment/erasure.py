"""What is personal about a lead, how an erased person is recognised, and who else keeps copies.

Pseudonymised in facts: e-mail, first name, last name, phone, title; the company where it names the person; subject
and outcome of touches, but for the product's own words; the name of a linked opportunity where it names the person.
Everything else of a fact is what counts, and stays. The database function erase_lead does the same to what is there
already (see the migration erase_lead), withhold_linked to what is linked to the lead afterwards (see the migration
erase_the_whole_person); this module does it to what arrives later.

A part that keeps copies of a lead's data elsewhere registers how it erases them; it is called in the transaction of
the erasure, before the ledger is changed, and says how many rows lost something:

    @erases("messages to the CRM")
    def empty_messages(person: Erasing) -> int: ...
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from alignment.matching.keys import email_key
from alignment.models import ErasureMark, Subject
from alignment.models.leads import Lead
from alignment.recognising import Said, ids_in

ALWAYS = ("email", "first_name", "last_name", "phone", "title")
ORIGIN = "Origin recorded by the CRM"
OUTCOMES = frozenset({"no_answer", "left_message", "sent", "connected", "Planned", "Held", "Not Held"})
LONGEST_NAME = 5  # words
SHORTEST_NAME = 3  # characters, where what is looked through may be about others
_PURPOSE = b"alignment: marks of erased people, 1"


@dataclass(frozen=True)
class Erasing:
    """A person about to be erased: one of the person's records, and what any fact of any of them gave: e-mails,
    phones, last names. `records`: (source id, external id) of all records of the person."""

    lead: Lead
    emails: frozenset[str]
    phones: frozenset[str]
    last_names: frozenset[str]
    at: datetime
    records: frozenset[tuple[int, str]] = frozenset()

    @property
    def named(self) -> frozenset[str]:
        return self.emails | self.phones | self.last_names

    def is_named_in(self, text: str, *, shortest: int = 2) -> bool:
        """Whether the text holds an e-mail, a phone or a last name of the person, as whole words; names of fewer
        than `shortest` characters are not looked for."""
        said = f" {words(text)} "
        return any(f" {words(name)} " in said for name in self.named if len(words(name)) >= shortest)

    def is_spoken_of(self, said: Collection[Said], *, source: int) -> bool:
        """Whether what a body of this source says names the person or one of the records. It may be about somebody
        else, so a name of two letters does not count."""
        ids = {ref for owner, ref in self.records if source == owner}
        return bool(ids_in(said, ids)) or any(
            self.is_named_in(text, shortest=SHORTEST_NAME) for _, text in said
        )


Eraser = Callable[[Erasing], int]
_erasers: dict[str, Eraser] = {}


def erases(name: str) -> Callable[[Eraser], Eraser]:
    """Register what takes a person out of one kind of copy; `name` is what people read beside the count."""

    def register(eraser: Eraser) -> Eraser:
        _erasers[name] = eraser
        return eraser

    return register


def erasers() -> list[tuple[str, Eraser]]:
    return sorted(_erasers.items())


def words(text: str) -> str:
    """Lower case, anything but letters and digits as one space: "O'Brien" is "o brien"."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def marks_of(person: Erasing) -> set[tuple[str, bytes]]:
    """(kind, digest) of all by which the person is recognised, under the present key."""
    found = {(ErasureMark.Kind.EMAIL.value, digest(ErasureMark.Kind.EMAIL, email)) for email in person.emails}
    return found | {
        (ErasureMark.Kind.WORDS.value, digest(ErasureMark.Kind.WORDS, words(name)))
        for name in person.named
        if len(words(name)) > 1
    }


def key_name() -> str:
    """By which a mark says which key made it: 16 hexadecimal digits, from which no key can be found."""
    return _name(_keys()[0])


def key_names() -> list[str]:
    """Of the present key and the earlier ones."""
    return [_name(key) for key in _keys()]


def _name(key: bytes) -> str:
    return hmac.digest(key, b"name of this key", "sha256")[:8].hex()


def digest(kind: str, value: str, *, key: bytes | None = None) -> bytes:
    """HMAC-SHA-256 under a key that is not in the database."""
    same = comparable(value) if kind == ErasureMark.Kind.EMAIL else value
    return hmac.digest(key or _keys()[0], f"{kind}:{same}".encode(), "sha256")


def comparable(email: str) -> str:
    """As two spellings of one address are compared; what is no address, in lower case."""
    return email_key(email) or email.strip().lower()


def digests(kind: str, value: str) -> list[bytes]:
    """Under the present key and the earlier ones."""
    return [digest(kind, value, key=key) for key in _keys()]


def withheld(
    subject: str, fields: dict[str, Any], *, pseudonym: str, marks: frozenset[bytes]
) -> dict[str, Any]:
    """The same keys without the person: personal values null, the last name a pseudonym."""

    def kept(key: str, value: Any) -> Any:
        if value is None:
            return None
        if subject == Subject.LEAD and key in ALWAYS:
            return pseudonym if key == "last_name" else None
        if subject == Subject.TOUCH and key == "subject":
            return value if value == ORIGIN else None
        if subject == Subject.TOUCH and key == "outcome":
            return value if value in OUTCOMES else None
        if (subject, key) in {(Subject.LEAD, "company"), (Subject.OPPORTUNITY, "name")}:
            return None if _names_somebody(str(value), marks) else value
        return value

    return {key: kept(key, value) for key, value in fields.items()}


def _names_somebody(text: str, marks: frozenset[bytes]) -> bool:
    """Whether any run of words in the text is one that was erased."""
    return any(
        found in marks for run in _runs(words(text).split()) for found in digests(ErasureMark.Kind.WORDS, run)
    )


def _runs(said: list[str]) -> Iterator[str]:
    for start in range(len(said)):
        for end in range(start + 1, min(start + LONGEST_NAME, len(said)) + 1):
            yield " ".join(said[start:end])


def _keys() -> tuple[bytes, ...]:
    return _derive((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, *settings.ERASURE_KEYS))


@lru_cache(maxsize=4)
def _derive(secrets: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(
        HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
        for secret in secrets
    )
