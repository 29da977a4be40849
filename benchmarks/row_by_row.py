"""The steps of the handoff as one ORM transaction per event: the way they are written first."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

from django.db import transaction

from alignment.models import (
    Delivery,
    DeliveryState,
    Destination,
    Fact,
    Lead,
    MqlCycle,
    OutgoingMessage,
    Subject,
)
from alignment.queries.calendars import compiled
from handoff.models import Assignment, PoolMember
from sla.models import Clock
from sla.queries.agreements import InForce, load_book
from testing.world import World


def apply(world: World, opened_by: Fact, count: int, *, keeps_record: bool) -> float:
    """Pick, parse, change the lead, route, start clocks, done: `count` events; the seconds that they took.

    `keeps_record`: with a row of the ledger for each event and one of the outbox for each MQL, as the product has them.
    """
    began = time.perf_counter()
    for _ in range(count):
        with transaction.atomic():
            delivery = Delivery.objects.pending().select_for_update(skip_locked=True).order_by("pk")[0]
            data = json.loads(bytes(delivery.body or b""))["data"]
            fact = _record(delivery, data, world) if keeps_record else opened_by
            lead = Lead.objects.select_for_update().get(
                source_id=delivery.source_id, external_id=data["external_id"]
            )
            before, lead.score, lead.intent = lead.score or 0, data["score"], data["intent"]
            lead.save()
            version = load_book().at(world.at)
            if version is not None and lead.score >= 65 > before:
                cycle = _hand_off(world, fact, lead, version)
                if keeps_record:
                    _tell(cycle, world)
            delivery.state, delivery.applied_at = DeliveryState.DONE, world.at
            delivery.save()
    return time.perf_counter() - began


def _record(delivery: Delivery, data: dict[str, Any], world: World) -> Fact:
    return Fact.objects.create(
        source_id=delivery.source_id,
        ref=f"id:{delivery.external_id}",
        delivery=delivery,
        subject=Subject.LEAD,
        external_id=data["external_id"],
        fields={"score": data["score"], "intent": data["intent"]},
        occurred_at=world.at,
        received_at=delivery.received_at,
        order_key=delivery.external_id or "",
    )


def _tell(cycle: MqlCycle, world: World) -> None:
    for destination in Destination.objects.filter(source_id=cycle.lead.source_id):
        state = {
            "lead": cycle.lead.external_id,
            "owner": str(cycle.owner),
            "assigned_at": world.at.isoformat(),
        }
        before = OutgoingMessage.objects.filter(destination=destination, lead=cycle.lead).count()
        OutgoingMessage.objects.create(
            destination=destination,
            key=f"msg_{uuid4().hex}",
            lead=cycle.lead,
            cycle=cycle,
            sequence=before + 1,
            type="mql.changed",
            body=json.dumps(state),
            basis=state,
            created_at=world.at,
            next_attempt_at=world.at,
        )


def _hand_off(world: World, opened_by: Fact, lead: Lead, version: InForce) -> MqlCycle:
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
    return cycle
