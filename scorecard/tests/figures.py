"""Measures for tests of what is made of them, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from alignment.quarters import Quarter
from scorecard.measures import Agreement, Attribution, Conversion, Hygiene, Measures, State, Trust, Window

AT = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)


def measures(**changes: Any) -> Measures:
    """Ordinary figures, with changes."""
    reached = {
        "inquiry": 1000,
        "engaged": 800,
        "mql": 200,
        "accepted": 150,
        "qualified": None,
        "opportunity": 56,
    }
    given: dict[str, Any] = {
        "at": AT,
        "window": Window(Quarter(2025, 4), Quarter(2026, 3), "UTC"),
        "agreement": Agreement(1, same=9, different=3, unknown=2),
        "hygiene": Hygiene(
            "24 business hours (Office)", met=395, missed=105, running=0, unassigned=5, recorded=450,
            pipeline={"USD": 100_000_00},
        ),
        "conversion": Conversion(
            tuple(State(key, key, count, "") for key, count in reached.items()), 200, 150, 50, "acceptance", 10
        ),
        "attribution": Attribution(
            {"agreed": 60, "both": 10, "neither": 10, "disagreed": 15, "unproven": 5},
            {
                "agreed": {"USD": 600_000_00}, "both": {"USD": 100_000_00}, "neither": {"EUR": 50_000_00},
                "disagreed": {"USD": 300_000_00}, "unproven": {},
            },
            deals={"USD": 80, "EUR": 20},
        ),
        "trust": Trust(Fraction(34, 10), 12, Fraction(26, 10)),
    }  # fmt: skip
    return Measures(**(given | changes))
