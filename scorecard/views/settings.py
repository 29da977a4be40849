"""What RevOps sets for the diagnosis: declarations, and the bands that both leads sign."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.artifacts.kinds import InvalidContent
from alignment.asked import posted, read_number
from alignment.models import Role
from alignment.queries import programs
from alignment.queries.artifacts import draft_of, in_force
from alignment.services.artifacts import ChangedMeanwhile
from scorecard import bands as content
from scorecard.forms.bands import BandsForm
from scorecard.forms.declarations import DeclarationForm
from scorecard.queries.declared import history_of
from scorecard.queries.window import diagnosis_of
from scorecard.services.band_drafts import draft_bands
from scorecard.services.diagnosis import CannotDeclare, declare
from scorecard.views.common import no_program
from scorecard.views.scorecard import address


@roles(Role.REVOPS)
def declarations(request: HttpRequest) -> HttpResponse:
    """The windows of the figures, and inputs of the sequence that no record tells."""
    user, now, program = viewer(request), timezone.now(), programs.current()
    if program is None:
        return no_program(request, is_revops=True)
    diagnosis, status = diagnosis_of(program), 200
    form = DeclarationForm(request.POST if request.method == "POST" else None, diagnosis=diagnosis, at=now)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                reason = form.cleaned_data.pop("reason")
                declare(program=program, changes=form.cleaned_data, reason=reason, by=user, at=now)
            except CannotDeclare as problem:
                form.add_error(problem.field, str(problem))
            else:
                messages.success(request, "Declared. It counts from the next time you measure.")
                return redirect("scorecard:scorecard")
    context = {"form": form, "now": now, "history": history_of(diagnosis)}
    return render(request, "scorecard/declarations.html", context, status=status)


@roles(Role.REVOPS)
def bands(request: HttpRequest) -> HttpResponse:
    """The draft of the bands; saving leads to its page, from which it is sent."""
    user, now = viewer(request), timezone.now()
    draft, signed = draft_of(content.KIND, content.KEY), in_force(content.KIND, content.KEY)
    known = draft or signed
    status = 200
    form = BandsForm(
        request.POST if request.method == "POST" else None,
        content=known.content if known is not None else content.default_content(),
    )
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = draft_bands(
                    content=form.content(), by=user, at=now, expected=read_number(posted(request, "revision"))
                )
            except InvalidContent as problem:
                for sentence in problem.problems:
                    form.add_error(None, sentence)
            except ChangedMeanwhile as problem:
                form.add_error(None, str(problem))
                status = 409
            else:
                messages.success(request, "Saved as a draft. Read it as it will be signed, then send it.")
                return redirect(address(made))
    return render(
        request,
        "scorecard/bands.html",
        {
            "form": form,
            "draft": draft,
            "signed": signed,
            "signed_url": address(signed),
            "draft_url": address(draft),
        },
        status=status,
    )
