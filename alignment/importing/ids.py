"""Ids put together from columns."""

from __future__ import annotations

from collections.abc import Iterable

from alignment.importing.problems import BadCell
from alignment.intake.ids import escaped, one_form, shortened
from alignment.sheets import bare


def refuse_list(found: str) -> None:
    """The id of a record that other records name has no “;”: in their cells it parts several ids."""
    if ";" in found:
        raise BadCell(
            "several_ids",
            f"“{found[:60]}” has a semicolon, which parts several ids where other records name this one: write an id "
            "without",
        )


def joined(parts: Iterable[str]) -> str:
    """One id from several cells, the same for the same cells; empty where all are empty.

    Each cell is in the one form that a reference to the record has. What is too long for an id ends in its digest.
    """
    cleaned = [one_form(bare(part.strip())) for part in parts]
    if not any(cleaned):
        return ""
    return shortened(":".join(map(escaped, cleaned)) if len(cleaned) > 1 else cleaned[0])
