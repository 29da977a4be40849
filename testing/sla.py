"""Signed SLAs for tests: their clauses, their content, and one that is in force."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from alignment.models import ArtifactVersion, Calendar, Role, Team
from alignment.queries.calendars import compiled
from alignment.queries.definitions import definition_in_force
from alignment.services.artifacts import revoke
from sla.content import KEY, KIND, PICKLISTS
from sla.models import Agreement
from sla.queries.agreements import load_book
from testing import definitions
from testing.artifacts import sent, sign_all, user_with


def clauses(*, at: datetime, **changes: Any) -> dict[str, Any]:
    """The usual clauses, which cite the definition of an MQL in force (signed here where there is none)."""
    cited = definition_in_force("mql")
    version = cited.version if cited else definitions.put_in_force("mql", at=at)
    return {
        "marketing": {
            "volumes": [{"segment": "", "mqls": 100}],
            "definition": {"version": version.number, "digest": version.digest},
            "completeness_percent": 90,
        },
        "channels": 2,
        "consequences": {"volume_months": 2, "missed_percent": 15, "period": "month"},
        "owners": {
            "sales": named(Role.CRO),
            "marketing": named(Role.CMO),
            "arbitration": named(Role.REVOPS),
            "escalation": named(Role.CRO),
        },
        "ruling_within_days": 7,
        "gate": {"follow_up_percent": 85, "tagging_percent": 90, "weekly_minimum": 10},
        "report_on": "friday",
        "review_on": (at + timedelta(days=90)).date().isoformat(),
    } | changes


def named(role: str) -> dict[str, Any]:
    user = user_with(role)
    return {"user": user.pk, "name": user.name, "title": user.get_role_display()}


def content(
    terms: dict[str, Any], *, at: datetime, begins_on: str | None = None, **changes: Any
) -> dict[str, Any]:
    """A complete content with these terms; `changes` of its clauses."""
    calendars = terms["calendars"]
    used = {calendars["default"], *calendars["teams"].values()}
    ready = compiled(used)
    names = dict(Calendar.objects.filter(pk__in=used).values_list("pk", "name"))
    hours = {}
    for pk in used:
        first = ready[pk].versions[0]
        hours[str(pk)] = {
            "name": names[pk],
            "zone": first.schedule["zone"],
            "weekly": first.schedule["weekly"],
            "holidays": first.country,
        }
    teams = Team.objects.in_bulk([int(pk) for pk in calendars["teams"]])
    return {
        "terms": terms,
        "hours": hours,
        "teams": {str(pk): team.name for pk, team in teams.items()},
        "clauses": clauses(at=at, **changes),
        "picklists": dict(PICKLISTS),
        "begins_on": begins_on,
        "evidence": [],
        "note": "",
    }


def sent_sla(terms: dict[str, Any], *, at: datetime, **changes: Any) -> ArtifactVersion:
    """An SLA that waits for both signatures."""
    return sent(KIND, content(terms, at=at, **changes), key=KEY, at=at)


def signed_sla(terms: dict[str, Any], *, at: datetime, **changes: Any) -> Agreement:
    """The agreement that a signed SLA brought in force at `at`."""
    version = sign_all(sent_sla(terms, at=at, **changes), at=at)
    return Agreement.objects.get(version=version)


def revoke_sla(agreement: Agreement, *, at: datetime) -> None:
    """The CRO takes the signature back."""
    if agreement.version is None:
        raise AssertionError(f"{agreement} is not signed")
    by = user_with(Role.CRO)
    revoke(version=agreement.version, role=Role.CRO, reason="It cannot be kept.", by=by, at=at)


def judging(at: datetime) -> Agreement:
    """The agreement that judges what starts at an instant at which there is one."""
    found = load_book().at(at)
    if found is None:
        raise AssertionError(f"no agreement judges {at}")
    return found.agreement


def amended(*, at: datetime, terms: dict[str, Any] | None = None, **changes: Any) -> Agreement:
    """A further signed SLA: today's terms with other ones (`terms`: keys to replace) and other clauses."""
    return signed_sla(judging(at).terms | (terms or {}), at=at, **changes)
