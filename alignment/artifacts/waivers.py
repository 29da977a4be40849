"""Waivers: what was not met, why the program goes on all the same, until when. And their notes on what they excuse.

Content of a waiver: {"program": number, "program_name": text, "step": 0 to 5, "blockers": [{"code", "message", "name",
and where they have figures "actual", "required", "parts"}, ...] as they stood, "reason": text of at most 400
characters, "from_on" and "expires_on": ISO dates, at most 90 days apart}. Figures are exact fractions as text.

At drafting a kind takes `alignment.gates.notes_of(step, program, at=at)` into its content under "waivers" and renders
them by `waiver_paragraphs`, so that whoever signs it reads what was not met.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from alignment.artifacts.document import Bullets, Document, Facts, Heading, Paragraph
from alignment.artifacts.kinds import Content, InvalidContent
from alignment.models import Role, Step

LONGEST = 90  # days
LONGEST_REASON = 400  # characters
LONGEST_NAME = 60
# What a document prints of it, so that its page limit can be kept; the rest is in the waiver itself.
_MOST_NAMED, _MOST_REFERRED, _REASON_PRINTED, _DIGITS = 3, 2, 120, 12
SIGNERS = (Role.CRO.value, Role.CMO.value)
STATEMENT = (
    "I know what is not met, and let the program pass this gate all the same until the day named here."
)


def check(content: Content) -> None:
    """Raises InvalidContent with one sentence for each thing that is missing or wrong."""
    problems: list[str] = []
    if _step(content) is None:
        problems.append("Step: name the gate that is waived, 0 to 5.")
    named = content.get("blockers")
    if not isinstance(named, list) or not named or not all(_is_entry(entry) for entry in named):
        problems.append("Blockers: choose at least one to excuse.")
    reason = str(content.get("reason") or "").strip()
    if not reason:
        problems.append("Reason: say why the program should pass all the same.")
    elif len(reason) > LONGEST_REASON:
        problems.append(
            f"Reason: say it in at most {LONGEST_REASON} characters, so that it can be printed on what it excuses."
        )
    first, last = day(content.get("from_on")), day(content.get("expires_on"))
    if first is None or last is None:
        problems.append("Expiry: name the last day on which it holds.")
    elif not 0 <= (last - first).days <= LONGEST:
        problems.append(f"Expiry: a waiver holds for at most {LONGEST} days, and not for days that are over.")
    if problems:
        raise InvalidContent(*problems)


def _step(content: Content) -> Step | None:
    found = content.get("step")
    return Step(found) if type(found) is int and found in Step.values else None


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(key), str) and entry[key] for key in ("code", "message")
    ):
        return False
    parts = entry.get("parts", {})
    figures = [entry.get("actual", "0"), entry.get("required", "0")]
    return isinstance(parts, dict) and all(_is_figure(text) for text in (*figures, *parts.values()))


def _is_figure(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"-?\d{1,18}(/[1-9]\d{0,17})?", text, re.ASCII) is not None


def render(content: Content) -> Document:
    """Complete or not: what is missing shows as a dash."""
    step = _step(content)
    gate = f"Gate {step.value}, {step.label}" if step is not None else "–"
    first, last = day(content.get("from_on")), day(content.get("expires_on"))
    return Document(
        title="Waiver",
        subtitle=str(content.get("program_name") or ""),
        blocks=(
            Paragraph(
                "The gate named here is not met. By this waiver the program passes it all the same, for a time; it is "
                "printed on every document that is sent by it.",
                kind="lead",
            ),
            Facts(
                (
                    ("Gate", gate),
                    ("Drafted on", _shown(first)),
                    ("Last day", _shown(last)),
                    ("Signed by", "CRO and CMO in person, no delegate"),
                )
            ),
            Heading("What is not met"),
            Bullets(_messages(content) or ("–",)),
            Heading("Why it passes all the same"),
            Paragraph(str(content.get("reason") or "–")),
            Paragraph(
                "It excuses what is named here, as long as it is no worse than it is said here, and nothing else that "
                "may come up.",
                kind="small",
            ),
        ),
    )


def _messages(content: Content) -> tuple[str, ...]:
    named = content.get("blockers")
    found = named if isinstance(named, list) else []
    return tuple(str(entry["message"]) for entry in found if isinstance(entry, dict) and "message" in entry)


def shortened(text: str, most: int = LONGEST_NAME) -> str:
    """The text, cut at a word to at most so many characters."""
    if len(text) <= most:
        return text
    return f"{text[: most - 1].rsplit(' ', 1)[0].rstrip(' ,;:.')}…"


def effect(content: Content) -> tuple[str, ...]:
    last = day(content.get("expires_on"))
    return (
        f"The gate is open for what is named here until {_shown(last)}, and shut again afterwards unless it is met.",
        "What becomes worse than it is said here shuts the gate again.",
        "The waiver is printed on the documents that are sent by it.",
    )


def expires_on(content: Content) -> date | None:
    return day(content.get("expires_on"))


def day(text: Any) -> date | None:
    """An ISO date; None for anything else."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _shown(found: date | None) -> str:
    return f"{found.day} {found:%B %Y}" if found else "–"


def waiver_paragraphs(content: Mapping[str, Any]) -> tuple[Paragraph, ...]:
    """One warning about the notes in `content["waivers"]`: {"waiver", "step", "excuses": [short names], "reason",
    "expires_on" (ISO date), "digest"}. None where there is no such part.

    Its room is bounded, so that a full page of which much is excused still fits: it names the first, and where the
    others and the rest of it stand.
    """
    notes = list(content.get("waivers") or ())
    if not notes:
        return ()
    said = _said(notes[0], is_alone=len(notes) == 1)
    if rest := notes[1:]:
        named = ", ".join(f"{note['waiver']} ({note['digest'][:_DIGITS]})" for note in rest[:_MOST_REFERRED])
        later = f" and {len(rest) - _MOST_REFERRED} later" if len(rest) > _MOST_REFERRED else ""
        said += f" And by {len(rest)} more, see waiver {named}{later}."
    return (Paragraph(said, kind="warning"),)


def _said(note: Mapping[str, Any], *, is_alone: bool) -> str:
    until = date.fromisoformat(note["expires_on"])
    most = _MOST_NAMED if is_alone else _MOST_NAMED - 1
    names = [shortened(str(name)).rstrip(".") for name in note["excuses"]]
    excused = "; ".join(names[:most])
    if more := names[most:]:
        excused += f"; and {len(more)} more, see the waiver ({note['digest'][:_DIGITS]})"
    reason = shortened(str(note["reason"]), _REASON_PRINTED)
    return (
        f"Sent by waiver {note['waiver']}, until {until.day} {until:%B %Y}. Not met: {excused}. "
        f"Why it was waived: {reason}{'' if reason.endswith(('.', '…', '!', '?')) else '.'}"
    )
