"""The review of the signed SLA: when it is due, and on whose calendar it is."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import EVERYONE, roles, viewer
from alignment.ics import MIME
from alignment.models import Role
from sla import review_calendar
from sla.queries.drafting import standing
from sla.queries.exceptions import exceptions_since
from sla.queries.review import LEADERS, review
from sla.services import review as services

READERS = sorted(EVERYONE - {Role.BOARD_VIEWER})


@roles(*READERS)
def page(request: HttpRequest) -> HttpResponse:
    """Date, calendars and what to do next."""
    now, user = timezone.now(), viewer(request)
    found = review(at=now)
    context = {
        "now": now,
        "review": found,
        "exceptions": exceptions_since(found.version) if found else None,
        "late": -found.days if found else 0,
        "has_draft": standing().draft is not None,
        "is_revops": user.has_role(Role.REVOPS),
        "may_take": user.has_role(Role.REVOPS, *LEADERS),
        "lacks_mail": found is not None and any(one.state == "missing" for one in found.leaders),
        "reminded_before": services.REMINDED_BEFORE,
    }
    return render(request, "sla/review.html", context)


@require_POST
@roles(Role.REVOPS, *LEADERS)
def take(request: HttpRequest) -> HttpResponse:
    """The review as a file for calendars."""
    try:
        written = services.take_date(by=viewer(request), at=timezone.now())
    except services.NothingToReview as refusal:
        messages.error(request, str(refusal))
        return redirect("sla:review")
    response = HttpResponse(written, content_type=f"{MIME}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{review_calendar.NAME}"'
    return response


@require_POST
@roles(Role.REVOPS)
def send(request: HttpRequest) -> HttpResponse:
    """Mail the date to leaders who were not sent it."""
    try:
        count = services.send_date_again(by=viewer(request), at=timezone.now())
    except services.NothingToReview as refusal:
        messages.error(request, str(refusal))
    else:
        if count:
            messages.success(request, f"The review date goes to {count} mailbox{'' if count == 1 else 'es'}.")
        else:
            messages.info(request, "Every leader was sent it already; whoever lost it can download it here.")
    return redirect("sla:review")
