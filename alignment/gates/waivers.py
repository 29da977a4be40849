"""Signed waivers: which ones excuse what now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from alignment.models import ArtifactVersion, Program, Step

KIND = "waiver"


def waivers_of(program: Program, step: Step | None = None, *, at: datetime) -> list[ArtifactVersion]:
    """Waivers of a program that are in force at `at` and not yet past their last day, oldest first; of a step or all.

    The last day ends at midnight in the organisation's zone, whether the sweep that marks them expired has run or not.
    """
    found = (
        ArtifactVersion.objects.in_force()
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


def excused(waivers: Iterable[ArtifactVersion]) -> frozenset[str]:
    """The codes of blockers that these waivers name."""
    return frozenset(blocker["code"] for version in waivers for blocker in version.content["blockers"])


def notes_of(step: Step, program: Program, *, at: datetime) -> list[dict[str, Any]]:
    """What a document says of the waivers by which it is sent: see alignment.artifacts.waivers."""
    return [
        {
            "waiver": version.artifact.key,
            "step": step.value,
            "excuses": [blocker["message"] for blocker in version.content["blockers"]],
            "reason": version.content["reason"],
            "expires_on": version.content["expires_on"],
            "digest": version.digest,
        }
        for version in waivers_of(program, step, at=at)
    ]
