"""Touches from their facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alignment.models import Campaign, Fact, Lead, Subject, Touch, TouchFunction
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.ledger import Ledger, SubjectKey, fold_fields
from alignment.pipeline.rows import Changes, moment

COLUMNS = [
    "lead", "function", "channel", "subject", "outcome", "is_attempt", "is_connected", "person", "campaign",
    "touched_at", "touched_until", "received_at", "is_history", "is_logged_here", "part_of", "is_deleted",
]  # fmt: skip


def fold_touches(
    batch: Batch,
    touches: dict[Key, Touch],
    ledger: Ledger,
    leads: dict[Key, Lead],
    campaigns: dict[Key, Campaign],
) -> None:
    """Write the locked touches as their facts have them; one that is part of a call has the call's facts too."""
    changes = Changes(Touch, COLUMNS)
    changes.remember(touches.values())
    for (source, external_id), touch in touches.items():
        own = ledger[(source, Subject.TOUCH.value, external_id)]
        call = fold_fields(own).get("part_of") or ""
        of_call = ledger.get((source, Subject.TOUCH.value, call), []) if call else []
        rows = sorted([*of_call, *own], key=lambda fact: (fact.occurred_at, fact.order_key))
        fields = fold_fields(rows)
        named = fold_fields(own).get("lead") or ""
        touch.part_of = call
        touch.lead = leads.get((source, named))
        touch.function = fields.get("function") or TouchFunction.UNKNOWN
        touch.channel = fields.get("channel") or ""
        touch.subject = fields.get("subject") or ""
        touch.outcome = fields.get("outcome") or ""
        touch.is_attempt = _is_attempt(fields)
        touch.is_connected = bool(fields.get("is_connected"))
        touch.person = batch.persons.get((source, fields.get("person") or ""))
        touch.campaign = campaigns.get((source, fields.get("campaign") or ""))
        touch.touched_at = moment(fields.get("touched_at")) or rows[0].occurred_at
        touch.touched_until = _until(fields)
        touch.received_at = _known_at(rows)
        touch.is_history = all(fact.is_history for fact in rows)
        touch.is_logged_here = all(fact.by_id is not None for fact in rows)
        touch.is_deleted = bool(fields.get("is_deleted")) or (bool(call) and _has_left(named, of_call))
    changes.write(touches.values())


def calls_of(ledger: Ledger) -> set[SubjectKey]:
    """The calls of which touches of the ledger are a part."""
    return {
        (source, subject, call)
        for (source, subject, _), facts in ledger.items()
        if subject == Subject.TOUCH and (call := fold_fields(facts).get("part_of"))
    }


def _is_attempt(fields: dict[str, Any]) -> bool:
    """Said outright, or an outbound call or meeting that took place."""
    said = fields.get("is_attempt")
    happened = fields.get("took_place") and fields.get("is_outbound")
    return bool(said or happened) and fields.get("function") == TouchFunction.SALES


def _until(fields: dict[str, Any]) -> datetime | None:
    """The end of the day, where the time that holds is one that was told as a day alone (see
    alignment.importing.times.DayAlone)."""
    day = fields.get("touched_day")
    return moment(day[1]) if day and day[0] == fields.get("touched_at") else None


def _known_at(rows: Sequence[Fact]) -> datetime:
    """When we learned of the touch; of an attempt, when we learned that it was made: planned is not done.

    Where live facts tell of it too, from them: an imported file is no news.
    """
    telling = [row for row in rows if not row.is_history] or rows
    fields: dict[str, Any] = {}
    for row in rows:
        fields.update(row.fields)
        if _is_attempt(fields) and any(row is each for each in telling):
            return row.received_at
    return min(row.received_at for row in telling)


def _has_left(lead: str, of_call: Sequence[Fact]) -> bool:
    """Whether the call no longer names this lead, or names it in its own row."""
    fields = fold_fields(of_call)
    return lead not in (fields.get("leads") or []) or lead == fields.get("lead")
