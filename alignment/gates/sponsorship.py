"""'Sponsorship problem: facilitate': a scorecard was sent, and ten business days passed without both signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alignment.business_days import BusinessDays, business_days
from alignment.models import SIGNED_STATES, ArtifactVersion, Organisation, Program, VersionState

SCORECARD = "scorecard"
"""The kind of artifact that step 1 produces; its key is the number of the program."""
PATIENCE = 10  # business days


@dataclass(frozen=True)
class Wait:
    """A scorecard that lacks its signatures. `version`: the one first sent since the last that was signed; `latest`:
    the one sent last, which may be the same.

    `problem_at`: when the tenth business day has fully passed; `days`: how many have passed; `calendar`: whose days.
    """

    version: ArtifactVersion
    latest: ArtifactVersion
    problem_at: datetime
    days: int
    calendar: str
    is_problem: bool

    @property
    def is_waiting(self) -> bool:
        """Whether a version waits for signatures now; else the latest was declined or withdrawn."""
        return self.latest.state == VersionState.SENT

    @property
    def is_changed(self) -> bool:
        """Whether another version was sent since the first."""
        return self.latest.pk != self.version.pk

    @property
    def ended(self) -> str:
        """ "declined", "withdrawn"...; empty while the latest version waits."""
        return "" if self.is_waiting else str(self.latest.get_state_display()).lower()

    def since_when(self) -> str:
        """Since when there is no signed scorecard, and what became of what was sent; for a mail."""
        first = (
            f"The scorecard was first sent on {_day(self.version.sent_at)} (version {self.version.number}); "
            f"{self.days} business days have fully passed since ({self.calendar})."
        )
        if self.is_changed:
            said = f"Version {self.latest.number} was sent on {_day(self.latest.sent_at)}"
            return f"{first} {said} and {'waits for signatures' if self.is_waiting else f'was {self.ended}'} now."
        return first if self.is_waiting else f"{first} It was {self.ended}, and no other one was sent since."


def _day(at: datetime | None) -> str:
    local = at.astimezone(Organisation.get().tz) if at else None
    return f"{local.day} {local:%B %Y}" if local else "–"


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
    first = latest = None
    for version in sent:
        if version.state in SIGNED_STATES:
            break
        first, latest = version, latest or version
    if first is None or latest is None or first.sent_at is None:
        return None
    days: BusinessDays = business_days(at)
    problem_at = days.passed_at(first.sent_at, PATIENCE)
    passed = days.passed_between(first.sent_at, at)
    return Wait(first, latest, problem_at, passed, days.name, at >= problem_at)
