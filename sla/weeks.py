"""What one week says of the handoff, and what the weeks together say of its gate: figures in, verdicts out.

A week is Monday to Sunday in the organisation's zone. It is judged by the SLA that was in force at its Monday 00:00,
and not at all where no signature stood behind one from then to its end; clocks count in the week in which they fall
due, each by the version that its own cycle began under.

- First follow-up: due = met and missed, and those that an undecided dispute holds. Counted as met: met by an MQL
  that somebody was assigned, and what an upheld ruling set aside. A breach that late evidence disproved stays missed.
- Tagging: due = the MQL cycles whose disposition clock fell due in the week, met and missed, and those held. Counted
  as tagged: a disposition with all that it requires, set at or before due, of a cycle that is not over without a
  complete closing one (closed untagged by the CRM, recycled by the clause); and what an upheld ruling set aside.

Shares are compared as whole numbers, strictly: 85.0% is not above 85%. The minimum counts the week's MQLs: those of
which a first follow-up, a disposition or both are due in it. A share of which nothing is due neither passes nor fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Any

from alignment.business_time import Week
from sla.clauses import Handoff


class Verdict(StrEnum):
    """What a week comes to for the gate of the handoff."""

    PASSES = "passes"
    FAILS = "fails"
    TOO_FEW = "too_few"
    UNKNOWN = "unknown"
    UNSIGNED = "unsigned"
    SO_FAR = "so_far"


WORDS = {
    Verdict.PASSES: "Passes",
    Verdict.FAILS: "Fails",
    Verdict.TOO_FEW: "Too few MQLs",
    Verdict.UNKNOWN: "Not yet known",
    Verdict.UNSIGNED: "Not under a signed SLA",
    Verdict.SO_FAR: "So far",
}
FOLLOW_UP, TAGGING = "First follow-up", "Tagging"
DECIDED = (Verdict.PASSES, Verdict.FAILS)


@dataclass(frozen=True)
class Measure:
    """One share of a week: `met` of `due`, as the gate counts them.

    Within `due`: `held` by undecided disputes (unmet until ruled on), `restated` (missed, then disproved by late
    evidence), `recycled` (by the clause, before the disposition fell due). Within `met`: `set_aside` by rulings.
    `against`: met in time and yet not counted, because nobody was assigned or the cycle was closed untagged.
    `running`: due in the week, not judged, in neither number.
    """

    met: int = 0
    due: int = 0
    restated: int = 0
    held: int = 0
    set_aside: int = 0
    against: int = 0
    recycled: int = 0
    running: int = 0

    @property
    def unmet(self) -> int:
        return self.due - self.met

    @property
    def share(self) -> Fraction | None:
        """None where nothing was due: there is no such share."""
        return Fraction(self.met, self.due) if self.due else None

    def with_running_as_unmet(self) -> Measure:
        """Of a week that was known: what runs again, as when a hold ends without effect, is unmet until judged."""
        return replace(self, due=self.due + self.running)

    def is_above(self, percent: int) -> bool:
        """Strictly; nothing due is above nothing."""
        return 100 * self.met > percent * self.due

    def is_below(self, percent: int) -> bool:
        """Strictly; nothing due is below nothing."""
        return 100 * self.met < percent * self.due

    def to_json(self) -> dict[str, int]:
        return {
            "met": self.met, "due": self.due, "restated": self.restated, "held": self.held,
            "set_aside": self.set_aside, "against": self.against,
            "recycled": self.recycled, "running": self.running,
        }  # fmt: skip


@dataclass(frozen=True)
class JudgedWeek:
    """`asks`: the gate's figures of the SLA in force at its Monday, None where none was signed from then to its end;
    `agreement`: its number. `doubts`: why its figures are not all known yet, in words. `was_known`: they were, once:
    being counted anew does not make them unknown. `counted`: its MQLs, where neither measure alone has as many as are
    asked for."""

    week: Week
    follow_up: Measure
    tagging: Measure
    asks: Handoff | None = None
    agreement: int | None = None
    is_over: bool = True
    doubts: tuple[str, ...] = ()
    was_known: bool = False
    counted: int = 0

    @property
    def mqls(self) -> int:
        """MQLs of which a first follow-up or a disposition is due in it: all of them where they are fewer than the SLA
        asks for, else at least so many."""
        return max(self.counted, self.follow_up.due, self.tagging.due)

    @property
    def has_enough(self) -> bool:
        """Whether it has the MQLs that a week needs to be judged."""
        return self.asks is not None and self.mqls >= self.asks.weekly_minimum

    @property
    def is_full(self) -> bool:
        """Over, and wholly in the time of signed versions."""
        return self.is_over and self.asks is not None

    @property
    def is_known(self) -> bool:
        return self.was_known or not self.doubts

    @property
    def verdict(self) -> Verdict:
        if self.asks is None:
            return Verdict.UNSIGNED
        if not self.is_over:
            return Verdict.SO_FAR
        if not self.is_known:
            return Verdict.UNKNOWN
        if self.short_of:
            return Verdict.FAILS
        has_both = self.follow_up.due and self.tagging.due
        return Verdict.PASSES if self.has_enough and has_both else Verdict.TOO_FEW

    @property
    def words(self) -> str:
        return WORDS[self.verdict]

    @property
    def short_of(self) -> list[tuple[str, int]]:
        """The measures that are not above what is asked for, in a week of enough MQLs, each with its percent."""
        if self.asks is None or not self.has_enough:
            return []
        measures = (
            (FOLLOW_UP, self.follow_up, self.asks.follow_up_percent),
            (TAGGING, self.tagging, self.asks.tagging_percent),
        )
        return [
            (name, percent)
            for name, measure, percent in measures
            if measure.due and not measure.is_above(percent)
        ]

    @property
    def too_few_because(self) -> str:
        """Why it neither passes nor fails for want of MQLs: "9 of at least 10 MQLs were due"; "" where it does."""
        if self.verdict != Verdict.TOO_FEW or self.asks is None:
            return ""
        if not self.has_enough:
            return f"{self.mqls} of at least {self.asks.weekly_minimum} MQLs were due"
        return f"no {'disposition' if self.follow_up.due else 'first follow-up'} was due"

    @property
    def is_judged_on_tagging(self) -> bool:
        """Full, known, with enough MQLs to say whether people set dispositions."""
        return self.verdict in (*DECIDED, Verdict.TOO_FEW) and self.has_enough and self.tagging.due > 0

    @property
    def is_under_tagging(self) -> bool:
        """Fewer tagged than the SLA asks for: an adoption issue once it happens twice running."""
        return (
            self.is_judged_on_tagging
            and self.asks is not None
            and self.tagging.is_below(self.asks.tagging_percent)
        )

    @property
    def is_tagging_back(self) -> bool:
        """At least as many tagged as the SLA asks for."""
        return self.is_judged_on_tagging and not self.is_under_tagging

    def to_json(self) -> dict[str, Any]:
        """For records: what the week was judged on."""
        return {
            "monday": self.week.monday.isoformat(),
            "zone": self.week.zone,
            "agreement": self.agreement,
            "verdict": self.verdict.value,
            "mqls_at_least": self.mqls,
            "follow_up": self.follow_up.to_json(),
            "tagging": self.tagging.to_json(),
        }


@dataclass(frozen=True)
class Standing:
    """Whether the weeks hold the gate open, and by which: the two that opened it, or the one that closed it (none
    where nothing was decided yet)."""

    is_open: bool
    by: tuple[JudgedWeek, ...] = ()


def decide(weeks: Sequence[JudgedWeek]) -> Standing | None:
    """By the newest deciding fact: two weeks next to each other that pass open, one that fails closes, anything else
    leaves it as it was. `weeks`: next to each other, oldest first. None where none of them decides: ask older ones.
    """
    for place in reversed(range(len(weeks))):
        now = weeks[place]
        if now.verdict == Verdict.FAILS:
            return Standing(False, (now,))
        if now.verdict == Verdict.PASSES and place and weeks[place - 1].verdict == Verdict.PASSES:
            return Standing(True, (weeks[place - 1], now))
    return None


def under_tagging(weeks: Sequence[JudgedWeek]) -> tuple[JudgedWeek, JudgedWeek] | None:
    """The first two weeks next to each other under the tagging that the SLA asks for, not followed by two at or above
    it; None where there are none. `weeks`: next to each other, oldest first."""
    found: tuple[JudgedWeek, JudgedWeek] | None = None
    for before, now in pairwise(weeks):
        if found is None and before.is_under_tagging and now.is_under_tagging:
            found = before, now
        elif found is not None and before.is_tagging_back and now.is_tagging_back:
            found = None
    return found


def recovery(weeks: Sequence[JudgedWeek]) -> tuple[JudgedWeek, JudgedWeek] | None:
    """The first two weeks next to each other at or above the tagging that the SLA asks for."""
    for before, now in pairwise(weeks):
        if before.is_tagging_back and now.is_tagging_back:
            return before, now
    return None
