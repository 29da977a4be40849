"""Bands: which figure earns which score. Both function leads sign them before a scorecard may rest on them.

Content of an artifact of kind "scoring-bands":

    {"bands": {"hygiene": ["0.55", "0.70", "0.85", "0.90", "0.95"], …}, "note": "why they were changed"}

Per rate the five figures, as decimal strings, that earn 1, 2, 3, 4 and 5; straight lines lie between them. What is
at or under the first earns 1.0, what is at or over the last 5.0.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from alignment.artifacts.document import Block, Document, Facts, Paragraph, Table
from alignment.artifacts.kinds import InvalidContent
from scorecard.dimensions import FRACTURE, START

KIND, KEY = "scoring-bands", "scorecard"
SHARE_SAME, FOLLOWED_UP, LEAD_TO_OPPORTUNITY = "definitions", "hygiene", "lead_to_opportunity"
MQL_TO_SQL, AGREED_SOURCE, TRUST_MEAN = "mql_to_sql", "attribution", "trust"
RATES: Mapping[str, str] = {
    SHARE_SAME: "Definitions: share of questions that sales and marketing answer the same",
    FOLLOWED_UP: "Handoff hygiene: share of MQLs followed up within the stated window",
    LEAD_TO_OPPORTUNITY: "Conversion: leads that became an opportunity",
    MQL_TO_SQL: "Conversion: MQLs that became SQLs",
    AGREED_SOURCE: "Attribution: share of opportunities whose claims agree with the first touch",
    TRUST_MEAN: "Trust: mean of the survey, 1 to 5",
}
WHY: Mapping[str, str] = {
    SHARE_SAME: "Two in three questions answered the same are the least on which an agreement can be written.",
    FOLLOWED_UP: "85% is where the agreement's consequence begins and the handoff's gate opens.",
    LEAD_TO_OPPORTUNITY: "5 to 15% is the benchmark: 3.0 at its lower end, 5.0 at its upper one.",
    MQL_TO_SQL: "Above 70% is the benchmark.",
    AGREED_SOURCE: "Three in four opportunities undisputed are the least that a shared number can stand on.",
    TRUST_MEAN: "The survey's own scale.",
}
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    SHARE_SAME: ("0.3", "0.5", "0.67", "0.85", "1"),
    FOLLOWED_UP: ("0.55", "0.7", "0.85", "0.9", "0.95"),
    LEAD_TO_OPPORTUNITY: ("0", "0.025", "0.05", "0.1", "0.15"),
    MQL_TO_SQL: ("0.3", "0.5", "0.7", "0.8", "0.9"),
    AGREED_SOURCE: ("0.3", "0.5", "0.75", "0.85", "0.95"),
    TRUST_MEAN: ("1", "2", "3", "4", "5"),
}
_DECIMAL = re.compile(r"(0|[1-9][0-9]?)(\.[0-9]{1,4})?")


@dataclass(frozen=True)
class Bands:
    """Per rate the five figures that earn 1 to 5, rising."""

    thresholds: Mapping[str, tuple[Fraction, ...]]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Bands:
        """Raises InvalidContent."""
        check(content)
        return cls({rate: tuple(map(Fraction, content["bands"][rate])) for rate in RATES})

    def position(self, rate: str, value: Fraction) -> Fraction:
        """The exact score of a figure, 1 to 5, before it is rounded."""
        steps = self.thresholds[rate]
        if value <= steps[0]:
            return Fraction(1)
        if value >= steps[-1]:
            return Fraction(5)
        below = bisect_right(steps, value) - 1
        return 1 + below + (value - steps[below]) / (steps[below + 1] - steps[below])

    def benchmark(self, rate: str) -> Fraction:
        """The figure that earns 3.0: what is under it is a fracture."""
        return self.thresholds[rate][2]


def tenths(position: Fraction) -> int:
    """A score to one decimal, in tenths, half up: 3.45 is 3.5. Rounding lifts none over a line that decides: what lies
    under 3.0 is at most 2.9, what lies under 2.0 at most 1.9."""
    rounded = half_up(position)
    return next((line - 1 for line in (START, FRACTURE) if position * 10 < line <= rounded), rounded)


def half_up(position: Fraction) -> int:
    """To tenths by plain rounding."""
    return (20 * position.numerator + position.denominator) // (2 * position.denominator)


def default_content() -> dict[str, Any]:
    return {"bands": {rate: list(steps) for rate, steps in DEFAULTS.items()}, "note": ""}


def check(content: Mapping[str, Any]) -> None:
    """Raises InvalidContent with a sentence for each rate that is wrong."""
    bands = content.get("bands")
    if not isinstance(bands, Mapping):
        raise InvalidContent("The content has no bands: give five figures for each rate.")
    problems = [f"“{rate}” is no rate that is scored." for rate in bands if rate not in RATES]
    for rate, label in RATES.items():
        if problem := problem_of(rate, bands.get(rate)):
            problems.append(f"{label}: {problem}")
    if not isinstance(content.get("note", ""), str):
        problems.append("The note is a text.")
    if problems:
        raise InvalidContent(*problems)


def problem_of(rate: str, steps: object) -> str:
    """What is wrong with the five figures of one rate, in words; empty where nothing is."""
    if not isinstance(steps, list | tuple) or len(steps) != 5:
        return "give five figures, for the scores 1 to 5."
    if not all(isinstance(step, str) and _DECIMAL.fullmatch(step) for step in steps):
        return "write each figure as a decimal with a point and at most four decimals, such as 0.85."
    found = [Fraction(step) for step in steps]
    if any(one >= other for one, other in pairwise(found)):
        return "each figure must be larger than the one before it."
    low, high = (1, 5) if rate == TRUST_MEAN else (0, 1)
    if found[0] < low or found[-1] > high:
        return f"figures lie between {low} and {high}."
    return ""


def render(content: Mapping[str, Any]) -> Document:
    """The bands as a table, complete or not."""
    bands = content.get("bands") if isinstance(content.get("bands"), Mapping) else {}
    rows = []
    for rate, label in RATES.items():
        steps = bands.get(rate) if isinstance(bands, Mapping) else None
        known = steps if isinstance(steps, list | tuple) and len(steps) == 5 else ["–"] * 5
        rows.append((label, *(_shown(rate, step) for step in known)))
    blocks: list[Block] = [
        Paragraph(
            "The figure that earns each score. Between two of them the score lies on a straight line and is rounded "
            "to one decimal, half up; beyond the first and the last it stays 1.0 and 5.0. Under 3.0 is a fracture, "
            "under 2.0 is where to start; rounding lifts no score up to either.",
            "lead",
        ),
        Table(("What is measured", "1", "2", "3", "4", "5"), tuple(rows), frozenset(range(1, 6))),
        Facts(tuple((RATES[rate], why) for rate, why in WHY.items())),
    ]
    if content.get("note"):
        blocks.append(Paragraph(f"Why they were changed: {content['note']}"))
    return Document("Scoring bands of the diagnosis", "What each figure earns, from 1 to 5", tuple(blocks))


def _shown(rate: str, step: object) -> str:
    if not isinstance(step, str) or not _DECIMAL.fullmatch(step):
        return "–"
    if rate == TRUST_MEAN:
        return step
    percent = Fraction(step) * 100
    whole, rest = divmod(percent.numerator, percent.denominator)
    return f"{whole}%" if not rest else f"{float(percent):.10g}%"
