"""Facts into records: insert what is new to the ledger, then fold every record that a new fact touches.

A record's fields are a pure function of its facts: each field has the value of the fact that wrote it last, by time
of occurrence, ties by the order key. So order of arrival, repetition and rebuilding all give the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import connection, models

from alignment.intake.drafts import Event
from alignment.models import (
    Account,
    Campaign,
    Fact,
    Lead,
    Opportunity,
    OpportunityStage,
    Source,
    Subject,
    Touch,
    TouchFunction,
)
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.people import find_people
from alignment.pipeline.registry import run_steps

R = TypeVar("R", Account, Campaign, Lead, Opportunity, Touch)

LEAD_TEXTS = (
    "email", "first_name", "last_name", "title", "phone", "company", "country", "segment", "intent", "product",
    "lifecycle", "status", "disposition", "reason",
)  # fmt: skip
LEAD_COLUMNS = [
    *LEAD_TEXTS, "channel", "score", "crm_created_at", "account", "crm_owner", "first_touch", "sourced_function",
    "provenance", "is_deleted",
]  # fmt: skip
TOUCH_COLUMNS = [
    "lead", "function", "channel", "subject", "outcome", "is_attempt", "is_connected", "person", "campaign",
    "touched_at", "is_deleted",
]  # fmt: skip
OPPORTUNITY_COLUMNS = [
    "name", "amount_minor", "currency", "stage", "is_closed", "is_won", "close_on", "opened_at", "closed_at",
    "lead", "account", "owner", "is_deleted",
]  # fmt: skip


class IdConflict(ValueError):
    """An id that the ledger already knows came again with another content."""


def apply_events(events: Sequence[Event], *, at: datetime) -> Batch:
    """Apply events inside the caller's transaction and run the registered steps.

    Locks in the order lead, then whatever the steps take. Raises IdConflict, or a database error for a value that
    no check before caught; the caller's savepoint undoes the rest.
    """
    facts = [fact for event in events for fact in event.facts]
    _insert_facts(facts)
    batch = fold_records({(fact.source_id, fact.subject, fact.external_id) for fact in facts}, facts, at=at)
    run_steps(batch)
    batch.write_dirty()
    return batch


def refold_leads(keys: set[Key], *, at: datetime, reason: str) -> Batch:
    """Fold leads again without new facts, as after a change of a calendar; `reason` goes to the audit rows."""
    batch = fold_records(
        {(source, Subject.LEAD.value, external_id) for source, external_id in keys}, [], at=at
    )
    batch.reason = reason
    run_steps(batch)
    batch.write_dirty()
    return batch


def _insert_facts(facts: list[Fact]) -> None:
    """Write the facts that the ledger does not know. Sorted, so that two drainers wait for each other in one order."""
    known = {
        (row["source_id"], row["ref"]): row
        for row in Fact.objects.filter(source_id__in={f.source_id for f in facts}, ref__in=[f.ref for f in facts])
        .values("source_id", "ref", "fields", "external_id", "delivery_id")
    }  # fmt: skip
    fresh: dict[tuple[int, str], Fact] = {}
    for fact in facts:
        before = known.get((fact.source_id, fact.ref)) or fresh.get((fact.source_id, fact.ref))
        if before is None:
            fresh[(fact.source_id, fact.ref)] = fact
            continue
        row = (
            before
            if isinstance(before, dict)
            else {"fields": before.fields, "external_id": before.external_id}
        )
        if row["fields"] != fact.fields or row["external_id"] != fact.external_id:
            raise IdConflict(f"The id {fact.ref.removeprefix('id:')} was used before with another content.")
    Fact.objects.bulk_create([fresh[key] for key in sorted(fresh)], ignore_conflicts=True)


def fold_records(subjects: set[tuple[int, str, str]], facts: Sequence[Fact], *, at: datetime) -> Batch:
    """Fold the named records, (source id, subject, external id), and lock and load the leads that they touch."""
    batch = Batch(at=at)
    received = {(f.source_id, f.subject, f.external_id): f.received_at for f in reversed(facts)}
    touch_keys = {(s, e) for s, subject, e in subjects if subject == Subject.TOUCH}
    known_touches = _load(Touch, touch_keys)
    lead_keys = {(s, e) for s, subject, e in subjects if subject == Subject.LEAD}
    lead_keys |= {
        (f.source_id, f.fields["lead"])
        for f in facts
        if f.subject in (Subject.TOUCH, Subject.OPPORTUNITY) and f.fields.get("lead")
    }
    leads = _upsert_stubs(
        Lead,
        lead_keys,
        lambda key: {"first_seen_at": received.get((key[0], Subject.LEAD, key[1]), at)},
        also_ids={t.lead_id for t in known_touches.values() if t.lead_id},
    )
    batch.leads = {lead.pk: lead for lead in leads.values()}
    all_leads = {(lead.source_id, lead.external_id) for lead in leads.values()}
    ledger = _load_facts({*subjects, *((s, Subject.LEAD.value, e) for s, e in all_leads)})
    folds = {key: fold_fields(rows) for key, rows in ledger.items()}
    accounts = _upsert_stubs(Account, _refs(folds, Subject.ACCOUNT, "account"), lambda key: {})
    campaigns = _upsert_stubs(Campaign, _refs(folds, Subject.CAMPAIGN, "campaign"), lambda key: {})
    batch.sources = {source.pk: source for source in Source.objects.all()}
    batch.persons = find_people(ledger)
    _write_simple(accounts, folds, Subject.ACCOUNT, ["name", "domain", "is_deleted"])
    _write_simple(campaigns, folds, Subject.CAMPAIGN, ["name", "channel", "is_deleted"])
    _write_touches(batch, touch_keys, ledger, folds, leads, campaigns)
    batch.opportunities = _write_opportunities(batch, subjects, ledger, folds, leads, accounts)
    for touch in Touch.objects.filter(lead_id__in=batch.leads, is_deleted=False).order_by("touched_at", "pk"):
        batch.touches.setdefault(touch.lead_id or 0, []).append(touch)
    for lead in batch.leads.values():
        rows = ledger.get((lead.source_id, Subject.LEAD.value, lead.external_id), [])
        batch.facts[lead.pk] = rows
        _fold_lead(batch, lead, rows, folds, accounts)
    _overwrite(Lead, list(batch.leads.values()), LEAD_COLUMNS)
    return batch


def fold_fields(facts: Iterable[Fact]) -> dict[str, Any]:
    """Last writer per field; `facts` in order of occurrence."""
    fields: dict[str, Any] = {}
    for fact in facts:
        fields.update(fact.fields)
    return fields


def _load_facts(keys: set[tuple[int, str, str]]) -> dict[tuple[int, str, str], list[Fact]]:
    ordered = sorted(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT f.id FROM alignment_fact f
            JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS k(source_id, subject, external_id)
              USING (source_id, subject, external_id)
            """,
            [[k[0] for k in ordered], [k[1] for k in ordered], [k[2] for k in ordered]],
        )
        ids = [row[0] for row in cursor.fetchall()]
    found: dict[tuple[int, str, str], list[Fact]] = defaultdict(list)
    for fact in Fact.objects.filter(pk__in=ids).order_by("occurred_at", "order_key"):
        found[(fact.source_id, fact.subject, fact.external_id)].append(fact)
    return found


