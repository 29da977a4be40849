"""Delegations: who holds a signing role lets somebody sign for it in some days, by a document of its own."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.asked import asked
from alignment.blockers import Blocked
from alignment.forms.artifacts import DelegationForm
from alignment.models import Role, User
from alignment.paging import NoSuchPage, newest_first
from alignment.queries.delegations import delegations_of, rows_of
from alignment.services import delegations as services
from alignment.views.artifacts.common import READERS, address_of

SIGN = (Role.CRO, Role.CMO, Role.FINANCE)


@roles(*READERS)
def index(request: HttpRequest) -> HttpResponse:
    """Those that this login gave or was given (RevOps: all), and for who holds a signing role a new one."""
    user, now = viewer(request), timezone.now()
    may_grant = user.has_role(*SIGN)
    if request.method != "POST" or not may_grant:
        form = DelegationForm(holder=user) if may_grant else None
        return _page(request, user, form, at=now, status=200 if request.method in ("GET", "HEAD") else 403)
    form = DelegationForm(request.POST, holder=user)
    if not form.is_valid():
        return _page(request, user, form, at=now, status=422)
    given = form.cleaned_data
    try:
        version = services.grant(role=user.role, holder=user, **given, by=user, at=now)
    except Blocked as blocked:
        for blocker in blocked.blockers:
            form.add_error(None, blocker.message)
        return _page(request, user, form, at=now, status=409)
    messages.success(
        request, f"Sent to yourself: read it and sign it, then {given['delegate'].name} may sign for you."
    )
    return redirect(address_of(version))


def _page(
    request: HttpRequest, user: User, form: DelegationForm | None, *, at: datetime, status: int
) -> HttpResponse:
    try:
        page = newest_first(delegations_of(user), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    context = {
        "now": at,
        "rows": rows_of(page.rows, user, at=at),
        "page": page,
        "form": form,
        "role": user.get_role_display(),
    }
    return render(request, "artifacts/delegations.html", context, status=status)
