"""Programs for tests: one that is open, four quarters of history, and every prerequisite met."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from alignment.definitions.suggestions import suggestion
from alignment.models import (
    ArtifactVersion,
    Fact,
    Lead,
    MqlCycle,
    Opportunity,
    Person,
    Program,
    Role,
    Source,
    Step,
    Subject,
)
from alignment.models.cycles import AssignedBy
from alignment.queries.prerequisites import last_quarters, months_of
from alignment.services.artifacts import send
from alignment.services.program_kinds import draft_sponsorship, draft_waiver
from alignment.services.programs import mail_plan, open_program
from testing.artifacts import sign_all, signed, user_with

_sequence = iter(range(10**9))


def open_one(at: datetime, **changes: Any) -> Program:
    """An open program of which everything that is declared is declared."""
    revops = user_with(Role.REVOPS)
    given: dict[str, Any] = {
        "name": "Alignment 2026",
        "owner": revops,
        "hours_per_week": 20,
        "has_admin_access": True,
        "starts_on": at.date() + timedelta(days=7),
        "weeks": 8,
        "by": revops,
        "at": at,
    }
    return open_program(**given | changes)


def source_of_history() -> Source:
    return Source.objects.get_or_create(key="history", defaults={"name": "History", "kind": "standard"})[0]


def fact(subject: str, at: datetime) -> Fact:
    number = next(_sequence)
    return Fact.objects.create(
        source=source_of_history(),
        ref=f"h{number}",
        subject=subject,
        external_id=f"h{number}",
        fields={},
        occurred_at=at,
        received_at=at,
        order_key=str(number),
        is_history=True,
    )


def opportunity(opened_at: datetime | None, **changes: Any) -> Opportunity:
    """An open one of which everything is filled."""
    given: dict[str, Any] = {
        "source": source_of_history(),
        "external_id": f"o{next(_sequence)}",
        "amount_minor": 100_000,
        "currency": "USD",
        "stage": "Discovery",
        "opened_at": opened_at,
        "first_seen_at": opened_at or datetime(2026, 11, 1, tzinfo=UTC),
    }
    return Opportunity.objects.create(**given | changes)


def won(closed_at: datetime | None, opened_at: datetime, **changes: Any) -> Opportunity:
    given = {"closed_at": closed_at, "is_closed": True, "is_won": True, "stage": "Closed Won"}
    return opportunity(opened_at, **given | changes)


def cycle(crossed_at: datetime, **changes: Any) -> MqlCycle:
    """A closed cycle of imported history with owner and disposition."""
    owner = Person.objects.get_or_create(name="Rep of history")[0]
    lead = changes.pop("lead", None) or Lead.objects.create(
        source=source_of_history(), external_id=f"l{next(_sequence)}", first_seen_at=crossed_at
    )
    given: dict[str, Any] = {
        "lead": lead,
        "number": 1,
        "opened_by": fact(Subject.LEAD, crossed_at),
        "crossed_at": crossed_at,
        "received_at": crossed_at,
        "started_at": crossed_at,
        "is_history": True,
        "owner": owner,
        "assigned_by": AssignedBy.CRM,
        "disposition": "disqualified",
        "reason": "bad_fit",
        "is_tagged": True,
        "closed_at": crossed_at + timedelta(days=1),
    }
    return MqlCycle.objects.create(**given | changes)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def months(at: datetime) -> list[date]:
    """First days of the twelve months of the last four full quarters in UTC."""
    return months_of(last_quarters(at, "UTC"))


def fill_history(at: datetime, only: Iterable[date] | None = None) -> None:
    """In each of the twelve months one opportunity opened and won and one MQL; and one campaign event."""
    for first in only if only is not None else months(at):
        won(noon(first + timedelta(days=20)), noon(first + timedelta(days=2)))
        cycle(noon(first + timedelta(days=3)))
    for subject in (Subject.LEAD, Subject.OPPORTUNITY, Subject.CAMPAIGN):
        fact(subject, at - timedelta(hours=1))


def draft_of_sponsorship(program: Program, at: datetime) -> ArtifactVersion:
    revops = user_with(Role.REVOPS)
    return draft_sponsorship(
        program=program, currency="USD", amounts=[Decimal(1_200_000)] * 4, by=revops, at=at
    )


def sponsor(program: Program, at: datetime, *, is_signed: bool = True) -> ArtifactVersion:
    """The sponsorship: signed by CRO and CMO, or waiting for their signatures."""
    user_with(Role.CRO)
    user_with(Role.CMO)
    draft = draft_of_sponsorship(program, at=at)
    waiting = send(version=draft, by=user_with(Role.REVOPS), at=at)
    return sign_all(waiting, at=at) if is_signed else waiting


def waive(
    program: Program, step: int, codes: Iterable[str], at: datetime, days: int = 30, *, is_signed: bool = True
) -> ArtifactVersion:
    """A waiver: signed, or waiting for its signatures."""
    user_with(Role.CRO)
    user_with(Role.CMO)
    revops = user_with(Role.REVOPS)
    version = draft_waiver(
        program=program,
        step=Step(step),
        codes=set(codes),
        reason="The board meets on Friday",
        expires_on=(at + timedelta(days=days)).date(),
        by=revops,
        at=at,
    )
    waiting = send(version=version, by=revops, at=at)
    return sign_all(waiting, at=at) if is_signed else waiting


def define_opportunity(at: datetime) -> ArtifactVersion:
    return signed("definition", suggestion("opportunity"), key="opportunity", at=at)


def meet_prerequisites(program: Program, at: datetime) -> None:
    """Everything that gate 0 asks for."""
    fill_history(at)
    sponsor(program, at)
    define_opportunity(at)
    mail_plan(program=program, by=user_with(Role.REVOPS), at=at)
    program.refresh_from_db()
