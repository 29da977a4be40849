"""What cells prove about how a file writes dates and numbers; what they do not prove stays open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_DATE = re.compile(
    r"\s*(?P<a>[0-9]{1,4})[-/.]\s?(?P<b>[0-9]{1,2})[-/.]\s?(?P<c>[0-9]{1,4})(?P<rest>(?:,?\s|T|\Z).*)"
)
_OFFSET = re.compile(r"(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})\s*\Z")
_HAS_TIME = re.compile(r"[0-9]:[0-9]{2}")
_DIGITS = re.compile(r"[0-9][0-9.,]*[0-9]|[0-9]")
AMBIGUOUS = "ambiguous"
MIXED = "mixed"


def date_order(cells: Iterable[str]) -> str | None:
    """ "iso", "dmy" or "mdy" where a day above 12 proves it; "ambiguous", "mixed", or None where there is no date."""
    seen: set[str] = set()
    for cell in cells:
        parts = _DATE.fullmatch(cell)
        if parts is None:
            continue
        if len(parts["a"]) == 4:
            seen.add("iso")
        elif len(parts["a"]) <= 2 and len(parts["c"]) in (2, 4):
            first, second = int(parts["a"]), int(parts["b"])
            seen.add("dmy" if first > 12 else "mdy" if second > 12 else AMBIGUOUS)
    proven = seen & {"dmy", "mdy"}
    if len(proven) == 2:
        return MIXED
    if proven:
        return proven.pop()
    if AMBIGUOUS in seen:
        return AMBIGUOUS
    return "iso" if seen else None


@dataclass(frozen=True)
class TwoReadings:
    """A date of a file as written, without its time, and what it says in either order; None: no day that exists."""

    written: str
    day_first: date | None
    month_first: date | None


def two_readings(cells: Iterable[str]) -> TwoReadings | None:
    """The first date that means another day in the other order; else the first that could be read in both orders."""
    alike = None
    for cell in cells:
        parts = _DATE.fullmatch(cell)
        if parts is None or date_order([cell]) != AMBIGUOUS:
            continue
        first, second = int(parts["a"]), int(parts["b"])
        found = TwoReadings(
            cell[: parts.start("rest")].strip(),
            _day(parts["c"], second, first),
            _day(parts["c"], first, second),
        )
        if found.day_first != found.month_first:
            return found
        alike = alike or found
    return alike


def proof_of(cells: Iterable[str], order: str) -> str:
    """The first date, as written without its time, that is one in this order alone; empty where there is none."""
    for cell in cells:
        if date_order([cell]) == order and (parts := _DATE.fullmatch(cell)):
            return cell[: parts.start("rest")].strip()
    return ""


def _day(year: str, month: int, day: int) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    except ValueError:
        return None


def has_time(cell: str) -> bool:
    """Whether a cell is a date with a time of day."""
    return bool(_DATE.fullmatch(cell) and _HAS_TIME.search(cell))


def lacks_offset(cells: Iterable[str]) -> bool:
    """Whether any of these times says nothing about its zone."""
    return any(
        _DATE.fullmatch(cell) and not (_HAS_TIME.search(cell) and _OFFSET.search(cell.strip()))
        for cell in cells
    )


def decimal_sign(cells: Iterable[str]) -> str | None:
    """The decimal sign of these amounts: "." or ","; None where they contradict each other.

    Amounts have at most two decimals, so three digits behind a single sign are a group of thousands. Whole numbers
    without groups fit both: then it is the point.
    """
    seen: set[str] = set()
    for cell in cells:
        found = _DIGITS.search(cell)
        if found is None:
            continue
        number = found[0]
        signs = [letter for letter in number if letter in ".,"]
        if not signs:
            continue
        last = signs[-1]
        tail = len(number) - number.rindex(last) - 1
        other = "," if last == "." else "."
        is_group = signs.count(last) > 1 or (tail == 3 and len(set(signs)) == 1)
        seen.add(other if is_group else last)
    if len(seen) > 1:
        return None
    return seen.pop() if seen else "."
