"""What parsing a delivery yields: facts not yet in the ledger, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alignment.intake.ids import origin_of
from alignment.models import Delivery, Fact


@dataclass(frozen=True)
class Problem:
    """Why one event of a delivery could not be read; `position` is -1 for the delivery as a whole."""

    delivery_id: int
    position: int
    code: str
    message: str


@dataclass
class Event:
    """One event of a delivery: the facts it states stand or fall together."""

    delivery_id: int | None
    position: int
    facts: list[Fact] = field(default_factory=list)


class Unreadable(ValueError):
    """An event that cannot be read, with a code for counting and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Stamp:
    """Where and when an event was stated: shared by all its facts."""

    source_id: int
    delivery_id: int | None
    ref: str
    order_key: str
    occurred_at: datetime
    received_at: datetime
    is_timed: bool

    @classmethod
    def of(
        cls, delivery: Delivery, position: int, *, occurred_at: datetime | None, event_id: str = ""
    ) -> Stamp:
        """The stamp of one event of a delivery. None: it says no time, and happened when it was received."""
        sequence = f"{delivery.pk:015d}.{position:06d}"
        return cls(
            source_id=delivery.source_id,
            delivery_id=delivery.pk,
            ref=f"id:{event_id}" if event_id else f"in:{sequence}",
            order_key=event_id or sequence,
            occurred_at=occurred_at or delivery.received_at,
            received_at=delivery.received_at,
            is_timed=occurred_at is not None,
        )

    def fact(self, n: int, subject: str, external_id: str, fields: dict[str, Any], action: str = "") -> Fact:
        return Fact(
            source_id=self.source_id,
            # own refs begin with id:, in: or app:, so what is derived from an event collides with no other event
            ref=f"+{n} {self.ref}" if n else self.ref,
            delivery_id=self.delivery_id,
            subject=subject,
            external_id=external_id,
            action=action,
            fields=fields,
            occurred_at=self.occurred_at,
            received_at=self.received_at,
            order_key=f"{self.order_key}:{n}" if n else self.order_key,
            is_timed=self.is_timed,
        )


def derived_facts(stamp: Stamp, lead: str, fields: dict[str, Any], function: str) -> list[Fact]:
    """What a statement about a lead says beside it: its origin as a first touch, its opportunity's lead.

    The CRM's origin field is evidence of a touch; without it every lead would look sourced by whoever called first.
    """
    facts = []
    if "channel" in fields or "first_touch_at" in fields or "created_at" in fields:
        touch: dict[str, Any] = {"lead": lead, "subject": "Origin recorded by the CRM"}
        if "channel" in fields:
            touch |= {"channel": fields["channel"] or "", "function": function}
        touched = fields.get("first_touch_at") or fields.get("created_at")
        if touched:
            touch["touched_at"] = touched
        facts.append(stamp.fact(1, "touch", origin_of(lead), touch))
    if fields.get("opportunity"):
        facts.append(stamp.fact(2, "opportunity", fields["opportunity"], {"lead": lead}))
    return facts
