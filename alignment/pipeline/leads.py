"""Leads from their facts and touches."""

from __future__ import annotations

from alignment.models import Account, Lead, Subject, TouchFunction
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.ledger import Folds
from alignment.pipeline.rows import moment

TEXTS = (
    "email", "first_name", "last_name", "title", "phone", "company", "country", "segment", "intent", "product",
    "lifecycle", "status", "disposition", "reason",
)  # fmt: skip
COLUMNS = [
    *TEXTS, "channel", "score", "crm_created_at", "account", "crm_owner", "first_touch", "sourced_function",
    "is_deleted",
]  # fmt: skip
# What accounts and duplicates are found by.
COMPARED = ["email", "first_name", "last_name", "company", "account", "is_deleted"]
# Who somebody is, as against what a record says of the work on it: a survivor's gaps are filled from merged leads.
CONTACT = ["email", "first_name", "last_name", "title", "phone", "company", "country", "account_id"]


def fold_lead(batch: Batch, lead: Lead, folds: Folds, accounts: dict[Key, Account]) -> None:
    """Set a lead's fields in memory; first touch and sourced function come from the touches that a source recorded.

    What people log here is follow-up of a lead that was there already, and no evidence of where it came from.
    """
    fields = folds.get((lead.source_id, Subject.LEAD.value, lead.external_id), {})
    for column in TEXTS:
        setattr(lead, column, fields.get(column) or "")
    lead.channel = fields.get("channel")
    lead.score = fields.get("score")
    lead.crm_created_at = moment(fields.get("created_at"))
    lead.account = accounts.get((lead.source_id, fields.get("account") or ""))
    lead.crm_owner = batch.persons.get((lead.source_id, fields.get("owner") or ""))
    lead.is_deleted = bool(fields.get("is_deleted"))
    recorded = (touch for touch in batch.touches.get(lead.pk, []) if not touch.is_logged_here)
    first = next((touch for touch in recorded if touch.touched_at), None)
    lead.first_touch = first
    lead.sourced_function = first.function if first else TouchFunction.UNKNOWN
