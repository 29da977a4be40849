"""The order of day and month of a file, asked for with a date of that very file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from alignment.importing.guesses import AMBIGUOUS, MIXED, TwoReadings, proof_of, two_readings

ORDER_NAMES = {
    "iso": "year first: 2026-03-02",
    "dmy": "day first: 2.3.2026 is the 2nd of March",
    "mdy": "month first: 3/2/2026 is the 2nd of March",
}


def order_choices(cells: Sequence[str], *, is_chosen: bool) -> list[tuple[str, str]]:
    """The orders with what they make of a date of the file that could be read either way, if it has one."""
    names = dict(ORDER_NAMES)
    if example := two_readings(cells):
        names["dmy"] = f"day first: {example.written} is {_said(example.day_first)}"
        names["mdy"] = f"month first: {example.written} is {_said(example.month_first)}"
    return [*([] if is_chosen else [("", "choose")]), *names.items()]


def which_order(cells: Sequence[str], proven: str) -> str:
    """What to ask where the dates of the file do not prove one order: `proven` is AMBIGUOUS or MIXED."""
    if proven == MIXED:
        return (
            f"Some dates have the day first ({proof_of(cells, 'dmy')}), others the month ({proof_of(cells, 'mdy')}). "
            "Best export them in one order; or choose one: rows in the other order are rejected."
        )
    example = two_readings(cells)
    if example is None:
        return "Say which stands first."
    return (
        f"{_asked(example)} No date in the file has a number above 12 in front or in the middle that would settle it: "
        "choose what its author meant."
    )


def hint_of(cells: Sequence[str], proven: str | None) -> str:
    """What to read beside the control; empty where the file leaves nothing open."""
    example = two_readings(cells) if proven == AMBIGUOUS else None
    return _asked(example) if example else ""


def _asked(example: TwoReadings) -> str:
    if example.day_first == example.month_first:
        return f"Which stands first in “{example.written}”, day or month?"
    return f"Is “{example.written}” {_said(example.day_first)} or {_said(example.month_first)}?"


def _said(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else "no date"
