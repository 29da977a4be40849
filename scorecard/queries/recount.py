"""The rates of a scorecard counted again by its own basis: other figures mean that facts came in since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scorecard import bands
from scorecard.queries.attribution import measure_attribution
from scorecard.queries.basis import Basis
from scorecard.queries.conversion import measure_conversion
from scorecard.queries.hygiene import measure_hygiene
from scorecard.queries.measure import qualified_cycles

AT_ONCE = 20_000
"""Rows that are counted again with every look at them; more only when asked for."""


@dataclass(frozen=True)
class Rate:
    """`frozen`: figure and total as the version has them; `now`: counted again, None where that was not asked for."""

    label: str
    group: str
    frozen: tuple[int, int]
    now: tuple[int, int] | None

    @property
    def has_moved(self) -> bool:
        return self.now is not None and self.now != self.frozen


# measure: (label, group of the rows that are its figure, name in the bands)
_RATES = {
    "hygiene": [("Followed up in time", "met", bands.FOLLOWED_UP)],
    "conversion": [
        ("Lead to opportunity", "opportunities", bands.LEAD_TO_OPPORTUNITY),
        ("MQL to SQL", "sqls", bands.MQL_TO_SQL),
    ],
    "attribution": [("Agreed with the first touch", "agreed", bands.AGREED_SOURCE)],
}


def rates_of(name: str, basis: Basis, *, recount: bool) -> list[Rate]:
    """The rates of one measure as frozen, counted again too where they are of few rows or that is asked for.

    Empty for a basis without a version, and for what could not be measured. Raises NoCalendar or NoOpenTime.
    """
    frozen = _frozen(name, basis.content)
    if not frozen:
        return []
    largest = max(total for _, total in frozen.values())
    counted = _counted(name, basis) if recount or largest <= AT_ONCE else {}
    return [
        Rate(label, group, frozen[key], counted.get(key))
        for label, group, key in _RATES[name]
        if key in frozen
    ]


def _frozen(name: str, content: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    figures: Mapping[str, Any] = next(
        (one["figures"] for one in content.get("dimensions", ()) if one["key"] == name), {}
    )
    if name == "hygiene" and figures.get("met", 0) + figures.get("missed", 0):
        return {bands.FOLLOWED_UP: (figures["met"], figures["met"] + figures["missed"])}
    if name == "conversion" and figures.get("states", {}).get("inquiry"):
        states = figures["states"]
        found = {bands.LEAD_TO_OPPORTUNITY: (states["opportunity"], states["inquiry"])}
        if figures["sqls"] is not None and figures.get("mqls"):
            found[bands.MQL_TO_SQL] = (figures["sqls"], figures["mqls"])
        return found
    if name == "attribution" and (total := sum(figures.get("counts", {}).values())):
        return {bands.AGREED_SOURCE: (figures["counts"]["agreed"], total)}
    return {}


def _counted(name: str, basis: Basis) -> dict[str, tuple[int, int]]:
    if name == "hygiene":
        hygiene = measure_hygiene(basis.window, basis.within, at=basis.at)
        return {bands.FOLLOWED_UP: (hygiene.met, hygiene.due)}
    if name == "conversion":
        found = measure_conversion(basis.window, at=basis.at, qualified=qualified_cycles(basis))
        return {
            bands.LEAD_TO_OPPORTUNITY: (found.opportunities, found.leads),
            bands.MQL_TO_SQL: (found.sqls or 0, found.mqls),
        }
    attribution = measure_attribution(basis.window, basis.lists)
    return {bands.AGREED_SOURCE: (attribution.counts["agreed"], attribution.opportunities)}
