"""The page of what a person was told, and marking it as read."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from alignment.access import viewer
from alignment.asked import asked, posted
from alignment.models import Notification
from alignment.paging import NoSuchPage
from alignment.queries.notifications import told, unread_count
from alignment.services import notifications as services


def index(request: HttpRequest) -> HttpResponse:
    """Everything that this person was told."""
    user = viewer(request)
    try:
        found = told(user, asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    return render(
        request,
        "alignment/notifications.html",
        {"found": found, "unread": unread_count(user), "now": timezone.now()},
    )


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one as read and, where asked, go to what it is about."""
    found = get_object_or_404(Notification, pk=pk, user=viewer(request))
    services.mark_read(notification=found, at=timezone.now())
    is_ours = url_has_allowed_host_and_scheme(found.url, allowed_hosts=None)
    if posted(request, "go") and found.url and is_ours:
        return redirect(found.url)
    return redirect("alignment:notifications")


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything as read."""
    count = services.mark_all_read(user=viewer(request), at=timezone.now())
    messages.success(request, f"{count} marked as read." if count else "Nothing was unread.")
    return redirect("alignment:notifications")
