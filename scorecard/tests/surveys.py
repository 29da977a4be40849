"""Surveys for tests: a company of so many people, invited, answering."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.core import mail
from django.db import connection

from alignment.models import Function, Organisation, Person, Program, Role, User
from scorecard.models import Survey, SurveyChannel
from scorecard.queries.survey import candidates
from scorecard.services import survey as services

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CLOSES_ON = date(2026, 12, 4)
CLOSED = AT + timedelta(days=12)
LINK = re.compile(r"/survey/#([0-9A-Z-]+)")
QUESTIONS = ("definitions", "follow_up", "lead_quality", "attribution", "joint_number")


def open_program() -> Program:
    Organisation.objects.get_or_create(pk=1, defaults={"name": "Northwind", "zone": "UTC"})
    return Program.objects.get_or_create(
        number=1, defaults={"name": "First program", "starts_on": AT.date(), "opened_at": AT}
    )[0]


def revops() -> User:
    return User.objects.filter(role=Role.REVOPS).first() or User.objects.create_user(
        "ops@example.com", "x", name="Ops", role=Role.REVOPS
    )


def add_people(sales: int, marketing: int, finance: int = 0) -> list[Person]:
    wanted = [(Function.SALES, sales), (Function.MARKETING, marketing), (Function.FINANCE, finance)]
    return Person.objects.bulk_create(
        Person(name=f"{function} {n}", email=f"{function}{n}@example.com", function=function)
        for function, count in wanted
        for n in range(count)
    )


def draft(people: Sequence[Person] = (), *, counts: dict[str, int] | None = None, minimum: int = 5) -> Survey:
    keys = {f"p{person.pk}" for person in people}
    return services.save_draft(
        program=open_program(),
        channel=SurveyChannel.PRINTED if counts else SurveyChannel.MAIL,
        minimum=minimum,
        closes_on=CLOSES_ON,
        people=[found.key for found in candidates() if found.key in keys],
        counts=counts,
        by=None,
        at=AT,
    )


def printed(counts: dict[str, int], minimum: int = 5) -> tuple[Survey, dict[str, list[str]]]:
    """An open survey and its codes by function."""
    survey = draft(counts=counts, minimum=minimum)
    links = services.launch(survey=survey, by=None, at=AT)
    survey.refresh_from_db()
    return survey, {group.function: list(group.codes) for group in links}


def mailed(people: Sequence[Person]) -> tuple[Survey, dict[str, str]]:
    """An open survey and the code in each mailbox: {address: code}."""
    survey = draft(people)
    services.launch(survey=survey, by=None, at=AT)
    mail.outbox.clear()
    services.invite(at=AT)
    survey.refresh_from_db()
    return survey, mailboxes()


def mailboxes() -> dict[str, str]:
    """{address: code} of the mails sent, the latest of each."""
    return {message.to[0]: found[1] for message in mail.outbox if (found := LINK.search(str(message.body)))}


def answer(code: str, values: Sequence[int] = (3, 3, 3, 3, 3)) -> services.Outcome:
    return services.respond(token=code, values=values, at=AT + timedelta(hours=1))


def form(code: str, values: Sequence[int] = (3, 3, 3, 3, 3)) -> dict[str, str]:
    """What the page sends."""
    return {"code": code} | {key: str(value) for key, value in zip(QUESTIONS, values, strict=True)}


def valid_tokens() -> int:
    """How many can still be answered with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM survey.token")
        return int(cursor.fetchone()[0])
