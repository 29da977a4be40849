"""Scenarios that an SLA cites as evidence: for which terms each was found, and whether the SLA has others by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sla.models import Scenario
from sla.terms import Terms


@dataclass(frozen=True)
class Cited:
    """`windows`: of the scenario's own terms, in words. `others`: what of them the SLA has otherwise, in words; ""
    where a replay reads the same in both."""

    scenario: Scenario
    windows: str
    others: str

    @property
    def said(self) -> list[str]:
        """What the SLA prints of it."""
        warning = [f"Found for terms other than these: {self.others}."] if self.others else []
        return [*self.scenario.said, *warning]


def cited(evidence: Iterable[Mapping[str, Any]], terms: Mapping[str, Any] | None) -> list[Cited]:
    """Those of the entries whose scenario is there, beside the terms of an SLA; None: it has none yet."""
    listed = list(evidence)
    saved = Scenario.objects.in_bulk([entry["scenario"] for entry in listed]) if listed else {}
    own = Terms.from_json(terms) if terms else None
    found = []
    for entry in listed:
        if (scenario := saved.get(entry["scenario"])) is not None:
            tried = Terms.from_json(scenario.terms)
            found.append(Cited(scenario, windows(tried), _others(tried, own) if own else ""))
    return found


def as_cited(
    evidence: Iterable[Mapping[str, Any]], terms: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    """The entries as an SLA with these terms prints them: what was found for other terms says so."""
    listed = list(evidence)
    said = {each.scenario.pk: each.said for each in cited(listed, terms)}
    return [{**entry, "said": said.get(entry["scenario"], entry["said"])} for entry in listed]


def windows(terms: Terms) -> str:
    """ "first follow-up within 5 business minutes (High intent), 8 business hours (Standard)"."""
    tiers = [f"{tier.follow_up_within} ({tier.label})" for tier in terms.tiers]
    return f"first follow-up within {', '.join(tiers)}"


def _others(tried: Terms, own: Terms) -> str:
    """Of the terms that a replay reads."""
    found = []
    if windows(tried) != windows(own):
        found.append(windows(tried))
    elif _tiers(tried) != _tiers(own):
        found.append("other tiers or dispositions")
    if tried.trigger != own.trigger:
        found.append(f"an MQL when its {tried.trigger}")
    if tried.assign_within != own.assign_within:
        found.append(f"a named owner within {tried.assign_within}")
    if (tried.default_calendar, tried.team_calendars) != (own.default_calendar, own.team_calendars):
        found.append("other calendars")
    return "; ".join(found)


def _tiers(terms: Terms) -> list[tuple[Any, ...]]:
    return [(tier.field, tier.values, tier.follow_up_within, tier.disposition_within) for tier in terms.tiers]
