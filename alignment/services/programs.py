"""Opening, changing and closing a program, and its time on the calendars."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max, Q

from alignment import plan_calendar
from alignment.business_days import business_days
from alignment.gates.prerequisites import SPONSORSHIP
from alignment.gates.sponsorship import SCORECARD
from alignment.gates.waivers import KIND as WAIVER
from alignment.models import Artifact, ArtifactVersion, Organisation, Program, Role, User
from alignment.models.programs import OWNERS, OWNERS_SAID
from alignment.notifications import notify
from alignment.queries.signers import local_day
from alignment.retry import again_after_a_deadlock
from alignment.services.artifacts import withdraw
from alignment.services.authority import require_revops
from alignment.services.gates import evaluate_after_commit
from alignment.services.history import save_with_history
from alignment.services.organisation import NothingChanged

SHORTEST, LONGEST = 6, 10  # weeks
MOST_HOURS = 80
_LOCK = "alignment.programs"


class ProgramIsOpen(ValueError):
    """One program is open at a time."""


class ProgramIsClosed(ValueError):
    """What is closed stays as it was."""


@transaction.atomic
def open_program(
    *,
    name: str,
    owner: User | None,
    hours_per_week: int | None,
    has_admin_access: bool,
    starts_on: date,
    weeks: int,
    by: User | None,
    at: datetime,
) -> Program:
    """The next program, numbered without gaps. `starts_on`: first local day; `weeks`: 6 to 10.

    Raises OnlyRevOps, ProgramIsOpen, or ValidationError by field.
    """
    require_revops(by, "Programs")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [_LOCK])
    if (open_one := Program.objects.filter(closed_at__isnull=True).first()) is not None:
        raise ProgramIsOpen(f"“{open_one}” is open: close it before the next program begins.")
    program = Program(
        number=(Program.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
        name=name.strip(),
        owner=owner,
        hours_per_week=hours_per_week,
        has_admin_access=has_admin_access,
        starts_on=starts_on,
        weeks=weeks,
        opened_by=by,
        opened_at=at,
    )
    _check(program)
    save_with_history(program, reason="Opened", by=by, at=at)
    evaluate_after_commit(at=at)
    return program


@transaction.atomic
def change_program(
    *,
    program: Program,
    name: str,
    owner: User | None,
    hours_per_week: int | None,
    has_admin_access: bool,
    starts_on: date,
    weeks: int,
    reason: str,
    by: User | None,
    at: datetime,
) -> Program:
    """Change what is declared of the program that is open. Other dates must go to the calendars again.

    Raises OnlyRevOps, ProgramIsClosed, NothingChanged, or ValidationError by field.
    """
    program = _locked(program, by=by)
    given: dict[str, object] = {
        "name": name.strip(),
        "owner": owner,
        "hours_per_week": hours_per_week,
        "has_admin_access": has_admin_access,
        "starts_on": starts_on,
        "weeks": weeks,
    }
    changed = {field for field, value in given.items() if getattr(program, field) != value}
    if not changed:
        raise NothingChanged("Nothing is different from what is set already.")
    _require_reason(reason)
    for field, value in given.items():
        setattr(program, field, value)
    if changed & {"starts_on", "weeks"}:
        program.plan_taken_at = program.plan_taken_by = None
    _check(program)
    save_with_history(program, reason=reason.strip(), by=by, at=at)
    evaluate_after_commit(at=at)
    return program


@again_after_a_deadlock
@transaction.atomic
def close_program(*, program: Program, reason: str, by: User | None, at: datetime) -> Program:
    """End the program: its gates are shut for good, what was signed stays, what waits for signatures is withdrawn.

    Raises OnlyRevOps, ProgramIsClosed or ValidationError (no reason).
    """
    program = _locked(program, by=by)
    _require_reason(reason)
    program.closed_at = at
    save_with_history(program, reason=reason.strip(), by=by, at=at)
    if by is not None:
        for version in _waiting_of(program):
            withdraw(version=version, reason=f"{program} was closed: {reason.strip()}", by=by, at=at)
    return program


@transaction.atomic
def take_plan(*, program: Program, by: User, at: datetime) -> str:
    """The plan as a calendar file (.ics), taken for the calendars: noted on the program where RevOps takes it.

    Raises ProgramIsClosed.
    """
    is_noted = by.has_role(Role.REVOPS)
    if is_noted:
        program = _locked(program, by=by)
    written = _plan(program, at=at)
    if is_noted:
        _note_plan(program, reason="Plan downloaded for the calendars", by=by, at=at)
    return written


@transaction.atomic
def mail_plan(*, program: Program, by: User, at: datetime) -> int:
    """Mail the plan to CRO, CMO and owner as a calendar file; how many people it went to.

    The same dates go to a person once a day: whoever presses twice sends it once. Dates that were changed and changed
    back go again, as calendars have the ones between.

    Raises OnlyRevOps, ProgramIsClosed, or ValidationError (nobody to mail it to).
    """
    program = _locked(program, by=by)
    people = {user.pk: user for user in _leaders(program)}
    if not people:
        raise ValidationError("There is no CRO, CMO or owner with a login to mail it to.")
    written = _plan(program, at=at)
    edits = program.history.filter(plan_taken_at=None).count()  # of dates; taking the plan adds none
    _note_plan(program, reason="Plan mailed for the calendars", by=by, at=at)
    return notify(
        to=people.values(),
        key=f"plan:{program.number}:{program.starts_on}:{program.weeks}:{edits}:{local_day(at)}",
        kind="plan",
        subject=f"{program.name}: {program.weeks} weeks from {program.starts_on.day} {program.starts_on:%B %Y}",
        text=f"{by} sends you the weeks of {program.name}. Open the attached file to put them on your calendar.",
        url="/program/",
        at=at,
        attachments=[{"name": plan_calendar.file_name(program), "type": "text/calendar", "text": written}],
    )


def _waiting_of(program: Program) -> list[ArtifactVersion]:
    """The documents of a program that wait for signatures: its sponsorship, its scorecard and its waivers.

    Who sends or signs one of them now is waited for, and who comes later finds the program closed.
    """
    own = Q(kind__in=[SPONSORSHIP, SCORECARD], key=str(program.number))
    waivers = Q(kind=WAIVER, key__startswith=f"{program.number}-")
    ours = Artifact.objects.select_for_update(no_key=True).filter(own | waivers).order_by("pk")
    found = ArtifactVersion.objects.sent().filter(artifact__in=[artifact.pk for artifact in ours])
    return list(found.select_related("artifact").order_by("artifact_id", "number"))


def _leaders(program: Program) -> Iterable[User]:
    found = list(User.objects.filter(role__in=[Role.CRO, Role.CMO], is_active=True))
    return found + ([program.owner] if program.owner and program.owner.is_active else [])


def _plan(program: Program, *, at: datetime) -> str:
    if program.closed_at is not None:
        raise ProgramIsClosed(f"{program} is closed.")
    return plan_calendar.write(
        program,
        days=business_days(at),
        zone=Organisation.get().zone,
        sequence=program.history.count(),
        at=at,
    )


def _note_plan(program: Program, *, reason: str, by: User, at: datetime) -> None:
    program = _locked(program, by=by)
    program.plan_taken_at, program.plan_taken_by = at, by
    save_with_history(program, reason=reason, by=by, at=at)
    evaluate_after_commit(at=at)


def _locked(program: Program, *, by: User | None) -> Program:
    require_revops(by, "Programs")
    found = Program.objects.select_for_update(of=("self",), no_key=True).get(pk=program.pk)
    if found.closed_at is not None:
        raise ProgramIsClosed(f"{found} is closed: it stays as it was.")
    return found


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ValidationError({"reason": "Say why: it stays in the program's history."})


def _check(program: Program) -> None:
    if not program.name:
        raise ValidationError({"name": "Give the program a name."})
    if program.owner is not None and program.owner.role not in OWNERS:
        raise ValidationError({"owner": f"Name somebody of {OWNERS_SAID}."})
    if not SHORTEST <= program.weeks <= LONGEST:
        raise ValidationError({"weeks": f"A program takes {SHORTEST} to {LONGEST} weeks."})
    if program.hours_per_week is not None and not 0 <= program.hours_per_week <= MOST_HOURS:
        raise ValidationError({"hours_per_week": f"Hours a week are 0 to {MOST_HOURS}."})
    if not 2000 <= program.starts_on.year <= 2190:
        raise ValidationError({"starts_on": "Write a day of this century."})
    program.clean_fields(exclude=["owner", "opened_by", "plan_taken_by"])
