"""Who may file, see and rule on disputes, by which version of the SLA, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from alignment.access import SEES_RECORDS, Scope, scope_of
from alignment.models import Lead, MqlCycle, Opportunity, Person, Role, User
from sla.clauses import Clauses
from sla.disputed import Subject, Term
from sla.models import Agreement, Clock, Consequence, Dispute, RenegotiationCase
from sla.models.disputes import DisputeQuerySet
from sla.queries.agreements import load_book

USUAL_DAYS = 7
"""Days for a ruling where no signed SLA says how many; the page says that it is the usual number."""
FILERS = SEES_RECORDS


@dataclass(frozen=True)
class Bench:
    """Who rules. `agreement`: the signed version that names them; None: RevOps rules, and the CRO after it."""

    agreement: Agreement | None
    clauses: Clauses | None

    @property
    def within(self) -> timedelta:
        return timedelta(days=self.clauses.ruling_within_days if self.clauses else USUAL_DAYS)

    def people(self, part: str) -> list[User]:
        """The owner of `arbitration` or `escalation`; where that login is gone or none is named, its role."""
        if self.clauses is not None:
            named = User.objects.filter(pk=self.clauses.owners[part].user, is_active=True)
            if found := list(named):
                return found
        role = Role.REVOPS if part == "arbitration" else Role.CRO
        return list(User.objects.filter(role=role, is_active=True).order_by("name", "pk"))


def bench_for(cycle: MqlCycle | None, *, at: datetime) -> Bench:
    """By the version that the cycle runs on, where that is signed; else by the one in force."""
    book = load_book()
    if cycle is not None and cycle.agreement_number is not None:
        own = book.by_number(cycle.agreement_number)
        if own.clauses is not None:
            return Bench(own.agreement, own.clauses)
    now = book.at(at)
    if now is not None and now.clauses is not None:
        return Bench(now.agreement, now.clauses)
    return Bench(None, None)


def bench_of(dispute: Dispute) -> Bench:
    """As it was at the filing."""
    agreement = dispute.agreement
    return Bench(agreement, agreement.parsed_clauses()) if agreement is not None else Bench(None, None)


def judges(dispute: Dispute, *, at: datetime) -> list[User]:
    """Who may rule now: the arbitration owner; once the time for it is over, or where that is somebody concerned, the
    escalation owner too. Nobody rules on what they filed or on their own clock."""
    bench, barred = bench_of(dispute), barred_from(dispute)
    found = [user for user in bench.people("arbitration") if user.pk not in barred]
    if not found or at > dispute.rule_by:
        found += [user for user in bench.people("escalation") if user.pk not in barred]
    if not found:  # both are concerned
        others = User.objects.filter(role__in=[Role.REVOPS, Role.CRO, Role.CMO], is_active=True)
        found = list(others.exclude(pk__in=barred).order_by("name", "pk"))
    return list(dict.fromkeys(found))


def to_rule(user: User, *, at: datetime) -> list[Dispute]:
    """Undecided disputes that this login may rule on now, the most urgent first; queries grow with versions of the SLA
    alone."""
    found = visible(user).undecided().select_related("agreement", "owner", "clock__owner")
    benches: dict[int | None, tuple[list[User], list[User]]] = {}
    waiting = []
    for dispute in found.exclude(filed_by=user).order_by("rule_by", "pk"):
        owners = [dispute.owner, dispute.clock.owner if dispute.clock else None]
        if any(owner is not None and owner.user_id == user.pk for owner in owners):
            continue
        if dispute.agreement_id not in benches:
            bench = bench_of(dispute)
            benches[dispute.agreement_id] = bench.people("arbitration"), bench.people("escalation")
        arbitration, escalation = benches[dispute.agreement_id]
        if user in arbitration or (user in escalation and user in judges(dispute, at=at)):
            waiting.append(dispute)
    return waiting


def may_rule(user: User, dispute: Dispute, *, at: datetime) -> bool:
    return dispute.is_undecided and user in judges(dispute, at=at)


def barred_from(dispute: Dispute) -> set[int]:
    """Logins that must not rule: who filed it, and whose own it is."""
    owners = {dispute.owner_id, dispute.clock.owner_id if dispute.clock else None}
    own = Person.objects.filter(pk__in=[pk for pk in owners if pk], user__isnull=False)
    return {dispute.filed_by_id, *(pk for pk in own.values_list("user", flat=True) if pk)}


def visible(user: User) -> DisputeQuerySet:
    """Disputes that a login may read: of its own, of its teams or of all, what it filed, what it may have to rule on,
    and those on how a definition is read or on what a clause did."""
    scope = scope_of(user)
    if scope.is_all:
        return Dispute.objects.all()
    named = Q()
    for part in ("arbitration", "escalation"):
        named |= Q(**{f"agreement__clauses__owners__{part}__user": user.pk})
    return Dispute.objects.filter(
        scope.q("owner")
        | scope.q("cycle__owner")
        | Q(filed_by=user)
        | named
        | ~Q(term="")
        | Q(kind="consequence")
    )


def sees_lead(user: User, scope: Scope, dispute: Dispute) -> bool:
    """Whether a login may see whose record a dispute speaks of. `scope`: the login's. Who reads it for another reason,
    to rule on it for example, or because it is of figures alone, is not told the name."""
    if not user.has_role(*SEES_RECORDS):
        return False
    cycle = dispute.cycle
    return scope.holds(dispute.owner) or (cycle is not None and is_in_scope(cycle, scope))


def may_file(user: User, subject: Subject) -> bool:
    """Whoever is concerned: the owner, the managers of the owner's team, marketing, CRO, CMO and RevOps; with what a
    clause did no single owner, whose part in it is a clock."""
    if isinstance(subject, Consequence | RenegotiationCase) and user.has_role(Role.REP):
        return False
    return user.has_role(*FILERS) and is_in_scope(subject, scope_of(user))


def is_in_scope(subject: Subject, scope: Scope) -> bool:
    """Whether somebody may see what they would dispute."""
    if scope.is_all or isinstance(subject, Term | Consequence | RenegotiationCase):
        return True
    if isinstance(subject, Clock):
        return scope.holds(subject.owner) or is_in_scope(subject.cycle, scope)
    if isinstance(subject, MqlCycle):
        is_unowned = subject.owner is None and subject.is_open and not subject.is_history
        return scope.holds(subject.owner) or (bool(scope.teams) and is_unowned)
    if isinstance(subject, Opportunity):
        return subject.lead is not None and is_in_scope(subject.lead, scope)
    return _leads_in(scope).filter(pk=subject.pk).exists()


def _leads_in(scope: Scope) -> QuerySet[Lead]:
    own = MqlCycle.objects.filter(scope.q())
    return Lead.objects.filter(
        Exists(own.filter(lead=OuterRef("pk"))) | Exists(own.filter(lead=OuterRef("merged_into")))
    )


def newest_cycle(subject: Subject) -> MqlCycle | None:
    """The cycle that says whose business it is: the clock's own, or the newest standing one of a lead."""
    if isinstance(subject, Clock):
        return subject.cycle
    if isinstance(subject, MqlCycle):
        return subject
    lead = subject.lead if isinstance(subject, Opportunity) else subject
    if not isinstance(lead, Lead):
        return None
    cycles = MqlCycle.objects.standing().filter(lead=lead.merged_into_id or lead.pk)
    return cycles.select_related("owner").order_by("-started_at", "-pk").first()


def owner_of(subject: Subject) -> Person | None:
    """Whose it is: who answers for the clock, owns the MQL, or has the deal."""
    if isinstance(subject, Clock):
        return subject.owner or subject.cycle.owner
    if isinstance(subject, Opportunity) and subject.owner is not None:
        return subject.owner
    cycle = newest_cycle(subject)
    return cycle.owner if cycle else None
