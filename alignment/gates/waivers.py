"""Signed waivers: which ones excuse what now.

A waiver keeps each blocker as it stood when it was drafted, with its exact figures. It excuses that blocker while it is
no worse than what was signed: the same words, or figures that are no further from what is required. What has become
worse stands again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from alignment.artifacts.waivers import shortened
from alignment.blockers import Blocker
from alignment.gates.registry import UNEVALUATED, UNKNOWN
from alignment.models import ArtifactVersion, Program, Role, Step

KIND = "waiver"
CLOSED = "program-closed"
NEVER_WAIVED = frozenset({UNKNOWN, UNEVALUATED, CLOSED})
"""Codes that say that nothing was measured: there is nothing that a leader could excuse knowingly."""


def waivers_of(program: Program, step: Step | None = None, *, at: datetime) -> list[ArtifactVersion]:
    """Waivers of a program that are in force at `at` and not yet past their last day, oldest first; of a step or all.

    The last day ends at midnight in the organisation's zone, whether the sweep that marks them expired has run or not.
    """
    found = (
        ArtifactVersion.objects.in_force()
        .signed_by(Role.CRO, Role.CMO)
        .filter(expires_at__gt=at, signed_at__lte=at)
        .filter(
            artifact__kind=KIND,
            artifact__key__startswith=f"{program.number}-",
            content__program=program.number,
        )
        .select_related("artifact")
        .order_by("signed_at", "pk")
    )
    if step is not None:
        found = found.filter(content__step=step.value)
    return list(found)


def entry_of(blocker: Blocker) -> dict[str, Any]:
    """How a waiver keeps a blocker: its words, its exact figures, and its short name for print."""
    return blocker.to_json() | {"name": shortened(blocker.name or blocker.message)}


def excuses(waiver: ArtifactVersion, blocker: Blocker) -> bool:
    """Whether this waiver names this blocker, which is no worse now than what was signed."""
    return any(worse_than(entry, blocker) == "" for entry in _named(waiver, blocker))


def complaint(waivers: Iterable[ArtifactVersion], blocker: Blocker) -> str:
    """Of a blocker that some waiver names and none excuses: what became worse since; "" where none names it."""
    said = [worse_than(entry, blocker) for waiver in waivers for entry in _named(waiver, blocker)]
    return said[-1] if said else ""


def _named(waiver: ArtifactVersion, blocker: Blocker) -> list[dict[str, Any]]:
    if blocker.code in NEVER_WAIVED:
        return []
    return [entry for entry in waiver.content["blockers"] if entry["code"] == blocker.code]


def worse_than(entry: Mapping[str, Any], blocker: Blocker) -> str:
    """In what a blocker is worse than what a waiver keeps of it; "" where it is not."""
    if entry["message"] == blocker.message and ("parts" not in entry or not blocker.parts):
        return ""
    required = _figure(entry.get("required"))
    if blocker.required is None or blocker.required != required:
        return f"other than waived, when it was: {entry['message']}"
    if not blocker.parts:
        return _compared("", _figure(entry.get("actual")), blocker.actual, required)
    kept = entry.get("parts") or {}
    said = [
        _compared(name, _figure(kept.get(name)), figure, required) for name, figure in blocker.parts.items()
    ]
    return "; ".join(filter(None, said))


def _compared(name: str, then: Fraction | None, now: Fraction | None, required: Fraction) -> str:
    """ "worse than waived: 0 of 1 now; 7 of 8 when waived"; "" where it is no worse. More is better, unless what was
    waived lay above what is required."""
    of = f" ({name})" if name else ""
    if now is None or then is None:
        return f"not among what was waived{of}"
    is_worse = now < then if then <= required else now > then
    if not is_worse:
        return ""
    is_share = now.denominator > 1 or then.denominator > 1
    return f"worse than waived{of}: {_said(now, is_share)} now; {_said(then, is_share)} when waived"


def _said(figure: Fraction, is_share: bool) -> str:
    return f"{figure.numerator} of {figure.denominator}" if is_share else str(figure)


def _figure(text: Any) -> Fraction | None:
    return Fraction(text) if isinstance(text, str) else None


def note_of(waiver: ArtifactVersion, excused: Iterable[Blocker]) -> dict[str, Any]:
    """What a document says of a waiver by which it is sent: see alignment.artifacts.waivers."""
    names = [shortened(blocker.name or blocker.message) for blocker in excused if excuses(waiver, blocker)]
    return {
        "waiver": waiver.artifact.key,
        "step": waiver.content["step"],
        "excuses": names,
        "reason": waiver.content["reason"],
        "expires_on": waiver.content["expires_on"],
        "digest": waiver.digest,
    }
