"""Write-back of a source: its destination, the secrets of this, and the messages."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import asked
from alignment.forms.write_back import AddressForm, LeaveForm, PauseForm
from alignment.models import Destination, OutgoingMessage, Role, Source
from alignment.outbox.signing import signing
from alignment.paging import NoSuchPage, newest_first
from alignment.queries import outbox as queries
from alignment.queries.sources import source_rows
from alignment.services import destinations as services
from alignment.services.live_secrets import AlreadyRotating, NoSuchSecret

ROWS = 20


@roles(Role.REVOPS)
def page(request: HttpRequest, key: str) -> HttpResponse:
    """What goes back to the CRM; `?show=waiting`, `dead` or `aside`: messages in that state only."""
    return _page(request, get_object_or_404(Source, key=key))


@never_cache
@require_POST
@roles(Role.REVOPS)
def set_up(request: HttpRequest, key: str) -> HttpResponse:
    """A destination for a source without one, its secret shown this once; or another address."""
    source, by, at = get_object_or_404(Source, key=key), viewer(request), timezone.now()
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, source, address_form=form, status=422)
    address = form.cleaned_data["address"]
    destination = queries.destination_of(source)
    try:
        if destination is None:
            made = services.create_destination(source=source, address=address, by=by, at=at)
            return _show_secret(request, made.destination, made.secret)
        services.change_address(destination=destination, address=address, by=by, at=at)
    except (services.AlreadyWritesBack, services.NoSuchDestination) as problem:
        notes.error(request, str(problem))
    else:
        notes.success(request, "Messages go to the new address from now on, those that wait too.")
    return _back(key)


@never_cache
@require_POST
@roles(Role.REVOPS)
def rotate_secret(request: HttpRequest, key: str) -> HttpResponse:
    """A second secret beside the first: for 24 hours messages are signed with both."""
    destination = _destination(key)
    try:
        secret = services.rotate_outgoing_secret(
            destination=destination, by=viewer(request), at=timezone.now()
        )
    except (AlreadyRotating, services.NoSuchDestination) as problem:
        notes.error(request, str(problem))
        return _back(key)
    return _show_secret(request, destination, secret)


@require_POST
@roles(Role.REVOPS)
def revoke_secret(request: HttpRequest, key: str, slot: int) -> HttpResponse:
    """Sign no more with one secret."""
    return _act(
        request,
        key,
        services.revoke_outgoing_secret,
        "Nothing is signed with that secret any more.",
        slot=slot,
    )


@require_POST
@roles(Role.REVOPS)
def pause(request: HttpRequest, key: str) -> HttpResponse:
    """Send nothing for now; messages are still written."""
    form = PauseForm(request.POST, auto_id="pause-%s")
    if not form.is_valid():
        return _page(request, get_object_or_404(Source, key=key), pause_form=form, status=422)
    return _act(
        request,
        key,
        services.pause,
        "Paused. Messages wait, none is lost.",
        reason=form.cleaned_data["reason"],
    )


@require_POST
@roles(Role.REVOPS)
def resume(request: HttpRequest, key: str) -> HttpResponse:
    """Send what waits."""
    return _act(request, key, services.resume, "Resumed. What waits is sent within seconds.")


@require_POST
@roles(Role.REVOPS)
def switch_off(request: HttpRequest, key: str) -> HttpResponse:
    """Write nothing back any more."""
    return _act(request, key, services.switch_off, "Switched off. Nothing is written back any more.")


@require_POST
@roles(Role.REVOPS)
def send_test(request: HttpRequest, key: str) -> HttpResponse:
    """A message that changes nothing at the receiver."""
    return _act(
        request,
        key,
        services.send_test,
        "A test message is on its way; what becomes of it appears below.",
    )


@roles(Role.REVOPS)
def message(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """One message: what became of it, and its JSON as it goes out."""
    found = get_object_or_404(
        OutgoingMessage.objects.waits_for().select_related("lead", "destination", "set_aside_by"),
        pk=pk,
        destination__source__key=key,
    )
    source = get_object_or_404(Source, key=key)
    return _render(request, source, "source_message", {"message": found, "word": _word(found)})


@require_POST
@roles(Role.REVOPS)
def retry_one(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Send one message that was given up."""
    return _retry(request, key, [get_object_or_404(OutgoingMessage, pk=pk, destination__source__key=key).pk])


