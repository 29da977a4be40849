"""The blind questionnaire: RevOps opens a round and names who answers; each answers once, unseen by the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from alignment.models import Function, Program, Role, User
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history
from scorecard import questions
from scorecard.models import AnswerDraft, AnswerSheet, Nomination, QuestionRound
from scorecard.models.questionnaire import REQUIRED
from scorecard.services.answer_reminders import tell_answerer

MAY_ANSWER: Mapping[Function, frozenset[Role]] = {
    Function.SALES: frozenset({Role.CRO, Role.SALES_MANAGER}),
    Function.MARKETING: frozenset({Role.CMO, Role.MARKETING}),
    Function.FINANCE: frozenset({Role.FINANCE}),
}


class CannotAnswer(ValueError):
    """This person cannot answer for this function; the message says who can."""


class RoundIsRunning(Exception):
    """The newest round still waits for answers."""


class HandedIn(Exception):
    """The sheet was handed in: it stands. Another try is another round."""


class NotYours(PermissionDenied):
    """Only whoever was named answers, and nobody for somebody else."""


@transaction.atomic
def open_round(
    *, program: Program, people: Mapping[Function, User], by: User | None, at: datetime
) -> QuestionRound:
    """The next round with who answers; sales and marketing are required, finance is not.

    Raises OnlyRevOps, CannotAnswer, RoundIsRunning (the last one has begun and waits for a required function).
    """
    require_revops(by, "The questions")
    Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
    if missing := [function for function in REQUIRED if function not in people]:
        raise CannotAnswer(f"Name who answers for {' and '.join(str(one.label).lower() for one in missing)}.")
    rounds = QuestionRound.objects.select_for_update(of=("self",)).filter(program=program)
    last = rounds.order_by("-number").first()
    if last is not None and _has_some_but_not_all(last):
        raise RoundIsRunning(
            f"Round {last.number} waits for answers: one function has handed in. Let the other finish first, or name "
            "somebody else who answers for it."
        )
    round_ = QuestionRound.objects.create(
        program=program,
        number=last.number + 1 if last else 1,
        edition=questions.CURRENT,
        opened_by=by,
        opened_at=at,
    )
    for function, person in people.items():
        _check(function, person)
        if Nomination.objects.filter(round=round_, person=person).exists():
            raise CannotAnswer(f"{person} cannot answer for two functions.")
        _nominate(round_, function, person, by=by, at=at)
    return round_


@transaction.atomic
def nominate(
    *,
    round_: QuestionRound,
    people: Mapping[Function, User],
    reason: str = "",
    by: User | None,
    at: datetime,
) -> int:
    """Name other answerers, or finance's first one; how many changed. Who is named already stays, and functions that
    are not mentioned stay as they are. What the one before had begun is forgotten; `reason` stays in the history.

    Raises OnlyRevOps, CannotAnswer or HandedIn; nobody is named then.
    """
    require_revops(by, "The questions")
    QuestionRound.objects.select_for_update(of=("self",)).get(pk=round_.pk)
    return sum(
        _name(round_, function, person, reason=reason, by=by, at=at) for function, person in people.items()
    )


def _name(
    round_: QuestionRound, function: Function, person: User, *, reason: str, by: User | None, at: datetime
) -> bool:
    known = Nomination.objects.filter(round=round_, function=function).first()
    if known is not None and known.person_id == person.pk:
        return False
    if known is not None and AnswerSheet.objects.filter(nomination=known).exists():
        raise HandedIn(f"{function.label} has handed in already.")
    if known is None and not _waits(round_):
        raise CannotAnswer("Both sheets are shown already, so nobody else could answer blind in this round.")
    _check(function, person)
    if Nomination.objects.filter(round=round_, person=person).exists():
        raise CannotAnswer(f"{person} cannot answer for two functions.")
    if known is None:
        _nominate(round_, function, person, reason=reason, by=by, at=at)
        return True
    AnswerDraft.objects.filter(nomination=known).delete()
    known.person, known.nominated_at = person, at
    save_with_history(known, reason=reason or "Another person answers", by=by, at=at)
    tell_answerer(known, at=at)
    return True


@transaction.atomic
def save_answers(*, nomination: Nomination, answers: Mapping[str, object], by: User, at: datetime) -> None:
    """Keep what was answered so far; unknown answers are left out. Raises NotYours, CannotAnswer or HandedIn."""
    found = _own(nomination, by)
    AnswerDraft.objects.update_or_create(
        nomination=found,
        defaults={"answers": questions.known_answers(found.round.edition, answers), "saved_at": at},
    )


@transaction.atomic
def submit_answers(
    *, nomination: Nomination, answers: Mapping[str, object], by: User, at: datetime
) -> AnswerSheet:
    """Hand in a complete sheet, for good.

    Raises NotYours, CannotAnswer (the role of then is gone), HandedIn or IncompleteAnswers; nothing is kept then.
    """
    found = _own(nomination, by)
    complete = questions.complete_answers(found.round.edition, answers)
    sheet = AnswerSheet.objects.create(nomination=found, answers=complete, name=by.name, submitted_at=at)
    AnswerDraft.objects.filter(nomination=found).delete()
    return sheet


def _nominate(
    round_: QuestionRound,
    function: Function,
    person: User,
    *,
    reason: str = "",
    by: User | None,
    at: datetime,
) -> None:
    named = Nomination(round=round_, function=function, person=person, nominated_at=at)
    save_with_history(named, reason=reason or "Named to answer", by=by, at=at)
    tell_answerer(named, at=at)


def _own(nomination: Nomination, by: User) -> Nomination:
    """The nomination as it stands now; nobody else is named and no round begins until the transaction ends."""
    QuestionRound.objects.select_for_update(of=("self",)).get(pk=nomination.round_id)
    found = Nomination.objects.select_for_update(of=("self",)).select_related("round").get(pk=nomination.pk)
    if found.person_id != by.pk:
        raise NotYours("These questions are for somebody else to answer.")
    if AnswerSheet.objects.filter(nomination=found).exists():
        raise HandedIn(
            "Your answers were handed in already. Another try is another round, which RevOps opens."
        )
    newest = QuestionRound.objects.filter(program=found.round.program_id).order_by("-number").first()
    if newest is None or newest.pk != found.round_id:
        raise HandedIn(f"Round {found.round.number} is over: a newer one was opened.")
    _check(Function(found.function), User.objects.get(pk=by.pk))
    return found


def _check(function: Function, person: User) -> None:
    allowed = MAY_ANSWER[function]
    if not person.is_active or person.role not in allowed:
        wanted = " or ".join(sorted(role.label for role in allowed))
        raise CannotAnswer(f"For {function.label.lower()} answers somebody with the role {wanted}.")


def _has_some_but_not_all(last: QuestionRound) -> bool:
    handed_in = _handed_in(last)
    return bool(handed_in) and not handed_in >= set(REQUIRED)


def _waits(round_: QuestionRound) -> bool:
    """Whether a required function has yet to hand in, so that nobody was shown anything."""
    return not _handed_in(round_) >= set(REQUIRED)


def _handed_in(round_: QuestionRound) -> set[Function]:
    """The required functions that have."""
    sheets = AnswerSheet.objects.filter(nomination__round=round_, nomination__function__in=REQUIRED)
    return {Function(name) for name in sheets.values_list("nomination__function", flat=True)}
