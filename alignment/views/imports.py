"""Imports of history: the list of a source's, uploading a file, how one goes on and what came of it."""

from __future__ import annotations

import io
import tempfile
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import asked
from alignment.forms.imports import UploadForm
from alignment.importing.problems import UnreadableFile
from alignment.merging.reading import is_one_portion
from alignment.models import Import, ImportPiece, ImportState, Role, Source
from alignment.paging import NoSuchPage, newest_first
from alignment.queries import import_pages as queries
from alignment.queries import sources
from alignment.queries.import_words import EXPORTS, OBJECT_NAMES, advice_of, counts_of
from alignment.services import import_drafts, imports
from alignment.services.import_rejects import write_rejects
from alignment.uploads import is_too_large, takes_files

SHOWN_REJECTS = 50


def frame(source: Source) -> dict[str, Any]:
    """What every page under a source's tab shows."""
    now = timezone.now()
    row = sources.source_rows(at=now, only=source)[0]
    return {"now": now, "source": source, "tab": "imports", "row": row, "objects": OBJECT_NAMES}


def find_import(key: str, pk: int) -> Import:
    """The import of this source, or 404."""
    return get_object_or_404(Import.objects.select_related("source", "requested_by"), pk=pk, source__key=key)


@roles(Role.REVOPS)
def index(request: HttpRequest, key: str) -> HttpResponse:
    """Every import of a source, the newest first; without any, what to export and why."""
    source = get_object_or_404(Source, key=key)
    try:
        page = newest_first(queries.imports_of(source), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404 from problem
    is_live = any(found.is_live for found in page.rows)
    context = frame(source) | {"page": page, "is_live": is_live, "exports": EXPORTS}
    return render(request, "alignment/imports/index.html", context)


@takes_files(Role.REVOPS)
@roles(Role.REVOPS)
def upload(request: HttpRequest, key: str) -> HttpResponse:
    """Keep a file; what its columns mean is the next page."""
    source, user, status = get_object_or_404(Source, key=key), viewer(request), 200
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        status = 422
        form = UploadForm(request.POST, request.FILES)
        if is_too_large(request):
            status = 413
            form.errors.clear()
            form.add_error(
                "file", f"The file is larger than {_limit()}: export it in parts, a year at a time."
            )
        elif form.is_valid():
            given = form.cleaned_data
            try:
                draft = import_drafts.create_draft(
                    file=given["file"],
                    file_name=given["file"].name,
                    source=source,
                    kind=given["object"] or None,
                    by=user,
                    at=timezone.now(),
                )
            except UnreadableFile as problem:
                form.add_error("file", str(problem))
            else:
                return redirect("alignment:import-mapping", key=key, pk=draft.pk)
    context = frame(source) | {"form": form, "limit": _limit(), "exports": EXPORTS}
    return render(request, "alignment/imports/upload.html", context, status=status)


def _limit() -> str:
    megabytes = settings.IMPORT_MAX_BYTES // (1024 * 1024)
    return f"{megabytes // 1024} GB" if megabytes % 1024 == 0 and megabytes else f"{megabytes} MB"


@roles(Role.REVOPS)
def page(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """How an import goes on, and what came of it. The part that refreshes itself is asked for alone."""
    found = find_import(key, pk)
    if found.state == ImportState.DRAFT:
        return redirect("alignment:import-mapping", key=key, pk=pk)
    is_refresh = request.headers.get("HX-Target") == "progress"
    if is_refresh and found.is_live:
        context = {"found": found, "source": found.source, "now": timezone.now()}
        return render(request, "alignment/imports/_progress.html", context)
    draft = queries.draft_behind(found) if found.is_dry_run else None
    context = frame(found.source) | {
        "found": found,
        "counts": counts_of(found),
        "advice": advice_of(found),
        "rejects": found.rejects.order_by("line", "pk")[:SHOWN_REJECTS],
        "codes": queries.reject_codes(found) if found.rejected else [],
        "is_exact": is_one_portion(found.rows, found.facts_new + found.facts_unchanged),
        "erased_at": queries.file_erased_at(found) if found.rejected else None,
        "draft": draft,
        "seen": import_drafts.fingerprint(draft) if draft else "",
    }
    response = render(request, "alignment/imports/page.html", context)
    if is_refresh:  # it has ended: all of it is new, and nothing asks again
        response["HX-Retarget"] = response["HX-Reselect"] = "#import"
        response["HX-Reswap"] = "outerHTML"
    return response


@require_POST
@roles(Role.REVOPS)
def cancel(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Stop an import; what is in stays in."""
    try:
        imports.cancel_import(find_import(key, pk), by=viewer(request), at=timezone.now())
    except imports.NotUnderWay as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "Cancelled. What is in stays in; resume goes on behind it.")
    return redirect("alignment:import", key=key, pk=pk)


@require_POST
@roles(Role.REVOPS)
def resume(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """Go on with an import that was cancelled or failed."""
    try:
        imports.resume_import(find_import(key, pk), by=viewer(request), at=timezone.now())
    except imports.NothingToResume as problem:
        messages.error(request, str(problem))
    except imports.AlreadyImporting as problem:
        messages.error(request, str(problem))
        return redirect("alignment:import", key=key, pk=problem.found.pk)
    else:
        messages.success(request, "It goes on behind the last row that is in.")
    return redirect("alignment:import", key=key, pk=pk)


@roles(Role.REVOPS)
def rejects(request: HttpRequest, key: str, pk: int) -> HttpResponseBase:
    """Every kept reject as CSV: line, code, reason, original line."""
    found = find_import(key, pk)
    out = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    text = io.TextIOWrapper(out, "utf-8-sig", newline="")
    try:
        write_rejects(found, text)
    except ImportPiece.DoesNotExist:
        messages.error(request, "The file is being removed, for its time is over. Try once more in a minute.")
        return redirect("alignment:import", key=key, pk=pk)
    text.detach()
    out.seek(0)
    return FileResponse(out, as_attachment=True, filename=f"rejects-{pk}.csv", content_type="text/csv")


@roles(Role.REVOPS)
def mapping_file(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    """The mapping of an import or a draft, to keep or to load for the next file."""
    found = find_import(key, pk)
    response = JsonResponse(found.mapping, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="mapping-{found.subject or "import"}-{pk}.json"'
    return response
