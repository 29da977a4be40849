"""What travels through the drain steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from alignment.models import DirtyDay, Fact, Lead, Opportunity, Person, Source, Touch

Key = tuple[int, str]


@dataclass
class Batch:
    """Leads that new facts touched, with everything known about them.

    `leads` are locked for the length of the transaction, with all that are merged with them. `facts` (per lead id)
    are all facts about that person, in order of occurrence; `touches` all its touches, in order: those of merged
    leads count for their survivor (`merged` names them by its id), which alone has facts then. `persons` and
    `opportunities` are keyed by (source id, external id). Steps may add to `extra` for the steps after them.
    """

    at: datetime
    leads: dict[int, Lead] = field(default_factory=dict)
    merged: dict[int, list[Lead]] = field(default_factory=dict)
    facts: dict[int, list[Fact]] = field(default_factory=dict)
    touches: dict[int, list[Touch]] = field(default_factory=dict)
    persons: dict[Key, Person] = field(default_factory=dict)
    opportunities: dict[Key, Opportunity] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)
    reason: str = "later facts"
    dirty: set[tuple[str, date]] = field(default_factory=set)
    extra: dict[str, Any] = field(default_factory=dict)

    def mark_dirty(self, metric: str, day: date) -> None:
        self.dirty.add((metric, day))

    def write_dirty(self) -> None:
        DirtyDay.objects.bulk_create([DirtyDay(metric=metric, day=day) for metric, day in sorted(self.dirty)])
