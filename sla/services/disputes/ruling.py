"""Ruling on a dispute: the decision in words, and what it puts beside the raw value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from alignment.models import MqlCycle, Organisation, User
from alignment.retry import again_after_a_deadlock
from sla.disputed import FUNCTIONS, in_words, subject_of
from sla.models import (
    Clock,
    ClockHold,
    Decision,
    Dispute,
    DisputeKind,
    Effect,
    Outcome,
    Override,
    Ruling,
)
from sla.queries.arbitration import bench_of, judges
from sla.services.consequences import NothingToUndo, take_back, undo
from sla.services.disputes import holds, telling
from sla.services.disputes.refusals import DisputeIsOver, Incomplete, MayNotRule
from sla.services.disputes.texts import checked, refuse_names
from sla.services.renegotiation import close_by_ruling

MOST_TAGS = 8


@dataclass(frozen=True)
class Decided:
    """What is ruled. `function`: of an attribution that is partly upheld (upheld: the one that was asked for).
    `meets`: whether the MQL meets the definition. `reading`: how the term is read from now on. `until`: of a held clock
    that is partly upheld, until when it stood still. `mqls`: of a consequence that is partly upheld, ids of the MQL
    cycles for which it is taken back."""

    decision: str
    summary: str
    reason: str
    tags: str = ""
    function: str = ""
    meets: bool | None = None
    reading: str = ""
    until: datetime | None = None
    mqls: tuple[int, ...] = ()

    @property
    def has_effect(self) -> bool:
        return self.decision != Decision.REJECTED


@again_after_a_deadlock
def rule(*, dispute: Dispute, decided: Decided, by: User, at: datetime) -> Ruling:
    """Decide a dispute, once. The raw value stays; an upheld one gets an override beside it.

    Raises DisputeIsOver, MayNotRule, Incomplete or NamesThePerson.
    """
    with transaction.atomic():
        dispute, clock = holds.lock(dispute)
        if not dispute.is_undecided:
            raise DisputeIsOver("It was ruled on or withdrawn in the meantime; nothing was changed.")
        if by not in judges(dispute, at=at):
            raise MayNotRule("You may not rule on this: see the page for who may, and from when.")
        hold = holds.open_hold(dispute)
        texts = _texts(dispute, decided, at=at)
        effect = _effect(dispute, clock, hold, decided, at=at)
        arbiters = {user.pk for user in bench_of(dispute).people("arbitration")}
        ruling = Ruling.objects.create(
            dispute=dispute,
            decision=decided.decision,
            about=in_words(subject_of(dispute), Organisation.get().tz),
            tags=", ".join(tags_of(decided.tags)),
            ruled_by=by,
            ruled_at=at,
            as_escalation=by.pk not in arbiters,
            **texts,
        )
        if effect is not None:
            Override.objects.create(ruling=ruling, made_at=at, **effect)
        if hold is not None:
            if effect is not None and effect["effect"] == Effect.STOOD_STILL:
                holds.let_stand(hold, until=effect["stood_until"], at=at)
            else:
                holds.lift(hold, at=at)
        if effect is not None:
            _take_back(ruling, clock, decided, at=at)
        telling.ruled(ruling, at=at)
    return ruling


def _take_back(ruling: Ruling, clock: Clock | None, decided: Decided, *, at: datetime) -> None:
    """What a clause of the SLA did because of this clock, or did at all, is undone. Raises Incomplete."""
    dispute = ruling.dispute
    if clock is not None:
        take_back(clock=clock, ruling=ruling, at=at)
    elif dispute.renegotiation is not None:
        close_by_ruling(case=dispute.renegotiation, ruling=ruling, at=at)
    elif dispute.consequence is not None:
        is_partly = decided.decision == Decision.PARTLY
        cycles = list(MqlCycle.objects.filter(pk__in=decided.mqls)) if is_partly else None
        try:
            undo(consequence=dispute.consequence, cycles=cycles, ruling=ruling, at=at)
        except NothingToUndo as problem:
            raise Incomplete(str(problem), "mqls") from problem


def tags_of(text: str) -> list[str]:
    """Words between commas, in lower case, each once. Raises Incomplete where there are too many."""
    found = list(dict.fromkeys(" ".join(tag.lower().split()) for tag in text.split(",") if tag.strip()))
    if len(found) > MOST_TAGS or len(", ".join(found)) > 200:
        raise Incomplete(f"At most {MOST_TAGS} tags, 200 characters together.", "tags")
    return found


def _texts(dispute: Dispute, decided: Decided, *, at: datetime) -> dict[str, str]:
    if decided.decision not in Decision.values:
        raise Incomplete("Decide: upheld, partly upheld or rejected.", "decision")
    subject = subject_of(dispute)
    texts = checked({"summary": decided.summary, "reason": decided.reason}, subject, dispute.cycle, at=at)
    if len(texts["summary"]) > 200:
        raise Incomplete("At most 200 characters: it is what the list of precedents shows.", "summary")
    refuse_names({"tags": decided.tags, "reading": decided.reading}, subject, dispute.cycle, at=at)
    return texts


def _effect(
    dispute: Dispute, clock: Clock | None, hold: ClockHold | None, decided: Decided, *, at: datetime
) -> dict[str, Any] | None:
    """The override's columns; None where the ruling is words alone. Raises Incomplete."""
    if not decided.has_effect:
        return None
    if clock is not None:
        return _on_clock(clock, hold, decided, at=at)
    if dispute.kind == DisputeKind.ATTRIBUTION:
        is_as_asked = decided.decision == Decision.UPHELD
        function = dispute.asked_function if is_as_asked else decided.function
        if function not in FUNCTIONS or (not is_as_asked and function == dispute.asked_function):
            raise Incomplete(
                "Choose for which other function it counts; the one asked for is “upheld”.", "function"
            )
        found = {"effect": Effect.SOURCED, "function": function}
        return found | {"lead": dispute.lead, "opportunity": dispute.opportunity}
    if dispute.kind == DisputeKind.CONSEQUENCE:
        return _on_clause(dispute, decided)
    if dispute.term:
        reading = decided.reading.strip()
        if not reading:
            raise Incomplete("Write how the definition is read from now on.", "reading")
        return {"effect": Effect.READING, "term": dispute.term, "reading": reading}
    if decided.meets is None:
        raise Incomplete("Say whether the MQL meets the definition.", "meets")
    return {"effect": Effect.MEETS if decided.meets else Effect.MEETS_NOT, "cycle": dispute.cycle}


