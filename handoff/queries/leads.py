"""One lead as its page shows it: its cycles with owner, reason and clocks, and what wrote which field."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch

from alignment.models import Fact, Lead, MqlCycle, Opportunity, PersonIdentity, Source, Subject
from alignment.models.cycles import AssignedBy
from alignment.pipeline.leads import CONTACT
from alignment.queries.field_words import name_of, said
from alignment.queries.identity import records_of
from alignment.queries.people import names_in
from alignment.wording import span
from handoff.models import Assignment
from handoff.queries.cycles import missing_in
from sla.models import Agreement, Clock, ClockKind, ConsequenceCycle, Outcome
from sla.queries.agreements import load_book

CONTACT_FIELDS = frozenset(name.removesuffix("_id") for name in CONTACT)


@dataclass(frozen=True)
class CyclePart:
    """One cycle. `agreement`: the version that it runs on, None for imported history. `crm_owner_since`: when the CRM
    named the present owner; None where the CRM did not."""

    cycle: MqlCycle
    clocks: list[Clock]
    assignments: list[Assignment]
    tier: str
    attempts_agreed: int | None
    crm_owner_since: datetime | None
    agreement: Agreement | None

    @property
    def lag(self) -> str:
        """From the crossing, as the source says, to our receipt: the CRM's share of the delay."""
        late = self.cycle.received_at - self.cycle.crossed_at
        if late < timedelta(0):
            return f"none; the source's clock is {span(-late, days=True)} ahead"
        return span(late, days=True)

    @property
    def routing_time(self) -> str:
        """From our receipt to the first assignment: our share of it."""
        if self.cycle.assigned_at is None:
            return "nobody is assigned yet" if self.cycle.is_open else "nobody was assigned"
        late = self.cycle.assigned_at - self.cycle.received_at
        if late < timedelta(0):
            return "none; the CRM had named the owner before we heard of it"
        return span(late, days=True)

    @property
    def why(self) -> Assignment | None:
        """The decision of ours that made the present owner the owner; None where the CRM did."""
        if self.cycle.assigned_by in ("", AssignedBy.CRM):
            return None
        owner = self.cycle.owner_id
        return next((row for row in reversed(self.assignments) if row.person_id == owner), None)

    @property
    def missing(self) -> str:
        return missing_in(self.cycle)

    @property
    def taken_out(self) -> ConsequenceCycle | None:
        """Its place in a consequence of the SLA, taken back by a ruling or not; None where it is in none."""
        return getattr(self.cycle, "consequence_entry", None)

    @property
    def is_back(self) -> bool:
        """A ruling took back what the consequence did."""
        return hasattr(self.taken_out, "undone")

    @property
    def state(self) -> tuple[str, str]:
        """(kind of badge, words)."""
        cycle = self.cycle
        if cycle.voided_at:
            return "neutral", "Voided"
        if cycle.is_history and not cycle.disposition:
            return "neutral", "History, open"
        if cycle.disposition:
            return cycle.disposition, cycle.disposition_in_words
        return ("open", "Open") if cycle.owner_id else ("unassigned", "Unassigned")


@dataclass(frozen=True)
class FieldOrigin:
    """Which fact last wrote a field of the lead."""

    name: str
    value: str
    occurred_at: datetime
    received_at: datetime
    source: str
    by: str


def cycle_parts(lead: Lead) -> list[CyclePart]:
    """All cycles of a lead, the newest first. The same number of queries however many there are."""
    clocks = Clock.objects.select_related(
        "agreement", "calendar_version__calendar", "owner"
    ).prefetch_related("corrections", "redatings", "disputes", "overrides")
    cycles = list(
        MqlCycle.objects.filter(lead=lead)
        .select_related(
            "owner__team",
            "team",
            "opportunity",
            "consequence_entry__consequence__judged",
            "consequence_entry__undone",
        )
        .prefetch_related(
            Prefetch("clocks", clocks.order_by("due_at", "pk"), to_attr="all_clocks"),
            Prefetch(
                "assignments",
                Assignment.objects.select_related("person", "pool", "by").order_by("assigned_at", "pk"),
                to_attr="decisions",
            ),
        )
        .order_by("-started_at", "-pk")
    )
    book = load_book()
    since = _owned_in_crm_since(lead, cycles)
    parts = []
    for cycle in cycles:
        terms = book.terms_of(cycle)
        parts.append(
            CyclePart(
                cycle,
                cycle.all_clocks,  # type: ignore[attr-defined]
                cycle.decisions,  # type: ignore[attr-defined]
                terms.tier(cycle.tier).label if terms else "Imported history",
                terms.attempts if terms else None,
                since.get(cycle.pk),
                book.agreement_of(cycle),
            )
        )
    return parts


