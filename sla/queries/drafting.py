"""What a draft of the SLA is made of: what is in force or usual, and what the database says of calendars, teams and
the definition of an MQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from alignment.models import ArtifactVersion, Calendar, Organisation, Role, Team, User, VersionState
from alignment.queries.artifacts import draft_of, in_force, who_is_missing
from alignment.queries.calendars import compiled
from alignment.queries.definitions import definition_in_force
from sla.clauses import LEAST_FOLLOW_UP, LEAST_TAGGING, PARTS
from sla.content import KEY, KIND, PICKLISTS
from sla.queries.agreements import load_book
from sla.queries.sending import REVIEW_WITHIN
from sla.terms import InvalidTerms, Terms

FRIDAY = 4  # as `date.weekday` counts


@dataclass(frozen=True)
class Standing:
    """Where the document stands: its draft; the version that waits, with who has not signed (`missing`); the signed one
    in force; and the newest version where that was declined or withdrawn (`refused`)."""

    draft: ArtifactVersion | None
    sent: ArtifactVersion | None
    missing: tuple[str, ...]
    signed: ArtifactVersion | None
    refused: ArtifactVersion | None


def standing() -> Standing:
    """One query, and those of the signers where one waits."""
    newest: dict[str, ArtifactVersion] = {}
    versions = ArtifactVersion.objects.of(KIND, KEY).select_related("artifact", "refusal").order_by("number")
    for version in versions:
        newest[version.state] = version
    sent = newest.get(VersionState.SENT)
    last = max(newest.values(), key=lambda version: version.number, default=None)
    is_refused = last is not None and last.state in (VersionState.DECLINED, VersionState.WITHDRAWN)
    return Standing(
        newest.get(VersionState.DRAFT),
        sent,
        who_is_missing(sent) if sent else (),
        newest.get(VersionState.IN_FORCE),
        last if is_refused else None,
    )


USUAL_OWNERS = {
    "sales": Role.CRO,
    "marketing": Role.CMO,
    "arbitration": Role.REVOPS,
    "escalation": Role.CRO,
}
"""Who is proposed for what, as long as the role has one active login."""


def starting_content(*, at: datetime) -> dict[str, Any] | None:
    """What the editor shows first: the draft; else the version that waits for signatures; else the signed one, with a
    review 90 days from now; else the unsigned working terms with the usual figures. None where none are in force."""
    waiting = draft_of(KIND, KEY) or ArtifactVersion.objects.of(KIND, KEY).sent().first()
    if waiting is not None:
        return dict(waiting.content)
    signed, now = in_force(KIND, KEY), load_book().at(at)
    if signed is not None:
        terms, clauses = signed.content["terms"], signed.content["clauses"]
    elif now is not None:
        terms, clauses = now.agreement.terms, now.agreement.clauses or usual_clauses(at=at)
    else:
        return None
    return complete(terms=terms, clauses=clauses | {"review_on": usual_review(at=at).isoformat()})


def blank_content(*, at: datetime) -> dict[str, Any]:
    """Where nothing is in force that one could start from: the usual figures, and no terms."""
    return complete(terms=None, clauses=usual_clauses(at=at))


def usual_review(*, at: datetime) -> date:
    """The last day from Monday to Friday, of the organisation's zone, within 90 days of `at`: people meet for it."""
    last = at.astimezone(Organisation.get().tz).date() + timedelta(days=REVIEW_WITHIN)
    return last - timedelta(days=max(0, last.weekday() - FRIDAY))


def usual_clauses(*, at: datetime) -> dict[str, Any]:
    """The usual figures. No volume is proposed: marketing has to say what it promises."""
    logins, organisation = _only_logins(), Organisation.get()
    return {
        "marketing": {"volumes": [], "definition": None, "completeness_percent": 90},
        "channels": 2,
        "consequences": {"volume_months": 2, "missed_percent": 15, "period": "month"},
        "owners": {part: logins.get(role) for part, role in USUAL_OWNERS.items()},
        "ruling_within_days": 7,
        "gate": {
            "follow_up_percent": LEAST_FOLLOW_UP,
            "tagging_percent": LEAST_TAGGING,
            "weekly_minimum": organisation.weekly_minimum,
        },
        "report_on": "friday",
        "review_on": usual_review(at=at).isoformat(),
    }


def _only_logins() -> dict[str, dict[str, Any]]:
    """By role the one active login that it has."""
    found: dict[str, list[User]] = {}
    for user in User.objects.filter(role__in=USUAL_OWNERS.values(), is_active=True).order_by("pk"):
        found.setdefault(user.role, []).append(user)
    return {role: named(users[0]) for role, users in found.items() if len(users) == 1}


def named(user: User) -> dict[str, Any]:
    """A login as the SLA names it, by its present name and title."""
    return {"user": user.pk, "name": user.name, "title": user.title or user.get_role_display()}


def complete(
    *,
    terms: Mapping[str, Any] | None,
    clauses: Mapping[str, Any],
    begins_on: date | None = None,
    evidence: list[Mapping[str, Any]] | None = None,
    note: str = "",
) -> dict[str, Any]:
    """The whole content: what was typed, and open hours, names and the definition as they stand."""
    hours, teams = _hours_and_teams(terms)
    return {
        "terms": None if terms is None else dict(terms),
        "hours": hours,
        "teams": teams,
        "clauses": dict(clauses)
        | {
            "marketing": dict(clauses["marketing"]) | {"definition": _definition()},
            "owners": _owners(clauses["owners"]),
        },
        "picklists": {name: list(listed) for name, listed in PICKLISTS.items()},
        "begins_on": begins_on.isoformat() if begins_on else None,
        "evidence": list(evidence or []),
        "note": note,
    }


def _definition() -> dict[str, Any] | None:
    found = definition_in_force("mql")
    return {"version": found.version.number, "digest": found.version.digest} if found else None


def _owners(given: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """Each as the login is named today; who is no longer there stays as named, and sending says so."""
    asked = {part: given.get(part) for part in PARTS}
    users = User.objects.in_bulk([entry["user"] for entry in asked.values() if entry])
    return {
        part: named(users[entry["user"]]) if entry and entry["user"] in users else entry
        for part, entry in asked.items()
    }


def _hours_and_teams(document: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Of the calendars and teams that the terms name; those that are gone are left out, which `check` says."""
    try:
        terms = Terms.from_json(document)
    except InvalidTerms:
        return {}, {}
    calendars = Calendar.objects.in_bulk({terms.default_calendar, *terms.team_calendars.values()})
    first = {pk: found.versions[0] for pk, found in compiled(calendars).items()}
    hours = {
        str(pk): {
            "name": calendar.name,
            "zone": first[pk].schedule["zone"],
            "weekly": first[pk].schedule["weekly"],
            "holidays": first[pk].country,
        }
        for pk, calendar in calendars.items()
    }
    teams = Team.objects.in_bulk(list(terms.team_calendars))
    return hours, {str(pk): team.name for pk, team in teams.items()}
