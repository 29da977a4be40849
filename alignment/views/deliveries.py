"""What a source sent: deliveries, what could not be read, and same ids with other bodies."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import asked
from alignment.forms.sources import SetAsideForm
from alignment.models import DeadEvent, Delivery, Role, Source
from alignment.paging import NoSuchPage, Page, newest_first
from alignment.queries import sources as queries
from alignment.queries.preview import read_fact
from alignment.services.inbox import Replayed, replay_dead, set_aside


@roles(Role.REVOPS)
def dead(request: HttpRequest, key: str) -> HttpResponse:
    """Events that could not be read, each with its reason and the way back; `?show=aside`: those set aside."""
    return _show_dead(request, get_object_or_404(Source, key=key))


def _show_dead(
    request: HttpRequest, source: Source, *, refused: int | None = None, form: SetAsideForm | None = None
) -> HttpResponse:
    """`form` as it was typed: for the event `refused`, or for all where that is 0."""
    is_aside = asked(request, "show") == "aside"
    page = _paged(request, queries.dead_events(source, is_set_aside=is_aside))
    rows = [
        (
            event,
            queries.readable(event.excerpt),
            form if form and refused == event.pk else SetAsideForm(auto_id=f"aside-{event.pk}-%s"),
        )
        for event in page.rows
    ]
    all_form = form if form and refused == 0 else SetAsideForm(auto_id="aside-all-%s")
    context = {"page": page, "rows": rows, "is_aside": is_aside, "all_form": all_form}
    return _render(request, source, "dead", context, status=422 if form else 200)


@roles(Role.REVOPS)
def conflicts(request: HttpRequest, key: str) -> HttpResponse:
    """Deliveries whose id came before with another body."""
    source = get_object_or_404(Source, key=key)
    return _render(request, source, "conflicts", {"page": _paged(request, queries.conflicts(source))})


@roles(Role.REVOPS)
def recent(request: HttpRequest, key: str) -> HttpResponse:
    """What came, the newest first."""
    source = get_object_or_404(Source, key=key)
    return _render(request, source, "deliveries", {"page": _paged(request, queries.deliveries(source))})


@roles(Role.REVOPS)
def delivery(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """One delivery: its raw body, the facts it became and what could not be read."""
    source = get_object_or_404(Source, key=key)
    found = get_object_or_404(
        Delivery.objects.select_related("endpoint", "conflicts_with"), pk=pk, source=source
    )
    return _render(
        request,
        source,
        "delivery",
        {
            "delivery": found,
            "body": queries.readable(found.body),
            "digest": bytes(found.body_sha256).hex(),
            "facts": [read_fact(fact) for fact in found.facts.order_by("pk")[:100]],
            "unread": DeadEvent.objects.unapplied().filter(delivery=found).count(),
            "problems": found.dead_events.select_related("set_aside_by").order_by("position")[:100],
        },
    )


@require_POST
@roles(Role.REVOPS)
def replay_one(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Try one event again."""
    event = get_object_or_404(DeadEvent, pk=pk, delivery__source__key=key)
    _tell(request, replay_dead(events=[event], by=viewer(request), at=timezone.now()))
    return redirect("alignment:source-dead", key=key)


@require_POST
@roles(Role.REVOPS)
def replay_all(request: HttpRequest, key: str) -> HttpResponse:
    """Try again whatever of this source could not be read."""
    source = get_object_or_404(Source, key=key)
    _tell(request, replay_dead(source=source, by=viewer(request), at=timezone.now()))
    return redirect("alignment:source-dead", key=key)


@require_POST
@roles(Role.REVOPS)
def set_aside_one(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Keep one event for the record only: nothing can mend it."""
    found = DeadEvent.objects.select_related("delivery__source").filter(delivery__source__key=key)
    event = get_object_or_404(found, pk=pk)
    form = SetAsideForm(request.POST, auto_id=f"aside-{pk}-%s")
    if not form.is_valid():
        return _show_dead(request, event.delivery.source, refused=pk, form=form)
    reason = form.cleaned_data["reason"]
    count = set_aside(events=[event], reason=reason, by=viewer(request), at=timezone.now())
    return _tell_aside(request, count, key)


@require_POST
@roles(Role.REVOPS)
def set_aside_all(request: HttpRequest, key: str) -> HttpResponse:
    """Keep all that could not be read of this source for the record only."""
    source = get_object_or_404(Source, key=key)
    form = SetAsideForm(request.POST, auto_id="aside-all-%s")
    if not form.is_valid():
        return _show_dead(request, source, refused=0, form=form)
    reason = form.cleaned_data["reason"]
    count = set_aside(source=source, reason=reason, by=viewer(request), at=timezone.now())
    return _tell_aside(request, count, key)


def _tell_aside(request: HttpRequest, count: int, key: str) -> HttpResponse:
    if count:
        messages.success(
            request, f"{count} event{'' if count == 1 else 's'} set aside; kept, and can be replayed."
        )
    else:
        messages.info(request, "Nothing was open: it was applied or set aside already.")
    return redirect("alignment:source-dead", key=key)


def _tell(request: HttpRequest, result: Replayed) -> None:
    if result.dead:
        messages.warning(
            request,
            f"{result.applied} applied, {result.dead} still cannot be read: see the newest reason beside each.",
        )
    elif result.applied:
        messages.success(
            request, f"{result.applied} event{'' if result.applied == 1 else 's'} applied, none left behind."
        )
    else:
        messages.info(request, "Nothing was waiting for a replay: it was applied already.")


def _paged(request: HttpRequest, found: Any) -> Page[Any]:
    try:
        return newest_first(found, asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem


def _render(
    request: HttpRequest, source: Source, tab: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    row = queries.source_rows(at=now, only=source)[0]
    shared = {"now": now, "source": source, "tab": tab, "row": row}
    return render(request, f"alignment/source_{tab}.html", shared | context, status=status)
