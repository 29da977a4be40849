"""Filing a dispute: the evidence is attached and frozen, and a clock that runs stands still."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from alignment.definitions.predicate import KEYS
from alignment.models import Lead, MqlCycle, User
from alignment.retry import again_after_a_deadlock
from sla.disputed import FUNCTIONS, Subject, Term, columns_of, kind_of
from sla.models import (
    Clock,
    ClockHold,
    Consequence,
    Dispute,
    Effect,
    Ending,
    Outcome,
    Override,
    RenegotiationCase,
)
from sla.queries.arbitration import bench_for, may_file, newest_cycle, owner_of
from sla.queries.dispute_evidence import evidence_of
from sla.queries.disputes import ruled_function
from sla.services.disputes import telling
from sla.services.disputes.refusals import (
    AlreadyDisputed,
    AlreadyRuled,
    Incomplete,
    NotConcerned,
    NothingToDispute,
)
from sla.services.disputes.texts import checked


@again_after_a_deadlock
def file_dispute(
    *, subject: Subject, text: str, asked: str, function: str = "", by: User, at: datetime
) -> Dispute:
    """File a dispute on a clock, a lead's or opportunity's attribution (`function`: what it should be), an MQL or the
    reading of a term. A clock that runs and is not due yet is held until the ruling; no other clock is.

    Raises NotConcerned, AlreadyDisputed, AlreadyRuled, NothingToDispute, Incomplete or NamesThePerson.
    """
    if not may_file(by, subject):
        raise NotConcerned("Only who is concerned files a dispute: ask the owner, their manager or RevOps.")
    cycle = newest_cycle(subject)
    texts = checked({"text": text, "asked": asked}, subject, cycle, at=at)
    with transaction.atomic():
        if isinstance(subject, Clock):
            subject = (
                Clock.objects.select_for_update(of=("self",)).select_related("cycle__lead").get(pk=subject.pk)
            )
        _require_open_question(subject, function, at)
        if Dispute.objects.undecided().filter(kind=kind_of(subject), **columns_of(subject)).exists():
            raise AlreadyDisputed(
                "A dispute on this is undecided already; add what you know to its ruling owner."
            )
        bench = bench_for(cycle, at=at)
        evidence, digest = evidence_of(subject, cycle, at=at)
        columns: dict[str, Any] = {"cycle": cycle} | columns_of(subject)
        try:
            with transaction.atomic():
                dispute = Dispute.objects.create(
                    kind=kind_of(subject),
                    owner=owner_of(subject),
                    clock_due_at=subject.due_at if isinstance(subject, Clock) else None,
                    asked_function=function,
                    evidence=evidence,
                    evidence_digest=digest,
                    agreement=bench.agreement,
                    filed_by=by,
                    filed_at=at,
                    rule_by=at + bench.within,
                    **texts,
                    **columns,
                )
        except IntegrityError as problem:
            if "one_undecided_dispute" not in str(problem):
                raise
            raise AlreadyDisputed(
                "Somebody filed a dispute on this at the same time; see theirs."
            ) from problem
        if isinstance(subject, Clock) and _is_held(subject, at):
            ClockHold.objects.create(dispute=dispute, clock=subject, starts_at=at)
            Clock.objects.filter(pk=subject.pk).update(held_since=at)
        telling.filed(dispute, at=at)
    return dispute


def _is_held(clock: Clock, at: datetime) -> bool:
    """Time that was over when the dispute was filed is not held: the breach is stamped, and can be set aside."""
    return clock.outcome == Outcome.OPEN and at < clock.due_at


def _require_open_question(subject: Subject, function: str, at: datetime) -> None:
    """Raises NothingToDispute, AlreadyRuled or Incomplete."""
    if isinstance(subject, Clock):
        _require_disputable(subject, at)
    elif isinstance(subject, MqlCycle):
        if subject.voided_at is not None:
            raise NothingToDispute(
                "Later facts voided this MQL: it counts nowhere, and there is nothing to rule on."
            )
    elif isinstance(subject, Term):
        if subject.key not in KEYS:
            raise Incomplete("There is no such definition.", "subject")
    elif isinstance(subject, Consequence):
        if not subject.cycles.standing().exists():
            raise NothingToDispute("Rulings took back all that it did.")
    elif isinstance(subject, RenegotiationCase):
        if not subject.is_open:
            raise NothingToDispute("This case is closed.")
    else:
        if function not in FUNCTIONS:
            raise Incomplete("Choose which function it should be counted for.", "function")
        if isinstance(subject, Lead) and function == _function_now(subject):
            raise NothingToDispute("It is counted for that function already.")


def _function_now(lead: Lead) -> str:
    ruled = ruled_function(lead)
    return ruled.function if ruled else lead.sourced_function


def _require_disputable(clock: Clock, at: datetime) -> None:
    if clock.outcome == Outcome.OPEN and at < clock.started_at:
        raise NothingToDispute("This clock has not begun to run: dispute it once it runs.")
    if clock.cycle.voided_at is not None or clock.outcome == Outcome.NOT_OWED:
        raise NothingToDispute(
            "This promise is no longer owed and counts nowhere; there is nothing to rule on."
        )
    if clock.outcome in (Outcome.MET, Outcome.RESTATED):
        raise NothingToDispute("This promise was kept, by what is known now; there is nothing to rule on.")
    if Override.objects.filter(clock=clock, effect=Effect.SET_ASIDE).exists():
        raise AlreadyRuled("A ruling set this breach aside already.")
    is_running = clock.outcome == Outcome.OPEN
    ruled = Dispute.objects.filter(clock=clock, ending=Ending.RULED, hold__isnull=not is_running)
    if ruled.exists():
        raise AlreadyRuled(
            "This clock was ruled on while it ran; a breach of it can be disputed once more."
            if is_running
            else "This breach was ruled on; a ruling stands."
        )
