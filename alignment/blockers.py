"""Why something may not be done yet, in words and with figures: page, API and service read the same list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Blocker:
    """One reason why a gate is shut or an act is refused.

    `message` says what is missing and what to do about it; `actual` and `required` are its figures where it has any
    (exact, so that 85.0% is not above 85%). `parts`: where it stands for several things at once, the figure of each,
    such as of every month that falls short. `url`: where to do it, "" where there is no such page. `name`: what it is
    about, in a few words; "" where nobody gave it one.
    """

    code: str
    message: str
    actual: Fraction | None = None
    required: Fraction | None = None
    url: str = ""
    parts: Mapping[str, Fraction] = field(default_factory=dict)
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        """For evidence and the API; figures as "numerator/denominator", `parts` only where there are any."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.actual is not None:
            found["actual"] = str(self.actual)
        if self.required is not None:
            found["required"] = str(self.required)
        if self.parts:
            found["parts"] = {name: str(figure) for name, figure in self.parts.items()}
        return found


class Blocked(Exception):
    """It may not be done yet; `blockers` say why."""

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        super().__init__(" ".join(blocker.message for blocker in blockers))
        self.blockers = tuple(blockers)
