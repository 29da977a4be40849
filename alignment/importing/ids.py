"""Ids put together from columns, and the longest that an id may be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from alignment.intake.ids import one_form
from alignment.sheets import bare

MAX_ID = 190


def joined(parts: Iterable[str]) -> str:
    """One id from several cells, the same for the same cells; empty where all are empty.

    Each cell is in the one form that a reference to the record has. What is too long for an id ends in its digest.
    """
    cleaned = [one_form(bare(part.strip())) for part in parts]
    if not any(cleaned):
        return ""
    if len(cleaned) > 1:
        cleaned = [part.replace("%", "%25").replace(":", "%3A") for part in cleaned]
    found = ":".join(cleaned)
    if len(found) <= MAX_ID:
        return found
    return f"{found[:120]}~{hashlib.sha256(found.encode()).hexdigest()}"
