"""Blind answers: whose turn it is, and both sheets side by side once the required functions have handed in.

Nothing here gives anybody another function's answers earlier, whoever asks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from alignment.models import Function, Program, Role, User
from scorecard.measures import Agreement
from scorecard.models import AnswerDraft, Nomination, QuestionRound
from scorecard.models.questionnaire import ANSWERING, REQUIRED
from scorecard.questions import Compared, compare

HISTORY_SHOWN = 30


class StillBlind(LookupError):
    """A required function has not handed in, so nobody sees anybody's answers."""


@dataclass(frozen=True)
class Answerer:
    """A nomination as everybody may see it: who, and whether the sheet was handed in; no answers."""

    nomination: Nomination
    is_required: bool
    is_in: bool
    has_begun: bool


@dataclass(frozen=True)
class Round:
    """The round that counts. `answerers` in the order of the functions; `waiting`: required functions not in yet."""

    row: QuestionRound
    answerers: tuple[Answerer, ...]

    @property
    def waiting(self) -> tuple[str, ...]:
        handed_in = {one.nomination.function for one in self.answerers if one.is_in}
        return tuple(function.value for function in REQUIRED if function not in handed_in)

    @property
    def is_complete(self) -> bool:
        return not self.waiting

    @property
    def settled(self) -> tuple[str, ...]:
        """Functions for which nobody else can be named: handed in, or both sheets shown before anybody was named."""
        waits = {one.nomination.function for one in self.answerers if not one.is_in}
        known = {one.nomination.function for one in self.answerers}
        return tuple(
            function.value
            for function in ANSWERING
            if function not in waits and (function in known or self.is_complete)
        )

    @property
    def is_settled(self) -> bool:
        return len(self.settled) == len(ANSWERING)


def round_of(program: Program) -> Round | None:
    """The newest round of a program; None before the first."""
    return round_in(QuestionRound.objects.filter(program=program).order_by("-number").first())


def round_numbered(program: Program, number: int) -> Round | None:
    return round_in(QuestionRound.objects.filter(program=program, number=number).first())


def round_in(row: QuestionRound | None) -> Round | None:
    """A round of a program with its answerers; None for none."""
    if row is None:
        return None
    found = list(row.nominations.select_related("person", "sheet", "draft").order_by("pk"))
    found.sort(key=lambda one: ANSWERING.index(Function(one.function)))
    return Round(row, tuple(_answerer(nomination) for nomination in found))


def _answerer(nomination: Nomination) -> Answerer:
    return Answerer(
        nomination,
        nomination.function in REQUIRED,
        hasattr(nomination, "sheet"),
        hasattr(nomination, "draft"),
    )


def nomination_of(user: User, program: Program) -> Nomination | None:
    """The part of a person in the newest round; None without one."""
    found = Nomination.objects.filter(round__program=program, person=user).order_by("-round__number").first()
    newest = QuestionRound.objects.filter(program=program).order_by("-number").first()
    return found if found is not None and newest is not None and found.round_id == newest.pk else None


def waiting_nominations(user: User | None = None) -> QuerySet[Nomination]:
    """Parts of programs that run which are not handed in yet, in the newest round of each; of one person or of all."""
    newer = QuestionRound.objects.filter(
        program=OuterRef("round__program"), number__gt=OuterRef("round__number")
    )
    found = Nomination.objects.filter(
        ~Exists(newer), sheet__isnull=True, round__program__closed_at__isnull=True
    ).select_related("person", "round")
    return (found if user is None else found.filter(person=user)).order_by("pk")


def is_blind_for(user: User, found: Round) -> bool:
    """Whether this person may not see others' answers although they can be compared: they, or others of finance who
    might yet be named instead, still have to answer for a function."""
    for one in found.answerers:
        if not one.is_in and (
            one.nomination.person_id == user.pk
            or (one.nomination.function == Function.FINANCE and user.has_role(Role.FINANCE))
        ):
            return True
    return False


def nominations_history(program: Program) -> list[Any]:
    """Who was named when, by whom and why: entries of the history, the newest first, at most HISTORY_SHOWN."""
    entries = Nomination.history.filter(round__program=program).select_related(
        "history_user", "person", "round"
    )
    return list(entries.order_by("-history_date", "-history_id")[:HISTORY_SHOWN])


def draft_of(nomination: Nomination) -> dict[str, str]:
    """What its own answerer has saved so far."""
    found = AnswerDraft.objects.filter(nomination=nomination).first()
    return dict(found.answers) if found is not None else {}


@dataclass(frozen=True)
class Comparison:
    """Both sheets answer by answer; `finance` beside them where finance handed in: it enters no score."""

    round: QuestionRound
    lines: tuple[Compared, ...]
    names: dict[str, str]
    finance: dict[str, str]


def comparison(found: Round) -> Comparison:
    """Raises StillBlind."""
    if not found.is_complete:
        raise StillBlind("Answers are shown once sales and marketing have both handed in.")
    sheets = {one.nomination.function: one.nomination.sheet for one in found.answerers if one.is_in}
    sales, marketing = sheets[Function.SALES.value], sheets[Function.MARKETING.value]
    finance = sheets.get(Function.FINANCE.value)
    return Comparison(
        found.row,
        tuple(compare(found.row.edition, sales.answers, marketing.answers)),
        {function: sheet.name for function, sheet in sheets.items()},
        dict(finance.answers) if finance is not None else {},
    )


def measure_agreement(program: Program) -> Agreement:
    """Counts of the newest round; nothing but who is waited for while it is blind."""
    found = round_of(program)
    if found is None:
        return Agreement(None, waiting=tuple(function.value for function in REQUIRED))
    if not found.is_complete:
        return Agreement(found.row.number, waiting=found.waiting)
    outcomes = Counter(line.outcome for line in comparison(found).lines)
    return Agreement(found.row.number, outcomes["same"], outcomes["different"], outcomes["unknown"])