def _on_clause(dispute: Dispute, decided: Decided) -> dict[str, Any] | None:
    is_partly = decided.decision == Decision.PARTLY
    if dispute.renegotiation is not None:
        # a case is open or closed; partly upheld, it goes on with the reason beside it
        return None if is_partly or not dispute.renegotiation.is_open else {"effect": Effect.UNDONE}
    if is_partly and not decided.mqls:
        raise Incomplete(
            "Choose for which MQLs it is taken back; for all of them the dispute is “upheld”.", "mqls"
        )
    return {"effect": Effect.UNDONE}


def _on_clock(
    clock: Clock, hold: ClockHold | None, decided: Decided, *, at: datetime
) -> dict[str, Any] | None:
    """A clock that is held stood still, until the ruling or an earlier instant; a breach is set aside, or, partly
    upheld, stays with the reason beside it. So is one that late evidence has disproved since: gate and clause count it
    as missed. What was kept or is owed no more needs no effect."""
    is_partly = decided.decision == Decision.PARTLY
    if clock.outcome not in (Outcome.OPEN, Outcome.MISSED, Outcome.RESTATED):
        return None
    if hold is not None and clock.outcome == Outcome.OPEN and hold.starts_at < clock.due_at:
        until = decided.until if is_partly else at
        if until is None or not hold.starts_at < until <= at:
            raise Incomplete("Say until when the clock stood still: between the filing and now.", "until")
        found: dict[str, Any] = {"effect": Effect.STOOD_STILL, "clock": clock}
        return found | {"stood_from": hold.starts_at, "stood_until": until}
    return None if is_partly else {"effect": Effect.SET_ASIDE, "clock": clock}
