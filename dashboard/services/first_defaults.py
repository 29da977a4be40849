"""What a new installation starts with: defaults that work at once, until what is signed replaces them.

Nothing that exists is changed, so that it may run at every start.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from alignment.models import Calendar, Organisation, Role, User
from alignment.models.people import validate_zone
from alignment.services.calendars import create_calendar
from alignment.services.history import save_with_history
from alignment.services.people import create_user
from dashboard.queries.first_run import NOTE_OF_DEFAULTS
from handoff.models import Pool
from handoff.services.pools import create_pool
from sla.models import Agreement
from sla.services.agreements import put_in_force

CALENDAR = "Office hours"
POOL = "Everyone"
WEEKLY = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
_LOCK = 0x5E7  # any number, as long as only this module uses it


def default_terms(calendar: Calendar) -> dict[str, Any]:
    """Terms of the first agreement: the figures that most teams start from, counted on one calendar."""

    def window(amount: int, unit: str, time: str = "business") -> dict[str, Any]:
        return {"amount": amount, "unit": unit, "time": time}

    return {
        "trigger": {"kind": "score", "threshold": 65},
        "assign_within": window(5, "minutes", "elapsed"),
        "tiers": [
            {
                "name": "high_intent",
                "label": "High intent",
                "when": {"field": "intent", "in": ["demo_request", "contact_sales", "pricing"]},
                "follow_up_within": window(5, "minutes"),
                "disposition_within": window(24, "hours"),
            },
            {
                "name": "standard",
                "label": "Standard",
                "when": None,
                "follow_up_within": window(24, "hours"),
                "disposition_within": window(24, "hours"),
            },
        ],
        "cadence": {"attempts": 6, "gap": window(16, "hours")},
        "warn_at_percent": 75,
        "calendars": {"default": calendar.pk, "teams": {}},
    }


@transaction.atomic
def add_defaults(*, zone: str = "UTC", country: str | None = None, at: datetime) -> list[str]:
    """Add what is missing; returns a line for each thing that was added.

    `zone` is the IANA zone of organisation and calendar, `country` (DE, US-CA) whose holidays are closed.
    Raises ValidationError for an unknown zone, UnknownCountry.
    """
    validate_zone(zone)
    with connection.cursor() as cursor:  # two machines may start at once
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    added = []
    if not Organisation.objects.filter(pk=1).exists():
        save_with_history(Organisation(pk=1, zone=zone), reason="defaults", by=None, at=at)
        added.append(f"organisation, with weeks cut in {zone}")
    calendar = Calendar.objects.order_by("pk").first()
    if calendar is None:
        schedule = {"zone": zone, "weekly": WEEKLY}
        calendar = create_calendar(name=CALENDAR, schedule=schedule, country=country, by=None, at=at)
        closed = f", closed on public holidays of {country.upper()}" if country else ""
        added.append(f"calendar “{CALENDAR}”, Monday to Friday 09:00-17:00 {zone}{closed}")
    if not Agreement.objects.exists():
        put_in_force(terms=default_terms(calendar), in_force_from=at, note=NOTE_OF_DEFAULTS, by=None, at=at)
        added.append("SLA v1 with the usual figures, not signed")
    if not Pool.objects.filter(segment="").exists():
        create_pool(name=POOL, by=None, at=at)
        added.append(f"pool “{POOL}”, still without members")
    return added


def add_administrator(*, email: str, password: str, at: datetime) -> User:
    """The first login of RevOps, who may also open the read-only admin.

    Raises EmailTaken, or ValidationError for a malformed address or a weak password.
    """
    name = email.split("@")[0].replace(".", " ").replace("_", " ").title()
    return create_user(
        email=email,
        name=name,
        role=Role.REVOPS,
        password=password,
        may_open_admin=True,
        reason="first administrator",
        by=None,
        at=at,
    )