def current(parts: list[CyclePart]) -> CyclePart | None:
    """The open cycle, else the newest that later facts did not disprove."""
    standing = [part for part in parts if part.cycle.voided_at is None]
    return next((part for part in standing if part.cycle.is_open), standing[0] if standing else None)


def next_clock(part: CyclePart) -> Clock | None:
    """The unmet clock of an open cycle that falls due first."""
    if not part.cycle.is_open:
        return None
    owed = (
        clock
        for clock in part.clocks
        if clock.met_at is None and clock.kind != ClockKind.ASSIGN and clock.outcome != Outcome.NOT_OWED
    )
    return next(owed, None)


def opportunities(lead: Lead) -> list[Opportunity]:
    """Those of the lead and of the records merged into it, the newest first."""
    found = Opportunity.objects.filter(lead__in=records_of(lead), is_deleted=False)
    return list(found.order_by("-opened_at", "-pk"))


def is_recorded(act: Any) -> bool:
    """Whether this very act, named by its uuid, was applied before: to whichever record of a merged lead."""
    sources = list(Source.objects.values_list("pk", flat=True))  # ids come first in the index of refs
    return Fact.objects.filter(source__in=sources, ref=f"app:{act}").exists()


def provenance(lead: Lead) -> list[FieldOrigin]:
    """Where each field's value comes from, in the order of the fields' names; gaps that a merged record fills too."""
    writers = _writers(lead)
    for merged in lead.merged_leads.order_by("source_id", "external_id"):
        for name, fact in _writers(merged).items():
            own = writers.get(name)
            is_gap = own is None or not own.fields[name]
            if name in CONTACT_FIELDS and is_gap and fact.fields[name]:
                writers[name] = fact
    names: dict[str, str] | None = None
    found = []
    for name, fact in sorted(writers.items()):
        value = fact.fields[name]
        if name == "owner" and value:
            names = names or names_in(lead.source_id, {str(value)})
            value = names.get(str(value), value)
        found.append(
            FieldOrigin(
                name=name_of(name),
                value=said(Subject.LEAD, name, value),
                occurred_at=fact.occurred_at,
                received_at=fact.received_at,
                source=str(fact.source),
                by=str(fact.by or ""),
            )
        )
    return found


def _writers(lead: Lead) -> dict[str, Fact]:
    """The fact that last wrote each field of one record."""
    facts = (
        Fact.objects.of_source(lead.source_id)
        .filter(subject=Subject.LEAD, external_id=lead.external_id)
        .select_related("source", "by")
        .order_by("occurred_at", "order_key")
    )
    return {name: fact for fact in facts for name in fact.fields}


def _owned_in_crm_since(lead: Lead, cycles: list[MqlCycle]) -> dict[int, datetime]:
    """Per cycle owned by the CRM's word: the start of the last run of facts that name its owner, of whichever record
    of the lead."""
    wanted = [cycle for cycle in cycles if cycle.assigned_by == AssignedBy.CRM]
    if not wanted:
        return {}
    records = list(Lead.objects.filter(pk__in=records_of(lead)).order_by("pk"))
    refs: dict[tuple[int, int], set[str]] = defaultdict(set)
    for source, person, ref in PersonIdentity.objects.filter(
        source__in={record.source_id for record in records}, person__in=[cycle.owner_id for cycle in wanted]
    ).values_list("source_id", "person_id", "external_id"):
        refs[source, person].add(ref)
    found: dict[int, datetime] = {}
    for record in records:
        named = _owners_named(record)
        for cycle in wanted:
            since = _last_run(named, refs[record.source_id, cycle.owner_id or 0], until=cycle.closed_at)
            if since is not None:
                found[cycle.pk] = max(since, found.get(cycle.pk, since))
    return found


def _owners_named(record: Lead) -> list[tuple[Any, datetime]]:
    """(Owner's id in the source, when) as the record's facts name owners, in order."""
    facts = Fact.objects.of_source(record.source_id).filter(
        subject=Subject.LEAD, external_id=record.external_id, fields__has_key="owner"
    )
    return list(facts.order_by("occurred_at", "order_key").values_list("fields__owner", "occurred_at"))


def _last_run(
    named: list[tuple[Any, datetime]], refs: set[str], *, until: datetime | None
) -> datetime | None:
    """Since when one of `refs` was named last without a break; None where none was."""
    since, before = None, None
    for owner, occurred_at in named:
        if until and occurred_at > until:
            break
        if owner in refs and before != owner:
            since = occurred_at
        before = owner
    return since
