"""What a new installation needs before it keeps an agreement, each step with its real state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alignment.definitions.predicate import KEYS
from alignment.models import (
    Artifact,
    CalendarVersion,
    Delivery,
    Endpoint,
    Fact,
    Organisation,
    Person,
    Program,
    Role,
    Source,
    User,
)
from dashboard.queries.figures import agreement_in_force
from handoff.queries import routing
from sla.queries.agreements import InForce

# The note of the agreement that a new installation starts with, until somebody enters another version.
NOTE_OF_DEFAULTS = "Defaults; not signed yet"
SIGNING = (Role.CRO, Role.CMO, Role.FINANCE)
UNNAMED = str(Organisation._meta.get_field("name").get_default())


@dataclass(frozen=True)
class Step:
    """One thing to do: what, what is so now, where (name of an address), whether it is done."""

    name: str
    why: str
    url_name: str
    is_done: bool


def is_empty() -> bool:
    """Nothing has come in from anywhere yet."""
    return not Fact.objects.exists() and not Delivery.objects.exists()


def first_steps(*, at: datetime) -> list[Step]:
    """All steps in the order of the work, done ones as well; a step undone later is open again."""
    organisation, version = Organisation.get(), agreement_in_force(at=at)
    is_named = organisation.name != UNNAMED
    steps = [
        Step(
            "Name the organisation and set its time zone",
            f"{organisation.name}, with days and weeks cut in {organisation.zone}.",
            "alignment:settings",
            is_named,
        ),
        _calendar(organisation, version, is_named),
        _people(),
    ]
    if _routes_here():
        steps.append(_default_pool(at))
    return [*steps, _agreement(version), _source(), _first_event(), _signers(), _program(), _definitions()]


def _calendar(organisation: Organisation, version: InForce | None, is_named: bool) -> Step:
    """Done when the calendar that the agreement names was made by a person or keeps the organisation's zone."""
    name, where = "Set the open hours", "alignment:calendars"
    if version is None:
        return Step(name, "A calendar says in which hours business time runs.", where, False)
    found = CalendarVersion.objects.filter(calendar=version.terms.default_calendar).select_related("calendar")
    versions = list(found.order_by("number"))
    calendar, zone = versions[0].calendar, str(versions[-1].schedule["zone"])
    if versions[0].entered_by_id is not None or zone == organisation.zone:
        return Step(
            name, f"“{calendar}” ({zone}) runs the clocks: check its hours and holidays.", where, is_named
        )
    return Step(
        name,
        f"“{calendar}” runs the clocks by {zone}, not {organisation.zone}: make a calendar of your hours, then "
        "name it in the next version of the SLA.",
        where,
        False,
    )


def _people() -> Step:
    able = Person.objects.filter(is_active=True, team__isnull=False, user__is_active=True).count()
    said = f"{able} {'person' if able == 1 else 'people'} with team and login." if able else (
        "Nobody has a team and a login yet. Teams first, then each person in one."
    )  # fmt: skip
    return Step("Add teams, people and their logins", said, "alignment:people", able > 0)


def _routes_here() -> bool:
    """False when all sources leave the choice of owners to the CRM."""
    ways = set(Source.objects.filter(is_active=True).values_list("assigns", flat=True))
    return not ways or Source.Assigns.PRODUCT in ways


def _default_pool(at: datetime) -> Step:
    part = next((part for part in routing.pool_parts(at=at) if not part.pool.segment), None)
    if part is None:
        said = "There is none: leads of other segments would wait without an owner."
    elif part.has_eligible:
        able = sum(not line.skipped for line in part.members)
        said = f"{able} in “{part.pool}” can be given the next lead now."
    else:
        then = "MQLs wait without an owner" if part.is_dead_end else f"all go to {part.pool.fallback}"
        said = f"Nobody in “{part.pool}” can be given a lead now: {then}."
    name = "Put people into the default pool"
    return Step(name, said, "handoff:pools", part is not None and part.has_eligible)


def _agreement(version: InForce | None) -> Step:
    name = "Read the terms of the SLA and enter yours"
    if version is None:
        return Step(name, "None is in force: no MQL cycle starts and no clock runs.", "sla:agreement", False)
    agreement = version.agreement
    is_default = (
        agreement.note == NOTE_OF_DEFAULTS and agreement.entered_by_id is None and not agreement.is_signed
    )
    signed = "no longer signed" if version.revoked_at else "signed" if agreement.is_signed else "not signed"
    said = (
        f"Version {agreement.number} holds unsigned defaults: the trigger and windows that many start from, agreed "
        "by nobody. It is done when a version of your own is in force."
        if is_default
        else f"Version {agreement.number} is in force, {signed}."
    )
    return Step(name, said, "sla:agreement", not is_default)


def _source() -> Step:
    is_there = Endpoint.objects.filter(is_active=True, source__is_active=True).exists()
    said = "Gives your CRM a secret address to send its events to."
    return Step("Connect a source", said, "alignment:sources", is_there)


def _signers() -> Step:
    """CRO, CMO and finance: without one of them nothing can be signed."""
    held = set(User.objects.filter(role__in=SIGNING, is_active=True).values_list("role", flat=True))
    missing = [str(Role(role).label) for role in SIGNING if role not in held]
    said = f"Nobody has the role {' or '.join(missing)} yet." if missing else "All three have a login."
    return Step("Give CRO, CMO and finance a login", said, "alignment:people", not missing)


def _program() -> Step:
    said = "Scorecard, SLA, handoff, plan and dashboard run as a program, each with a computed gate."
    return Step("Open a program", said, "alignment:program", Program.objects.exists())


def _definitions() -> Step:
    known = Artifact.objects.filter(kind="definition").values_list("key", flat=True)
    left = len(set(KEYS) - set(known))
    said = f"{left} of {len(KEYS)} are not written yet; each has a suggestion to start from."
    return Step("Write the definitions", said, "alignment:definitions", not left)


def _first_event() -> Step:
    if Fact.objects.exists():
        said = "Events arrive and are read."
    elif Delivery.objects.exists():
        said = "Something arrived, but nothing in it could be read yet: look at the source's deliveries."
    else:
        said = "Nothing has arrived yet. The source's page has a test call to copy."
    return Step("Receive the first event", said, "alignment:sources", Fact.objects.exists())
