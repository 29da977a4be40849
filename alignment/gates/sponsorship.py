"""'Sponsorship problem: facilitate': a scorecard was sent, and ten business days passed without both signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alignment.business_days import BusinessDays, business_days
from alignment.models import SIGNED_STATES, ArtifactVersion, Program

SCORECARD = "scorecard"
"""The kind of artifact that step 1 produces; its key is the number of the program."""
PATIENCE = 10  # business days


@dataclass(frozen=True)
class Wait:
    """A scorecard that waits for its signatures. `version`: the one first sent since the last that was signed.

    `problem_at`: when the tenth business day has fully passed; `days`: how many have passed; `calendar`: whose days.
    """

    version: ArtifactVersion
    problem_at: datetime
    days: int
    calendar: str
    is_problem: bool


def scorecard_wait(program: Program, *, at: datetime) -> Wait | None:
    """How long the scorecard of a program has waited at `at`; None where none was sent, or the last one was signed.

    Counted from the first sending since the last scorecard that both signed: to withdraw one and send the next does
    not begin the count anew.
    """
    sent = (
        ArtifactVersion.objects.of(SCORECARD, str(program.number))
        .filter(sent_at__lte=at)
        .order_by("-number")
        .select_related("artifact")
    )
    first = None
    for version in sent:
        if version.state in SIGNED_STATES:
            break
        first = version
    if first is None or first.sent_at is None:
        return None
    days: BusinessDays = business_days(at)
    problem_at = days.passed_at(first.sent_at, PATIENCE)
    return Wait(first, problem_at, days.passed_between(first.sent_at, at), days.name, at >= problem_at)
