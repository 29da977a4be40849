"""The agreement as a document that people read, and its versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import EVERYONE, roles, viewer
from alignment.models import Role, User
from alignment.queries.artifacts import waiting_for
from alignment.queries.working_days import WEEKDAY_NAMES
from sla.clauses import PERIODS
from sla.models import ClockKind
from sla.queries import agreement_document as document
from sla.queries import drafting
from sla.queries.agreements import load_book, revoked_at
from sla.queries.cited import cited
from sla.wording import STOPS

READERS = sorted(EVERYONE - {Role.BOARD_VIEWER})


@roles(*READERS)
def in_force(request: HttpRequest) -> HttpResponse:
    """The version in force; where none is yet, the one that comes next."""
    return _page(request, number=None)


@roles(*READERS)
def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version by its number, whether it ever came in force or not."""
    return _page(request, number=number)


def _page(request: HttpRequest, number: int | None) -> HttpResponse:
    now = timezone.now()
    book = load_book()
    versions = document.versions(book, at=now)
    if number is not None:
        shown = next((v for v in versions if v.agreement.number == number), None)
        if shown is None:
            raise Http404("There is no such version of the SLA.")
    else:
        current = [v for v in versions if v.state == "in_force"]
        shown = next(iter(current + [v for v in reversed(versions) if v.state == "coming"]), None)
    context = {"now": now, "versions": versions} | _waiting(viewer(request), now)
    if shown is None:
        return render(request, "sla/agreement_empty.html", context)
    terms = shown.terms
    uses = document.calendar_uses(terms, at=now)
    context |= {
        "shown": shown,
        "revoked": revoked_at(now, book),
        "terms": terms,
        "clauses": shown.clauses,
        "report_day": WEEKDAY_NAMES[shown.clauses.report_on] if shown.clauses else "",
        "period": PERIODS[shown.clauses.consequences.period] if shown.clauses else "",
        "is_first_signed": any(each.agreement.is_signed for each in versions),
        "cited": cited(shown.document.content["evidence"], shown.agreement.terms) if shown.document else [],
        "uses": uses,
        "assign_within": document.read_window(terms.assign_within, uses),
        "tiers": document.read_tiers(terms, uses),
        "gap": document.read_window(terms.attempt_gap, uses),
        "stops": [(kind, STOPS[kind.value]) for kind in ClockKind],
    }
    return render(request, "sla/agreement.html", context)


def _waiting(user: User, now: datetime) -> dict[str, Any]:
    """What may follow the version in force: the draft (for RevOps), the one that waits for signatures, and whose turn
    it is."""
    standing = drafting.standing()
    sent = standing.sent
    return {
        "is_revops": user.has_role(Role.REVOPS),
        "standing": standing,
        "is_my_turn": sent is not None and any(each.version == sent for each in waiting_for(user, at=now)),
    }
