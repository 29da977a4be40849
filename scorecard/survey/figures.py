"""What a closed survey may show, and nothing from which somebody's answer can be worked out.

Rules, with k the smallest group (5 or more):

* Fewer than k answers: nothing at all, not even how many.
* A function is shown if it and the rest both have k answers. What all shown functions leave of the total has k too, or
  nobody: else a subtraction would show a smaller set. The smallest function is left out until that holds.
* No mean where all answers, or all but one, are alike: a band instead. All but one counts too, because the one who
  differs would know what everybody else said, and because a band then does not say that all are alike.
* If that holds for any set of answers that subtraction could single out, the question is not shown by function.
* How many chose each answer is shown for the total only, and not beside a band.
* The overall figure is made of the shown figures of the questions, a band counting by its middle: it tells no more.

Means are whole tenths, rounded half up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from scorecard.survey.box import Ballot
from scorecard.survey.questions import QUESTIONS, SCALE

SCHEMA = 1
BANDS = ((10, 20), (20, 40), (40, 50))  # tenths


@dataclass(frozen=True)
class Figure:
    """A question's result in tenths: a mean, or a band that holds it. `distribution`: answers of 1, 2, 3, 4, 5."""

    mean: int | None
    band: tuple[int, int] | None = None
    distribution: tuple[int, ...] | None = None

    @property
    def tenths(self) -> int:
        """The mean, or the middle of the band."""
        if self.mean is not None:
            return self.mean
        low, high = self.band or (0, 0)
        return (low + high) // 2

    def to_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "band": list(self.band) if self.band else None,
            "distribution": list(self.distribution) if self.distribution else None,
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Figure:
        band, distribution = given["band"], given["distribution"]
        return cls(
            given["mean"],
            (band[0], band[1]) if band else None,
            tuple(distribution) if distribution else None,
        )


def release(ballots: Sequence[Ballot], *, minimum: int, invited: int) -> dict[str, Any]:
    """The content of a release: {schema, minimum, invited, count, overall, questions, functions}.

    `questions`: {key: figure}; `functions`: {function: {count, overall, questions}}, where a question that may not be
    shown by function is missing. Below the minimum `count` and `overall` are None and the rest is empty.
    """
    told: dict[str, Any] = {"schema": SCHEMA, "minimum": minimum, "invited": invited}
    if len(ballots) < minimum:
        return told | {"count": None, "overall": None, "questions": {}, "functions": {}}
    cells: dict[str, list[Ballot]] = {}
    shown = shown_groups(Counter(ballot.group for ballot in ballots), minimum)
    for ballot in ballots:
        cells.setdefault(ballot.group if ballot.group in shown else "", []).append(ballot)
    total: dict[str, Figure] = {}
    by_function: dict[str, dict[str, Figure]] = {group: {} for group in shown}
    for place, question in enumerate(QUESTIONS):
        values = {group: [ballot.values[place] for ballot in cell] for group, cell in cells.items()}
        total[question.key] = figure_of([value for cell in values.values() for value in cell])
        if shown and not any(map(tells_everybody, _unions(list(values.values())))):
            for group in shown:
                by_function[group][question.key] = Figure(mean_of(values[group]))
    return told | {
        "count": len(ballots),
        "overall": overall(list(total.values())),
        "questions": {key: figure.to_json() for key, figure in total.items()},
        "functions": {
            group: {
                "count": len(cells[group]),
                "overall": overall(list(figures.values())) if len(figures) == len(QUESTIONS) else None,
                "questions": {key: figure.to_json() for key, figure in figures.items()},
            }
            for group, figures in by_function.items()
        },
    }


def shown_groups(sizes: Mapping[str, int], minimum: int) -> list[str]:
    """The groups that may be shown alone, by name. `sizes`: {group: answers}, with the rest under the empty name."""
    total = sum(sizes.values())
    shown = sorted(
        group for group, size in sizes.items() if group and size >= minimum and total - size >= minimum
    )
    while shown and 0 < total - sum(sizes[group] for group in shown) < minimum:
        shown.remove(min(shown, key=lambda group: (sizes[group], group)))
    return shown


def figure_of(values: Sequence[int]) -> Figure:
    """The figure of these answers: with their distribution, or only a band."""
    if tells_everybody(values):
        low, high = 2 * len(values), 4 * len(values)
        return Figure(None, BANDS[0 if sum(values) <= low else 2 if sum(values) >= high else 1])
    counts = Counter(values)
    return Figure(mean_of(values), None, tuple(counts[answer] for answer in SCALE))


def tells_everybody(values: Sequence[int]) -> bool:
    """Whether the mean would show what everybody said: all alike, all but one, or a mean that reads as 1 or 5."""
    return max(Counter(values).values()) >= len(values) - 1 or mean_of(values) in {10, 50}


def mean_of(values: Sequence[int]) -> int:
    """Mean in tenths, rounded half up."""
    return (20 * sum(values) + len(values)) // (2 * len(values))


def overall(figures: Sequence[Figure]) -> int:
    """Mean of shown figures in tenths, rounded half up."""
    return (2 * sum(figure.tenths for figure in figures) + len(figures)) // (2 * len(figures))


def _unions(cells: Sequence[list[int]]) -> list[list[int]]:
    """Every set of answers that adding and subtracting shown sets could single out."""
    return [
        [value for cell in chosen for value in cell]
        for size in range(1, len(cells) + 1)
        for chosen in combinations(cells, size)
    ]
