"""The public page on which invited people answer. It knows nobody: see alignment.middleware.NamelessMiddleware."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import Any, Protocol

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from alignment.asked import posted
from alignment.models import Organisation
from alignment.nameless import Limit
from scorecard.forms.respond import RespondForm
from scorecard.models import SurveyChannel
from scorecard.queries.survey import live
from scorecard.services.survey.responding import Outcome, respond, state_of_door
from scorecard.survey.sealing import Unreadable
from scorecard.survey.tokens import LONGEST

LIMIT = Limit(most=600, seconds=600)  # a whole office answers from one address


class View(Protocol):
    def __call__(self, request: HttpRequest) -> HttpResponse: ...


def leaves_no_trace(view: View) -> View:
    """Browsers and proxies keep no copy of the page, and tell no other page that they were here."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        response._has_been_logged = True  # type: ignore[attr-defined]  # a refusal writes a line with its time
        return response

    return guarded


# The code in the form is the authority, as no cookie is: another site cannot know it, so there is nothing to forge.
@csrf_exempt
@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@leaves_no_trace
def page(request: HttpRequest) -> HttpResponse:
    """The five questions; a sent answer leads to the thanks. The same 410 for everybody when no survey runs."""
    door = state_of_door(at=timezone.now())
    if door is Outcome.OVER:
        return render(request, "scorecard/survey_over.html", status=HTTPStatus.GONE)
    if door is Outcome.NOT_YET:
        return render(request, "scorecard/survey_not_yet.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
    if request.method != "POST":
        return _questions(request, RespondForm())
    if LIMIT.is_reached(request.nameless_key):  # type: ignore[attr-defined]
        return render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    form = RespondForm(request.POST)
    if not form.is_valid():
        return _questions(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        outcome = respond(
            token=posted(request, "code", longest=LONGEST), values=form.values(), at=timezone.now()
        )
    except Unreadable:
        return render(request, "scorecard/survey_not_yet.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
    if outcome is Outcome.OVER:
        return render(request, "scorecard/survey_over.html", status=HTTPStatus.GONE)
    if outcome is Outcome.NOT_VALID:
        form.add_error(
            "code",
            _not_valid(),
        )
        return _questions(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect("scorecard:responded")


@login_not_required
@require_GET
@leaves_no_trace
def thanks(request: HttpRequest) -> HttpResponse:
    return render(request, "scorecard/survey_thanks.html")


def _not_valid() -> str:
    survey = live()
    if survey is not None and survey.channel == SurveyChannel.PRINTED:
        return "This code is not valid: it was used, or replaced. Ask whoever handed it out for another."
    return (
        "This code is not valid: it was used already, or replaced by a later mail. If you got several mails, use the "
        "latest."
    )


def _questions(request: HttpRequest, form: RespondForm, status: int = 200) -> HttpResponse:
    survey = live()
    context: dict[str, Any] = {"form": form, "survey": survey, "zone": Organisation.get().zone}
    return render(request, "scorecard/survey_respond.html", context, status=status)
