"""Gate 0: what must be there before the scorecard is sent. Evidence instead of tick boxes where data can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.urls import NoReverseMatch, reverse

from alignment.blockers import Blocker
from alignment.gates.registry import Basis, Evidence, gate
from alignment.models import ArtifactVersion, Organisation, Program, Role, Step, VersionState
from alignment.models.programs import OWNERS, OWNERS_SAID
from alignment.quarters import Quarter
from alignment.queries import prerequisites as queries
from alignment.queries.artifacts import in_force, latest, signatures_so_far, who_is_missing
from alignment.queries.prerequisites import FIGURES, FILLED_AT_LEAST, Figure, Month

SPONSORSHIP, DEFINITION, OPPORTUNITY = "sponsorship", "definition", "opportunity"
LEADS = (Role.CRO, Role.CMO)
HOURS = 20  # a week
FRESH = timedelta(days=30)
"""How long ago the last event about an object may be for it to count as reaching us."""
_OBJECTS = {"lead": "leads", "opportunity": "opportunities", "campaign": "campaigns"}
_MONTHS_NAMED = 4


def address(name: str, **arguments: Any) -> str:
    """The address of a page by its name; empty while no app answers to it."""
    try:
        return reverse(name, kwargs=arguments)
    except NoReverseMatch:
        return ""


def day_of(instant: datetime | None) -> str:
    """ "3 November 2026" in the organisation's zone."""
    if instant is None:
        return ""
    local = instant.astimezone(Organisation.get().tz)
    return f"{local.day} {local:%B %Y}"


@gate(Step.PREREQUISITES)
def sponsorship(program: Program, *, at: datetime) -> list[Evidence]:
    """CRO and CMO signed one sourced-pipeline number for each of the next four quarters."""
    what, url = "Sponsorship of one sourced-pipeline number", address("alignment:sponsorship")
    version = in_force(SPONSORSHIP, str(program.number), at=at, signed_by=LEADS)
    if version is None:
        lacking = "The CRO and the CMO have not signed one sourced-pipeline number for the next four quarters"
        newest = latest(SPONSORSHIP, str(program.number))
        return [
            _unsigned(what, "sponsorship", lacking, "enter it, send it, and both sign", url, newest, LEADS)
        ]
    first = Quarter.read(version.content["quarters"][0]["quarter"])
    last = Quarter.read(version.content["quarters"][-1]["quarter"])
    found = f"Version {version.number}, for {first.name} to {last.name}, signed by CRO and CMO"
    url = address("alignment:artifact", kind=SPONSORSHIP, key=str(program.number)) or url
    present = Quarter.of(at, Organisation.get().zone)
    if first < present:
        text = (
            f"The signed numbers begin with {first.name}, which is over: sign them for the next four quarters, from "
            f"{present.next().name} on."
        )
        outdated = _unmet(
            what, found, "sponsorship-outdated", text, url, Basis.SIGNED, as_of=version.signed_at
        )
        return [replace(outdated, version=version)]
    return [Evidence(what, found, Basis.SIGNED, version.signed_at, url, version=version)]


@gate(Step.PREREQUISITES)
def owner(program: Program, *, at: datetime) -> list[Evidence]:
    """A named owner with the time and the access, as declared."""
    change = address("alignment:program-change")
    person = program.owner
    if person is None:
        text = "Name the operational owner of the program: without one the procedures stall at step 3."
        named = _unmet("Named owner", "Nobody", "owner", text, change)
    elif not person.is_active:
        text = f"The login of {person} is switched off: name another owner."
        named = _unmet("Named owner", f"{person}, switched off", "owner-inactive", text, change)
    elif person.role not in OWNERS:
        held = person.get_role_display()
        text = f"{person} ({held}) cannot run a program: name somebody of {OWNERS_SAID} as its owner."
        named = _unmet("Named owner", f"{person} ({held})", "owner-role", text, change)
    else:
        named = Evidence("Named owner", f"{person} ({person.get_role_display()})", Basis.DECLARED)
    hours = program.hours_per_week or 0
    time = Evidence("Hours a week", f"{hours} of at least {HOURS}", Basis.DECLARED)
    if hours < HOURS:
        text = f"The owner has {hours} hours a week for the program; at least {HOURS} are needed."
        time = _unmet(
            time.what, time.found, "hours", text, change, actual=Fraction(hours), required=Fraction(HOURS)
        )
    what = "Admin access to lead, opportunity and campaign objects"
    access = Evidence(what, "Declared", Basis.DECLARED)
    if not program.has_admin_access:
        text = "Say that the owner may administer leads, opportunities and campaigns in the CRM, once that is so."
        access = _unmet(what, "Not declared", "admin-access", text, change)
    return [named, time, access]


@gate(Step.PREREQUISITES)
def last_events(program: Program, *, at: datetime) -> Iterator[Evidence]:
    """Leads, opportunities and campaigns of the CRM reach us: the last event of each, within the last 30 days."""
    sources = address("alignment:sources")
    for name, received in queries.last_events().items():
        what = f"Last event about {_OBJECTS[name]}"
        if received is not None and at - received <= FRESH:
            yield Evidence(what, f"Received within {FRESH.days} days", Basis.MEASURED, received, sources)
            continue
        if received is not None:
            text = (
                f"The last event about {_OBJECTS[name]} was received on {day_of(received)}, more than {FRESH.days} "
                "days ago: look whether their source still sends, or import an export of them."
            )
            code = f"old-events-{name}"
            yield _unmet(what, "Too long ago", code, text, sources, Basis.MEASURED, as_of=received)
            continue
        text = (
            f"Nothing about {_OBJECTS[name]} was ever received: connect the CRM or import an export of them."
        )
        yield _unmet(what, "Never", f"no-events-{name}", text, sources, Basis.MEASURED)


