"""Content of the joint revenue SLA, the artifact "sla": the terms that clocks run on, and all else that is agreed.

    {"terms": …          sla.terms, word for word what runs
     "hours": {"1": {"name": "Office hours", "zone": "Europe/Berlin", "weekly": {…}, "holidays": "DE"}},
     "teams": {"3": "Enterprise"},
     "clauses": …        sla.clauses
     "picklists": {"dispositions": […], "reasons": […]},
     "begins_on": null or a day,
     "evidence": [{"scenario": 3, "name": "8 hours for all", "said": ["…"]}],
     "note": "what changes, and why"}

`hours` holds the weekly windows, zone and holiday source of each calendar that the terms name, by its id. A calendar's
own never change (a changed week is a new calendar), so what is signed and what runs are the same; only exceptions come
later, and act from when they are entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from alignment.artifacts.kinds import InvalidContent
from alignment.business_time import InvalidSchedule, Schedule
from alignment.models.cycles import Disposition, DisqualificationReason
from sla.clauses import Clauses, read_day
from sla.terms import InvalidTerms, Terms, only

KIND, KEY = "sla", "revenue"
PICKLISTS: Mapping[str, list[str]] = {
    "dispositions": list(Disposition.values),
    "reasons": list(DisqualificationReason.values),
}
_WHO_IS_MISSING = {
    "sales": "Name who answers for what sales owes.",
    "marketing": "Name who answers for what marketing owes.",
    "arbitration": "Name who rules on disputes.",
    "escalation": "Name to whom a dispute goes that is not ruled on in time.",
}
MOST_SCENARIOS = 3
NOTE_LENGTH = 200


@dataclass(frozen=True)
class Sla:
    """What a complete content says. `begins_on`: the first day (organisation's zone) on which it judges, None: from the
    last signature on. `hours`: schedule by calendar's id."""

    terms: Terms
    clauses: Clauses
    hours: Mapping[int, Schedule]
    begins_on: date | None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Sla:
        """Raises InvalidContent naming the first place that is wrong."""
        try:
            given = only(
                "SLA", content,
                "terms", "hours", "teams", "clauses", "picklists", "begins_on", "evidence", "note",
            )  # fmt: skip
            terms = Terms.from_json(given["terms"])
            clauses = Clauses.from_json(given["clauses"])
            hours = _hours(given["hours"])
            begins = given["begins_on"]
            begins_on = None if begins is None else read_day("begins_on", begins)
        except InvalidTerms as problem:
            raise InvalidContent(str(problem)) from problem
        _require_all_named(terms, hours, given["teams"])
        _require_apart(clauses)
        if given["picklists"] != PICKLISTS:
            raise InvalidContent("picklists: dispositions and reasons are a fixed set.")
        _require_evidence(given["evidence"])
        if not isinstance(given["note"], str) or len(given["note"]) > NOTE_LENGTH:
            raise InvalidContent(f"note: a text of at most {NOTE_LENGTH} characters.")
        return cls(terms, clauses, hours, begins_on)


def check(content: Mapping[str, Any]) -> None:
    """Raises InvalidContent: with all that a draft leaves open, or else naming the first place that is wrong."""
    if left_open := missing(content):
        raise InvalidContent(*left_open)
    Sla.from_json(content)


def missing(content: Mapping[str, Any]) -> list[str]:
    """What a draft may leave open and a signed SLA may not, one sentence each."""
    clauses: Mapping[str, Any] = content.get("clauses") or {}
    marketing: Mapping[str, Any] = clauses.get("marketing") or {}
    owners: Mapping[str, Any] = clauses.get("owners") or {}
    found = []
    if not content.get("terms"):
        found.append("The terms that clocks run on are missing: write them in the editor.")
    if not marketing.get("volumes"):
        found.append("Say how many MQLs a month marketing owes, at least for all segments together.")
    if not marketing.get("definition"):
        found.append(
            "The draft cites no signed definition of an MQL: once that is signed, save the draft anew."
        )
    found += [sentence for part, sentence in _WHO_IS_MISSING.items() if not owners.get(part)]
    if not clauses.get("review_on"):
        found.append("Say on which day the SLA is reviewed.")
    return found


def _hours(document: object) -> dict[int, Schedule]:
    if not isinstance(document, Mapping):
        raise InvalidTerms("hours: an object from a calendar's id to its open hours.")
    found = {}
    for key, entry in document.items():
        where = f"hours: {key}"
        given = only(where, entry, "name", "zone", "weekly", "holidays")
        if not key.isdigit() or not isinstance(given["name"], str) or not isinstance(given["holidays"], str):
            raise InvalidTerms(f"{where}: give a calendar's id, its name and the source of its holidays.")
        try:
            found[int(key)] = Schedule.from_json({"zone": given["zone"], "weekly": given["weekly"]})
        except InvalidSchedule as problem:
            raise InvalidTerms(f"{where}: {problem}") from problem
    return found


def _require_all_named(terms: Terms, hours: Mapping[int, Schedule], teams: object) -> None:
    used = {terms.default_calendar, *terms.team_calendars.values()}
    if used != set(hours):
        raise InvalidContent(
            "hours: state the open hours of each calendar that the terms name, and of no other."
        )
    if not isinstance(teams, Mapping) or {str(team) for team in terms.team_calendars} != set(teams):
        raise InvalidContent("teams: name each team that has a calendar of its own, and no other.")
    if not all(isinstance(name, str) and name for name in teams.values()):
        raise InvalidContent("teams: each has a name.")


def _require_apart(clauses: Clauses) -> None:
    if clauses.owners["arbitration"].user == clauses.owners["escalation"].user:
        raise InvalidContent(
            "owners: name another person for escalation than for arbitration: one goes there when no ruling comes."
        )
    if clauses.owners["sales"].user == clauses.owners["marketing"].user:
        raise InvalidContent(
            "owners: name one person for what sales owes and another for what marketing owes."
        )


def _require_evidence(listed: object) -> None:
    if not isinstance(listed, list) or len(listed) > MOST_SCENARIOS:
        raise InvalidContent(f"evidence: at most {MOST_SCENARIOS} saved scenarios.")
    for entry in listed:
        is_whole = (
            isinstance(entry, Mapping)
            and set(entry) == {"scenario", "name", "said"}
            and isinstance(entry["scenario"], int)
            and isinstance(entry["name"], str)
            and isinstance(entry["said"], list)
            and all(isinstance(line, str) for line in entry["said"])
        )
        if not is_whole:
            raise InvalidContent("evidence: each is a saved scenario with its name and what it found.")
