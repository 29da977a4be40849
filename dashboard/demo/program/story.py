"""The program of the demo company as it went: signed once, taken up again, waiting for one signature now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from django.db.models import F

from alignment.gates import standing_blockers
from alignment.models import (
    ArtifactVersion,
    Function,
    MailState,
    Notification,
    Organisation,
    OutgoingMail,
    Program,
    Step,
    User,
)
from alignment.services import gates, program_kinds, programs
from alignment.services.artifacts import save_draft, send
from dashboard.demo.company import CURRENCY
from dashboard.demo.program import agreed, claims, sla, survey
from dashboard.demo.program.people import Cast, agree, sign_as
from scorecard import bands
from scorecard.services.answers import open_round, submit_answers
from scorecard.services.band_drafts import draft_bands
from scorecard.services.claims import import_claims
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure

SEED = 22
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
FIRST_OPENED, FIRST_CLOSED = 19 * WEEK, 9 * WEEK  # before the end
SLA_SENT = 10 * WEEK
SECOND_OPENED = 5 * WEEK
FOLLOW_UP_HOURS = 8  # business hours, one working day: what both leads told their teams, and what both answer
READ_AFTER = 3 * DAY  # what is older than this has been read


@dataclass(frozen=True)
class Told:
    """What it came to."""

    programs: int
    signed: int


def is_told(*, times: int) -> bool:
    """Whether so many programs were begun."""
    return Program.objects.count() >= times


def tell_first(*, at: datetime) -> None:
    """The first program, up to the signed SLA. To be told before the live weeks that lead up to `at`: they run on it.

    Not one transaction: gates are evaluated after each act, with the clock of that act.
    """
    teller = _Teller(at)
    teller.first()
    teller.mails_went_out(until=at - FIRST_CLOSED)


def tell_second(*, at: datetime) -> Told:
    """The second program up to `at`, after the live weeks; each act through its service and dated as it happened."""
    teller = _Teller(at)
    teller.second()
    gates.evaluate(at=at)
    teller.mails_went_out(until=at)
    teller.was_read()
    return Told(Program.objects.count(), ArtifactVersion.objects.in_force().count())


def morning(at: datetime) -> datetime:
    """Twenty past nine on that day, or on the Monday after it, on the clocks of the organisation."""
    local = at.astimezone(Organisation.get().tz)
    local += timedelta(days=max(0, 7 - local.weekday()) if local.weekday() > 4 else 0)
    return local.replace(hour=9, minute=20, second=0, microsecond=0)


class _Teller:
    def __init__(self, end: datetime) -> None:
        self.end, self.cast = end, Cast.found()
        self.rng = Random(SEED)  # noqa: S311 - a story, not a secret

    def first(self) -> None:
        at = morning(self.end - FIRST_OPENED)
        program = self._open("First alignment program", at)
        declare(
            program=program, changes={"follow_up_hours": FOLLOW_UP_HOURS}, by=self.cast.revops, at=at + DAY
        )
        for place, key in enumerate(agreed.DEFINITIONS):
            self._define(key, at=at + DAY + place * HOUR)
        self._sponsor(program, agreed.SPONSORED, at=at + 4 * DAY)
        bands_version = draft_bands(content=bands.default_content(), by=self.cast.revops, at=at + 5 * DAY)
        agree(bands_version, self.cast, self.cast.leaders, at=at + 5 * DAY)
        self._question(program, at=at + 6 * DAY, is_second=False)
        closed_at = survey.ask(program, self.cast, survey.AT_FIRST, rng=self.rng, at=at + 7 * DAY, days=9)
        self._claim(program, at=morning(closed_at), is_second=False)
        self._waive_what_is_missing(
            program,
            "The CRM was migrated and the quarters before it cannot be exported; what is there is complete.",
            at=morning(closed_at) + HOUR,
        )
        measured_at = morning(closed_at + 2 * DAY)
        scorecard = measure(program=program, by=self.cast.revops, at=measured_at)
        agree(scorecard, self.cast, self.cast.leaders, at=measured_at + HOUR, every=DAY + HOUR)
        sla.sign(self.cast, at=morning(self.end - SLA_SENT))
        programs.close_program(
            program=program,
            reason="Closed with the signed SLA: the handoff waits until the move to the new CRM is done.",
            by=self.cast.revops,
            at=morning(self.end - FIRST_CLOSED),
        )

    def second(self) -> None:
        at = morning(self.end - SECOND_OPENED)
        program = self._open("Alignment program, second run", at)
        self._define("mql", at=at + 2 * DAY, is_revised=True)
        self._sponsor(program, agreed.REVISED, at=at + 4 * DAY)
        declare(
            program=program,
            changes={
                "board_deck_on": (self.end + 45 * DAY).date(),
                "pipeline_short_percent": Decimal(12),
                "follow_up_hours": FOLLOW_UP_HOURS,
                "sla_has_diagnosis": True,
                "sla_has_consequence": True,
            },
            by=self.cast.revops,
            at=at + 6 * DAY,
        )
        self._question(program, at=at + 9 * DAY, is_second=True)
        asked_at = morning(self.end - 14 * DAY)
        closed_at = survey.ask(program, self.cast, survey.BY_NOW, rng=self.rng, at=asked_at, days=10)
        self._claim(program, at=morning(self.end - 8 * DAY), is_second=True)
        self._waive_what_is_missing(
            program,
            "RevOps completes these records until the plan is drafted; they do not change the scores.",
            at=closed_at + HOUR,
        )
        scorecard = measure(program=program, by=self.cast.revops, at=self.end - 20 * HOUR)
        scorecard = send(version=scorecard, by=self.cast.revops, at=self.end - 19 * HOUR)
        sign_as(self.cast.cro, scorecard, at=self.end - 3 * HOUR)
        sla.draft_an_amendment(self.cast, at=self.end - 2 * HOUR)

    # --- acts of both ------------------------------------------------------------------------------------
    def _open(self, name: str, at: datetime) -> Program:
        program = programs.open_program(
            name=name,
            owner=self.cast.revops,
            hours_per_week=24,
            has_admin_access=True,
            starts_on=(at + DAY).astimezone(Organisation.get().tz).date(),
            weeks=8,
            by=self.cast.revops,
            at=at,
        )
        programs.mail_plan(program=program, by=self.cast.revops, at=at + HOUR)
        program.refresh_from_db()
        return program

    def _define(self, key: str, *, at: datetime, is_revised: bool = False) -> None:
        version = save_draft(
            kind="definition",
            key=key,
            content=agreed.definition(key, is_revised=is_revised),
            by=self.cast.revops,
            at=at,
        )
        agree(version, self.cast, self.cast.all_signers, at=at + HOUR)

    def _sponsor(self, program: Program, amounts: tuple[Decimal, ...], *, at: datetime) -> None:
        version = program_kinds.draft_sponsorship(
            program=program, currency=CURRENCY, amounts=amounts, by=self.cast.revops, at=at
        )
        agree(version, self.cast, self.cast.leaders, at=at)

    def _question(self, program: Program, *, at: datetime, is_second: bool) -> None:
        people: dict[Function, User] = {
            Function.SALES: self.cast.cro,
            Function.MARKETING: self.cast.cmo,
        }
        asked = open_round(program=program, people=people, by=self.cast.revops, at=at)
        for place, nomination in enumerate(asked.nominations.select_related("person"), start=1):
            submit_answers(
                nomination=nomination,
                answers=agreed.answers(nomination.function, is_second=is_second),
                by=nomination.person,
                at=at + place * 3 * HOUR,
            )

    def _claim(self, program: Program, *, at: datetime, is_second: bool) -> None:
        for function in (Function.SALES, Function.MARKETING):
            import_claims(
                program=program,
                function=function,
                text=claims.claimed(program, function, rng=self.rng, at=at, is_second=is_second),
                name=f"{function.value}-sourced.csv",
                by=self.cast.revops,
                at=at,
            )

    def _waive_what_is_missing(self, program: Program, reason: str, *, at: datetime) -> None:
        """Nothing where all prerequisites are met."""
        blockers = standing_blockers(Step.PREREQUISITES, program, at=at)
        if not blockers:
            return
        version = program_kinds.draft_waiver(
            program=program,
            step=Step.PREREQUISITES,
            codes=[blocker.code for blocker in blockers],
            reason=reason,
            expires_on=(at + 60 * DAY).date(),
            by=self.cast.revops,
            at=at,
        )
        agree(version, self.cast, self.cast.leaders, at=at, every=2 * HOUR)

    def mails_went_out(self, *, until: datetime) -> None:
        """Mails of the past went out then."""
        OutgoingMail.objects.filter(state=MailState.WAITING, created_at__lte=until).update(
            state=MailState.SENT, sent_at=F("created_at"), attempts=1
        )

    def was_read(self) -> None:
        """People have read what they were told of some days ago."""
        old = Notification.objects.unread().filter(created_at__lt=self.end - READ_AFTER)
        old.update(read_at=F("created_at") + 4 * HOUR)
