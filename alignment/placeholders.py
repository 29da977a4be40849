"""What people and forms write where nothing is known: it names nobody, and stands in the records of many.

Words that are last names of many people as well (Blank, Tester) are not among them.
"""

from __future__ import annotations

import re
import unicodedata

SHORTEST_PHONE = 6  # digits
_SAID = """
    unknown|not known|unknown unknown|lead unknown|unbekannt|inconnu|desconocido|sconosciuto|onbekend|desconhecido
    n a|na na|n n|none|null|undefined|unset|missing|tbd|tba|tbc|to be confirmed|no value|keine angabe|k a|kein name
    no name|noname|no last name|no lastname|no surname|nolastname|nameless|unnamed|anonymous|last name|lastname
    not provided|not given|not available|not applicable|not specified|not set|not disclosed|not entered|not supplied
    unspecified|undisclosed|withheld|no email|noemail|no e mail|no phone|nophone|invalid|deleted|removed
    test|testing|test test|testtest|demo|dummy|asdf|qwerty|xx|xxx|xxxx|xxxxx|x x
"""
NAMES = frozenset(text.strip() for text in _SAID.replace("\n", "|").split("|")) - {""}
# An address is compared in two parts, both of which must say nothing.
PARTS = NAMES | set("na no nn nil name email mail nomail noreply blank example sample abc a x".split())  # noqa: SIM905
_ROW = "01234567890123456789"


def is_name_of_nobody(text: str) -> bool:
    """Whether a last name says that there is none: “Unknown”, “[not provided]”, “n/a”, nothing but signs."""
    said = _words(text)
    return not said or said in NAMES


def is_phone_of_nobody(text: str) -> bool:
    """Whether a phone has fewer than six digits, or nothing but one digit again and again, or digits in a row."""
    digits = "".join(str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal())
    is_row = digits in _ROW or digits in _ROW[::-1]
    return len(digits) < SHORTEST_PHONE or len(set(digits)) == 1 or is_row


def is_address_of_nobody(text: str) -> bool:
    """Whether an e-mail says that there is none: “n/a”, or none@none.com, whose both parts say so."""
    local, at, domain = text.strip().rpartition("@")
    if not at:
        return is_name_of_nobody(text)
    return _words(local) in PARTS and _words(domain.partition(".")[0]) in PARTS


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))
