"""Shares as whole numbers over whole numbers, by quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from alignment.quarters import Quarter


@dataclass(frozen=True)
class Share:
    """`part` of `whole`."""

    part: int = 0
    whole: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.part + other.part, self.whole + other.whole)

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.part, self.whole) if self.whole else None

    def is_above(self, limit: Fraction) -> bool | None:
        """None where there is nothing to judge. Exactly the limit is not above it."""
        return None if not self.whole else self.part * limit.denominator > limit.numerator * self.whole


@dataclass(frozen=True)
class QuarterShare:
    quarter: Quarter
    share: Share


def span(quarters: Sequence[Quarter], zone: str) -> dict[str, Any]:
    """Parameters of a statement over quarters: from `start` to before `end`, and the `edges` between them."""
    return {
        "edges": [quarter.starts_at(zone) for quarter in quarters],
        "start": quarters[0].starts_at(zone),
        "end": quarters[-1].ends_at(zone),
    }
