"""What people do here: log an attempt, set a disposition, assign by hand. Each is a fact through the same steps as
a webhook's, as a batch of one; the same act submitted twice has one effect."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q

from alignment.access import may_work, scope_of
from alignment.intake.drafts import Event
from alignment.models import (
    Disposition,
    DisqualificationReason,
    Fact,
    Function,
    Lead,
    MqlCycle,
    Opportunity,
    Person,
    PersonIdentity,
    Role,
    Subject,
    Touch,
    TouchFunction,
    User,
)
from alignment.models.cycles import CLOSING, NEEDS_REASON
from alignment.pipeline import apply_events, refold_leads
from alignment.pipeline.groups import lock_with_merged
from alignment.queries.identity import records_of
from alignment.retry import again_after_a_deadlock
from handoff.models import Assignment
from handoff.queries.leads import is_recorded
from sla.queries.agreements import load_book

CHANNELS = {
    "call": "Call",
    "email": "E-mail",
    "linkedin": "LinkedIn",
    "sms": "Text message",
    "meeting": "Meeting",
}
OUTCOMES = {
    "no_answer": "No answer",
    "left_message": "Left a message",
    "sent": "Sent",
    "connected": "Reached: two-way contact",
}


class CycleIsOver(Exception):
    """The MQL cycle was closed or voided; nothing more can be done on it."""


class ReasonMissing(Exception):
    """Disqualified and recycled need a reason."""


class TooFewAttempts(Exception):
    """'No response' needs the agreed number of attempts first."""


class OpportunityMissing(Exception):
    """Converted means linked to an opportunity."""


class NotYours(PermissionDenied):
    """Only the owner, the managers of the owner's team and RevOps work on an MQL; the latter two assign it."""


class PersonCannotOwn(Exception):
    """Only active people of sales can own an MQL."""


@again_after_a_deadlock
def log_attempt(
    *, cycle: MqlCycle, channel: str, outcome: str, by: User, at: datetime, act: UUID, note: str = ""
) -> None:
    """Record one outbound attempt by the person signed in, at `at`. Raises NotYours or CycleIsOver."""
    if channel not in CHANNELS or outcome not in OUTCOMES:
        raise ValueError("unknown channel or outcome")
    _require_work(cycle, by)
    with transaction.atomic():
        lead = _lock(cycle, act)
        if lead is None:
            return
        fields: dict[str, Any] = {
            "lead": lead.external_id,
            "channel": channel,
            "outcome": outcome,
            "subject": note[:200] or f"{CHANNELS[channel]}: {OUTCOMES[outcome].lower()}",
            "function": TouchFunction.SALES,
            "is_attempt": True,
            "is_connected": outcome == "connected",
            "touched_at": at.isoformat(),
        }
        person = Person.objects.filter(user=by).first()
        if person is not None:
            fields["person"] = _identity(lead, person)
        _apply(lead, Subject.TOUCH, f"app:{act}", fields, by=by, at=at, act=act)


@again_after_a_deadlock
def dispose(
    *,
    cycle: MqlCycle,
    disposition: str,
    reason: str = "",
    opportunity: Opportunity | None = None,
    by: User,
    at: datetime,
    act: UUID,
) -> None:
    """Set the disposition of an open cycle, or complete that of a closed one that lacks its tagging.

    Raises CycleIsOver, ReasonMissing, TooFewAttempts, OpportunityMissing. `reason` is kept only where one is owed.
    """
    if disposition not in Disposition.values:
        raise ValueError("unknown disposition")
    _require_work(cycle, by)
    with transaction.atomic():
        lead = _lock(cycle, act, also_untagged=disposition in CLOSING)
        if lead is None:
            return
        if disposition in NEEDS_REASON and reason not in DisqualificationReason.values:
            raise ReasonMissing("Choose a reason: it goes back to marketing with the lead.")
        if disposition in NEEDS_REASON and reason == DisqualificationReason.NO_RESPONSE:
            _require_attempts(cycle, lead)
        if disposition == Disposition.CONVERTED and (
            opportunity is None or opportunity.lead_id not in records_of(lead)
        ):
            raise OpportunityMissing(
                "Converted means linked to an opportunity of this lead. Create it in the CRM; once it has reached us "
                "you can choose it here."
            )
        fields: dict[str, Any] = {
            "disposition": disposition,
            "reason": reason if disposition in NEEDS_REASON else None,
        }
        if disposition == Disposition.CONVERTED and opportunity is not None:
            fields["opportunity"] = opportunity.external_id
        # an opportunity of a merged record is known by its name there only
        record = opportunity.lead if "opportunity" in fields and opportunity and opportunity.lead else lead
        _apply(record, Subject.LEAD, record.external_id, fields, by=by, at=at, act=act, action="disposition")