@require_POST
@roles(Role.REVOPS)
def send_now(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Try one message that waits, at once."""
    found = get_object_or_404(OutgoingMessage, pk=pk, destination__source__key=key)
    return _act(request, key, services.send_now, "It is tried within seconds.", message=found.pk)


@require_POST
@roles(Role.REVOPS)
def retry_all(request: HttpRequest, key: str) -> HttpResponse:
    """Send all that was given up."""
    return _retry(request, key, None)


@require_POST
@roles(Role.REVOPS)
def set_aside_one(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Keep one message for the record only."""
    found = get_object_or_404(OutgoingMessage, pk=pk, destination__source__key=key)
    return _set_aside(request, key, found)


@require_POST
@roles(Role.REVOPS)
def set_aside_all(request: HttpRequest, key: str) -> HttpResponse:
    """Keep all that was given up for the record only."""
    return _set_aside(request, key, None)


def _set_aside(request: HttpRequest, key: str, found: OutgoingMessage | None) -> HttpResponse:
    refused = found.pk if found else 0
    form = LeaveForm(request.POST, auto_id=f"aside-{refused or 'all'}-%s")
    if not form.is_valid():
        source = get_object_or_404(Source, key=key)
        return _page(request, source, show="dead", aside_form=form, refused=refused, status=422)
    count = services.set_messages_aside(
        destination=_destination(key),
        messages=[found.pk] if found else None,
        reason=form.cleaned_data["reason"],
        by=viewer(request),
        at=timezone.now(),
    )
    if count:
        notes.success(
            request, f"{count} message{'' if count == 1 else 's'} set aside; kept, and can be sent."
        )
    else:
        notes.info(request, "Nothing was open: it was sent or set aside already.")
    return _back(key)


def _retry(request: HttpRequest, key: str, chosen: list[int] | None) -> HttpResponse:
    try:
        result = services.retry(
            destination=_destination(key), messages=chosen, by=viewer(request), at=timezone.now()
        )
    except services.NoSuchDestination as problem:
        notes.error(request, str(problem))
        return _back(key)
    if result.waiting:
        notes.success(
            request,
            f"{result.waiting} message{'' if result.waiting == 1 else 's'} will be sent within seconds.",
        )
    if result.superseded:
        notes.info(
            request,
            f"{result.superseded} set aside: a later message about the same lead holds the whole state.",
        )
    if not result.waiting and not result.superseded:
        notes.info(request, "Nothing was given up: it was sent or set aside already.")
    return _back(key)


def _act(request: HttpRequest, key: str, service: Any, done: str, **options: Any) -> HttpResponse:
    """Call a service on the source's destination and say what became of it."""
    try:
        service(destination=_destination(key), by=viewer(request), at=timezone.now(), **options)
    except (services.NoSuchDestination, services.CannotBeSentNow, NoSuchSecret) as problem:
        notes.error(request, str(problem))
    else:
        notes.success(request, done)
    return _back(key)


def _destination(key: str) -> Destination:
    return get_object_or_404(
        Destination.objects.active().select_related("source"), source=get_object_or_404(Source, key=key)
    )


def _back(key: str) -> HttpResponse:
    return redirect("alignment:source-write-back", key=key)


def _word(found: OutgoingMessage) -> str:
    return queries.WORDS.get(found.type, found.type)


def _page(
    request: HttpRequest,
    source: Source,
    *,
    show: str = "",
    address_form: AddressForm | None = None,
    pause_form: PauseForm | None = None,
    aside_form: LeaveForm | None = None,
    refused: int | None = None,
    status: int = 200,
) -> HttpResponse:
    """`aside_form` as it was typed: for the message `refused`, or for all where that is 0."""
    at = timezone.now()
    show = show or asked(request, "show")
    destination = queries.destination_of(source)
    try:
        found = newest_first(queries.messages(source, show), asked(request, "after"), size=ROWS)
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    sellers = list(queries.sellers_without_id(source)[:6]) if destination else []
    context = {
        "destination": destination,
        "secrets": queries.live_secrets(destination, at=at) if destination else [],
        "unsigned": signing(destination, at=at).problem if destination else "",
        "is_under_way": destination is not None and queries.is_under_way(destination, at=at),
        "test": queries.last_test(destination, at=at) if destination else None,
        "figures": queries.outbox_figures(at=at, source=source),
        "sellers": sellers[:5],
        "are_more_sellers": len(sellers) > 5,
        "show": show if show in queries.SHOWN else "",
        "page": found,
        "rows": [
            (
                row,
                _word(row),
                aside_form if aside_form and refused == row.pk else LeaveForm(auto_id=f"aside-{row.pk}-%s"),
            )
            for row in found.rows
        ],
        "all_form": aside_form if aside_form and refused == 0 else LeaveForm(auto_id="aside-all-%s"),
        "address_form": address_form
        or AddressForm(initial={"address": destination.address if destination else ""}),
        "pause_form": pause_form or PauseForm(auto_id="pause-%s"),
    }
    return _render(request, source, "source_write_back", context, status=status)


def _render(
    request: HttpRequest, source: Source, name: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    shared = {"now": now, "source": source, "tab": "write-back", "row": source_rows(at=now, only=source)[0]}
    return render(request, f"alignment/{name}.html", shared | context, status=status)


def _show_secret(request: HttpRequest, destination: Destination, secret: str) -> HttpResponse:
    context = {"source": destination.source, "destination": destination, "secret": secret}
    return render(request, "alignment/outgoing_secret.html", context)
