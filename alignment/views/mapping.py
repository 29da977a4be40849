"""The mapping of a source: edit, see at once what it makes of a delivery, save with a reason."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.asked import posted, read_number
from alignment.forms.mapping import MappingForm
from alignment.intake.mapping import InvalidMapping, Mapping
from alignment.models import Role, Scheme, Source
from alignment.queries import sources as queries
from alignment.queries.preview import preview_body, preview_delivery
from alignment.services import sources as services


@roles(Role.REVOPS)
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """The editor; by POST it saves, or with `act=preview` only shows what would come of it."""
    source, user = get_object_or_404(Source, key=key), viewer(request)
    form = MappingForm(request.POST or None, source=source)
    if request.method != "POST":
        return _page(request, source, form, document=source.mapping)
    if not form.is_valid():
        return _page(request, source, form, document=None, status=422)
    document = form.document()
    if posted(request, "act") == "preview":
        return _page(request, source, form, document=document)
    try:
        services.update_mapping(
            source=source,
            mapping=document,
            reason=form.cleaned_data["reason"],
            by=user,
            at=timezone.now(),
        )
    except InvalidMapping as problem:
        form.add_error(None, str(problem))
        return _page(request, source, form, document=None, status=422)
    messages.success(request, "Saved. It holds from the next delivery on; replay what could not be read.")
    return redirect("alignment:source-mapping", key=key)


@roles(Role.REVOPS)
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """Only the part of the page that shows what would come of a delivery."""
    source = get_object_or_404(Source, key=key)
    form = MappingForm(request.POST or None, source=source)
    if request.method != "POST":
        return redirect("alignment:source-mapping", key=key)
    document = form.document() if form.is_valid() else None
    return render(request, "alignment/_preview.html", _preview(request, source, form, document))


def _preview(
    request: HttpRequest, source: Source, form: MappingForm, document: dict[str, Any] | None
) -> dict[str, Any]:
    """What the last delivery, or a pasted body, becomes; `document` None: the form itself is at fault."""
    pasted = posted(request, "body", longest=settings.INTAKE_MAX_BYTES + 1)
    delivery = queries.last_delivery(source)
    context: dict[str, Any] = {
        "source": source,
        "pasted": pasted,
        "delivery": delivery,
        "fault": "",
        "preview": None,
        "doors": source.endpoints.exclude(scheme=Scheme.API_TOKEN).order_by("event", "pk"),
        "through": posted(request, "endpoint"),
    }
    if document is None:
        errors = [error for listed in form.errors.values() for error in listed]
        return context | {"fault": str(errors[0]) if errors else "Mend what is marked first."}
    try:
        Mapping.of(source.kind, document, source.zone)
    except InvalidMapping as problem:
        return context | {"fault": str(problem)}
    if pasted:
        through = context["through"]
        chosen = source.endpoints.filter(pk=number).first() if (number := read_number(through)) else None
        door = chosen or context["doors"].first()
        context["preview"] = preview_body(
            source=source, endpoint=door, mapping=document, body=pasted.encode(), received_at=timezone.now()
        )
    elif delivery is not None:
        context["preview"] = preview_delivery(delivery, document)
    return context


def _page(
    request: HttpRequest,
    source: Source,
    form: MappingForm,
    *,
    document: dict[str, Any] | None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    context = {
        "now": now,
        "tab": "mapping",
        "row": queries.source_rows(at=now, only=source)[0],
        "form": form,
        "history": queries.mapping_history(source),
    }
    shown = _preview(request, source, form, document)
    return render(request, "alignment/mapping.html", context | shown, status=status)