@gate(Step.PREREQUISITES)
def history(program: Program, *, at: datetime) -> Iterator[Evidence]:
    """Pipeline, MQL → SQL and closed-won of the last four full quarters: there in each month and nine tenths filled."""
    zone = Organisation.get().zone
    quarters = queries.last_quarters(at, zone)
    span = f"{quarters[0].name} to {quarters[-1].name}"
    for figure in FIGURES.values():
        months = queries.history(figure, at=at, zone=zone)
        yield _history(program, figure, months, span)


def _history(program: Program, figure: Figure, months: list[Month], span: str) -> Evidence:
    short = [month for month in months if not month.is_enough]
    total, filled = sum(month.total for month in months), sum(month.filled for month in months)
    what, url = f"{figure.label}, {span}", address("alignment:program") + "#history"
    enough = f"{len(months) - len(short)} of {len(months)} months are there and filled"
    found = f"{enough}; {filled:,} of {total:,} records in all"
    if not short:
        return Evidence(what, found, Basis.MEASURED, None, url)
    if not total:
        text = f"{figure.label}: no {figure.records} in any month of {span}. Import the history from the CRM."
    else:
        text = (
            f"{figure.label}: {_listed(short)} of {span} must each have records, at least 9 of 10 of them filled. "
            "Complete them in the CRM, or import what is missing."
        )
    lowest = min(month.share for month in short)
    code = f"history-{figure.key}"
    return _unmet(
        what,
        found,
        code,
        text,
        url,
        Basis.MEASURED,
        actual=lowest,
        required=FILLED_AT_LEAST,
        parts={month.key: month.share for month in short},
        do_at=address("alignment:sources"),
    )


def _listed(months: list[Month]) -> str:
    """ "March 2026 (8 of 10 filled), April 2026 (none)"; the first four, and how many more."""
    said = [
        f"{month.first:%B %Y} ({f'{month.filled} of {month.total} filled' if month.total else 'no records'})"
        for month in months[:_MONTHS_NAMED]
    ]
    more = len(months) - len(said)
    return ", ".join(said) + (f" and {more} more month{'s' if more > 1 else ''}" if more else "")


@gate(Step.PREREQUISITES)
def opportunity_definition(program: Program, *, at: datetime) -> list[Evidence]:
    """Sales, marketing and finance signed what an opportunity is."""
    what = "Definition of an opportunity"
    version = in_force(DEFINITION, OPPORTUNITY, at=at, signed_by=(*LEADS, Role.FINANCE))
    url = address("alignment:definition", key=OPPORTUNITY)
    if version is None:
        lacking = "Sales, marketing and finance have not signed what counts as an opportunity"
        last, code = latest(DEFINITION, OPPORTUNITY), "opportunity-definition"
        return [
            _unsigned(what, code, lacking, "draft it, send it, sign it", url, last, (*LEADS, Role.FINANCE))
        ]
    found = f"Version {version.number}, signed"
    return [Evidence(what, found, Basis.SIGNED, version.signed_at, url, version=version)]


@gate(Step.PREREQUISITES)
def time_on_the_calendar(program: Program, *, at: datetime) -> list[Evidence]:
    """The weeks of the program went to the calendars, with the dates as they are now."""
    what, url = f"{program.weeks} weeks on the calendar", address("alignment:program") + "#plan"
    if program.plan_taken_at is None:
        text = (
            f"Block the {program.weeks} weeks from {program.starts_on.day} {program.starts_on:%B %Y}: mail the plan to "
            "CRO, CMO and owner, or download it for the calendars."
        )
        return [_unmet(what, "Not sent to any calendar", "calendar", text, url)]
    by = f" by {program.plan_taken_by}" if program.plan_taken_by else ""
    return [Evidence(what, f"Plan taken to the calendars{by}", Basis.DECLARED, program.plan_taken_at, url)]


def _unsigned(
    what: str,
    code: str,
    lacking: str,
    to_do: str,
    url: str,
    last: ArtifactVersion | None,
    signers: Sequence[Role],
) -> Evidence:
    """A document that is not in force: whose turn it is by its `last` version. Its figure is how many have signed, so
    that a waiver goes on to excuse it while more of them sign."""
    found, text = "Not signed", f"{lacking}: {to_do}."
    if last is not None and last.state != VersionState.IN_FORCE:
        number, state = last.number, last.get_state_display().lower()
        found, text = f"Version {number}: {state}", f"{lacking} (version {number} is {state}): {to_do}."
        if last.state == VersionState.SENT:
            text = f"{lacking}: version {number} waits for {' and '.join(who_is_missing(last))}."
        elif last.state == VersionState.DRAFT:
            text = f"{lacking}: version {number} is a draft, to be sent for signature."
    return _unmet(
        what,
        found,
        code,
        text,
        url,
        Basis.SIGNED,
        actual=Fraction(signatures_so_far(last)),
        required=Fraction(len(signers)),
    )


def _unmet(
    what: str,
    found: str,
    code: str,
    text: str,
    url: str,
    basis: Basis = Basis.DECLARED,
    *,
    as_of: datetime | None = None,
    actual: Fraction | None = None,
    required: Fraction | None = None,
    parts: Mapping[str, Fraction] | None = None,
    do_at: str = "",
) -> Evidence:
    return Evidence(
        what, found, basis, as_of, url, Blocker(code, text, actual, required, do_at or url, parts or {})
    )
