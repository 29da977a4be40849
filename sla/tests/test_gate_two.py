"""Gate 2: the SLA is signed, its review date is on both leaders' calendars, and a lapsed review shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import icalendar
import pytest
from django.test import Client
from time_machine import travel

from alignment.blockers import Blocked
from alignment.gates import examine, registry
from alignment.models import MailState, Notification, OutgoingMail, Program, Role, Step, User
from alignment.services.artifacts import blockers_of, revoke
from alignment.services.authority import OnlyRevOps
from alignment.services.calendars import add_exception, create_calendar
from alignment.services.mail import deliver_mail
from alignment.tests.pages import signed_in
from sla.models import Agreement, Clock, ClockKind, ReviewTaken
from sla.queries.agreements import load_book
from sla.queries.exceptions import exceptions_since
from sla.queries.review import review
from sla.services.drafts import start_draft
from sla.services.redate import redate_clocks
from sla.services.review import (
    NothingToReview,
    remind_of_review,
    send_date_again,
    take_date,
    tell_of_exceptions,
)
from testing.artifacts import user_with
from testing.programs import open_one
from testing.sla import amended, sent_sla, signed_sla
from testing.world import NOW, WEEKDAYS, World, event, terms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE = {"zone": "UTC", "weekly": WEEKDAYS}
DUE = (NOW + 90 * DAY).date()


def blockers(program: Program, at: datetime = NOW) -> list[str]:
    return [blocker.code for blocker in examine(Step.SLA, program, at=at).blockers]


def found(program: Program, at: datetime) -> list[str]:
    return [evidence.found for evidence in examine(Step.SLA, program, at=at).evidence]


@pytest.fixture
def agreement(world: World) -> Agreement:
    return signed_sla(terms(world.calendar), at=NOW)


@pytest.fixture
def step_one_is_passed() -> Iterator[None]:
    """The gates before the SLA are open."""
    with patch.dict(
        registry._CONDITIONS, {step: [lambda _, at: []] for step in (Step.PREREQUISITES, Step.SCORECARD)}
    ):
        yield


@pytest.fixture
def program(agreement: Agreement) -> Program:
    """Opened once the SLA is signed: a program would have its gate 1 stand before the sending."""
    return open_one(NOW)


def entries(text: str) -> list[Any]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def test_unsigned_terms_open_nothing_and_the_gate_says_whose_turn_it_is(world: World) -> None:
    sent_sla(terms(world.calendar), at=NOW)
    program = open_one(NOW)
    assert blockers(program) == ["sla-unsigned", "review-unsigned"]
    unsigned = examine(Step.SLA, program, at=NOW).blockers[0].message
    assert "version 2 waits for" in unsigned.lower()
    assert f"MQLs run on version {world.agreement.number}" in unsigned


def test_signed_and_on_both_calendars_opens_it(program: Program, agreement: Agreement) -> None:
    assert blockers(program) == ["review-date"]
    deliver_mail(at=NOW + timedelta(seconds=5))
    assert blockers(program, NOW + timedelta(minutes=1)) == []
    mails = OutgoingMail.objects.filter(key__startswith="sla-review:")
    assert {mail.user for mail in mails} == {user_with(Role.CRO), user_with(Role.CMO)}
    for mail in mails:
        (entry,) = entries(mail.attachments[0]["text"])
        assert entry["dtstart"].dt.date() == DUE
        assert entry["dtend"].dt - entry["dtstart"].dt == timedelta(hours=1)


def test_a_mail_that_fails_leaves_it_shut_until_the_leader_takes_the_file(
    program: Program, agreement: Agreement
) -> None:
    OutgoingMail.objects.filter(user=user_with(Role.CRO)).update(state=MailState.SENT, sent_at=NOW)
    OutgoingMail.objects.filter(user=user_with(Role.CMO)).update(state=MailState.DEAD)
    assert blockers(program) == ["review-date"]
    take_date(by=user_with(Role.REVOPS), at=NOW)
    assert blockers(program) == ["review-date"], "RevOps has it, the CMO still has not"
    take_date(by=user_with(Role.CMO), at=NOW)
    take_date(by=user_with(Role.CMO), at=NOW + DAY)
    assert blockers(program) == []
    assert ReviewTaken.objects.get().taken_at == NOW


@pytest.mark.usefixtures("step_one_is_passed")
def test_an_amendment_moves_the_same_entry_and_goes_to_the_calendars_anew(
    program: Program, agreement: Agreement
) -> None:
    deliver_mail(at=NOW)
    later = NOW + 30 * DAY
    amended(at=later)
    assert blockers(program, later) == ["review-date"]
    deliver_mail(at=later)
    assert blockers(program, later) == []
    files = OutgoingMail.objects.filter(key__startswith="sla-review:", user=user_with(Role.CRO)).order_by(
        "pk"
    )
    before, after = (entries(mail.attachments[0]["text"])[0] for mail in files)
    assert before["uid"] == after["uid"]
    assert after["sequence"] > before["sequence"]
    assert after["dtstart"].dt.date() == (later + 90 * DAY).date()


def test_a_new_leader_is_sent_the_date_by_revops_alone(agreement: Agreement) -> None:
    new = User.objects.create_user("new.cmo@example.com", "x", name="New", role=Role.CMO)
    with pytest.raises(OnlyRevOps):
        send_date_again(by=user_with(Role.CRO), at=NOW)
    assert send_date_again(by=user_with(Role.REVOPS), at=NOW) == 1
    assert send_date_again(by=user_with(Role.REVOPS), at=NOW) == 0
    assert OutgoingMail.objects.filter(user=new).count() == 1


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (15, ""),
        (14, "in-14"),
        (8, "in-14"),
        (7, "in-7"),
        (2, "in-7"),
        (1, "in-1"),
        (0, "in-1"),
        (-1, "lapsed"),
    ],
)
def test_reminders_come_before_it_and_once_when_it_has_lapsed(
    agreement: Agreement, days: int, told: str
) -> None:
    at = datetime.combine(DUE - days * DAY, NOW.timetz())
    people = remind_of_review(at=at)
    assert remind_of_review(at=at + timedelta(hours=1)) == 0
    keys = set(Notification.objects.filter(key__startswith="sla-review-").values_list("key", flat=True))
    assert keys == ({f"sla-review-{told}:{agreement.version_id}"} if told else set())
    assert people == (3 if told else 0)


@pytest.mark.usefixtures("step_one_is_passed")
def test_a_lapsed_review_shows_at_the_gate_and_shuts_nothing(program: Program, agreement: Agreement) -> None:
    deliver_mail(at=NOW)
    late = NOW + 93 * DAY
    assert blockers(program, late) == []
    assert "lapsed" in found(program, late)[1]
    assert "3 days ago" in found(program, late)[1]
    with travel(late, tick=False):
        page = signed_in(user_with(Role.REVOPS)).get("/program/").content.decode()
        assert "Overdue" in page
        page = signed_in(user_with(Role.CRO)).get("/agreement/review/").content.decode()
        assert "The review has lapsed" in page
    amended(at=late)
    assert "lapsed" not in found(program, late)[1]


def test_a_revoked_sla_shuts_the_gate_and_its_terms_go_on_judging(
    program: Program, agreement: Agreement
) -> None:
    deliver_mail(at=NOW)
    assert agreement.version is not None
    revoke(
        version=agreement.version,
        role=Role.CRO,
        reason="Not what was agreed.",
        by=user_with(Role.CRO),
        at=NOW + DAY,
    )
    assert blockers(program, NOW + DAY) == ["sla-unsigned", "review-unsigned"]
    assert found(program, NOW + DAY)[0] == "Version 2: no longer signed"
    judging = load_book().at(NOW + DAY)
    assert judging is not None
    assert judging.agreement == agreement


def test_the_page_lets_leaders_download_and_says_what_to_do_before_there_is_one(world: World) -> None:
    cmo = user_with(Role.CMO)
    with travel(NOW, tick=False):
        client: Client = signed_in(cmo)
        assert "No review date yet" in client.get("/agreement/review/").content.decode()
        with pytest.raises(NothingToReview):
            take_date(by=cmo, at=NOW)
        assert client.post("/agreement/review/file/", follow=True).status_code == 200
        signed_sla(terms(world.calendar), at=NOW)
        answer = client.post("/agreement/review/file/")
    assert answer["Content-Type"].startswith("text/calendar")
    assert entries(answer.content.decode())[0]["dtstart"].dt.date() == DUE
    now = review(at=NOW)
    assert now is not None
    assert [one.state for one in now.leaders if one.user == cmo] == ["taken"]


def test_a_shut_gate_before_it_holds_up_the_sending(world: World) -> None:
    open_one(NOW)
    with pytest.raises(Blocked, match="Gate 1"):
        sent_sla(terms(world.calendar), at=NOW)


def test_a_draft_that_lacks_something_names_the_shut_gate_as_well(world: World) -> None:
    draft = start_draft(by=user_with(Role.REVOPS), at=NOW)
    assert {blocker.code for blocker in blockers_of(draft, at=NOW)} == {"content"}
    open_one(NOW)
    assert {"content", "gate-1"} <= {blocker.code for blocker in blockers_of(draft, at=NOW)}


def test_a_later_beginning_is_signed_now_and_judges_then(world: World) -> None:
    begins = (NOW + 10 * DAY).date().isoformat()
    agreement = signed_sla(terms(world.calendar), at=NOW, begins_on=begins)
    program = open_one(NOW)
    assert agreement.in_force_from.date() == date.fromisoformat(begins)
    assert "it judges MQLs from 27 November 2026 on" in found(program, NOW)[0]
    judging = load_book().at(NOW + 9 * DAY)
    assert judging is not None
    assert judging.agreement == world.agreement


def test_a_first_day_that_is_over_is_not_sent(world: World) -> None:
    with pytest.raises(Blocked, match="The first day, 16 November 2026, is over"):
        sent_sla(terms(world.calendar), at=NOW, begins_on="2026-11-16")
    sent_sla(terms(world.calendar), at=NOW, begins_on="2026-11-17")


def test_exceptions_entered_since_are_listed_and_told_to_both_leaders_once(
    world: World, agreement: Agreement
) -> None:
    world.send(event("lead.updated", "L1", NOW, score=80))
    dated = Clock.objects.get(kind=ClockKind.FOLLOW_UP)
    entered = NOW + timedelta(hours=1)
    add_exception(
        calendar=world.calendar,
        day=(NOW + DAY).date(),
        windows=None,
        reason="Company outing",
        by=user_with(Role.REVOPS),
        at=entered,
    )
    redate_clocks(at=entered + timedelta(seconds=15))
    assert Clock.objects.get(pk=dated.pk).due_at > dated.due_at
    assert tell_of_exceptions(at=entered) == 2
    assert tell_of_exceptions(at=entered + timedelta(hours=1)) == 0
    told = Notification.objects.filter(kind="calendar-exception")
    assert {line.user for line in told} == {user_with(Role.CRO), user_with(Role.CMO)}
    with travel(entered, tick=False):
        page = signed_in(user_with(Role.CMO)).get("/agreement/review/").content.decode()
    assert "Company outing" in page
    assert "(2 clocks so far)" in page, "follow-up and disposition"


def test_an_exception_of_a_calendar_that_only_earlier_versions_name_is_told_too(
    world: World, agreement: Agreement
) -> None:
    world.send(event("lead.updated", "L1", NOW, score=80))
    other = create_calendar(name="Field", schedule=OFFICE, by=None, at=NOW)
    signed = amended(at=NOW + HOUR, terms={"calendars": {"default": other.pk, "teams": {}}})
    day, entered = (NOW + DAY).date(), NOW + 2 * HOUR
    add_exception(calendar=world.calendar, day=day, windows=None, reason="Outing", by=None, at=entered)
    assert redate_clocks(at=entered) == 1
    assert tell_of_exceptions(at=entered) == 2
    assert signed.version is not None
    listed = exceptions_since(signed.version)
    assert ([each.calendar for each in listed.versions], listed.redated) == ([world.calendar], 2)


def test_an_exception_entered_just_before_an_amendment_is_told_too(
    world: World, agreement: Agreement
) -> None:
    day, entered = (NOW + DAY).date(), NOW + HOUR
    add_exception(calendar=world.calendar, day=day, windows=None, reason="Outing", by=None, at=entered)
    amended(at=NOW + 2 * HOUR)
    assert tell_of_exceptions(at=NOW + 3 * HOUR) == 2
