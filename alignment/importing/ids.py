"""Record ids in one form: the two that Salesforce writes, and ids put together from columns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from alignment.sheets import bare

MAX_ID = 190
# Leads, opportunities, contacts, accounts, users, groups, campaigns and members, tasks, events, organisation.
_SALESFORCE = re.compile(r"(?:00[13567DQGTUv]|701)[0-9A-Za-z]{12}")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def one_form(found: str) -> str:
    """The id with 18 characters where it is one of Salesforce with 15; any other as it is.

    The three last characters say which of the fifteen are capitals, five each, so that ids stay apart where
    case is lost.
    """
    if len(found) != 15 or not _SALESFORCE.fullmatch(found):
        return found
    checks = (
        sum(1 << place for place, letter in enumerate(found[start : start + 5]) if "A" <= letter <= "Z")
        for start in (0, 5, 10)
    )
    return found + "".join(_CHECK[check] for check in checks)


def joined(parts: Iterable[str]) -> str:
    """One id from several cells, the same for the same cells; empty where all are empty.

    An address is the same record however it is capitalised. What is too long for an id ends in its digest.
    """
    cleaned = [bare(part.strip()).strip() for part in parts]
    if not any(cleaned):
        return ""
    cleaned = [part.lower() if "@" in part else one_form(part) for part in cleaned]
    if len(cleaned) > 1:
        cleaned = [part.replace("%", "%25").replace(":", "%3A") for part in cleaned]
    found = ":".join(cleaned)
    if len(found) <= MAX_ID:
        return found
    return f"{found[:120]}~{hashlib.sha256(found.encode()).hexdigest()}"
