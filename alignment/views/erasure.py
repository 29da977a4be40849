"""Erasing a person on request: find, see what would change, confirm; and what was erased before."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.asked import asked
from alignment.forms.erasure import EraseForm, FindPersonForm
from alignment.models import Lead, Role
from alignment.paging import NoSuchPage, newest_first
from alignment.queries import erasure as queries
from alignment.queries.erasure_preview import bodies_to_empty, files_of_sources, preview
from alignment.services.erasure import ReasonNamesThePerson, erase_person
from alignment.services.inbox import ReasonMissing


@roles(Role.REVOPS)
def index(request: HttpRequest) -> HttpResponse:
    """The search, which is posted so that no address and no log holds an e-mail; past erasures, who came back."""
    form = FindPersonForm(request.POST or None)
    found, status = None, 200
    if request.method == "POST":
        if form.is_valid():
            found = queries.search(form.cleaned_data["who"])
        else:
            status = 422
    try:
        page = newest_first(queries.past(), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    context = {
        "form": form,
        "found": found,
        "page": page,
        "returns": queries.returns(),
        "unrecognised": queries.unrecognised().count(),
    }
    return render(request, "alignment/erasure.html", context, status=status)


@roles(Role.REVOPS)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """What erasing this lead would change, and the form that does it."""
    lead = get_object_or_404(Lead.objects.select_related("source"), pk=pk)
    duplicates, status = queries.duplicates(lead), 200
    form = EraseForm(request.POST or None, lead=lead, duplicates=duplicates)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = {name: form.cleaned_data[name] for name in ("asked_by", "reason", "reference")}
            try:
                made = erase_person(leads=form.chosen, **given, by=viewer(request), at=timezone.now())
            except (ReasonMissing, ReasonNamesThePerson) as refusal:
                form.add_error("reason", str(refusal))
            else:
                records = "record is" if len(made) == 1 else "records are"
                said = ", ".join(sorted({erasure.pseudonym for erasure in made}))
                messages.success(
                    request, f"{len(made)} {records} erased, now called {said}. No figure has changed."
                )
                return redirect("alignment:erasure")
    merged = queries.with_merged([lead])
    everyone = [*merged, *duplicates]
    context = {
        "lead": lead,
        "form": form,
        "has_merged": len(merged) > 1,
        "previews": preview(everyone),
        "bodies": bodies_to_empty(queries.with_merged(everyone)),
        "files": files_of_sources(everyone),
    }
    return render(request, "alignment/erasure_person.html", context, status=status)
