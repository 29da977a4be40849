"""Ticks of the SLA: three-line tasks that call a service with the time."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from sla import services
from sla.services import disputes
from sla.services.elapsed import keep_terms_in_force, rebuild
from sla.services.reports import send_adherence_report as send_report


@shared_task
def mark_breached() -> int:
    """Mark clocks whose due time has passed; each is marked once, however many workers sweep."""
    now = timezone.now()
    services.mark_warned(at=now)
    return services.mark_breached(at=now)


@shared_task
def roll_up() -> int:
    """Recompute the compliance of days that facts made dirty."""
    return services.roll_up(at=timezone.now())


@shared_task
def compare_roll_up() -> int:
    """Prove that the roll-up equals its base tables; days that differ are recomputed."""
    return len(services.compare_roll_up(at=timezone.now()))


@shared_task
def redate_clocks() -> int:
    """Re-date running clocks whose calendar or time-zone rules have changed since they were dated, and give its version
    to what crossed while the SLA was signed."""
    now = timezone.now()
    return services.take_over_cycles(at=now) + services.redate_clocks(at=now)


@shared_task
def remind_of_review() -> int:
    """Remind of the review of the signed SLA, and tell once that it has lapsed; tell of new calendar exceptions."""
    now = timezone.now()
    return services.tell_of_exceptions(at=now) + services.remind_of_review(at=now)


@shared_task
def send_adherence_report() -> int:
    """Send the weekly adherence report where it is due and missing; how many people were told."""
    report = send_report(at=timezone.now())
    return report.told if report else 0


@shared_task
def watch_weeks() -> int:
    """Keep each full week once it is known, and open or close the CRO's case about tagging."""
    return services.watch_weeks(at=timezone.now())


@shared_task
def execute_consequences() -> int:
    """Judge the periods of the SLA's clauses that are settled, and recycle what a consequence left to recycle."""
    return services.execute_consequences(at=timezone.now())


@shared_task
def mark_disputes_overdue() -> int:
    """Mark disputes on which nobody ruled in time, each once, and tell the escalation owner."""
    return disputes.mark_overdue(at=timezone.now())


@shared_task
def keep_elapsed() -> int:
    """Measure what changed on the calendars in force, so that calibration answers at once."""
    return keep_terms_in_force(at=timezone.now())


@shared_task
def rebuild_elapsed() -> None:
    """Measure everything anew."""
    rebuild(at=timezone.now())
