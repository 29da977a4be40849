"""Ten business days after the scorecard was sent, without both signatures: a problem of sponsorship."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from alignment.gates.sponsorship import scorecard_wait
from alignment.models import ArtifactVersion, Notification, Program, Role
from alignment.services.artifacts import decline, revoke
from alignment.services.calendars import add_exception
from alignment.services.gates import evaluate
from alignment.tests.pages import signed_in
from testing.artifacts import kind_of, sent, sign_all, sign_as, user_with
from testing.programs import open_one
from testing.world import World

SENT = datetime(2026, 11, 16, 15, tzinfo=UTC)  # a Monday
TENTH_PASSED = datetime(2026, 12, 1, tzinfo=UTC)
INSTANT = timedelta(seconds=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scorecard() -> Iterator[None]:
    with kind_of("scorecard"):
        yield


@pytest.fixture
def program() -> Program:
    user_with(Role.CRO)
    user_with(Role.CMO)
    return open_one(SENT - timedelta(days=7))


def send_one(at: datetime = SENT, text: str = "One") -> ArtifactVersion:
    return sent("scorecard", {"text": text}, key="1", at=at)


def is_problem(program: Program, at: datetime) -> bool:
    wait = scorecard_wait(program, at=at)
    return wait is not None and wait.is_problem


def test_it_shows_once_the_tenth_day_has_fully_passed(program: Program) -> None:
    send_one()
    assert not is_problem(program, TENTH_PASSED - INSTANT)
    assert is_problem(program, TENTH_PASSED)
    wait = scorecard_wait(program, at=TENTH_PASSED)
    assert wait is not None and (wait.days, wait.calendar) == (10, "Monday to Friday")


def test_a_holiday_of_the_default_calendar_counts_for_no_day(world: World) -> None:
    program = open_one(SENT - timedelta(days=7))
    add_exception(
        calendar=world.calendar,
        day=date(2026, 11, 26),
        windows=None,
        reason="Thanksgiving",
        by=None,
        at=SENT - timedelta(hours=1),
    )
    send_one()
    assert not is_problem(program, TENTH_PASSED + timedelta(days=1) - INSTANT)
    assert is_problem(program, TENTH_PASSED + timedelta(days=1))
    wait = scorecard_wait(program, at=TENTH_PASSED)
    assert wait is not None and wait.calendar == "Office hours"


def test_one_signature_does_not_end_it_and_both_do(program: Program) -> None:
    version = send_one()
    sign_as(user_with(Role.CRO), version, at=SENT)
    assert is_problem(program, TENTH_PASSED)
    sign_all(version, at=TENTH_PASSED - timedelta(days=1))
    assert scorecard_wait(program, at=TENTH_PASSED) is None


def test_sending_a_changed_one_does_not_begin_the_count_anew(program: Program) -> None:
    send_one()
    send_one(SENT + timedelta(days=10), "Two")
    assert is_problem(program, TENTH_PASSED)


def test_one_that_was_declined_still_lacks_both_signatures(program: Program) -> None:
    version = send_one()
    decline(version=version, role=Role.CMO, reason="Not mine", by=user_with(Role.CMO), at=SENT)
    assert is_problem(program, TENTH_PASSED)


def test_after_a_signed_one_the_count_begins_with_the_next(program: Program) -> None:
    first = sign_all(send_one(), at=SENT)
    revoke(version=first, role=Role.CRO, reason="Other data", by=user_with(Role.CRO), at=SENT)
    assert scorecard_wait(program, at=TENTH_PASSED) is None
    send_one(SENT + timedelta(days=7), "Two")
    assert not is_problem(program, TENTH_PASSED)
    assert is_problem(program, TENTH_PASSED + timedelta(days=7))


def test_nothing_was_sent(program: Program) -> None:
    assert scorecard_wait(program, at=TENTH_PASSED) is None


def test_revops_is_told_once(program: Program) -> None:
    send_one()
    Notification.objects.all().delete()
    evaluate(at=TENTH_PASSED - INSTANT)
    told = Notification.objects.filter(kind="sponsorship-problem")
    assert not told.exists()
    evaluate(at=TENTH_PASSED)
    evaluate(at=TENTH_PASSED + timedelta(days=1))
    assert [line.user.role for line in told] == ["revops"]
    assert told.get().subject.startswith("Sponsorship problem: facilitate")
    assert "first sent on 16 November 2026 (version 1); 10 business days" in told.get().text


def test_the_notice_says_since_when_and_which_version_waits_now(program: Program) -> None:
    version = send_one()
    decline(version=version, role=Role.CMO, reason="Not mine", by=user_with(Role.CMO), at=SENT)
    wait = scorecard_wait(program, at=TENTH_PASSED)
    assert wait is not None and not wait.is_waiting
    assert wait.since_when().endswith("It was declined, and no other one was sent since.")
    second = send_one(TENTH_PASSED + timedelta(days=2), "Two")
    at = TENTH_PASSED + timedelta(days=2, hours=1)
    evaluate(at=at)
    text = Notification.objects.filter(kind="sponsorship-problem").latest("pk").text
    assert "first sent on 16 November 2026 (version 1); 12 business days have fully passed" in text
    assert "Version 2 was sent on 3 December 2026 and waits for signatures now." in text
    with time_machine.travel(at, tick=False):
        page = signed_in(user_with(Role.REVOPS)).get("/program/").content.decode()
    assert f"Version {second.number} was sent" in page
    assert "that does not begin the count anew" in page
