"""From an uploaded file to an import: what its columns mean, what it would change, begin."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import posted
from alignment.business_time.zones import zone_names
from alignment.forms.import_mapping import ImportMappingForm
from alignment.forms.import_values import channels
from alignment.forms.imports import LoadMappingForm, ObjectForm
from alignment.importing.look import FileShape, fields_in_order, left_out, look_at
from alignment.importing.mapping import InvalidMapping
from alignment.importing.problems import UnreadableFile
from alignment.models import Import, ImportState, Organisation, Role
from alignment.queries import import_pages as queries
from alignment.queries.import_preview import preview as previewed
from alignment.queries.import_words import fields_of
from alignment.queries.known_elsewhere import known_elsewhere
from alignment.services import import_drafts as services
from alignment.services.imports import AlreadyImporting, AsOfInFuture
from alignment.uploads import takes_files
from alignment.views.imports import find_import, frame

PREVIEWED_ROWS = 20


@roles(Role.REVOPS)
def mapping(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """The columns of the file and what they mean; by POST `act=save` goes on to the preview, `act=apply` only shows
    the controls that belong to what is chosen."""
    draft = find_import(key, pk)
    if draft.state != ImportState.DRAFT:
        return redirect("alignment:import", key=key, pk=pk)
    try:
        shape = look_at(services.start_of(draft), draft.subject or None)
    except services.NoDraft as problem:
        return _gone(request, key, problem)
    if not draft.subject:
        return _mapping_page(request, draft, shape, None)
    form = ImportMappingForm(request.POST or None, draft=draft, shape=shape, zone=Organisation.get().zone)
    if request.method != "POST":
        return _mapping_page(request, draft, shape, form)
    if posted(request, "act") == "apply":
        form.leave_unchecked()
        return _mapping_page(request, draft, shape, form)
    if form.is_valid():
        try:
            services.save_mapping(
                draft, mapping=form.document(), as_of=form.as_of(), by=viewer(request), at=timezone.now()
            )
        except services.NoDraft as problem:
            return _gone(request, key, problem)
        except AsOfInFuture as problem:
            form.add_error("as_of_time", str(problem))
        except (InvalidMapping, UnreadableFile) as problem:
            form.add_error(None, str(problem))
        else:
            return redirect("alignment:import-preview", key=key, pk=pk)
    return _mapping_page(request, draft, shape, form, status=422)


@require_POST
@roles(Role.REVOPS)
def choose_object(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Say what a row of the file is; the mapping begins anew."""
    draft, form = find_import(key, pk), ObjectForm(request.POST)
    if form.is_valid():
        try:
            services.choose_object(draft, form.cleaned_data["object"], by=viewer(request), at=timezone.now())
        except services.NoDraft as problem:
            return _gone(request, key, problem)
    else:
        messages.error(request, "Say what a row of the file is.")
    return redirect("alignment:import-mapping", key=key, pk=pk)


@takes_files(Role.REVOPS)
@require_POST
@roles(Role.REVOPS)
def load_mapping(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Begin with the mapping of an earlier import, of a file, or of a pasted text."""
    draft = find_import(key, pk)
    form = LoadMappingForm(request.POST, request.FILES, earlier=queries.earlier_mappings(draft))
    if not form.is_valid():
        listed = [str(error) for errors in form.errors.values() for error in errors]
        messages.error(request, listed[0])
        return redirect("alignment:import-mapping", key=key, pk=pk)
    given = form.cleaned_data
    document = find_import(key, int(given["earlier"])).mapping if given.get("earlier") else given["document"]
    try:
        services.adopt_mapping(draft, mapping=document, by=viewer(request), at=timezone.now())
    except services.NoDraft as problem:
        return _gone(request, key, problem)
    except InvalidMapping as problem:
        messages.error(request, f"This mapping cannot be used. {problem}")
    else:
        messages.success(request, "The mapping is loaded: check it, above all the zone.")
    return redirect("alignment:import-mapping", key=key, pk=pk)


@roles(Role.REVOPS)
def preview(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """The first rows as they would be read, and what each would change."""
    draft = find_import(key, pk)
    if draft.state != ImportState.DRAFT:
        return redirect("alignment:import", key=key, pk=pk)
    try:
        rows = services.first_rows(draft, PREVIEWED_ROWS)
        shape = look_at(services.start_of(draft), draft.subject or None)
    except services.NoDraft as problem:
        return _gone(request, key, problem)
    except (InvalidMapping, UnreadableFile) as problem:
        messages.error(request, str(problem))
        return redirect("alignment:import-mapping", key=key, pk=pk)
    addresses, elsewhere = known_elsewhere(rows, draft.source)
    context = frame(draft.source) | {
        "found": draft,
        "addresses": addresses,
        "elsewhere": elsewhere,
        "preview": previewed(
            rows, draft.source, as_of=draft.as_of, order=fields_in_order(shape, draft.mapping)
        ),
        "left_out": left_out(shape, draft.mapping),
        "seen": services.fingerprint(draft),
        "zone": draft.mapping.get("zone", ""),
    }
    return render(request, "alignment/imports/preview.html", context)


@require_POST
@roles(Role.REVOPS)
def start(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Import the file, or with `act=try` only count what would come of it."""
    draft = find_import(key, pk)
    try:
        begun = services.start_draft(
            draft,
            seen=posted(request, "seen"),
            is_dry_run=posted(request, "act") == "try",
            by=viewer(request),
            at=timezone.now(),
        )
    except AlreadyImporting as problem:
        messages.info(request, str(problem))
        return redirect("alignment:import", key=key, pk=problem.found.pk)
    except services.NoDraft as problem:
        if Import.objects.filter(pk=pk).exists():  # the button was pressed twice
            return redirect("alignment:import", key=key, pk=pk)
        return _gone(request, key, problem)
    except services.MappingChanged as problem:
        messages.error(request, str(problem))
        return redirect("alignment:import-preview", key=key, pk=pk)
    except (InvalidMapping, UnreadableFile) as problem:
        messages.error(request, str(problem))
        return redirect("alignment:import-mapping", key=key, pk=pk)
    return redirect("alignment:import", key=key, pk=begun.pk)


@require_POST
@roles(Role.REVOPS)
def discard(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Remove an upload that is not to be imported."""
    draft = find_import(key, pk)
    try:
        services.discard_draft(draft, by=viewer(request))
    except services.NoDraft:
        messages.error(request, "The import has begun: cancel it instead.")
        return redirect("alignment:import", key=key, pk=pk)
    messages.success(request, "The upload is removed; nothing of it was imported.")
    return redirect("alignment:imports", key=key)


def _gone(request: HttpRequest, key: str, problem: Exception) -> HttpResponse:
    messages.error(request, str(problem))
    return redirect("alignment:imports", key=key)


def _mapping_page(
    request: HttpRequest,
    draft: Import,
    shape: FileShape,
    form: ImportMappingForm | None,
    *,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = frame(draft.source) | {
        "found": draft,
        "shape": shape,
        "form": form,
        "object_form": ObjectForm(initial={"object": draft.subject}, auto_id="kind-%s"),
        "taken_over": queries.taken_over_from(draft) if draft.subject else None,
        "load_form": LoadMappingForm(earlier=queries.earlier_mappings(draft), auto_id="load-%s"),
    }
    if form is not None:
        context |= {
            "meanings": fields_of(draft.subject),
            "zones": sorted(zone_names()),
            "channels": channels(),
        }
    return render(request, "alignment/imports/mapping.html", context, status=status)
