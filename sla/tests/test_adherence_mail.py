"""The weekly report: sent once, on the signed weekday, with the figures of the page, and frozen for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from alignment.models import DirtyDay, Notification, Organisation, OutgoingMail, Role
from alignment.wording import truncated_share
from sla.adherence_mail import line_name, span_name, text
from sla.models import METRIC, AdherenceReport
from sla.queries.adherence.figures import Line, Report, Span, from_json
from sla.services import mark_breached, roll_up
from sla.services.reports import due_week, next_due, send_adherence_report
from sla.tests.pages import signed_in
from testing.api import by_token
from testing.at_once import at_once
from testing.definitions import COMPLETE
from testing.sla import amended, judging, revoke_sla, signed_sla
from testing.world import World, add_user, event, terms

DAY = timedelta(days=1)
FRIDAY = datetime(2026, 11, 27, 8, tzinfo=UTC)  # reports on the week of 16 November
WEEK = date(2026, 11, 16)


def settled(world: World, at: datetime) -> None:
    world.send(at=at)
    mark_breached(at=at)
    roll_up(at=at)


@pytest.fixture
def signed(world: World) -> World:
    """A signed SLA since October, two MQLs in the week reported on: one complete and followed up, one neither."""
    signed_sla(terms(world.calendar), at=world.at - 50 * DAY)
    world.send(
        event("lead.created", "L1", world.at, **COMPLETE),
        event("lead.created", "L2", world.at, score=80, intent="demo_request"),
    )
    touched = world.at + timedelta(minutes=3)
    world.send(event("touch.recorded", "T1", touched, lead="L1", is_attempt=True, channel="call"), at=touched)
    settled(world, FRIDAY)
    return world


def test_it_leaves_on_the_signed_weekday_at_the_hour_and_once(signed: World) -> None:
    assert (
        send_adherence_report(at=FRIDAY - timedelta(seconds=1)) is not None
    )  # of the week before: due last Friday
    report = send_adherence_report(at=FRIDAY)
    assert report is not None and report.monday == WEEK
    assert send_adherence_report(at=FRIDAY) is None
    assert send_adherence_report(at=FRIDAY + 6 * DAY) is None
    assert (report.agreement.number, report.definition_version) == (2, 1)
    version = report.agreement.version
    assert version is not None and report.sla_digest == version.digest
    assert next_due(at=FRIDAY) == FRIDAY + 7 * DAY


def monday_due(*, at: datetime) -> date | None:
    week = due_week(at=at)
    return week.monday if week else None


def test_the_hour_is_of_the_organisation_s_zone_and_a_setting(signed: World, settings: Any) -> None:
    Organisation.objects.update(zone="America/New_York")
    assert monday_due(at=FRIDAY + timedelta(hours=4, minutes=59)) == WEEK - 7 * DAY
    assert monday_due(at=FRIDAY + timedelta(hours=5)) == WEEK
    settings.ADHERENCE_REPORT_HOUR = 10
    assert monday_due(at=FRIDAY + timedelta(hours=6)) == WEEK - 7 * DAY


def test_a_late_start_catches_up_with_the_newest_alone(signed: World) -> None:
    late = FRIDAY + 23 * DAY
    settled(signed, late)
    report = send_adherence_report(at=late)
    assert report is not None and report.monday == WEEK + 21 * DAY
    assert report.as_known_at == late
    assert send_adherence_report(at=late) is None and AdherenceReport.objects.count() == 1


def test_there_is_none_of_a_day_on_which_nothing_was_signed(world: World) -> None:
    assert send_adherence_report(at=FRIDAY) is None and due_week(at=FRIDAY) is None
    signed_sla(terms(world.calendar), at=FRIDAY + DAY)
    assert send_adherence_report(at=FRIDAY + 2 * DAY) is None
    settled(world, FRIDAY + 7 * DAY)
    assert send_adherence_report(at=FRIDAY + 7 * DAY) is not None


def test_another_signed_weekday_moves_it(signed: World) -> None:
    send_adherence_report(at=FRIDAY)
    amended(at=FRIDAY + DAY, report_on="monday")
    assert send_adherence_report(at=FRIDAY + 2 * DAY) is None
    assert monday_due(at=FRIDAY + 3 * DAY) == WEEK + 7 * DAY


def test_it_waits_for_days_that_are_being_added_up_but_not_for_ever(signed: World) -> None:
    DirtyDay.objects.create(metric=METRIC, day=FRIDAY.date())
    assert send_adherence_report(at=FRIDAY + timedelta(minutes=4)) is None
    DirtyDay.objects.create(metric=METRIC, day=WEEK)
    assert send_adherence_report(at=FRIDAY + timedelta(minutes=59)) is None
    report = send_adherence_report(at=FRIDAY + timedelta(minutes=60))
    assert report is not None
    assert "still being added up" in OutgoingMail.objects.filter(subject__contains="adherence")[0].text


def told(report: Report) -> Iterator[tuple[Line, Span, str]]:
    for line in (*report.marketing, *report.sales, *report.by_segment):
        for span, cell in zip(report.spans, line.cells, strict=True):
            yield line, span, truncated_share(cell.kept, cell.due)


def test_mail_and_page_say_the_same_figures(signed: World) -> None:
    people = {role: add_user(signed, role) for role in Role if role != Role.REP}
    row = send_adherence_report(at=FRIDAY)
    assert row is not None
    report = from_json(Report, row.figures)
    mails = OutgoingMail.objects.filter(key__startswith="adherence:")
    expected = {
        people[role].email for role in Role if role not in {Role.REP, Role.FINANCE, Role.BOARD_VIEWER}
    }
    assert expected <= {mail.to for mail in mails} and people[Role.FINANCE].email not in {m.to for m in mails}
    assert row.told == len(mails) == Notification.objects.filter(kind="adherence-report").count()
    mail = mails[0]
    assert mail.text.startswith(text(report)) and "/adherence/2026-11-16/" in mail.text
    with time_machine.travel(FRIDAY, tick=False):
        live = signed_in(people[Role.CRO]).get("/adherence/").content.decode()
        frozen = signed_in(people[Role.CRO]).get("/adherence/2026-11-16/").content.decode()
    follow_up, complete = report.sales[0].cells[0], report.marketing[1].cells[0]
    assert (follow_up.kept, follow_up.due, complete.kept, complete.due) == (1, 2, 1, 2)
    for line, span, share in told(report):
        assert line_name(line) in mail.text and f"{span_name(span)}: {share}" in mail.text
        if share != "no data":
            for page in (live, frozen):
                assert share in page and span_name(span) in page
    assert report.sales[0].cells[0].missed == 1 and "the consequence clause fires" in mail.text
    assert "As sent" in frozen and "Restated since" not in frozen


def test_what_is_known_otherwise_since_stands_beside_the_frozen_figures(world: World) -> None:
    signed_sla(terms(world.calendar), at=world.at - 50 * DAY, report_on="monday")
    friday, monday = datetime(2026, 11, 20, 16, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)
    world.send(event("lead.created", "L1", friday, score=80, intent="demo_request"), at=friday)
    settled(world, monday)
    row = send_adherence_report(at=monday)
    assert row is not None and row.monday == WEEK
    before = row.figures
    in_time, noon = friday + timedelta(minutes=2), monday + timedelta(hours=4)
    world.send(event("touch.recorded", "T1", in_time, lead="L1", is_attempt=True, channel="call"), at=noon)
    settled(world, noon)
    row.refresh_from_db()
    assert row.figures == before
    with time_machine.travel(noon, tick=False):
        page = signed_in(add_user(world, Role.CMO)).get("/adherence/2026-11-16/").content.decode()
    assert "Restated since" in page and "0.0% (0 of 1)" in page and "100.0% (1 of 1)" in page


def test_the_database_keeps_reports_as_they_were(signed: World) -> None:
    report = send_adherence_report(at=FRIDAY)
    assert report is not None
    with pytest.raises(IntegrityError, match="evidence"), transaction.atomic():
        AdherenceReport.objects.update(told=0)
    with pytest.raises(IntegrityError, match="evidence"), transaction.atomic():
        report.delete()
    for wrong in ({}, {"monday": WEEK + DAY}, {"monday": WEEK + 7 * DAY, "complete_until": FRIDAY + DAY}):
        given = {
            field.name: getattr(report, field.name) for field in report._meta.fields if field.name != "id"
        }
        with pytest.raises(IntegrityError), transaction.atomic():
            AdherenceReport.objects.create(**given | wrong)


def test_a_week_without_a_report_and_nonsense_are_not_found(signed: World) -> None:
    client = signed_in(add_user(signed, Role.CRO))
    for address in ("2026-11-16/", "soon/", "2026-11-16/figures.csv", "9999-99-99/"):
        assert client.get(f"/adherence/{address}").status_code == 404


def test_both_sides_over_the_api(signed: World) -> None:
    send_adherence_report(at=FRIDAY)
    user = add_user(signed, Role.CMO)
    with time_machine.travel(FRIDAY, tick=False):
        api = by_token(user)
        found = api.get("adherence").json()["report"]
        (sent,) = api.get("adherence-reports").json()["results"]
        past = api.get("adherence", week="2026-11-03").json()["report"]
        assert api.get("adherence", week="2026-11-27").status_code == 400
    assert found["marketing"] == sent["report"]["marketing"] and found["sales"] == sent["report"]["sales"]
    (cell,) = [each for each in found["sales"] if (each["promise"], each["span"]) == ("follow_up", "week")]
    assert (cell["kept"], cell["due"], cell["first"], cell["last"]) == (1, 2, "2026-11-16", "2026-11-22")
    assert {each["span"] for each in past["sales"]} == {"week"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one(world: World) -> None:
    signed_sla(terms(world.calendar), at=world.at - 50 * DAY)
    settled(world, FRIDAY)
    at_once(*[lambda: send_adherence_report(at=FRIDAY)] * 2)
    assert AdherenceReport.objects.count() == 1
    assert (
        OutgoingMail.objects.filter(key__startswith="adherence:").count()
        == AdherenceReport.objects.get().told
    )


def test_late_days_hold_up_no_report_for_more_than_some_minutes(signed: World) -> None:
    DirtyDay.objects.create(metric=METRIC, day=FRIDAY.date())
    assert send_adherence_report(at=FRIDAY) is None
    assert send_adherence_report(at=FRIDAY + timedelta(minutes=5)) is not None


def test_after_a_revocation_mail_and_frozen_page_say_it_once_and_that_no_consequence_follows(
    signed: World,
) -> None:
    revoke_sla(judging(FRIDAY), at=FRIDAY - DAY)
    report = send_adherence_report(at=FRIDAY)
    assert report is not None
    body = OutgoingMail.objects.filter(key__startswith="adherence:").latest("pk").text
    said = "The SLA is no longer signed"
    assert body.count(said) == 1 and "revoked on 26 Nov 2026, 08:00 (UTC)" in body
    assert "No consequence follows" in body and "not judged: the SLA was revoked" in body
    amended(at=FRIDAY + DAY)
    with time_machine.travel(FRIDAY + 2 * DAY, tick=False):
        page = signed_in(add_user(signed, Role.CMO)).get(f"/adherence/{WEEK}/").content.decode()
    assert page.count(said) == 1


def test_a_month_that_no_sla_judges_is_said_so(world: World) -> None:
    signed_sla(terms(world.calendar), at=world.at)
    settled(world, FRIDAY)
    row = send_adherence_report(at=FRIDAY)
    assert row is not None
    report = from_json(Report, row.figures)
    assert report.marketing[0].cells[0].due == 0 and not report.prorated
    assert "This month's volume is not judged: the SLA was signed during the month." in text(report)
    assert from_json(Report, {**row.figures, "later": 1}) == report
