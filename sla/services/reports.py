"""Sending the weekly adherence report: once for a week, however many ask and however late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from alignment.business_time import Week
from alignment.models import Organisation, Role, User
from alignment.notifications import notify
from sla.adherence_mail import subject, text
from sla.clauses import Clauses
from sla.models import AdherenceReport
from sla.queries import compliance
from sla.queries.adherence.figures import Report, to_json
from sla.queries.adherence.report import adherence
from sla.queries.agreements import load_book

READERS = (Role.CRO, Role.CMO, Role.REVOPS, Role.SALES_MANAGER, Role.MARKETING)
PATIENCE = timedelta(hours=1)
"""So long a report waits for days of its full week that are still being added up; then it goes out and says so."""
A_MOMENT = timedelta(minutes=5)
"""So long it waits for the days since, some of which are always being added up where much comes in."""


def send_adherence_report(*, at: datetime) -> AdherenceReport | None:
    """Make and mail the newest report that is due and missing; None where there is none.

    Of reports that were missed only the newest is made: the figures of the ones before it stand on the page.
    """
    week = due_week(at=at)
    if week is None or AdherenceReport.objects.filter(monday=week.monday).exists():
        return None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('sla.adherence'))")
        if not cursor.fetchone()[0] or AdherenceReport.objects.filter(monday=week.monday).exists():
            return None
        report = adherence(week, at=at)
        book = load_book().at(at)
        if book is None or book.clauses is None or not _may_leave(week, report, at):
            return None
        told = notify(
            to=_readers(book.clauses),
            key=f"adherence:{week.monday}",
            kind="adherence-report",
            subject=subject(report),
            text=text(report),
            url=reverse("sla:adherence-report", args=[week.monday.isoformat()]),
            at=at,
        )
        return AdherenceReport.objects.create(
            monday=week.monday,
            as_known_at=at,
            complete_until=report.complete_until,
            agreement=book.agreement,
            sla_digest=report.signed.digest,
            definition_version=report.signed.definition,
            figures=to_json(report),
            told=told,
        )


def due_week(*, at: datetime) -> Week | None:
    """The full week that the newest due report is about: the one before the last day of reports that has come, at the
    hour of reports. None while no signed SLA was in force on that day."""
    due = _last_due(at)
    if due is None:
        return None
    before = load_book().at(due)
    if before is None or before.clauses is None:
        return None
    return Week.of(due, Organisation.get().zone).previous()


def next_due(*, at: datetime) -> datetime | None:
    """When the next report goes out; None without a signed SLA."""
    due = _last_due(at)
    if due is None:
        return None
    zone = Organisation.get().zone
    day = due.astimezone(Organisation.get().tz).date() + timedelta(weeks=1)
    return moment_of_report(day, zone)


def moment_of_report(day: date, zone: str) -> datetime:
    """The hour of reports on a local day, by the clocks of the zone, in UTC."""
    local = datetime(day.year, day.month, day.day, settings.ADHERENCE_REPORT_HOUR, tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def _last_due(at: datetime) -> datetime | None:
    signed = load_book().at(at)
    if signed is None or signed.clauses is None:
        return None
    week = Week.of(at, Organisation.get().zone)
    offset = timedelta(days=signed.clauses.report_on)
    due = moment_of_report(week.monday + offset, week.zone)
    return due if due <= at else moment_of_report(week.previous().monday + offset, week.zone)


def _may_leave(week: Week, report: Report, at: datetime) -> bool:
    if report.is_settled:
        return True
    due = _last_due(at)
    waited = at - due if due else PATIENCE
    return waited >= (A_MOMENT if compliance.are_settled(week.monday, week.next().monday) else PATIENCE)


def _readers(clauses: Clauses) -> list[User]:
    """Both leaders, everybody named in the SLA, RevOps, sales managers and marketing."""
    named = [owner.user for owner in clauses.owners.values()]
    people = User.objects.filter(is_active=True)
    return list((people.filter(role__in=READERS) | people.filter(pk__in=named)).order_by("pk"))