def _refs(folds: dict[tuple[int, str, str], dict[str, Any]], subject: str, field: str) -> set[Key]:
    named = {(s, fields[field]) for (s, _, _), fields in folds.items() if fields.get(field)}
    return named | {(s, e) for s, kind, e in folds if kind == subject}


def _where(keys: Iterable[Key]) -> models.Q:
    """Rows of these natural keys: external ids per source."""
    by_source: dict[int, list[str]] = defaultdict(list)
    for source, external_id in keys:
        by_source[source].append(external_id)
    condition = models.Q(pk__in=[])
    for source, ids in sorted(by_source.items()):
        condition |= models.Q(source_id=source, external_id__in=ids)
    return condition


def _load(model: type[R], keys: set[Key]) -> dict[Key, R]:
    return {(row.source_id, row.external_id): row for row in model._default_manager.filter(_where(keys))}


def _upsert_stubs(
    model: type[R], keys: set[Key], defaults: Any, also_ids: Iterable[int] = ()
) -> dict[Key, R]:
    """The rows of these keys (and ids), made where missing, locked in the order of their ids."""
    stubs = [model(source_id=s, external_id=e, **defaults((s, e))) for s, e in sorted(keys)]
    model._default_manager.bulk_create(stubs, ignore_conflicts=True)
    rows = (
        model._default_manager.select_for_update(of=("self",))
        .filter(_where(keys) | models.Q(pk__in=list(also_ids)))
        .order_by("pk")
    )
    return {(row.source_id, row.external_id): row for row in rows}


def _overwrite(model: type[R], rows: list[R], columns: list[str]) -> None:
    model._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=columns
    )


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _write_simple(rows: dict[Key, Any], folds: Any, subject: str, columns: list[str]) -> None:
    changed = []
    for (source, external_id), row in rows.items():
        fields = folds.get((source, subject, external_id))
        if fields is None:
            continue
        for column in columns:
            empty: Any = False if column == "is_deleted" else ""
            setattr(row, column, fields.get(column) or empty)
        changed.append(row)
    if changed:
        _overwrite(type(changed[0]), changed, columns)


