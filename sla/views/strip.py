"""The weeks by which the gate of the handoff is judged, as the compliance page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from alignment.business_time import Week
from sla.gates.handoff import found_in_words, what_fails
from sla.models import ClockKind
from sla.queries import gate_rows
from sla.queries.drilldown import Drill
from sla.queries.weeks import Ground, HandoffNow, handoff_by, weeks
from sla.weeks import FOLLOW_UP, TAGGING, JudgedWeek, Measure, Verdict

SHOWN = 8
LOOKS = {
    Verdict.PASSES: "ok",
    Verdict.FAILS: "danger",
    Verdict.TOO_FEW: "neutral",
    Verdict.UNKNOWN: "warning",
    Verdict.UNSIGNED: "neutral",
    Verdict.SO_FAR: "running",
}


@dataclass(frozen=True)
class Share:
    """One of the two measures of a week with the addresses of its rows; "" for roles that do not see all records."""

    kind: ClockKind
    measure: Measure
    week: Week
    is_linked: bool

    @property
    def name(self) -> str:
        return NAMES[self.kind]

    def _url(self, outcome: str) -> str:
        if not self.is_linked:
            return ""
        return f"{reverse('sla:compliance-rows')}?{urlencode(Drill(self.week, self.kind, outcome=outcome).query)}"

    @property
    def due_url(self) -> str:
        return self._url("gate_due")

    @property
    def met_url(self) -> str:
        return self._url("gate_met")

    @property
    def unmet_url(self) -> str:
        return self._url("gate_unmet")


NAMES = {ClockKind.FOLLOW_UP: FOLLOW_UP, ClockKind.DISPOSITION: TAGGING}


@dataclass(frozen=True)
class Line:
    """A week of the strip. `is_chosen`: the page shows its figures."""

    judged: JudgedWeek
    shares: tuple[Share, ...]
    is_chosen: bool

    @property
    def look(self) -> str:
        return LOOKS[self.judged.verdict]

    @property
    def reason(self) -> str:
        """What the verdict alone does not say; "" where it says all."""
        week = self.judged
        if week.verdict == Verdict.UNKNOWN:
            return f"Because {' and '.join(week.doubts)}"
        if week.verdict == Verdict.TOO_FEW:
            said = week.too_few_because
            return f"{said[:1].upper()}{said[1:]}: opens nothing, shuts nothing"
        if week.verdict == Verdict.FAILS:
            said = what_fails(week)
            return said[:1].upper() + said[1:]
        if self.judged.verdict == Verdict.SO_FAR:
            return "Counts once it is over"
        return ""


@dataclass(frozen=True)
class Strip:
    """`now`: what the gate finds; `lines`: newest week first."""

    now: HandoffNow
    lines: tuple[Line, ...]

    @property
    def found(self) -> str:
        return found_in_words(self.now)

    @property
    def too_few(self) -> str:
        """Why the chosen week neither opens nor shuts the gate for want of MQLs; "" where it does, or is not judged."""
        return next((line.judged.too_few_because for line in self.lines if line.is_chosen), "")

    @property
    def asks(self) -> JudgedWeek | None:
        """The newest week under a signed SLA: it has what that asks for."""
        return next((line.judged for line in self.lines if line.judged.asks), None)

    @property
    def says_something(self) -> bool:
        """Whether there is a week to judge or to read: some count for the gate, or something was due in one."""
        return bool(self.now.weeks or self.asks) or any(
            share.measure.due for line in self.lines for share in line.shares
        )


def strip(chosen: Week, *, at: datetime, is_linked: bool) -> Strip:
    """Eight weeks up to the present one, or up to the chosen one where that lies before them."""
    ground = Ground.at_hand(at=at)
    this_week = Week.of(at, ground.zone)
    listed = weeks(this_week, SHOWN, ground)
    now = handoff_by(ground, listed[:-1])
    if (this_week.monday - chosen.monday).days // 7 >= SHOWN:
        listed = weeks(chosen, SHOWN, ground)
    return Strip(now, tuple(_line(judged, chosen, is_linked) for judged in reversed(listed)))


def count_of(drill: Drill, *, at: datetime) -> int:
    """The figure of the strip that a drill comes from."""
    (judged,) = weeks(drill.week, 1, Ground.at_hand(at=at))
    measure = judged.follow_up if drill.kind == ClockKind.FOLLOW_UP else judged.tagging
    return gate_rows.count_of(measure, drill.outcome)


def _line(judged: JudgedWeek, chosen: Week, is_linked: bool) -> Line:
    measures = ((ClockKind.FOLLOW_UP, judged.follow_up), (ClockKind.DISPOSITION, judged.tagging))
    shares = tuple(Share(kind, measure, judged.week, is_linked) for kind, measure in measures)
    return Line(judged, shares, judged.week.monday == chosen.monday)
