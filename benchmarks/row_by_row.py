"""The steps of the handoff as one ORM transaction per event: the way they are written first, without a ledger."""

from __future__ import annotations

import json
import time

from django.db import transaction

from alignment.models import Delivery, DeliveryState, Fact, Lead, MqlCycle
from alignment.queries.calendars import compiled
from handoff.models import Assignment, PoolMember
from sla.models import Clock
from sla.queries.agreements import InForce, load_book
from testing.world import World


def apply(world: World, opened_by: Fact, count: int) -> float:
    """Pick, parse, change the lead, route, start clocks, done: `count` events; the seconds that they took."""
    began = time.perf_counter()
    for _ in range(count):
        with transaction.atomic():
            delivery = Delivery.objects.pending().select_for_update(skip_locked=True).order_by("pk")[0]
            data = json.loads(bytes(delivery.body or b""))["data"]
            lead = Lead.objects.select_for_update().get(
                source_id=delivery.source_id, external_id=data["external_id"]
            )
            before, lead.score, lead.intent = lead.score or 0, data["score"], data["intent"]
            lead.save()
            version = load_book().at(world.at)
            if version is not None and lead.score >= 65 > before:
                _hand_off(world, opened_by, lead, version)
            delivery.state, delivery.applied_at = DeliveryState.DONE, world.at
            delivery.save()
    return time.perf_counter() - began


def _hand_off(world: World, opened_by: Fact, lead: Lead, version: InForce) -> None:
    at, terms = world.at, version.terms
    cycle = MqlCycle.objects.create(
        lead=lead,
        number=1,
        opened_by=opened_by,
        crossed_at=at,
        received_at=at,
        started_at=at,
        agreement_number=version.agreement.number,
        tier="standard",
        segment=lead.segment,
    )
    member = (
        PoolMember.objects.select_for_update(of=("self",))
        .select_related("person")
        .order_by("received", "pk")[0]
    )
    member.received += 1
    member.save()
    cycle.owner, cycle.team, cycle.assigned_at, cycle.assigned_by = member.person, world.team, at, "routed"
    cycle.save()
    Assignment.objects.create(
        cycle=cycle,
        person=member.person,
        origin=Assignment.Origin.ROUTED,
        pool=world.pool,
        explanation={"rule": "default pool"},
        assigned_at=at,
    )
    calendar = compiled({world.calendar.pk})[world.calendar.pk]
    tier = terms.tier("standard")
    for kind, window in (
        ("assign", terms.assign_within),
        ("follow_up", tier.follow_up_within),
        ("disposition", tier.disposition_within),
    ):
        due_at = calendar.calendar.add(at, window.seconds)
        Clock.objects.create(
            cycle=cycle,
            kind=kind,
            started_at=at,
            due_at=due_at,
            warn_at=calendar.calendar.add(at, window.seconds * 3 // 4),
            budget_seconds=window.seconds,
            agreement=version.agreement,
            calendar_version=calendar.version_at(due_at),
            tzdata="",
            team=world.team,
            owner=member.person,
            segment=lead.segment,
        )
