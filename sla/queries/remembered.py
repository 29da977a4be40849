"""Replays that were made a moment ago: a slider changes one window, and with it one kind of promise on one side.

What is remembered is named by everything that it depends on, the state of the measured times included, so that it never
outlives a fact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Count, Max

from alignment.models import Delivery, Fact, LeadMerge
from sla.models import ClockKind, Effect, ElapsedCoverage, Override
from sla.queries.as_judged import Otherwise, otherwise
from sla.queries.open_time import BY_THE_CLOCK
from sla.queries.replay import KindFound, Replayed, owners_of, replay
from sla.terms import Tier, Window

T = TypeVar("T")
SECONDS = 900


def replayed(asked: Replayed, kinds: Sequence[str]) -> dict[str, KindFound]:
    """As `replay`, of which only what is not remembered is made."""
    state = _state(asked)
    names = {kind: _name("replay", kind, _common(asked, state), _windows(asked, kind)) for kind in kinds}
    known: Mapping[str, KindFound] = cache.get_many(names.values())
    missing = [kind for kind in kinds if names[kind] not in known]
    made = replay(asked, missing) if missing else {}
    if made:
        cache.set_many({names[kind]: found for kind, found in made.items()}, SECONDS)
    return {kind: made[kind] if kind in made else known[names[kind]] for kind in kinds}


def remembered(what: str, asked: Replayed, make: Callable[[], T], *, also: Sequence[Any] = ()) -> T:
    """What depends on whom tiers take and on calendars, and on no window; and on `also`, such as `facts_so_far`."""
    tiers = [(*_whom(tier), tier.label, tier.follow_up_within.is_business) for tier in asked.terms.tiers]
    name = _name(what, _common(asked, _state(asked)), tiers, also)
    found: T | None = cache.get(name)
    if found is None:
        found = make()
        cache.set(name, found, SECONDS)
    return found


def as_judged(asked: Replayed) -> dict[date, Otherwise]:
    """As sla.queries.as_judged.otherwise."""
    rulings = Override.objects.filter(effect=Effect.SET_ASIDE).aggregate(newest=Max("pk"))["newest"]
    also = [_windows(asked, ClockKind.FOLLOW_UP), rulings]
    return remembered("as judged", asked, lambda: otherwise(asked), also=also)


def facts_so_far() -> list[Any]:
    """Changes with every fact that came in and with every merge of leads, for what facts tell of no MQL.

    Facts are numbered before they are seen: what is in hand now still waits, and so it is part of this.
    """
    newest = Fact.objects.aggregate(newest=Max("pk"))
    waiting = Delivery.objects.pending().aggregate(last=Max("pk"), deliveries=Count("pk"))
    merges = LeadMerge.objects.aggregate(merged=Max("pk"), undone=Count("undone_at"))
    return [*newest.values(), *waiting.values(), *merges.values()]


def _state(asked: Replayed) -> list[Any]:
    """Rows of coverage are made anew whenever a measured time changes; those of the calendars that are replayed."""
    terms = asked.terms
    calendars = {BY_THE_CLOCK, terms.default_calendar, *terms.team_calendars.values()}
    rows = ElapsedCoverage.objects.filter(
        calendar_id__in=calendars, waits_seconds__in=(0, terms.assign_within.seconds)
    )
    return sorted(rows.values_list("pk", flat=True))


def _common(asked: Replayed, state: list[Any]) -> list[Any]:
    terms, span = asked.terms, asked.span
    return [
        span.first, span.end, span.zone, asked.which, asked.threshold, asked.version, owners_of(asked.scope),
        asked.scope.is_all, terms.default_calendar, sorted(terms.team_calendars.items()), terms.assign_within.seconds,
        # what falls due in the span is judged alike by every moment after it
        min(asked.cut, span.ends_at), state,
    ]  # fmt: skip


def _windows(asked: Replayed, kind: str) -> list[Any]:
    terms = asked.terms
    if kind == ClockKind.ASSIGN:
        return []
    if kind == ClockKind.ATTEMPT:
        return [*_length(terms.attempt_gap), terms.attempts]
    follow_up = kind == ClockKind.FOLLOW_UP
    return [
        (*_whom(tier), *_length(tier.follow_up_within if follow_up else tier.disposition_within))
        for tier in terms.tiers
    ]


def _whom(tier: Tier) -> tuple[str, list[str]]:
    return tier.field, sorted(tier.values)


def _length(window: Window) -> tuple[int, bool]:
    return window.seconds, window.is_business


def _name(*parts: Any) -> str:
    return "calibration:" + hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