@again_after_a_deadlock
def assign_by_hand(*, cycle: MqlCycle, person: Person, by: User, at: datetime, note: str = "") -> None:
    """Make `person` the owner. The first assignment keeps its time: reassignment restarts no clock.

    RevOps may assign to anybody in sales, a manager to the people of the teams managed.
    Raises NotYours, CycleIsOver or PersonCannotOwn.
    """
    scope = scope_of(by)
    may_assign = by.has_role(Role.REVOPS) or (by.has_role(Role.SALES_MANAGER) and scope.holds(person))
    if not may_assign or not (cycle.owner is None or scope.holds(cycle.owner)):
        raise NotYours("Only RevOps and the managers of both people's teams may assign this MQL.")
    with transaction.atomic():
        lead = _lock_lead(cycle)
        fresh = MqlCycle.objects.get(pk=cycle.pk)
        if not fresh.is_open:
            raise CycleIsOver("This MQL is closed; there is nothing to assign.")
        if not person.is_active or person.function not in (Function.SALES, Function.UNKNOWN):
            raise PersonCannotOwn(f"{person.name} is not an active member of sales.")
        if fresh.owner_id == person.pk:
            return
        Assignment.objects.create(
            cycle=fresh,
            person=person,
            origin=Assignment.Origin.MANUAL,
            explanation={"rule": "assigned by hand", "chosen": note or "no note"},
            assigned_at=at,
            by=by,
        )
        refold_leads({(lead.source_id, lead.external_id)}, at=at, reason="assigned by hand")


def _require_attempts(cycle: MqlCycle, lead: Lead) -> None:
    """The agreed number of attempts, over as many channels as the signed SLA asks for. Raises TooFewAttempts."""
    version = load_book().version_of(cycle)
    if version is None:
        return
    agreed, channels = version.terms.attempts, version.clauses.channels if version.clauses else 1
    attempts = Touch.objects.filter(lead__in=records_of(lead), is_attempt=True, is_deleted=False)
    since = Q(touched_at__gte=cycle.crossed_at)
    # what only a file tells of, or tells by its day alone, counts for the past that files tell of
    since = since | Q(touched_until__gt=cycle.crossed_at) if cycle.is_history else since & Q(is_history=False)
    used = list(attempts.filter(since).values_list("channel", flat=True))
    if len(used) < agreed:
        raise TooFewAttempts(
            f"“No response” needs {agreed} attempts; {len(used)} recorded. Log them, or choose another reason."
        )
    known = sorted({channel.strip().lower() for channel in used} - {""})
    if len(known) < channels:
        found = f"over {', '.join(known)} alone" if known else "without a channel"
        raise TooFewAttempts(
            f"“No response” needs attempts over {channels} channels; all recorded are {found}. Try another channel, or "
            "choose another reason."
        )


def _require_work(cycle: MqlCycle, by: User) -> None:
    if not may_work(by, cycle):
        raise NotYours("Only the owner, the managers of the owner's team and RevOps may do this.")


def _lock(cycle: MqlCycle, act: UUID, *, also_untagged: bool = False) -> Lead | None:
    """The lead, locked; None when this very act was applied before. Raises CycleIsOver.

    A disposition goes to the lead's last cycle, so only that one can be completed after its closing.
    """
    lead = _lock_lead(cycle)
    if is_recorded(act):
        return None
    last = MqlCycle.objects.standing().filter(lead=lead).order_by("-crossed_at").first()
    is_ours = last is not None and last.pk == cycle.pk
    if last is None or not is_ours or not (last.is_open or (also_untagged and last.lacks_tagging)):
        raise CycleIsOver("This MQL was closed in the meantime; nothing was changed.")
    return lead


def _lock_lead(cycle: MqlCycle) -> Lead:
    """The lead that has the cycle now, locked with all that is merged with it: a merge may just have moved it."""
    lead_id = MqlCycle.objects.values_list("lead_id", flat=True).get(pk=cycle.pk)
    found = {lead.pk: lead for lead in lock_with_merged((), also_ids=[lead_id]).values()}
    return found[MqlCycle.objects.values_list("lead_id", flat=True).get(pk=cycle.pk)]


def _identity(lead: Lead, person: Person) -> str:
    """How facts of this lead's source name a person known only here."""
    ref = f"person:{person.pk}"
    PersonIdentity.objects.get_or_create(
        source_id=lead.source_id, external_id=ref, defaults={"person": person}
    )
    return ref


def _apply(
    lead: Lead,
    subject: str,
    external_id: str,
    fields: dict[str, Any],
    *,
    by: User,
    at: datetime,
    act: UUID,
    action: str = "",
) -> None:
    fact = Fact(
        source_id=lead.source_id,
        ref=f"app:{act}",
        subject=subject,
        external_id=external_id,
        action=action,
        fields=fields,
        occurred_at=at,
        received_at=at,
        order_key=f"app:{act}",
        by=by,
    )
    apply_events([Event(None, 0, [fact])], at=at)
