"""Everything that is known of a lead, in one line of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from alignment.models import (
    BY_CLAUSE,
    CLAUSE_UNDONE,
    Fact,
    Lead,
    LeadMerge,
    MqlCycle,
    Subject,
    Touch,
)
from alignment.queries.field_words import said
from alignment.queries.identity import records_of
from alignment.queries.people import names_in
from alignment.wording import in_words
from handoff.models import Assignment
from sla.models import Breach, ClockCorrection, ClockRedating

FIELD_LABELS = {
    "owner": "Owner", "status": "Status", "score": "Score", "lifecycle": "Lifecycle",
    "disposition": "Disposition", "reason": "Reason", "segment": "Segment", "channel": "Channel",
    "opportunity": "Opportunity", "mql_at": "MQL date", "intent": "Intent",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One entry: `at` is when it happened, `received_at` when we learned of it (None: it is our own act)."""

    at: datetime
    kind: str
    title: str
    details: list[tuple[str, str]] = field(default_factory=list)
    received_at: datetime | None = None
    by: str = ""
    explanation: dict[str, Any] | None = None

    @property
    def is_late(self) -> bool:
        """We learned of it clearly later than it happened, or before by the source's clock."""
        return self.received_at is not None and abs(self.received_at - self.at) >= timedelta(minutes=1)


def timeline(lead: Lead) -> list[Entry]:
    """Newest first, with what is known of the records merged into the lead."""
    cycles = list(MqlCycle.objects.filter(lead=lead).select_related("owner"))
    records = list(Lead.objects.filter(pk__in=records_of(lead)).select_related("source").order_by("pk"))
    entries = _touches(records) + _merges(lead)
    for record in records:
        entries += _facts(record, f"{record.source}, {record.external_id}" if record != lead else "")
    for cycle in cycles:
        entries.append(
            Entry(
                cycle.crossed_at,
                "mql",
                f"Became an MQL (cycle {cycle.number})",
                received_at=cycle.received_at,
            )
        )
        if cycle.voided_at:
            entries.append(
                Entry(cycle.voided_at, "void", f"Cycle {cycle.number} voided: {cycle.void_reason}")
            )
    for row in Assignment.objects.filter(cycle__in=cycles).select_related("person", "by", "pool"):
        entries.append(
            Entry(
                row.assigned_at,
                "assignment",
                f"Assigned to {row.person.name}",
                [("How", row.get_origin_display())],
                by=str(row.by or ""),
                explanation=row.explanation,
            )
        )
    for breach in Breach.objects.filter(clock__cycle__in=cycles).select_related("clock", "owner"):
        entries.append(
            Entry(breach.breached_at, "breach", f"{breach.clock.get_kind_display()} clock breached")
        )
    for fix in ClockCorrection.objects.filter(clock__cycle__in=cycles).select_related("clock"):
        entries.append(
            Entry(
                fix.corrected_at,
                "correction",
                f"{fix.clock.get_kind_display()} clock: {fix.get_outcome_display().lower()}",
            )
        )
    for redating in ClockRedating.objects.filter(clock__cycle__in=cycles).select_related("clock"):
        entries.append(
            Entry(
                redating.redated_at,
                "redating",
                f"{redating.clock.get_kind_display()} clock re-dated",
                [("Why", redating.reason)],
            )
        )
    # of what happened at one instant, the cause was entered first and stands below its effect
    return sorted(entries, key=lambda entry: entry.at)[::-1]


def _merges(lead: Lead) -> list[Entry]:
    found = LeadMerge.objects.filter(Q(survivor=lead) | Q(merged=lead))
    entries = []
    for row in found.select_related("survivor", "merged", "merged_by", "undone_by"):
        is_survivor = row.survivor_id == lead.pk
        into = f"{row.merged.name} merged in" if is_survivor else f"Merged into {row.survivor.name}"
        entries.append(Entry(row.merged_at, "merge", into, [("Why", row.reason)], by=str(row.merged_by)))
        if row.undone_at:
            entries.append(
                Entry(
                    row.undone_at,
                    "merge",
                    "Merge undone",
                    [("Why", row.undone_reason)],
                    by=str(row.undone_by),
                )
            )
    return entries


def _facts(lead: Lead, record: str) -> list[Entry]:
    """Statements about one record that changed something people care about. `record`: which, where there are
    several."""
    before: dict[str, Any] = {}
    entries: list[Entry] = []
    facts = list(
        Fact.objects.of_source(lead.source_id)
        .filter(subject=Subject.LEAD, external_id=lead.external_id)
        .select_related("by")
        .order_by("occurred_at", "order_key")
    )
    people = names_in(
        lead.source_id, {str(fact.fields["owner"]) for fact in facts if fact.fields.get("owner")}
    )
    for fact in facts:
        is_pass = fact.is_history and bool(fact.fields.get("mql_at"))
        changed = [
            (label, _said(name, fact.fields[name], people))
            for name, label in FIELD_LABELS.items()
            if name in fact.fields
            and (bool(fact.fields[name]) if is_pass else fact.fields[name] != before.get(name))
        ]
        title = _title(fact, is_first=not before, is_pass=is_pass)
        if record:
            changed.append(("Record", record))
        if len(changed) > bool(record) or not before:
            entries.append(
                Entry(
                    fact.occurred_at,
                    "disposition" if fact.action else "fact",
                    title,
                    changed,
                    received_at=None if fact.is_ours else fact.received_at,
                    by=str(fact.by or ""),
                )
            )
        before.update(fact.fields)
    return entries


def _title(fact: Fact, *, is_first: bool, is_pass: bool) -> str:
    """An imported file tells a pass through the handoff, or the lead as the CRM had it when it was exported."""
    if fact.is_history:
        return "MQL cycle, as imported" if is_pass else "Lead, as imported"
    if is_first:
        return "First heard of the lead"
    acts = {
        "disposition": "Disposition set",
        BY_CLAUSE: "Recycled by the consequence clause of the SLA",
        CLAUSE_UNDONE: "A ruling took back what the consequence clause did",
    }
    return acts.get(fact.action, "The CRM changed the lead")


def _touches(leads: Sequence[Lead]) -> list[Entry]:
    rows = Touch.objects.filter(lead__in=leads, is_deleted=False, touched_at__isnull=False)
    entries = []
    for touch in rows.select_related("person", "campaign"):
        details = [
            ("Channel", in_words(touch.channel)),
            ("Outcome", in_words(touch.outcome)),
            ("Campaign", str(touch.campaign or "")),
            ("Time", "only its day is known" if touch.touched_until else ""),
        ]
        title = "Attempt" if touch.is_attempt else f"Touch: {touch.get_function_display()}"
        if touch.touched_at is not None:
            entries.append(
                Entry(
                    touch.touched_at,
                    "attempt" if touch.is_attempt else "touch",
                    f"{title}: {touch.subject}" if touch.subject else title,
                    [(name, value) for name, value in details if value],
                    received_at=touch.received_at,
                    by="" if touch.person and touch.person.name in touch.subject else str(touch.person or ""),
                )
            )
    return entries


def _said(name: str, value: Any, people: dict[str, str]) -> str:
    """A field's value in words: people by name, times in the viewer's zone, picklists as they read."""
    if name == "owner" and value:
        return people.get(str(value), str(value))
    return said(Subject.LEAD, name, value)
