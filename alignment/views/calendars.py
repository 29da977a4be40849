"""Calendars: everyone reads them, RevOps sets them up and enters exceptions."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import EVERYONE, roles, viewer
from alignment.business_time import InvalidSchedule
from alignment.business_time.zones import zone_names
from alignment.forms.calendars import CalendarForm, ExceptionForm, HolidaysForm
from alignment.holidays import UnknownCountry
from alignment.models import Calendar, Organisation, Role
from alignment.queries import calendar_pages
from alignment.services import calendars as services

READERS = sorted(EVERYONE - {Role.BOARD_VIEWER})


@roles(*READERS)
def index(request: HttpRequest) -> HttpResponse:
    """Every calendar with its week, and whether it is open now."""
    now = timezone.now()
    return render(
        request,
        "alignment/calendars.html",
        {
            "now": now,
            "rows": calendar_pages.calendar_rows(at=now),
            "is_revops": viewer(request).has_role(Role.REVOPS),
        },
    )


@roles(Role.REVOPS)
def create(request: HttpRequest) -> HttpResponse:
    """A new calendar with its first version."""
    user, now = viewer(request), timezone.now()
    form = CalendarForm(request.POST or None, initial={"zone": Organisation.get().zone})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                calendar = services.create_calendar(
                    name=form.cleaned_data["name"],
                    schedule=form.schedule(),
                    country=form.cleaned_data["country"] or None,
                    by=user,
                    at=now,
                )
            except services.CalendarExists as problem:
                form.add_error("name", str(problem))
                status = 409
            except UnknownCountry as problem:
                form.add_error("country", str(problem))
            except InvalidSchedule as problem:
                form.refuse(problem)
            else:
                messages.success(request, f"{calendar} is ready. Teams use it once the agreement names it.")
                return redirect("alignment:calendar", pk=calendar.pk)
    context = {"form": form, "zones": sorted(zone_names())}
    return render(request, "alignment/calendar_new.html", context, status=status)


@roles(*READERS)
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One calendar with its exceptions and versions."""
    return _page(request, get_object_or_404(Calendar, pk=pk))


@require_POST
@roles(Role.REVOPS)
def add_exception(request: HttpRequest, pk: int) -> HttpResponse:
    """A date that differs, from now on."""
    user, calendar, form = viewer(request), get_object_or_404(Calendar, pk=pk), ExceptionForm(request.POST)
    if not form.is_valid():
        return _page(request, calendar, exception_form=form, status=422)
    given = form.cleaned_data
    try:
        version = services.add_exception(
            calendar=calendar,
            day=given["day"],
            windows=given["windows"] if given["state"] == "open" else None,
            reason=given["reason"],
            by=user,
            at=timezone.now(),
        )
    except (services.DayHasPassed, services.NothingToChange) as problem:
        form.add_error("day", str(problem))
    except InvalidSchedule as problem:
        form.add_error("windows", str(problem))
    else:
        messages.success(
            request, f"Entered as version {version.number}. Running clocks are re-dated within five minutes."
        )
        return redirect("alignment:calendar", pk=pk)
    return _page(request, calendar, exception_form=form, status=409)


@require_POST
@roles(Role.REVOPS)
def extend_holidays(request: HttpRequest, pk: int) -> HttpResponse:
    """The country's public holidays of further years."""
    user, calendar, form = viewer(request), get_object_or_404(Calendar, pk=pk), HolidaysForm(request.POST)
    if not form.is_valid():
        return _page(request, calendar, holidays_form=form, status=422)
    try:
        version = services.extend_holidays(
            calendar=calendar, through_year=form.cleaned_data["through_year"], by=user, at=timezone.now()
        )
    except (services.NoHolidaySource, services.TooFarAhead, services.NothingToChange) as problem:
        form.add_error("through_year", str(problem))
        return _page(request, calendar, holidays_form=form, status=409)
    messages.success(request, f"{version.reason}: entered as version {version.number}.")
    return redirect("alignment:calendar", pk=pk)


def _page(
    request: HttpRequest,
    calendar: Calendar,
    *,
    exception_form: ExceptionForm | None = None,
    holidays_form: HolidaysForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    row = calendar_pages.calendar_row(calendar, at=now)
    today = now.astimezone(ZoneInfo(row.zone)).date()
    special = calendar_pages.specials(row.version)
    return render(
        request,
        "alignment/calendar.html",
        {
            "now": now,
            "calendar": calendar,
            "row": row,
            "coming": [found for found in special if today <= found.day < today + timedelta(days=366)],
            "later": [found for found in special if found.day >= today + timedelta(days=366)],
            "past": [found for found in special if found.day < today],
            "versions": calendar.versions.select_related("entered_by").order_by("-number"),
            "is_revops": viewer(request).has_role(Role.REVOPS),
            "exception_form": exception_form or ExceptionForm(),
            "holidays_form": holidays_form or HolidaysForm(initial={"through_year": today.year + 3}),
        },
        status=status,
    )
