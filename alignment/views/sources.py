"""Sources: connections, their endpoints and secrets."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.business_time.zones import zone_names
from alignment.forms.sources import ESPOCRM_EVENTS, EndpointForm, RotateForm, SourceForm
from alignment.intake.secrets import UnsuitableSecret
from alignment.models import Endpoint, Organisation, Role, Source
from alignment.queries import source_guide as guide
from alignment.queries import sources as queries
from alignment.services import sources as services
from alignment.services.live_secrets import AlreadyRotating, NoSuchSecret


@roles(Role.REVOPS)
def index(request: HttpRequest) -> HttpResponse:
    """Every source with what came and what waits."""
    now = timezone.now()
    return render(request, "alignment/sources.html", {"now": now, "rows": queries.source_rows(at=now)})


@roles(Role.REVOPS)
def create(request: HttpRequest) -> HttpResponse:
    """A new connection; its endpoints and its mapping follow on its own page."""
    user, status = viewer(request), 200
    form = SourceForm(request.POST or None, initial={"zone": Organisation.get().zone})
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                source = services.create_source(**form.cleaned_data, by=user, at=timezone.now())
            except services.SourceKeyTaken as problem:
                form.add_error("key", str(problem))
                status = 409
            except ValidationError as problem:
                form.add_error(None, problem.messages)
            else:
                messages.success(request, f"{source} is there. Add an endpoint for it to send to.")
                return redirect("alignment:source", key=source.key)
    context = {"form": form, "zones": sorted(zone_names())}
    return render(request, "alignment/source_new.html", context, status=status)


@roles(Role.REVOPS)
def page(request: HttpRequest, key: str) -> HttpResponse:
    """One source: figures, endpoints, and how to point the CRM at them."""
    return _page(request, get_object_or_404(Source, key=key))


@never_cache
@require_POST
@roles(Role.REVOPS)
def add_endpoint(request: HttpRequest, key: str) -> HttpResponse:
    """A new secret address; its secret is shown this once."""
    user, source = viewer(request), get_object_or_404(Source, key=key)
    form = EndpointForm(request.POST, kind=source.kind)
    if not form.is_valid():
        return _page(request, source, form=form, status=422)
    given = {name: value for name, value in form.cleaned_data.items() if name != "secret"}
    secret = form.cleaned_data["secret"] or None
    try:
        made = services.add_endpoint(source=source, secret=secret, **given, by=user, at=timezone.now())
    except UnsuitableSecret as problem:
        form.add_error("secret", str(problem))
    except services.UnsuitableEndpoint as problem:
        form.add_error(None, str(problem))
    except ValidationError as problem:
        form.add_error(None, problem.messages)
    else:
        return _show_secret(request, source, made.endpoint, made.secret, is_given=secret is not None)
    return _page(request, source, form=form, status=422)


@never_cache
@require_POST
@roles(Role.REVOPS)
def rotate_secret(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """A second secret beside the first, which lives for 24 more hours."""
    endpoint = get_object_or_404(Endpoint.objects.select_related("source"), pk=pk, source__key=key)
    form = RotateForm(request.POST)
    given = (form.cleaned_data["secret"] or None) if form.is_valid() else None
    try:
        secret = services.rotate_secret(
            endpoint=endpoint, secret=given, by=viewer(request), at=timezone.now()
        )
    except (services.EndpointInactive, AlreadyRotating, UnsuitableSecret) as problem:
        messages.error(request, str(problem))
        return redirect("alignment:source", key=key)
    return _show_secret(request, endpoint.source, endpoint, secret, is_given=given is not None)


@require_POST
@roles(Role.REVOPS)
def revoke_secret(request: HttpRequest, key: str, pk: int, slot: int) -> HttpResponse:
    """End one secret within seconds."""
    endpoint = get_object_or_404(Endpoint, pk=pk, source__key=key)
    try:
        services.revoke_secret(endpoint=endpoint, slot=slot, by=viewer(request), at=timezone.now())
    except NoSuchSecret as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "The secret is revoked; within seconds nothing signed with it is accepted.")
    return redirect("alignment:source", key=key)


@require_POST
@roles(Role.REVOPS)
def deactivate_endpoint(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Refuse all that is sent to an address from now on."""
    endpoint = get_object_or_404(Endpoint, pk=pk, source__key=key)
    try:
        services.deactivate_endpoint(endpoint=endpoint, by=viewer(request), at=timezone.now())
    except services.EndpointInactive as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "The endpoint is switched off; what came through it stays.")
    return redirect("alignment:source", key=key)


def _page(
    request: HttpRequest, source: Source, *, form: EndpointForm | None = None, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    endpoints: list[tuple[Any, str, list[Any]]] = [
        (
            endpoint,
            settings.BASE_URL + endpoint.path,
            [secret for secret in endpoint.secrets.all() if secret.expires_at is None or secret.expires_at > now],
        )
        for endpoint in queries.endpoints(source)
    ]  # fmt: skip
    live = [(endpoint, url) for endpoint, url, _ in endpoints if endpoint.is_active]
    example, url = live[0] if live else (None, "")
    return render(
        request,
        "alignment/source.html",
        {
            "now": now,
            "source": source,
            "tab": "overview",
            "row": queries.source_rows(at=now, only=source)[0],
            "endpoints": endpoints,
            "form": form or EndpointForm(kind=source.kind),
            "events": ESPOCRM_EVENTS,
            "command": guide.command(example, url, segment=guide.example_segment()) if example else "",
            "types": guide.event_types() if source.kind != "espocrm" else [],
        },
        status=status,
    )


def _show_secret(
    request: HttpRequest, source: Source, endpoint: Endpoint, secret: str, *, is_given: bool
) -> HttpResponse:
    return render(
        request,
        "alignment/secret.html",
        {
            "source": source,
            "endpoint": endpoint,
            "url": settings.BASE_URL + endpoint.path,
            "secret": "" if is_given else secret,
            "command": guide.command(
                endpoint,
                settings.BASE_URL + endpoint.path,
                secret="" if is_given else secret,
                segment=guide.example_segment(),
            ),
        },
    )
