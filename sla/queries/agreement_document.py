"""The agreement as people read it: its versions with their time in force, and what its windows mean in working days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db.models import Count, Prefetch, Q

from alignment.business_time import Schedule
from alignment.models import ArtifactVersion, Calendar, MqlCycle, Signature, Team, VersionState
from alignment.queries.calendars import compiled
from alignment.queries.working_days import WorkingDay, working_day
from sla.clauses import Clauses
from sla.models import Agreement
from sla.queries.agreements import AgreementBook, InForce
from sla.terms import Terms, Tier, Window
from sla.wording import meanings, who


@dataclass(frozen=True)
class Version:
    """One version with its place in time. `state`: in_force, coming, ended, or passed_over (never came in force).

    `until` is when the next one takes over, None while none is known; `before` is the number of the one that it
    took over from, or will. `cycles` counts standing MQL cycles that
    run or ran on it, `open_cycles` those still open. `document`: the signed SLA that it is of, with its signatures.
    """

    agreement: Agreement
    terms: Terms
    clauses: Clauses | None
    document: ArtifactVersion | None
    state: str
    until: datetime | None
    before: int | None
    cycles: int
    open_cycles: int

    @property
    def is_signed_no_more(self) -> bool:
        """Its signatures were revoked, or its last day is over; its terms run until another version is signed."""
        return self.document is not None and self.document.state in (
            VersionState.REVOKED,
            VersionState.EXPIRED,
        )


def versions(book: AgreementBook, *, at: datetime) -> list[Version]:
    """All versions, the newest first; three queries."""
    counts = {
        row["agreement_number"]: (row["cycles"], row["open"])
        for row in MqlCycle.objects.live()
        .values("agreement_number")
        .annotate(cycles=Count("pk"), open=Count("pk", filter=Q(closed_at__isnull=True)))
        .order_by()
    }
    documents = {
        document.pk: document
        for document in ArtifactVersion.objects.filter(agreement__isnull=False)
        .select_related("artifact")
        .defer("content", "envelope")
        .prefetch_related(Prefetch("signatures", Signature.objects.order_by("pk")))
    }
    every = book.every()
    line = [version for version in every if book.at(version.agreement.in_force_from) is version]
    current = book.at(at)
    ends = {version.agreement.number: later.agreement.in_force_from for version, later in pairwise(line)}
    befores = {later.agreement.number: version.agreement.number for version, later in pairwise(line)}
    found = []
    for version in every:
        number = version.agreement.number
        state = _state(version, line, current, at)
        cycles, open_cycles = counts.get(number, (0, 0))
        found.append(
            Version(
                version.agreement,
                version.terms,
                version.clauses,
                documents.get(version.agreement.version_id or 0),
                state,
                ends.get(number),
                befores.get(number),
                cycles,
                open_cycles,
            )
        )
    return found[::-1]


def _state(version: InForce, line: list[InForce], current: InForce | None, at: datetime) -> str:
    if version not in line:
        return "passed_over"
    if version is current:
        return "in_force"
    return "coming" if version.agreement.in_force_from > at else "ended"


@dataclass(frozen=True)
class CalendarUse:
    """A calendar that the terms name, the teams whose clocks it runs, and how long its working day is."""

    calendar: Calendar
    is_default: bool
    teams: list[Team]
    day: WorkingDay
    zone: str


def calendar_uses(terms: Terms, *, at: datetime) -> list[CalendarUse]:
    """The calendars of the terms, the default one first, as they stand at an instant."""
    return uses_of(terms.default_calendar, terms.team_calendars, at=at)


def uses_of(default: int | None, of_teams: Mapping[int, int], *, at: datetime) -> list[CalendarUse]:
    """As `calendar_uses`, of ids of calendars that exist: by team, and the default one where it is chosen."""
    wanted = {*([] if default is None else [default]), *of_teams.values()}
    calendars = Calendar.objects.in_bulk(wanted)
    ready = compiled(wanted)
    teams = Team.objects.in_bulk(list(of_teams))
    found = []
    for pk in sorted(wanted, key=lambda pk: (pk != default, calendars[pk].name)):
        schedule = Schedule.from_json(ready[pk].version_at(at).schedule, allow_closed=True)
        named = [teams[team] for team, calendar in of_teams.items() if calendar == pk]
        found.append(CalendarUse(calendars[pk], pk == default, named, working_day(schedule), schedule.zone))
    return found


@dataclass(frozen=True)
class ReadWindow:
    """A window and what it comes to, a sentence per calendar."""

    window: Window
    meanings: list[str]


@dataclass(frozen=True)
class ReadTier:
    tier: Tier
    who: str
    follow_up: ReadWindow
    disposition: ReadWindow


def read_tiers(terms: Terms, uses: Iterable[CalendarUse]) -> list[ReadTier]:
    """The tiers in the order in which they are tried, with their windows in words."""
    listed = list(uses)
    return [
        ReadTier(
            tier,
            who(tier),
            read_window(tier.follow_up_within, listed),
            read_window(tier.disposition_within, listed),
        )
        for tier in terms.tiers
    ]


def read_window(window: Window, uses: Iterable[CalendarUse]) -> ReadWindow:
    """A window with its length in working days of each calendar."""
    return ReadWindow(window, meanings(window, [(use.calendar.name, use.day) for use in uses]))
