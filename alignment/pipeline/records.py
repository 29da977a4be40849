"""Facts into records: insert what is new to the ledger, then fold every record that a new fact touches.

A record's fields are a pure function of its facts: each field has the value of the fact that wrote it last, by time
of occurrence, ties by the order key. So order of arrival, repetition and rebuilding all give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from alignment.intake.drafts import Event
from alignment.matching.accounts import match_leads, note_changed_accounts
from alignment.matching.duplicates import find_duplicates
from alignment.models import Account, Campaign, Lead, Opportunity, Source, Subject, Touch
from alignment.pipeline import groups
from alignment.pipeline import leads as lead_records
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.erased import withhold, withhold_linked
from alignment.pipeline.ledger import Folds, Ledger, SubjectKey, fold_fields, insert_facts, load_facts
from alignment.pipeline.opportunities import fold_opportunities, linked_opportunities
from alignment.pipeline.people import find_people, make_people
from alignment.pipeline.registry import run_steps
from alignment.pipeline.rows import Changes, find_or_make, lock, make, parts_of
from alignment.pipeline.touches import calls_of, fold_touches


def apply_events(events: Sequence[Event], *, at: datetime) -> Batch:
    """Apply events inside the caller's transaction and run the registered steps.

    What they say about an erased person enters the ledger without what is personal.
    Locks in the order touch, opportunity, lead, account, campaign, then what the steps take (cycle, pool, clock).
    Raises IdConflict, or a database error for a value that no check before caught; the caller's savepoint undoes
    the rest.
    """
    facts, about_erased = withhold([fact for event in events for fact in event.facts], at=at)
    insert_facts(facts, rewritten=about_erased)
    make_people(facts)
    received = {(f.source_id, f.subject, f.external_id): f.received_at for f in reversed(facts)}
    return _fold({(f.source_id, f.subject, f.external_id) for f in facts}, received, at=at)


def refold(subjects: set[SubjectKey], *, at: datetime, reason: str) -> Batch:
    """Fold records again without new facts, as after a change of rules; `reason` goes to the audit rows."""
    return _fold(subjects, {}, at=at, reason=reason)


def refold_leads(keys: set[Key], *, at: datetime, reason: str) -> Batch:
    """Fold leads again, as after a change of a calendar or an assignment by hand."""
    return refold({(source, Subject.LEAD.value, ref) for source, ref in keys}, at=at, reason=reason)


def _fold(
    subjects: set[SubjectKey],
    received: dict[SubjectKey, datetime],
    *,
    at: datetime,
    reason: str = "later facts",
) -> Batch:
    batch = Batch(at=at, reason=reason)
    _fold_records(batch, subjects, received)
    run_steps(batch)
    batch.write_dirty()
    return batch


def _fold_records(batch: Batch, subjects: set[SubjectKey], received: dict[SubjectKey, datetime]) -> None:
    """Fold the named records, and lock and load the leads that they touch.

    Every record is locked before its facts are read: whoever waited for the lock then reads what the other wrote.
    """
    at = batch.at
    named = {subject: {(s, e) for s, kind, e in subjects if kind == subject} for subject in Subject}
    make(
        Touch, named[Subject.TOUCH], lambda key: {"received_at": received.get((key[0], "touch", key[1]), at)}
    )
    touches = lock(Touch, named[Subject.TOUCH])
    touches |= lock(Touch, (), also_ids=parts_of(touches))
    make(Opportunity, named[Subject.OPPORTUNITY], lambda key: {"first_seen_at": at})
    opportunities = lock(Opportunity, named[Subject.OPPORTUNITY])
    ledger = load_facts(
        {(s, Subject.TOUCH.value, e) for s, e in touches}
        | {(s, Subject.OPPORTUNITY.value, e) for s, e in opportunities}
    )
    # a part of a call folds with the call's facts, also where the call itself is not folded now
    ledger |= load_facts(calls_of(ledger) - set(ledger))
    changed = withhold_linked(ledger, at=at)
    # a call that is not folded now, and lost its words because of a part of it, is folded after all
    if calls := {(s, e) for s, kind, e in changed if kind == Subject.TOUCH} - set(touches):
        touches |= lock(Touch, calls)
    leads = _lock_leads(named[Subject.LEAD], ledger, touches.values(), received, at)
    batch.leads = {lead.pk: lead for lead in leads.values()}
    batch.merged = groups.merged_by_survivor(batch.leads.values())
    changes = Changes(Lead, lead_records.COLUMNS)
    compared = Changes(Lead, lead_records.COMPARED)
    compared.remember(batch.leads.values())
    changes.remember(batch.leads.values())
    make(Account, named[Subject.ACCOUNT])
    accounts = lock(Account, named[Subject.ACCOUNT])
    make(Campaign, named[Subject.CAMPAIGN])
    campaigns = lock(Campaign, named[Subject.CAMPAIGN])

    ledger |= load_facts((subjects | {(s, Subject.LEAD.value, e) for s, e in leads}) - set(ledger))
    folds = {key: fold_fields(rows) for key, rows in ledger.items()}
    batch.sources = {source.pk: source for source in Source.objects.all()}
    batch.persons = find_people(ledger)
    _write_simple(accounts, folds, Subject.ACCOUNT, ["name", "domain", "is_deleted"])
    _write_simple(campaigns, folds, Subject.CAMPAIGN, ["name", "channel", "is_deleted"])
    accounts |= find_or_make(Account, _referred(folds, "account") - set(accounts))
    campaigns |= find_or_make(Campaign, _referred(folds, "campaign") - set(campaigns))
    fold_touches(batch, touches, ledger, leads, campaigns)
    fold_opportunities(batch, opportunities, ledger, folds, leads, accounts)
    linked = linked_opportunities(ledger) - set(opportunities)
    batch.opportunities = opportunities | find_or_make(Opportunity, linked, lambda key: {"first_seen_at": at})
    # ties by external id: the first touch must not depend on which of two came first
    found = Touch.objects.filter(lead_id__in=batch.leads, is_deleted=False)
    for touch in found.order_by("touched_at", "external_id", "source_id"):
        for lead_id in groups.counts_for(batch.leads[touch.lead_id or 0]):
            batch.touches.setdefault(lead_id, []).append(touch)
    for lead in batch.leads.values():
        batch.facts[lead.pk] = ledger.get((lead.source_id, Subject.LEAD.value, lead.external_id), [])
        lead_records.fold_lead(batch, lead, folds, accounts)
    groups.unite(batch)
    changes.write(batch.leads.values())
    to_compare = [lead.pk for lead in compared.changed(batch.leads.values())]
    match_leads(to_compare)
    find_duplicates(to_compare, at=at)


def _lock_leads(
    named: set[Key],
    linking: Ledger,
    touches: Iterable[Touch],
    received: dict[SubjectKey, datetime],
    at: datetime,
) -> dict[Key, Lead]:
    """Leads named by facts, by any fact of the locked touches and opportunities, and a touch's lead until now."""
    before = {touch.lead_id for touch in touches if touch.lead_id}
    keys = named | {
        (fact.source_id, fact.fields["lead"])
        for facts in linking.values()
        for fact in facts
        if fact.fields.get("lead")
    }
    make(Lead, keys, lambda key: {"first_seen_at": received.get((key[0], Subject.LEAD, key[1]), at)})
    return groups.lock_with_merged(keys, also_ids=before)


def _referred(folds: Folds, field: str) -> set[Key]:
    """Records that the folded ones refer to in this field."""
    return {(source, fields[field]) for (source, _, _), fields in folds.items() if fields.get(field)}


def _write_simple(
    rows: dict[Key, Account] | dict[Key, Campaign], folds: Folds, subject: str, columns: list[str]
) -> None:
    """Accounts or campaigns: every column is one field."""
    changes = Changes(Account if subject == Subject.ACCOUNT else Campaign, columns)
    changes.remember(rows.values())
    for (source, external_id), row in rows.items():
        fields = folds[(source, subject, external_id)]
        for column in columns:
            empty = False if column == "is_deleted" else ""
            setattr(row, column, fields.get(column) or empty)
    changes.write(rows.values())
    if subject == Subject.ACCOUNT:
        note_changed_accounts([row for row in changes.changed(rows.values()) if isinstance(row, Account)])
