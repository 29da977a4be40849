"""The trust survey: RevOps sets it up and sees how it goes; leaders see its results once they are out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import posted
from alignment.models import Organisation, Program, Role, User
from scorecard.forms.survey import SurveyForm
from scorecard.models import Survey, SurveyState
from scorecard.queries import survey as queries
from scorecard.services import survey as services
from scorecard.services.survey.refusals import SurveyRefused
from scorecard.survey import mail
from scorecard.survey.box import BoxBusy
from scorecard.survey.questions import QUESTIONS
from scorecard.survey.sealing import Unreadable
from scorecard.views.survey_results import results_table

READERS = (Role.REVOPS, Role.CRO, Role.CMO, Role.SALES_MANAGER, Role.MARKETING, Role.FINANCE)
REFUSALS = (SurveyRefused, BoxBusy, Unreadable, mail.MailIsWritten)


@roles(*READERS)
def page(request: HttpRequest) -> HttpResponse:
    """Set-up, progress or results, whichever it is the time for."""
    return _page(request)


@require_POST
@roles(Role.REVOPS)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the settings as a draft, and show what respondents will be told."""
    user, now, program = viewer(request), timezone.now(), _program()
    if program is None:
        return _page(request, refusal="No program is open: open one first.", status=409)
    form = SurveyForm(request.POST, candidates=queries.candidates(), today=_today(now))
    if not form.is_valid():
        return _page(request, form=form, status=422)
    given = form.cleaned_data
    try:
        services.save_draft(
            program=program,
            channel=given["channel"],
            minimum=given["minimum"],
            closes_on=given["closes_on"],
            people=given["people"],
            counts=form.counts(),
            by=user,
            at=now,
        )
    except REFUSALS as problem:
        return _page(request, form=form, refusal=str(problem), status=409)
    return redirect("scorecard:survey")


@require_POST
@roles(Role.REVOPS)
@never_cache
def launch(request: HttpRequest) -> HttpResponse:
    """Begin. Printed links are in the answer to this request and nowhere else."""

    def begin(survey: Survey, user: User, now: datetime) -> HttpResponse | None:
        links = services.launch(survey=survey, by=user, at=now)
        if links:
            return _links(request, survey, links)
        messages.success(request, "Launched. The mails go out now, and the survey opens when they are sent.")
        return None

    return _act(request, begin)


@require_POST
@roles(Role.REVOPS)
@never_cache
def print_again(request: HttpRequest) -> HttpResponse:
    """New links for those that were lost, while nobody has answered."""
    return _act(
        request,
        lambda survey, user, now: _links(
            request, survey, services.print_again(survey=survey, by=user, at=now)
        ),
    )


@require_POST
@roles(Role.REVOPS)
def remind(request: HttpRequest) -> HttpResponse:
    def send(survey: Survey, user: User, now: datetime) -> None:
        count = services.send_reminders(survey=survey, by=user, at=now)
        messages.success(request, f"A reminder goes to everybody who was invited ({count} mails).")

    return _act(request, send)


@require_POST
@roles(Role.REVOPS)
def retry(request: HttpRequest) -> HttpResponse:
    def again(survey: Survey, user: User, now: datetime) -> None:
        count = services.retry_failed(survey=survey, by=user, at=now)
        messages.success(request, f"{count} mails are tried again, with fresh links.")

    return _act(request, again)


@require_POST
@roles(Role.REVOPS)
def close(request: HttpRequest) -> HttpResponse:
    def end(survey: Survey, user: User, now: datetime) -> None:
        services.close(survey=survey, by=user, at=now)
        messages.success(request, "Closed. The results are below; answers and links no longer exist.")

    return _act(request, end)


@require_POST
@roles(Role.REVOPS)
def withdraw(request: HttpRequest) -> HttpResponse:
    def end(survey: Survey, user: User, now: datetime) -> None:
        services.withdraw(survey=survey, reason=posted(request, "reason"), by=user, at=now)
        messages.success(request, "Withdrawn. Answers and links were destroyed unread.")

    return _act(request, end)


def _act(request: HttpRequest, act: Callable[[Survey, User, datetime], HttpResponse | None]) -> HttpResponse:
    """Do something with the survey; a refusal is shown on the page."""
    survey = _survey(_program())
    if survey is None:
        return _page(request, refusal="There is no survey. Set one up first.", status=409)
    try:
        answer = act(survey, viewer(request), timezone.now())
    except REFUSALS as problem:
        return _page(request, refusal=str(problem), status=409)
    return answer or redirect("scorecard:survey")


def _links(request: HttpRequest, survey: Survey, links: list[services.PrintedLinks]) -> HttpResponse:
    return render(
        request,
        "scorecard/survey_links.html",
        {
            "survey": survey,
            "links": links,
            "address": mail.link_of("").removesuffix("#"),
        },
    )


def _page(
    request: HttpRequest, *, form: SurveyForm | None = None, refusal: str = "", status: int = 200
) -> HttpResponse:
    user, now = viewer(request), timezone.now()
    program = _program()
    survey = _survey(program)
    is_revops = user.has_role(Role.REVOPS)
    published = queries.published(program) if program else None
    context: dict[str, Any] = {
        "now": now,
        "program": program,
        "survey": survey,
        "is_revops": is_revops,
        "refusal": refusal,
        "questions": QUESTIONS,
        "zone": Organisation.get().zone,
        "published": published,
        "results": results_table(published) if published else None,
        "is_void": survey is not None and survey.state == SurveyState.CLOSED and not survey.is_released,
    }
    if is_revops and survey and survey.is_live:
        context["progress"] = queries.progress(survey)
    elif is_revops and program and not published:
        context |= _set_up(form, survey if survey and survey.state == SurveyState.DRAFT else None, now)
    return render(request, "scorecard/survey.html", context, status=status)


def _set_up(form: SurveyForm | None, draft: Survey | None, now: datetime) -> dict[str, Any]:
    try:
        mail.require_private_mail()
        no_mail = ""
    except mail.MailIsWritten as problem:
        no_mail = str(problem)
    if form is None:
        found, today = queries.candidates(), _today(now)
        initial = SurveyForm.initial_of(draft, found, today, can_mail=not no_mail)
        form = SurveyForm(initial=initial, candidates=found, today=today)
    return {"form": form, "draft": draft, "no_mail": no_mail}


def _today(now: datetime) -> date:
    return now.astimezone(Organisation.get().tz).date()


def _survey(program: Program | None) -> Survey | None:
    """The one that runs, of a program that was closed meanwhile too: it can be ended, and no other begins before."""
    return queries.live() or (queries.latest(program) if program else None)


def _program() -> Program | None:
    return Program.objects.filter(closed_at=None).first()