def _write_touches(
    batch: Batch,
    keys: set[Key],
    ledger: Any,
    folds: Any,
    leads: dict[Key, Lead],
    campaigns: dict[Key, Campaign],
) -> None:
    if not keys:
        return
    touches = _upsert_stubs(
        Touch,
        keys,
        lambda key: {"received_at": min(f.received_at for f in ledger[(key[0], "touch", key[1])])},
    )
    for (source, external_id), touch in touches.items():
        rows = ledger[(source, Subject.TOUCH.value, external_id)]
        fields = folds[(source, Subject.TOUCH.value, external_id)]
        lead = leads.get((source, fields.get("lead") or ""))
        touch.lead = lead
        touch.function = fields.get("function") or TouchFunction.UNKNOWN
        touch.channel = fields.get("channel") or ""
        touch.subject = fields.get("subject") or ""
        touch.outcome = fields.get("outcome") or ""
        touch.is_attempt = bool(fields.get("is_attempt")) and touch.function == TouchFunction.SALES
        touch.is_connected = bool(fields.get("is_connected"))
        touch.person = batch.persons.get((source, fields.get("person") or ""))
        touch.campaign = campaigns.get((source, fields.get("campaign") or ""))
        touch.touched_at = _moment(fields.get("touched_at")) or rows[0].occurred_at
        touch.received_at = min(row.received_at for row in rows)
        touch.is_deleted = bool(fields.get("is_deleted"))
    _overwrite(Touch, list(touches.values()), [*TOUCH_COLUMNS, "received_at"])


def _write_opportunities(
    batch: Batch, subjects: Any, ledger: Any, folds: Any, leads: dict[Key, Lead], accounts: dict[Key, Account]
) -> dict[Key, Opportunity]:
    """Opportunities named by these facts, and those that the leads of the batch are linked to."""
    keys = {(s, e) for s, subject, e in subjects if subject == Subject.OPPORTUNITY}
    linked = {
        (source, fact.fields["opportunity"])
        for (source, kind, _), facts in ledger.items()
        if kind == Subject.LEAD
        for fact in facts
        if fact.fields.get("opportunity")
    }
    if not keys | linked:
        return {}
    rows = _upsert_stubs(Opportunity, keys | linked, lambda key: {"first_seen_at": batch.at})
    changed, entries = [], []
    for (source, external_id), row in rows.items():
        if (source, external_id) not in keys:
            continue
        facts = ledger[(source, Subject.OPPORTUNITY.value, external_id)]
        fields = folds[(source, Subject.OPPORTUNITY.value, external_id)]
        row.name = fields.get("name") or ""
        row.amount_minor = fields.get("amount")
        row.currency = (fields.get("currency") or "").upper()
        row.stage = fields.get("stage") or ""
        row.is_won = bool(fields.get("is_won"))
        row.is_closed = bool(fields.get("is_closed")) or row.is_won
        row.close_on = date.fromisoformat(fields["close_on"]) if fields.get("close_on") else None
        row.opened_at = _moment(fields.get("opened_at")) or facts[0].occurred_at
        lead = leads.get((source, fields.get("lead") or ""))
        row.lead_id = lead.pk if lead else (row.lead_id if fields.get("lead") else None)
        row.account = accounts.get((source, fields.get("account") or ""))
        row.owner = batch.persons.get((source, fields.get("owner") or ""))
        row.is_deleted = bool(fields.get("is_deleted"))
        row.first_seen_at = min(fact.received_at for fact in facts)
        stages = stage_entries(facts)
        closing = [
            fact.occurred_at for fact in facts if fact.fields.get("is_closed") or fact.fields.get("is_won")
        ]
        row.closed_at = closing[0] if row.is_closed and closing else None
        entries += [
            OpportunityStage(opportunity=row, position=n, stage=stage, entered_at=entered_at)
            for n, (stage, entered_at) in enumerate(stages, start=1)
        ]
        changed.append(row)
    if changed:
        _overwrite(Opportunity, changed, [*OPPORTUNITY_COLUMNS, "first_seen_at"])
        OpportunityStage.objects.filter(opportunity__in=changed).delete()
        OpportunityStage.objects.bulk_create(entries)
    return rows


def stage_entries(facts: Iterable[Fact]) -> list[tuple[str, datetime]]:
    """(stage, entered at) in order. A source without times cannot tell a repeated delivery from a return to a stage:
    there, only the first entry into each stage counts.
    """
    entries: list[tuple[str, datetime]] = []
    for fact in facts:
        stage = fact.fields.get("stage")
        if not stage or (entries and entries[-1][0] == stage):
            continue
        if not fact.is_timed and any(stage == entered for entered, _ in entries):
            continue
        entries.append((stage, fact.occurred_at))
    return entries


def _fold_lead(batch: Batch, lead: Lead, facts: list[Fact], folds: Any, accounts: dict[Key, Account]) -> None:
    fields = folds.get((lead.source_id, Subject.LEAD.value, lead.external_id), {})
    for column in LEAD_TEXTS:
        setattr(lead, column, fields.get(column) or "")
    lead.channel = fields.get("channel")
    lead.score = fields.get("score")
    lead.crm_created_at = _moment(fields.get("created_at"))
    lead.account = accounts.get((lead.source_id, fields.get("account") or ""))
    lead.crm_owner = batch.persons.get((lead.source_id, fields.get("owner") or ""))
    lead.is_deleted = bool(fields.get("is_deleted"))
    lead.provenance = {
        name: [fact.occurred_at.isoformat(), fact.pk] for fact in facts for name in fact.fields
    }
    first = next((touch for touch in batch.touches.get(lead.pk, []) if touch.touched_at), None)
    lead.first_touch = first
    lead.sourced_function = first.function if first else TouchFunction.UNKNOWN
