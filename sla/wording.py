"""The terms in words: what a window comes to in working days, whom a tier takes, what stops a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from alignment.queries.working_days import WorkingDay
from sla.terms import Tier, Window

STOPS: Mapping[str, str] = {
    "assign": "A named owner: by routing, by hand, or set in the CRM.",
    "follow_up": "The first attempt by sales, or the closing of the cycle. Setting “working” alone stops nothing: "
    "it claims work without showing it.",
    "disposition": "A disposition with all that it requires: a reason with disqualified and recycled, an "
    "opportunity with converted.",
    "attempt": "The next attempt. It is owed until the agreed number is made, a two-way contact comes about, or "
    "the cycle closes.",
}

WHAT_REVOKING_DOES = (
    "Its terms go on judging clocks until another version is signed. Months and periods that were over by then are "
    "judged as signed; one that was not, or begins later, is not judged and has no consequence. What was decided "
    "before stands, and an open renegotiation stays open."
)


@dataclass(frozen=True)
class Revoked:
    """What pages and mails say of an SLA whose signatures count no more since `at`."""

    at: datetime
    says: str = WHAT_REVOKING_DOES


def who(tier: Tier) -> str:
    """ "intent is “demo request” or “pricing”"; "all other leads" for the last one."""
    return f"{tier.field} is {_either(sorted(tier.values))}" if tier.field else "all other leads"


def meanings(window: Window, calendars: Iterable[tuple[str, WorkingDay]]) -> list[str]:
    """What a window comes to in working days, a sentence for the calendars of each length of day."""
    if not window.is_business:
        return ["By the clock: nights, weekends and holidays count."]
    names: dict[WorkingDay, list[str]] = {}
    for name, day in calendars:
        names.setdefault(day, []).append(name)
    if names and all(window.seconds < day.shortest for day in names):
        return ["Less than a working day; only open hours count."]
    return [_in_days(window, day, listed) for day, listed in names.items()]


def _in_days(window: Window, day: WorkingDay, names: list[str]) -> str:
    """What a window comes to in calendars whose working days have this length."""
    whose = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    calendars = "calendars" if len(names) > 1 else "calendar"
    if not day.longest:
        return f"No weekly open hours in {whose}."
    if window.seconds < day.shortest:
        return f"Less than a working day of {whose}."
    if day.shortest == day.longest:
        days = Fraction(window.seconds, day.longest)
        verb = "is" if window.amount == 1 else "are"
        hours = _number(Fraction(day.longest, 3600))
        return f"{window} {verb} {_days(days)} of the {hours}-hour {calendars} {whose}."
    low, high = Fraction(window.seconds, day.longest), Fraction(window.seconds, day.shortest)
    return f"{window}: {_number(low)} to {_number(high)} working days of {whose}, by weekday."


def _days(days: Fraction) -> str:
    return f"{_number(days)} working day{'' if days == 1 else 's'}"


def _number(value: Fraction) -> str:
    """Whole where it is whole, else with one decimal."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.1f}"


def _either(values: list[str]) -> str:
    said = [f"“{value.replace('_', ' ')}”" for value in values]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"
