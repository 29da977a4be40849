"""Fixtures of the scorecard's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

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
