"""Opportunities and their stage history from their facts."""

from __future__ import annotations

from datetime import date

from alignment.currencies import minor_units
from alignment.models import Account, Lead, Opportunity, OpportunityStage, Subject
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.course import course_of
from alignment.pipeline.ledger import Folds, Ledger
from alignment.pipeline.rows import Changes, moment
from alignment.pipeline.writing import insert

COLUMNS = [
    "name", "amount_minor", "currency", "stage", "is_closed", "is_won", "close_on", "opened_at", "closed_at",
    "lead", "account", "owner", "is_deleted", "first_seen_at",
]  # fmt: skip


def fold_opportunities(
    batch: Batch,
    rows: dict[Key, Opportunity],
    ledger: Ledger,
    folds: Folds,
    leads: dict[Key, Lead],
    accounts: dict[Key, Account],
) -> None:
    """Write the locked opportunities and their stage entries as their facts have them."""
    entries = []
    changes = Changes(Opportunity, COLUMNS)
    changes.remember(rows.values())
    for (source, external_id), row in rows.items():
        facts = ledger[(source, Subject.OPPORTUNITY.value, external_id)]
        fields = folds[(source, Subject.OPPORTUNITY.value, external_id)]
        row.name = fields.get("name") or ""
        row.currency = (fields.get("currency") or "").upper()
        row.amount_minor = minor_units(fields.get("amount"), row.currency)
        row.stage = fields.get("stage") or ""
        row.is_won = bool(fields.get("is_won"))
        row.is_closed = bool(fields.get("is_closed")) or row.is_won
        row.close_on = date.fromisoformat(fields["close_on"]) if fields.get("close_on") else None
        course = course_of(facts)
        row.opened_at = moment(fields.get("opened_at")) or course.first_at
        lead = leads.get((source, fields.get("lead") or ""))
        row.lead_id = lead.pk if lead else (row.lead_id if fields.get("lead") else None)
        row.account = accounts.get((source, fields.get("account") or ""))
        row.owner = batch.persons.get((source, fields.get("owner") or ""))
        row.is_deleted = bool(fields.get("is_deleted"))
        row.first_seen_at = min(fact.received_at for fact in facts)
        row.closed_at = course.closed_at
        entries += [
            OpportunityStage(opportunity=row, position=n, stage=stage, entered_at=entered_at)
            for n, (stage, entered_at) in enumerate(course.entries, start=1)
        ]
    changes.write(rows.values())
    OpportunityStage.objects.filter(opportunity__in=rows.values()).delete()
    insert(entries)


def linked_opportunities(ledger: Ledger) -> set[Key]:
    """Every opportunity that a lead of the ledger was ever linked to."""
    return {
        (source, fact.fields["opportunity"])
        for (source, subject, _), facts in ledger.items()
        if subject == Subject.LEAD
        for fact in facts
        if fact.fields.get("opportunity")
    }
