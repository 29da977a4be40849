"""Waivers on the artifacts that they excuse: a kind puts notes of them into its content, and prints them.

At drafting a kind takes `alignment.gates.notes_of(step, program, at=at)` into its content under "waivers" and renders
them by `waiver_paragraphs`, so that whoever signs it reads what was not met.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from alignment.artifacts.document import Paragraph


def waiver_paragraphs(content: Mapping[str, Any]) -> tuple[Paragraph, ...]:
    """A warning for each note in `content["waivers"]`: {"waiver", "step", "excuses": [sentences], "reason",
    "expires_on" (ISO date), "digest"}. None where there is no such part."""
    return tuple(_paragraph(note) for note in content.get("waivers") or ())


def _paragraph(note: Mapping[str, Any]) -> Paragraph:
    until = date.fromisoformat(note["expires_on"])
    excused = " ".join(note["excuses"])
    return Paragraph(
        f"Sent by waiver {note['waiver']}, until {until.day} {until:%B %Y}. Not met: {excused} "
        f"Why it was waived: {note['reason']}",
        kind="warning",
    )
