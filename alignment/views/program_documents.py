"""Drafting what belongs to a program: its sponsorship and its waivers. Leaders sign them on the page of signing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.artifacts.kinds import InvalidContent
from alignment.forms.programs import SponsorshipForm, WaiverForm
from alignment.gates import standing_blockers, waivable_blockers, waivers_of
from alignment.gates.prerequisites import SPONSORSHIP, address
from alignment.models import ArtifactVersion, Organisation, Program, Role, Step, VersionState
from alignment.queries.artifacts import draft_of, history_of, in_force, latest
from alignment.queries.programs import current
from alignment.services.artifacts import ChangedMeanwhile
from alignment.services.program_kinds import NothingToWaive, draft_sponsorship, draft_waiver, next_quarters


def _current() -> Program:
    program = current()
    if program is None:
        raise Http404("No program is open.")
    return program


def page_of(version: ArtifactVersion) -> str:
    """The address at which a version is read, sent and signed."""
    artifact = version.artifact
    known = address("alignment:artifact-version", kind=artifact.kind, key=artifact.key, number=version.number)
    return known or address("alignment:program")


@roles(Role.REVOPS)
def sponsorship(request: HttpRequest) -> HttpResponse:
    """Write the draft of the sponsorship: one number for each of the next four quarters."""
    program, now, status = _current(), timezone.now(), 200
    key, quarters = str(program.number), next_quarters(now)
    draft = draft_of(SPONSORSHIP, key)
    form = SponsorshipForm(request.POST or None, quarters=quarters, initial=_initial(program, draft))
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                version = draft_sponsorship(
                    program=program,
                    currency=form.cleaned_data["currency"],
                    amounts=form.amounts,
                    expected=form.cleaned_data["revision"],
                    by=viewer(request),
                    at=now,
                )
            except ChangedMeanwhile as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except InvalidContent as problem:
                form.add_error(None, str(problem))
            else:
                messages.success(request, "The draft is kept. Read it, then send it to CRO and CMO.")
                return redirect(page_of(version))
    sent = [v for v in history_of(SPONSORSHIP, key) if v.state == VersionState.SENT]
    context = {
        "form": form,
        "program": program,
        "draft": draft,
        "draft_url": page_of(draft) if draft else "",
        "sent_url": page_of(sent[0]) if sent else "",
        "in_force": in_force(SPONSORSHIP, key, at=now),
    }
    return render(request, "alignment/sponsorship.html", context, status=status)


def _initial(program: Program, draft: ArtifactVersion | None) -> dict[str, Any]:
    """From the draft, else the version in force, else the last one sent, as far as the quarters are the same."""
    key = str(program.number)
    known = draft or in_force(SPONSORSHIP, key) or latest(SPONSORSHIP, key)
    content = known.content if known else {}
    amounts = {row["quarter"]: row["amount"] for row in content.get("quarters", [])}
    wanted = next_quarters(timezone.now())
    return {
        "currency": content.get("currency") or Organisation.get().currency,
        "revision": draft.revision if draft else 0,
        **{f"amount_{n}": amounts.get(quarter.key) or None for n, quarter in enumerate(wanted)},
    }


@roles(Role.REVOPS)
def new_waiver(request: HttpRequest, step: int) -> HttpResponse:
    """Draft a waiver of what blocks a gate now."""
    if step not in Step.values:
        raise Http404("There is no such step.")
    program, now, status = _current(), timezone.now(), 200
    blockers = waivable_blockers(Step(step), program, at=now)
    today = now.astimezone(Organisation.get().tz).date()
    form = WaiverForm(request.POST or None, blockers=blockers, today=today)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                version = draft_waiver(
                    program=program, step=Step(step), **form.cleaned_data, by=viewer(request), at=now
                )
            except NothingToWaive as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except ValidationError as problem:
                form.add_error(None, problem)
            else:
                messages.success(
                    request, "The waiver is drafted. Send it: it excuses nothing until both sign."
                )
                return redirect(page_of(version))
    context = {
        "form": form,
        "step": Step(step),
        "blockers": blockers,
        "is_gate_open": not standing_blockers(Step(step), program, at=now),
        "waivers": waivers_of(program, Step(step), at=now),
    }
    return render(request, "alignment/waiver_new.html", context, status=status)
