"""Fixtures of the scorecard's tests."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.db import connection

from scorecard.tests.company import Company, found_company
from scorecard.views.respond import LIMIT

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
    return found_company()


@pytest.fixture
def prerequisites_met() -> Iterator[None]:
    """Gate 0 stands open, whatever its own conditions say (they have tests of their own)."""
    with patch("scorecard.kinds.standing_blockers", return_value=[]):
        yield
