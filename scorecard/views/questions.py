"""The blind questionnaire: naming who answers, the answer sheet, and both sheets side by side."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import posted
from alignment.models import Program, Role, User
from alignment.queries import programs
from scorecard.forms.answers import AnswerForm, NominationForm
from scorecard.models.questionnaire import ANSWERING
from scorecard.queries.answers import (
    StillBlind,
    comparison,
    draft_of,
    is_blind_for,
    nomination_of,
    nominations_history,
    round_of,
)
from scorecard.questions import EDITIONS, IncompleteAnswers
from scorecard.services import answers as services
from scorecard.views.common import READERS, no_program, program_or_404


@roles(*READERS)
def page(request: HttpRequest) -> HttpResponse:
    """The sheet of whoever was named, and where the round stands; RevOps names people here."""
    user, program = viewer(request), programs.current()
    if program is None:
        return no_program(request, is_revops=user.has_role(Role.REVOPS))
    return _page(request, program, user)


@require_POST
@roles(*READERS)
def answer(request: HttpRequest) -> HttpResponse:
    """Save the own sheet, or hand it in."""
    user, program = viewer(request), program_or_404()
    nomination = nomination_of(user, program)
    if nomination is None:
        messages.error(request, "You are not named to answer in this round.")
        return redirect("scorecard:questions")
    form = AnswerForm(request.POST, edition=nomination.round.edition)
    form.is_valid()
    given, now = form.cleaned_data, timezone.now()
    try:
        if posted(request, "act") != "submit":
            services.save_answers(nomination=nomination, answers=given, by=user, at=now)
            messages.success(request, "Saved. Only you see these answers until you hand them in.")
            return redirect("scorecard:questions")
        services.submit_answers(nomination=nomination, answers=given, by=user, at=now)
    except IncompleteAnswers as problem:
        services.save_answers(nomination=nomination, answers=given, by=user, at=now)
        form.mark_missing(problem.missing)
        messages.error(request, str(problem))
        return _page(request, program, user, form=form, status=422)
    except (services.HandedIn, services.CannotAnswer) as problem:
        messages.error(request, str(problem))
        return redirect("scorecard:questions")
    found = round_of(program)
    if found is not None and found.is_complete and not is_blind_for(user, found):
        messages.success(request, "Handed in, and both sheets are in: compare them now.")
        return redirect("scorecard:compare")
    messages.success(request, "Handed in. Both sheets are shown once the other function has handed in too.")
    return redirect("scorecard:questions")


@require_POST
@roles(Role.REVOPS)
def open_round(request: HttpRequest) -> HttpResponse:
    """Begin a round with those who were named."""
    user, program = viewer(request), program_or_404()
    form = NominationForm(request.POST)
    if not form.is_valid():
        return _page(request, program, user, naming=form, status=422)
    try:
        opened = services.open_round(program=program, people=form.people(), by=user, at=timezone.now())
    except (services.CannotAnswer, services.RoundIsRunning) as problem:
        form.add_error(None, str(problem))
        return _page(request, program, user, naming=form, status=409)
    messages.success(request, f"{opened} is open. Those named were told, in the app and by mail.")
    return redirect("scorecard:questions")


@require_POST
@roles(Role.REVOPS)
def nominate(request: HttpRequest) -> HttpResponse:
    """Name other people in the round that runs."""
    user, program = viewer(request), program_or_404()
    found = round_of(program)
    if found is None:
        return _page(request, program, user, status=409)
    form = NominationForm(request.POST, settled=found.settled)
    if not form.is_valid():
        return _page(request, program, user, changing=form, status=422)
    try:
        changed = services.nominate(
            round_=found.row,
            people=form.people(),
            reason=form.cleaned_data["reason"],
            by=user,
            at=timezone.now(),
        )
    except (services.CannotAnswer, services.HandedIn) as problem:
        form.add_error(None, str(problem))
        return _page(request, program, user, changing=form, status=409)
    if changed:
        messages.success(request, "Named and told, in the app and by mail.")
    else:
        messages.info(
            request, "Nothing was changed: choose somebody else where another person should answer."
        )
    return redirect("scorecard:questions")


@roles(*READERS)
def compare(request: HttpRequest) -> HttpResponse:
    """Both sheets answer by answer, once both functions have handed in."""
    user, program = viewer(request), programs.current()
    if program is None:
        return no_program(request, is_revops=user.has_role(Role.REVOPS))
    found = round_of(program)
    has_to_answer = found is not None and is_blind_for(user, found)
    try:
        compared = comparison(found) if found is not None and not has_to_answer else None
    except StillBlind:
        compared = None
    lines = [] if compared is None else [
        {
            "question": line.question,
            "outcome": line.outcome,
            "sales": line.question.label_of(line.sales),
            "marketing": line.question.label_of(line.marketing),
            "finance": line.question.label_of(compared.finance[line.question.key]) if compared.finance else "",
        }
        for line in compared.lines
    ]  # fmt: skip
    counts = {
        name: sum(line["outcome"] == name for line in lines) for name in ("same", "different", "unknown")
    }
    return render(
        request,
        "scorecard/compare.html",
        {
            "found": found,
            "compared": compared,
            "has_to_answer": has_to_answer and found is not None and found.is_complete,
            "lines": lines,
            "counts": counts,
            "total": len(lines),
        },
    )


def _page(
    request: HttpRequest,
    program: Program,
    user: User,
    *,
    form: AnswerForm | None = None,
    naming: NominationForm | None = None,
    changing: NominationForm | None = None,
    status: int = 200,
) -> HttpResponse:
    found, own = round_of(program), nomination_of(user, program)
    has_answered = own is not None and hasattr(own, "sheet")
    if own is not None and not has_answered and form is None:
        form = AnswerForm(edition=own.round.edition, answers=draft_of(own))
    is_revops = user.has_role(Role.REVOPS)
    if is_revops:
        people = {} if found is None else {
            one.nomination.function: one.nomination.person_id for one in found.answerers
        }  # fmt: skip
        if naming is None and (found is None or found.is_complete):
            naming = NominationForm(
                initial={function.value: people.get(function.value) for function in ANSWERING}
            )
        if changing is None and found is not None and not found.is_settled:
            changing = NominationForm(initial=people, settled=found.settled)
    return render(
        request,
        "scorecard/questions.html",
        {
            "now": timezone.now(),
            "found": found,
            "own": own,
            "has_answered": has_answered,
            "form": form,
            "naming": naming,
            "changing": changing,
            "is_blind": found is not None and is_blind_for(user, found),
            "history": nominations_history(program),
            "is_revops": is_revops,
            "count": len(EDITIONS[found.row.edition]) if found is not None else 0,
        },
        status=status,
    )
