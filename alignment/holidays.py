"""Public holidays of a country or of one of its parts, as rows that seed a calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches

import holidays


class UnknownCountry(ValueError):
    """No public holidays are known under this code."""


def public_holidays(country: str, years: Iterable[int]) -> dict[date, str]:
    """Local date to name, in order of date. `country` is an ISO code such as US, or US-CA for a part of it.

    Raises UnknownCountry with the nearest code that is known.
    """
    code, _, part = country.strip().upper().partition("-")
    known = holidays.list_supported_countries()
    if code not in known:
        raise UnknownCountry(
            f"“{country}” has no known public holidays; write an ISO country code such as DE or US-CA."
        )
    if part and part not in known[code]:
        close = get_close_matches(part, known[code], n=3, cutoff=0) or known[code][:3]
        hint = (
            f"such as {', '.join(f'{code}-{each}' for each in close)}" if close else f"only {code} as a whole"
        )
        raise UnknownCountry(f"“{part}” is no part of {code} with holidays of its own; there is {hint}.")
    found = holidays.country_holidays(code, subdiv=part or None, years=sorted(set(years)))
    return {day: str(name) for day, name in sorted(found.items())}
