"""What the tests of these pages share: logins, leads with an MQL, and forms as the page gave them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from alignment.models import MqlCycle, User
from testing.world import World, event


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def add_mql(world: World, name: str, *, at: datetime | None = None, **fields: Any) -> MqlCycle:
    """A lead that crossed the trigger an hour ago (by the wall clock, as the pages read it)."""
    at = at or timezone.now() - timedelta(hours=1)
    data: dict[str, Any] = {
        "score": 80,
        "last_name": name,
        "company": f"{name} Inc",
        "email": f"{name.lower()}@example.com",
    }
    world.send(event("lead.updated", f"lead-{name}", at, **(data | fields)), at=at)
    return MqlCycle.objects.get(lead__external_id=f"lead-{name}")


def act_on(page: str) -> str:
    """The uuid that the page gave to its first act."""
    found = re.search(r'name="act" value="([0-9a-f-]{36})"', page)
    assert found is not None, "the page offers no act"
    return found.group(1)
