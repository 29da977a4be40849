"""What can be disputed: a clock, who sourced a lead or a deal, whether an MQL is one, how a definition is read, what a
clause of the SLA did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from alignment.definitions.predicate import KEYS
from alignment.models import Lead, MqlCycle, Opportunity, TouchFunction
from sla.models import Clock, ClockKind, Consequence, Dispute, DisputeKind, RenegotiationCase

FUNCTIONS = {name: label for name, label in TouchFunction.choices if name != TouchFunction.UNKNOWN}
"""What an attribution can be ruled to be."""


@dataclass(frozen=True)
class Term:
    """One of the shared definitions, by its key, as against one record that it speaks of."""

    key: str

    @property
    def label(self) -> str:
        return KEYS[self.key][0]


Subject = Clock | Lead | Opportunity | MqlCycle | Term | Consequence | RenegotiationCase


def kind_of(subject: Subject) -> str:
    if isinstance(subject, Clock):
        return DisputeKind.CLOCK
    if isinstance(subject, Consequence | RenegotiationCase):
        return DisputeKind.CONSEQUENCE
    return DisputeKind.DEFINITION if isinstance(subject, MqlCycle | Term) else DisputeKind.ATTRIBUTION


def subject_of(dispute: Dispute) -> Subject:
    """What a dispute is about."""
    if dispute.clock is not None:
        return dispute.clock
    if dispute.lead is not None:
        return dispute.lead
    if dispute.opportunity is not None:
        return dispute.opportunity
    if dispute.consequence is not None:
        return dispute.consequence
    if dispute.renegotiation is not None:
        return dispute.renegotiation
    return Term(dispute.term) if dispute.cycle is None else dispute.cycle


def columns_of(subject: Subject) -> dict[str, object]:
    """The columns of a dispute that name its subject."""
    if isinstance(subject, Clock):
        return {"clock": subject}
    if isinstance(subject, Lead):
        return {"lead": subject}
    if isinstance(subject, Opportunity):
        return {"opportunity": subject}
    if isinstance(subject, Consequence):
        return {"consequence": subject}
    if isinstance(subject, RenegotiationCase):
        return {"renegotiation": subject}
    return {"term": subject.key} if isinstance(subject, Term) else {"cycle": subject}


def in_words(subject: Subject, tz: ZoneInfo, lead: Lead | None = None) -> str:
    """As a heading, days in `tz`. Names the `lead` to who may see it; without one it names nobody, for mails and what
    stays with the ruling: "First follow-up of an MQL of 6 October 2026"."""
    if isinstance(subject, Clock):
        return f"{promise_of(subject)} of {lead.name if lead else mql_of(subject.cycle, tz)}"
    if isinstance(subject, Lead):
        return f"Who sourced {lead.name if lead else 'a lead of ' + _day(subject.first_seen_at, tz)}"
    if isinstance(subject, Opportunity):
        of = "of " + (lead.name if lead else _day(subject.opened_at or subject.first_seen_at, tz))
        return f"Who sourced an opportunity {of}"
    if isinstance(subject, Term):
        return f"How “{subject.label}” is read"
    if isinstance(subject, Consequence | RenegotiationCase):
        return str(subject)
    return f"Whether {'the MQL of ' + lead.name if lead else mql_of(subject, tz)} meets the definition"


def mql_of(cycle: MqlCycle, tz: ZoneInfo) -> str:
    """ "an MQL of 6 October 2026": by the local day on which it crossed the trigger."""
    return f"an MQL of {_day(cycle.crossed_at, tz)}"


def _day(instant: datetime, tz: ZoneInfo) -> str:
    local = instant.astimezone(tz)
    return f"{local.day} {local:%B %Y}"


def promise_of(clock: Clock) -> str:
    """The promise of a clock in words: "First follow-up", "Attempt 3"."""
    if clock.kind == ClockKind.ATTEMPT:
        return f"Attempt {clock.ordinal}"
    return clock.get_kind_display()


def lead_of(subject: Subject, cycle: MqlCycle | None) -> Lead | None:
    """Whose record it speaks of; `cycle`: that of the dispute."""
    if isinstance(subject, Lead):
        return subject
    if isinstance(subject, Opportunity):
        return subject.lead
    return cycle.lead if cycle is not None else None
