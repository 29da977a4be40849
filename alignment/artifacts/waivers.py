"""Waivers: what was not met, why the program goes on all the same, until when. And their notes on what they excuse.

Content of a waiver: {"program": number, "program_name": text, "step": 0 to 5, "blockers": [{"code", "message"}, ...] as
they stood, "reason": text, "from_on" and "expires_on": ISO dates, at most 90 days apart}.

At drafting a kind takes `alignment.gates.notes_of(step, program, at=at)` into its content under "waivers" and renders
them by `waiver_paragraphs`, so that whoever signs it reads what was not met.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from alignment.artifacts.document import Bullets, Document, Facts, Heading, Paragraph
from alignment.artifacts.kinds import Content, InvalidContent
from alignment.models import Role, Step

LONGEST = 90  # days
SIGNERS = (Role.CRO.value, Role.CMO.value)
STATEMENT = (
    "I know what is not met, and let the program pass this gate all the same until the day named here."
)


def check(content: Content) -> None:
    """Raises InvalidContent with one sentence for each thing that is missing or wrong."""
    problems: list[str] = []
    if content.get("step") not in set(Step.values):
        problems.append("Step: name the gate that is waived, 0 to 5.")
    if not content.get("blockers"):
        problems.append("Blockers: choose at least one to excuse.")
    if not str(content.get("reason") or "").strip():
        problems.append("Reason: say why the program should pass all the same.")
    first, last = day(content.get("from_on")), day(content.get("expires_on"))
    if first is None or last is None:
        problems.append("Expiry: name the last day on which it holds.")
    elif not 0 <= (last - first).days <= LONGEST:
        problems.append(f"Expiry: a waiver holds for at most {LONGEST} days, and not for days that are over.")
    if problems:
        raise InvalidContent(*problems)


def render(content: Content) -> Document:
    """Complete or not: what is missing shows as a dash."""
    step = content.get("step")
    gate = f"Gate {step}, {Step(step).label}" if step in set(Step.values) else "–"
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
                    ("Signed by", "CRO and CMO"),
                )
            ),
            Heading("What is not met"),
            Bullets(tuple(str(blocker["message"]) for blocker in content.get("blockers") or ()) or ("–",)),
            Heading("Why it passes all the same"),
            Paragraph(str(content.get("reason") or "–")),
            Paragraph("It excuses what is named here and nothing else that may come up.", kind="small"),
        ),
    )


def effect(content: Content) -> tuple[str, ...]:
    last = day(content.get("expires_on"))
    return (
        f"The gate is open for what is named here until {_shown(last)}, and shut again afterwards unless it is met.",
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
