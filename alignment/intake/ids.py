"""Record ids in one form: Salesforce writes the same id with 15 characters or with 18, people write the same address
with capitals or without."""

from __future__ import annotations

import hashlib
import re

MAX_ID = 190
_ORIGIN = "origin"
# Leads, opportunities, contacts, accounts, users, groups, campaigns and members, tasks, events, organisation.
_SALESFORCE = re.compile(r"(?:00[13567DQGTUv]|701)[0-9A-Za-z]{12}")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def one_form(found: str) -> str:
    """The id with 18 characters where it is one of Salesforce with 15; with an @ in small letters; any other as it is.

    The three last characters say which of the fifteen are capitals, five each, so that ids stay apart where
    case is lost.
    """
    if "@" in found:
        lowered = found.lower()
        return lowered if len(lowered) == len(found) else found  # longer, it might be too long for an id
    if len(found) != 15 or not _SALESFORCE.fullmatch(found):
        return found
    checks = (
        sum(1 << place for place, letter in enumerate(found[start : start + 5]) if "A" <= letter <= "Z")
        for start in (0, 5, 10)
    )
    return found + "".join(_CHECK[check] for check in checks)


def forms_of(found: str) -> frozenset[str]:
    """All that this id may be written as, as far as can be known: both forms of one of Salesforce; an address as it is
    and in small letters; else the id alone."""
    long = one_form(found)
    if "@" in found:
        return frozenset({long, found})
    short = long[:15]
    return frozenset({long, short}) if one_form(short) == long else frozenset({long})


def within(first: str, second: str) -> str:
    """The id of what has none of its own and is known by two records, such as a member of a campaign: for no other
    two records the same, nor that of an origin. Ids without colons stand as they are."""
    return shortened(f"{escaped(first) if first != _ORIGIN else '%6Frigin'}:{second}")


def origin_of(lead: str) -> str:
    """The id of the touch that a lead's origin proves."""
    return shortened(f"{_ORIGIN}:{lead}")


def escaped(part: str) -> str:
    """Without a colon, so that another id can follow behind one."""
    return part.replace("%", "%25").replace(":", "%3A")


def shortened(found: str) -> str:
    """What is too long for an id ends in its digest."""
    if len(found) <= MAX_ID:
        return found
    return f"{found[:120]}~{hashlib.sha256(found.encode()).hexdigest()}"
