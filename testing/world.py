"""A small company for tests: one team with a calendar, an agreement in force, two sources, a pool of reps."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from alignment.models import (
    Calendar,
    Delivery,
    Endpoint,
    Function,
    Organisation,
    Person,
    Role,
    Scheme,
    Source,
    Team,
    User,
)
from alignment.pipeline import drain
from alignment.services.calendars import create_calendar
from handoff.models import Pool, PoolMember
from sla.models import Agreement
from sla.services.agreements import put_in_force

# A Tuesday, 10:00 in UTC: well inside open hours of the office calendar.
NOW = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"  # of every login here
WEEKDAYS = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
ALL_HOURS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def terms(calendar: Calendar, **changes: Any) -> dict[str, Any]:
    def hours(amount: int) -> dict[str, Any]:
        return {"amount": amount, "unit": "hours", "time": "business"}

    return {
        "trigger": {"kind": "score", "threshold": 65},
        "assign_within": {"amount": 5, "unit": "minutes", "time": "elapsed"},
        "tiers": [
            {
                "name": "high_intent",
                "label": "High intent",
                "when": {"field": "intent", "in": ["demo_request"]},
                "follow_up_within": {"amount": 5, "unit": "minutes", "time": "business"},
                "disposition_within": hours(8),
            },
            {
                "name": "standard",
                "label": "Standard",
                "when": None,
                "follow_up_within": hours(24),
                "disposition_within": hours(24),
            },
        ],
        "cadence": {"attempts": 6, "gap": hours(16)},
        "warn_at_percent": 75,
        "calendars": {"default": calendar.pk, "teams": {}},
    } | changes


@dataclass
class World:
    at: datetime
    calendar: Calendar
    agreement: Agreement
    team: Team
    pool: Pool
    crm: Source
    crm_endpoint: Endpoint
    reps: list[Person] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)

    def deliver(
        self,
        body: Any,
        *,
        external_id: str | None = None,
        received_at: datetime | None = None,
        endpoint: Endpoint | None = None,
    ) -> Delivery:
        """A delivery in the inbox, as if its signature had been proven."""
        endpoint = endpoint or self.crm_endpoint
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Delivery.objects.create(
            source=endpoint.source,
            endpoint=endpoint,
            external_id=external_id,
            body=raw,
            body_sha256=hashlib.sha256(raw).digest(),
            received_at=received_at or self.at,
        )

    def send(
        self, *events: dict[str, Any], at: datetime | None = None, received_at: datetime | None = None
    ) -> None:
        """Deliver events one by one and drain."""
        for event in events:
            self.deliver(event, external_id=event["id"], received_at=received_at or at)
        drain(at=at or self.at)

    def endpoint(self, source: Source, event: str, scheme: str = Scheme.ESPOCRM) -> Endpoint:
        return Endpoint.objects.create(source=source, scheme=scheme, event=event)


_sequence = iter(range(10**9))


def event(kind: str, external_id: str, at: datetime, *, id: Any = None, **data: Any) -> dict[str, Any]:
    """One of our documented event types."""
    return {
        "type": kind,
        "id": id or f"evt_{next(_sequence)}",
        "timestamp": at.isoformat(),
        "data": {"external_id": external_id, **data},
    }


def build_world(at: datetime = NOW, *, reps: int = 3, schedule: dict[str, Any] | None = None) -> World:
    Organisation.objects.get_or_create(pk=1, defaults={"name": "Northwind", "zone": "UTC"})
    calendar = create_calendar(
        name="Office hours",
        schedule={"zone": "UTC", "weekly": WEEKDAYS} if schedule is None else schedule,
        by=None,
        at=at - timedelta(days=400),
    )
    agreement = put_in_force(
        terms=terms(calendar), in_force_from=at - timedelta(days=365), note="test", by=None, at=at
    )
    team = Team.objects.create(name="Inbound", function=Function.SALES, calendar=calendar)
    pool = Pool.objects.create(name="Everyone", segment="")
    crm = Source.objects.create(key="crm", name="CRM", kind="standard")
    world = World(
        at=at,
        calendar=calendar,
        agreement=agreement,
        team=team,
        pool=pool,
        crm=crm,
        crm_endpoint=Endpoint.objects.create(source=crm, scheme=Scheme.STANDARD_WEBHOOKS),
    )
    for n in range(1, reps + 1):
        world.reps.append(add_rep(world, f"Rep {n}"))
    return world


def add_rep(world: World, name: str, *, weight: int = 1, team: Team | None = None) -> Person:
    slug = name.lower().replace(" ", ".")
    user = User.objects.create_user(f"{slug}@example.com", PASSWORD, name=name, role=Role.REP)
    person = Person.objects.create(
        name=name,
        email=f"{slug}@example.com",
        function=Function.SALES,
        team=team or world.team,
        user=user,
    )
    PoolMember.objects.create(pool=world.pool, person=person, weight=weight)
    world.users[slug] = user
    return person


def add_user(world: World, role: str, name: str | None = None) -> User:
    """A login of any role; a manager manages the world's team."""
    user = User.objects.create_user(
        f"{(name or role).lower().replace(' ', '.')}@example.com",
        PASSWORD,
        name=name or role,
        role=role,
    )
    if role == Role.SALES_MANAGER:
        world.team.managers.add(user)
    world.users[role] = user
    return user
