"""The evidence that goes with a dispute, as it is known at the filing: timeline, clocks, version, touches, definition.

It names nobody of the lead's side: only ids, times, fields that say nothing of a person, and who works here. So it
stays as it is when somebody is erased. Times are UTC in ISO 8601; the whole is canonical JSON with a SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from alignment.artifacts.canonical import canonical, digest, normalised
from alignment.definitions.predicate import KEYS
from alignment.models import Fact, Lead, MqlCycle, Opportunity, Organisation, Subject, Touch
from alignment.queries.definitions import definition_in_force, parts_of_lead
from alignment.queries.field_words import name_of, said
from alignment.queries.identity import records_of
from alignment.queries.inbox import processed_up_to
from alignment.queries.people import names_in
from sla.disputed import Subject as Disputed
from sla.disputed import Term, in_words, kind_of, lead_of, promise_of
from sla.models import Agreement, Clock, Consequence, ConsequenceCycle, RenegotiationCase
from sla.queries.agreements import load_book

TIMES = {"at", "from", "to", "as_of", "processed_up_to", "in_force_from"}
MOST = 500  # entries of a list; the newest
SAID = (
    "owner", "status", "score", "lifecycle", "disposition", "reason", "segment", "channel", "intent", "product",
    "mql_at",
)  # fmt: skip
"""Fields of a lead that go into the timeline: what was decided on, nothing that names the person."""


def evidence_of(subject: Disputed, cycle: MqlCycle | None, *, at: datetime) -> tuple[dict[str, Any], str]:
    """The evidence and its SHA-256 in hex."""
    lead = lead_of(subject, cycle)
    found: dict[str, Any] = {
        "subject": _subject(subject, cycle, lead),
        "as_of": _iso(at),
        "processed_up_to": _iso(processed_up_to(at=at)),
        "sla": _version(cycle, at=at),
        "clocks": _clocks(cycle, subject),
        "timeline": _timeline(lead, cycle),
        "touches": _touches(lead),
        "definition": _definition(subject, lead, at=at),
        "clause": _clause(subject),
    }
    evidence: dict[str, Any] = normalised(found, "evidence")
    return evidence, digest(canonical(evidence))


def is_unchanged(evidence: Any, stated: str) -> bool:
    """Whether evidence still has the digest that it was filed with."""
    return digest(canonical(evidence)) == stated


def readable(evidence: Any, key: str = "") -> Any:
    """The evidence as a page shows it: times as instants, fields of the timeline as (name, value) in words."""
    if isinstance(evidence, dict):
        if key == "fields":
            return [(name_of(name), said(Subject.LEAD, name, value)) for name, value in evidence.items()]
        return {name: readable(value, name) for name, value in evidence.items()}
    if isinstance(evidence, list):
        return [readable(value, key) for value in evidence]
    if isinstance(evidence, str) and (key.endswith("_at") or key in TIMES):
        return datetime.fromisoformat(evidence)
    return evidence


def _subject(subject: Disputed, cycle: MqlCycle | None, lead: Lead | None) -> dict[str, Any]:
    told = {
        "kind": str(kind_of(subject)),
        "what": in_words(subject, Organisation.get().tz),
        "lead": lead.pk if lead else None,
        "cycle": cycle.pk if cycle else None,
        "cycle_number": cycle.number if cycle else None,
        "owner": cycle.owner.name if cycle and cycle.owner else None,
    }
    if isinstance(subject, Clock):
        told["clock"] = subject.pk
    if isinstance(subject, Opportunity):
        told["opportunity"] = subject.pk
    return told


def _version(cycle: MqlCycle | None, *, at: datetime) -> dict[str, Any] | None:
    book = load_book()
    if cycle is not None and cycle.agreement_number is not None:
        found = book.by_number(cycle.agreement_number)
    else:
        now = book.at(at)
        if now is None:
            return None
        found = now
    agreement = found.agreement
    return {
        "number": agreement.number,
        "is_signed": agreement.is_signed,
        "in_force_from": _iso(agreement.in_force_from),
        "digest": _digest_of(agreement),
    }


def _digest_of(agreement: Agreement) -> str | None:
    return agreement.version.digest if agreement.version is not None else None


def _clocks(cycle: MqlCycle | None, subject: Disputed) -> list[dict[str, Any]]:
    if cycle is None:
        return []
    rows = (
        Clock.objects.filter(cycle=cycle)
        .select_related("calendar_version__calendar", "owner", "breach")
        .prefetch_related("redatings", "corrections")
        .order_by("due_at", "pk")
    )
    return [
        _clock(clock, is_disputed=isinstance(subject, Clock) and clock.pk == subject.pk) for clock in rows
    ]


def _clock(clock: Clock, *, is_disputed: bool) -> dict[str, Any]:
    calendar = clock.calendar_version
    breach = getattr(clock, "breach", None)
    return {
        "clock": clock.pk,
        "promise": promise_of(clock),
        "is_disputed": is_disputed,
        "started_at": _iso(clock.started_at),
        "due_at": _iso(clock.due_at),
        "met_at": _iso(clock.met_at),
        "outcome": clock.get_outcome_display(),
        "breached_at": _iso(clock.breached_at),
        "breach_stamped_at": _iso(breach.stamped_at) if breach else None,
        "budget_seconds": clock.budget_seconds,
        "calendar": calendar.calendar.name if calendar else None,
        "calendar_version": calendar.number if calendar else None,
        "zone_rules": clock.tzdata,
        "by_receipt": clock.is_suspect,
        "owner": clock.owner.name if clock.owner else None,
        "redatings": [
            {
                "from": _iso(row.old_due_at),
                "to": _iso(row.new_due_at),
                "why": row.reason,
                "at": _iso(row.redated_at),
            }
            for row in clock.redatings.all()
        ],
        "corrections": [
            {"outcome": row.get_outcome_display(), "met_at": _iso(row.met_at), "at": _iso(row.corrected_at)}
            for row in clock.corrections.all()
        ],
    }


def _timeline(lead: Lead | None, cycle: MqlCycle | None) -> list[dict[str, Any]]:
    """What the sources and people here said of the lead, in order of time; the same value said again is left out."""
    if lead is None:
        return []
    entries: list[dict[str, Any]] = []
    for record in Lead.objects.filter(pk__in=records_of(lead)).order_by("pk"):
        entries += _facts(record)
    if cycle is not None:
        entries.append(_entry(cycle.crossed_at, cycle.received_at, f"Became an MQL (cycle {cycle.number})"))
        if cycle.assigned_at is not None:
            entries.append(
                _entry(cycle.assigned_at, None, f"Assigned: {cycle.get_assigned_by_display().lower()}")
            )
        if cycle.voided_at is not None:
            entries.append(_entry(cycle.voided_at, None, "Voided by later facts"))
    return sorted(entries, key=lambda entry: str(entry["at"]))[-MOST:]


def _facts(record: Lead) -> Iterable[dict[str, Any]]:
    facts = (
        Fact.objects.of_source(record.source_id)
        .filter(subject=Subject.LEAD, external_id=record.external_id)
        .select_related("by")
        .order_by("occurred_at", "order_key")
    )
    people = names_in(
        record.source_id, {str(fact.fields["owner"]) for fact in facts if fact.fields.get("owner")}
    )
    before: dict[str, Any] = {}
    for fact in facts:
        told = {name: fact.fields[name] for name in SAID if name in fact.fields}
        changed = {name: value for name, value in told.items() if value != before.get(name)}
        before |= told
        if not changed and not fact.action:
            continue
        if changed.get("owner"):
            changed["owner"] = people.get(str(changed["owner"]), "somebody not known here")
        entry = _entry(
            fact.occurred_at, fact.received_at, "Disposition set" if fact.action else "The CRM changed it"
        )
        entry["fields"] = {name: None if value is None else str(value) for name, value in changed.items()}
        entry["record"] = record.pk
        entry["by"] = fact.by.name if fact.by else None
        yield entry


def _entry(at: datetime, received_at: datetime | None, what: str) -> dict[str, Any]:
    return {
        "at": _iso(at),
        "received_at": _iso(received_at),
        "what": what,
        "by": None,
        "record": None,
        "fields": {},
    }


def _touches(lead: Lead | None) -> dict[str, Any] | None:
    if lead is None:
        return None
    rows = (
        Touch.objects.filter(lead__in=records_of(lead), is_deleted=False, touched_at__isnull=False)
        .select_related("campaign", "person")
        .order_by("-touched_at", "-pk")[:MOST]
    )
    return {
        "sourced_by": lead.get_sourced_function_display(),
        "first_touch": lead.first_touch_id,
        "list": [
            {
                "touch": touch.pk,
                "at": _iso(touch.touched_at),
                "received_at": _iso(touch.received_at),
                "function": touch.get_function_display(),
                "channel": touch.channel,
                "campaign": touch.campaign.name if touch.campaign else None,
                "is_attempt": touch.is_attempt,
                "is_two_way": touch.is_connected,
                "by": touch.person.name if touch.person else None,
            }
            for touch in reversed(rows)
        ],
    }


def _clause(subject: Disputed) -> dict[str, Any] | None:
    """The figures by which a clause fired, and what it did to which MQL."""
    if isinstance(subject, RenegotiationCase):
        return {
            "what": str(subject),
            "figures": [
                {key: value if isinstance(value, int) else str(value) for key, value in month.items()}
                for month in subject.months
            ],
            "sla": subject.agreement.number,
            "digest": subject.evidence_digest,
            "mqls": [],
        }
    if not isinstance(subject, Consequence):
        return None
    judged = subject.judged
    rows = ConsequenceCycle.objects.filter(consequence=subject).order_by("pk")
    return {
        "what": str(subject),
        "figures": [
            {
                "period": judged.period.name,
                "missed": judged.part,
                "due": judged.whole,
                "allowed_percent": judged.percent,
                "held": judged.held,
                "set_aside": judged.set_aside,
            }
        ],
        "sla": judged.agreement.number,
        "digest": judged.evidence_digest,
        "mqls": [
            {"cycle": cycle, "clock": clock, "state": state, "is_undone": undone is not None}
            for cycle, clock, state, undone in rows.values_list("cycle", "clock", "state", "undone")
        ],
    }


def _definition(subject: Disputed, lead: Lead | None, *, at: datetime) -> dict[str, Any] | None:
    key = subject.key if isinstance(subject, Term) else "mql"
    found = definition_in_force(key)
    if found is None:
        return None
    parts = parts_of_lead(lead, at=at) if lead is not None and key == "mql" else None
    return {
        "name": KEYS[key][0],
        "version": found.version.number,
        "digest": found.version.digest,
        "parts": [
            {
                "part": one.part.label,
                "is_met": one.is_met,
                "is_disqualifier": one.part.is_negated,
                "empty_fields": [field.label for field in one.missing],
            }
            for one in parts or ()
        ],
    }


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat(timespec="seconds") if instant else None
