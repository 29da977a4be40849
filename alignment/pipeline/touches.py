"""Touches from their facts."""

from __future__ import annotations

from alignment.models import Campaign, Lead, Subject, Touch, TouchFunction
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.ledger import Folds, Ledger
from alignment.pipeline.rows import Changes, moment

COLUMNS = [
    "lead", "function", "channel", "subject", "outcome", "is_attempt", "is_connected", "person", "campaign",
    "touched_at", "received_at", "is_deleted",
]  # fmt: skip


def fold_touches(
    batch: Batch,
    touches: dict[Key, Touch],
    ledger: Ledger,
    folds: Folds,
    leads: dict[Key, Lead],
    campaigns: dict[Key, Campaign],
) -> None:
    """Write the locked touches as their facts have them."""
    changes = Changes(Touch, COLUMNS)
    changes.remember(touches.values())
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
        touch.touched_at = moment(fields.get("touched_at")) or rows[0].occurred_at
        touch.received_at = min(row.received_at for row in rows)
        touch.is_deleted = bool(fields.get("is_deleted"))
    changes.write(touches.values())
