"""A company to diagnose: leads, MQLs, touches and opportunities of the past year, one call each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from alignment.models import (
    Fact,
    Function,
    Lead,
    MqlCycle,
    Opportunity,
    Organisation,
    Person,
    Program,
    Role,
    Source,
    Team,
    Touch,
    TouchFunction,
    User,
)
from alignment.services.calendars import create_calendar
from scorecard import bands
from scorecard.models import Survey, SurveyRelease, SurveyState
from scorecard.questions import CURRENT, EDITIONS
from scorecard.services.answers import open_round, submit_answers
from scorecard.services.band_drafts import draft_bands
from scorecard.services.claims import import_claims
from testing.artifacts import sign_all, user_with
from testing.world import NOW, WEEKDAYS

# A Monday within the window of the last four full quarters of NOW, at nine: the office opens.
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUESTIONS = EDITIONS[CURRENT]
# What marketing answers otherwise than `sheet`, in `complete`.
OTHERS = {
    "lead": "fit",
    "mql_fit": "any_company",
    "mql_role": "any_employee",
    "sql": "meeting",
    "sourced": "shared",
}


@dataclass
class Company:
    """`crm` holds every record; external ids count upwards."""

    crm: Source
    program: Program
    owner: Person
    at: datetime = NOW
    _numbers: Any = field(default_factory=lambda: count(1))

    def lead(self, created_at: datetime = MONDAY, *, source: Source | None = None, **fields: Any) -> Lead:
        number = next(self._numbers)
        return Lead.objects.create(
            source=source or self.crm, external_id=f"L{number}", last_name=f"Lead {number}",
            crm_created_at=created_at, first_seen_at=created_at, **fields,
        )  # fmt: skip

    def mql(
        self,
        lead: Lead | None = None,
        crossed_at: datetime = MONDAY,
        *,
        follow_up: datetime | None = None,
        is_assigned: bool = True,
        is_accepted: bool = False,
        **fields: Any,
    ) -> MqlCycle:
        lead = lead or self.lead(crossed_at)
        fact = Fact.objects.create(
            source=lead.source, ref=f"f{next(self._numbers)}", subject="lead", external_id=lead.external_id,
            fields={}, occurred_at=crossed_at, received_at=crossed_at, order_key="1", is_history=True,
        )  # fmt: skip
        return MqlCycle.objects.create(
            lead=lead, number=lead.cycles.count() + 1, opened_by=fact, crossed_at=crossed_at,
            received_at=crossed_at, started_at=crossed_at, is_history=True, first_follow_up_at=follow_up,
            owner=self.owner if is_assigned else None, assigned_by="crm" if is_assigned else "",
            disposition="working" if is_accepted else fields.pop("disposition", ""),
            accepted_at=follow_up or crossed_at if is_accepted else None, **fields,
        )  # fmt: skip

    def touch(
        self,
        lead: Lead,
        function: str = TouchFunction.MARKETING,
        touched_at: datetime = MONDAY,
        **fields: Any,
    ) -> Touch:
        return Touch.objects.create(
            source=lead.source, external_id=f"T{next(self._numbers)}", lead=lead, function=function,
            touched_at=touched_at, received_at=touched_at, is_history=True, **fields,
        )  # fmt: skip

    def opportunity(
        self,
        lead: Lead | None = None,
        opened_at: datetime = MONDAY,
        *,
        amount: int | None = 10_000_00,
        currency: str = "USD",
        **fields: Any,
    ) -> Opportunity:
        number = next(self._numbers)
        given = {
            "external_id": f"O{number}", "name": f"Deal {number}", "amount_minor": amount, "currency": currency,
            "opened_at": opened_at, "first_seen_at": opened_at, "lead": lead, "source": self.crm,
        }  # fmt: skip
        return Opportunity.objects.create(**(given | fields))


def found_company() -> Company:
    """A program, a CRM and one owner, in an organisation that counts in UTC and dollars."""
    Organisation.objects.get_or_create(pk=1, defaults={"name": "Northwind", "zone": "UTC", "currency": "USD"})
    calendar = create_calendar(
        name="Office hours",
        schedule={"zone": "UTC", "weekly": WEEKDAYS},
        by=None,
        at=NOW - timedelta(days=900),
    )
    team = Team.objects.create(name="Inbound", function=Function.SALES, calendar=calendar)
    program = Program.objects.create(number=1, name="First program", starts_on=NOW.date(), opened_at=NOW)
    return Company(
        crm=Source.objects.create(key="crm", name="CRM", kind="standard"),
        program=program,
        owner=Person.objects.create(name="Rep", function=Function.SALES, team=team),
    )


def revops() -> User:
    return user_with(Role.REVOPS)


def sheet(**changes: str) -> dict[str, str]:
    """A complete sheet: the first choice of every question, with changes."""
    return {question.key: next(iter(question.choices)) for question in QUESTIONS} | changes


def answered(company: Company, sales: dict[str, str], marketing: dict[str, str]) -> None:
    """A round that both required functions have handed in."""
    people = {Function.SALES: user_with(Role.CRO), Function.MARKETING: user_with(Role.CMO)}
    round_ = open_round(program=company.program, people=people, by=revops(), at=company.at)
    for nomination in round_.nominations.all():
        answers = sales if nomination.function == Function.SALES else marketing
        submit_answers(nomination=nomination, answers=answers, by=nomination.person, at=company.at)


def surveyed(
    company: Company,
    overall: int = 34,
    *,
    lead_quality: int = 34,
    answers: int = 12,
    sales: int | None = None,
    band: tuple[int, int] | None = None,
) -> None:
    """A survey that closed and published these tenths. `sales`: what sales alone answered of lead quality; `band`:
    in place of the mean of lead quality."""
    names = ("definitions", "follow_up", "lead_quality", "attribution", "joint_number")
    figures: dict[str, dict[str, Any]] = {
        name: {"mean": overall, "band": None, "distribution": None} for name in names
    }
    figures["lead_quality"] |= {"mean": None, "band": list(band)} if band else {"mean": lead_quality}
    of_sales = {"lead_quality": {"mean": sales, "band": None, "distribution": None}}
    functions = {} if sales is None else {"sales": {"count": 6, "overall": None, "questions": of_sales}}
    survey = Survey.objects.create(
        program=company.program, state=SurveyState.CLOSED, closes_on=company.at.date(), closes_at=company.at,
        launched_at=company.at - 2 * DAY, opened_at=company.at - 2 * DAY, closed_at=company.at, is_released=True,
        invited={"sales": 8, "marketing": 8},
    )  # fmt: skip
    SurveyRelease.objects.create(
        survey=survey,
        released_at=company.at,
        content={
            "schema": 1, "minimum": 5, "invited": 16, "count": answers, "overall": overall, "questions": figures,
            "functions": functions,
        },
    )  # fmt: skip


def sign_bands(company: Company, **changes: list[str]) -> None:
    """The default bands in force, with changes."""
    from alignment.services.artifacts import send

    content = bands.default_content()
    content["bands"] |= changes
    draft = draft_bands(content=content, by=revops(), at=company.at)
    user_with(Role.CRO)
    user_with(Role.CMO)
    sign_all(send(version=draft, by=revops(), at=company.at), at=company.at)


def claims(company: Company) -> None:
    ids = list(Opportunity.objects.order_by("pk").values_list("external_id", flat=True))
    given = {Function.SALES: [ids[0], ids[1]], Function.MARKETING: [ids[1]]}
    for function, claimed in given.items():
        text = "opportunity,source\n" + "".join(f"{pk},\n" for pk in claimed)
        import_claims(program=company.program, function=function, text=text, name="x", by=revops(), at=NOW)


def complete(
    company: Company, *, marketing: dict[str, str] | None = None, has_bands: bool = True, **survey: Any
) -> None:
    """Everything measured: data, claims, answers, survey (see `surveyed`), bands."""
    for number in range(10):
        lead = company.lead()
        company.touch(lead, "marketing" if number % 2 else "sales", is_connected=True)
        if number < 5:
            follow_up = MONDAY + HOUR if number < 3 else MONDAY + 20 * DAY
            company.mql(lead, follow_up=follow_up, is_accepted=number < 4)
        if number < 3:
            company.opportunity(lead, amount=100_000_00 * (number + 1))
    claims(company)
    answered(company, sheet(), sheet(**(OTHERS if marketing is None else marketing)))
    surveyed(company, **survey)
    if has_bands:
        sign_bands(company)
