"""Fixtures of the scorecard's tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection

from alignment.models import Function, Organisation, Person, Program, Source, Team
from alignment.services.calendars import create_calendar
from scorecard.tests.company import Company
from scorecard.views.respond import LIMIT
from testing.world import NOW, WEEKDAYS

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def private_mail(settings) -> None:
    """The mailbox of tests counts as a mail server."""
    settings.EMAIL_BACKEND = LOCMEM
    settings.SURVEY_MAIL_BACKENDS = [LOCMEM]


@pytest.fixture(autouse=True)
def a_fresh_limit() -> Iterator[None]:
    LIMIT.forget()
    yield
    LIMIT.forget()


@pytest.fixture
def empty_box(transactional_db: None) -> Iterator[None]:
    """The box belongs to no model, so nothing empties it after a test that commits."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE survey.token, survey.answer, survey.box_key")


@pytest.fixture
def company(db: None) -> Company:
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


@pytest.fixture
def prerequisites_met() -> Iterator[None]:
    """Gate 0 stands open, whatever its own conditions say (they have tests of their own)."""
    with patch("scorecard.kinds.standing_blockers", return_value=[]):
        yield
