"""Why a draft of the SLA cannot be sent yet, beside what its form says."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse

from alignment.artifacts.kinds import InvalidContent
from alignment.blockers import Blocker
from alignment.business_time import Schedule
from alignment.gates import standing_blockers, track_of
from alignment.models import ArtifactVersion, Calendar, Organisation, Step, Team, User
from alignment.queries.calendars import compiled
from alignment.queries.definitions import definition_in_force
from alignment.queries.programs import current
from sla.clauses import Clauses
from sla.content import KEY, Sla
from sla.page import day

REVIEW_WITHIN = 90  # days


def blockers_of(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
    """Empty where it can be sent."""
    if version.artifact.key != KEY:
        return [Blocker("key", f"The SLA is the document “{KEY}”: draft it on its page.")]
    try:
        sla = Sla.from_json(version.content)
    except InvalidContent:
        return shut_gates(at=at)  # what the content lacks is said already
    return [
        *_definition(sla.clauses),
        *_calendars(sla, version),
        *_teams(sla),
        *_owners(sla.clauses),
        *_review(sla, at=at),
        *shut_gates(at=at),
    ]


def _definition(clauses: Clauses) -> list[Blocker]:
    url = reverse("alignment:definition", args=["mql"])
    found = definition_in_force("mql")
    if found is None:
        text = "What an MQL is has not been signed by sales, marketing and finance; the SLA rests on it."
        return [Blocker("definition", text, url=url)]
    if clauses.marketing.definition != (found.version.number, found.version.digest):
        number = found.version.number
        text = (
            f"The definition of an MQL in force is version {number}; the draft cites another. Save it anew."
        )
        return [Blocker("definition", text, url=reverse("sla:agreement-draft"))]
    return []


def _calendars(sla: Sla, version: ArtifactVersion) -> list[Blocker]:
    known = dict(Calendar.objects.filter(pk__in=sla.hours).values_list("pk", "name"))
    found = []
    ready = compiled(known)
    for pk, hours in sla.hours.items():
        stated = version.content["hours"][str(pk)]
        if pk not in known:
            found.append(
                Blocker("calendar", f"The calendar “{stated['name']}” is no longer there. Choose another.")
            )
            continue
        first = ready[pk].versions[0]
        own = Schedule.from_json(first.schedule)
        if (own.zone, own.weekly) != (hours.zone, hours.weekly) or first.country != stated["holidays"]:
            text = f"The open hours stated for “{stated['name']}” are not those of the calendar. Save the draft anew."
            found.append(Blocker("calendar", text, url=reverse("sla:agreement-draft")))
    return found


def _teams(sla: Sla) -> list[Blocker]:
    wanted = set(sla.terms.team_calendars)
    if wanted - set(Team.objects.filter(pk__in=wanted).values_list("pk", flat=True)):
        return [Blocker("team", "A team with a calendar of its own is no longer there. Save the draft anew.")]
    return []


def _owners(clauses: Clauses) -> list[Blocker]:
    active = set(User.objects.filter(is_active=True).values_list("pk", flat=True))
    return [
        Blocker("owner", f"{named.name} is named, and their login is not active. Name somebody else.")
        for named in clauses.owners.values()
        if named.user not in active
    ]


def _review(sla: Sla, *, at: datetime) -> list[Blocker]:
    today = at.astimezone(Organisation.get().tz).date()
    review, begins = sla.clauses.review_on, sla.begins_on
    if begins is not None and begins < today:
        text = (
            f"The first day, {day(begins)}, is over. Choose a later one, or none: from the last signature on."
        )
        return [Blocker("begins", text, url=reverse("sla:agreement-draft"))]
    if review <= today or (begins is not None and review <= begins):
        return [
            Blocker(
                "review", "The review date lies before the SLA is in force for a day; choose a later one."
            )
        ]
    last = max(today, begins or today) + timedelta(days=REVIEW_WITHIN)
    if review > last:
        text = f"The review is due within {REVIEW_WITHIN} days: choose {day(last)} or an earlier day."
        return [Blocker("review", text)]
    return []


def shut_gates(*, at: datetime) -> list[Blocker]:
    """The gates that the track of the open program puts before this step; without a program there are none."""
    program = current()
    if program is None:
        return []
    track = track_of(program)
    found = list(track.ahead(Step.SLA, program, at=at))
    for step in track.before(Step.SLA):
        if standing := standing_blockers(step, program, at=at):
            found.append(
                Blocker(
                    f"gate-{step.value}",
                    f"Gate {step.value} ({step.label}) is shut: {standing[0].message} "
                    "The one way around it is a waiver of that, signed by both leaders.",
                    url=reverse("alignment:program"),
                )
            )
    return found
