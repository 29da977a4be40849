"""Keys under which people and companies are compared. Equal keys, not similar ones: nothing here guesses.

An e-mail's key is the whole address: no dots or plus signs are taken out of it. Two addresses that one provider
delivers to one mailbox are two mailboxes at the next, so `a.b@…` and `ab@…` stay two people until somebody merges
them. An empty key matches nothing. Every function is idempotent on its own keys.
"""

from __future__ import annotations

import re
import unicodedata

from alignment.matching import letters
from alignment.matching.suffixes import registrable

_LOWER = str.maketrans(letters.UPPER, letters.LOWER)
_DROP = str.maketrans("", "", letters.DROPPED)
_GAPS, _MARKS = re.compile(letters.GAPS), re.compile(letters.MARKS)
_EAST_ASIAN = re.compile(letters.EAST_ASIAN_FORMS)
_THE = re.compile("^(the )+")
_FORMS = frozenset([*letters.FORMS, *letters.SPACED_FORMS])
_MOST_WORDS = max(form.count(" ") + 1 for form in _FORMS)
_BLANK = " \t\r\n"
_LABEL = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_INSIDE = re.compile(r"[\u0001-\u0020]")


def lower(text: str) -> str:
    """In lower case and one Unicode form."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).translate(_LOWER))


def host(text: str) -> str:
    """A host name in lower case and punycode; empty where it is none: one label, an address in figures, odd signs."""
    name = lower(text.strip(_BLANK)).replace("\u3002", ".").rstrip(".")
    labels = [
        label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in name.split(".")
    ]
    found = ".".join(labels)
    if len(labels) < 2 or len(found) > 253 or labels[-1].isdecimal():
        return ""
    return found if all(len(label) < 64 and _LABEL.fullmatch(label) for label in labels) else ""


def email_host(email: str) -> str:
    """The host behind the last @."""
    return host(email.rpartition("@")[2]) if "@" in email else ""


def site_host(site: str) -> str:
    """The host of a website as people write it: with or without scheme, user, port, path."""
    rest = re.sub("^[A-Za-z][A-Za-z0-9+.-]*://", "", site.strip(_BLANK))
    rest = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    return host(re.sub(":[0-9]*$", "", rest.rpartition("@")[2]))


def email_key(email: str) -> str:
    """The whole address, in lower case, its host in punycode."""
    local = lower(email.strip(_BLANK).rpartition("@")[0])
    found = email_host(email)
    if not found or not local or len(local) > letters.MAX_LENGTH or _INSIDE.search(local):
        return ""
    return f"{local}@{found}"


def email_domain_key(email: str) -> str:
    """The domain somebody registered, of an e-mail: mail.acme.co.uk is acme.co.uk."""
    return registrable(email_host(email))


def site_domain_key(site: str) -> str:
    """The domain somebody registered, of a website."""
    return registrable(site_host(site))


def fold_name(name: str) -> str:
    """Words in lower case without accents and punctuation, one gap between them."""
    if name.isascii():
        found = name.lower()
    else:
        found = unicodedata.normalize("NFKD", name).translate(_LOWER)
        for letter, plain in letters.PLAIN.items():
            found = found.replace(letter, plain)
        found = _EAST_ASIAN.sub(" ", _MARKS.sub("", found))
    found = found.translate(_DROP).replace("&", " and ")
    found = _GAPS.sub(" ", found)
    if not found.isascii():
        found = unicodedata.normalize("NFKD", found)
    return found.strip(" ")[: letters.MAX_LENGTH].rstrip(" ")


def company_key(name: str) -> str:
    """A company's name without "the" in front and its legal form behind; at least one word is left."""
    words = _THE.sub("", fold_name(name)).split(" ")
    while taken := next(
        (n for n in range(min(_MOST_WORDS, len(words) - 1), 0, -1) if " ".join(words[-n:]) in _FORMS), 0
    ):
        del words[-taken:]
    return " ".join(words)


def person_key(first_name: str, last_name: str) -> str:
    """All words of a full name in one order, so that first and last name may be swapped; empty if one is missing."""
    first, last = fold_name(first_name), fold_name(last_name)
    return " ".join(sorted(f"{first} {last}".split(" "))) if first and last else ""
