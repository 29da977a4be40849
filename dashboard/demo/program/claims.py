"""The lists of opportunities that each function of the demo company says it sourced."""

from __future__ import annotations

from datetime import datetime
from random import Random

from alignment.models import Function, Program
from scorecard.queries.attribution import attribution_rows
from scorecard.queries.window import diagnosis_of, window_of

# first touch: share of its opportunities that the function claims; the other function's come under "others"
_SHARES = {
    Function.SALES: ({"sales": 0.97, "other": 0.05, "unknown": 0.45}, 0.22),
    Function.MARKETING: ({"marketing": 0.98, "other": 0.2, "unknown": 0.3}, 0.1),
}


def claimed(
    program: Program, function: Function, *, rng: Random, at: datetime, is_second: bool = False
) -> str:
    """A list as that function keeps it: nearly all of its own, and some that the first touch gives to others.

    By the second program both claim less of what is not theirs.
    """
    own, of_others = _SHARES[function]
    others = of_others / 2 if is_second else of_others
    window = window_of(diagnosis_of(program), at=at)
    rows = sorted(attribution_rows(window, {}), key=lambda row: row.opportunity)
    lines = [
        f"{row.opportunity},{function.value},{row.source}"
        for row in rows
        if rng.random() < own.get(row.first_touch, others)
    ]
    return "\n".join(["opportunity,source,crm", *lines]) + "\n"
