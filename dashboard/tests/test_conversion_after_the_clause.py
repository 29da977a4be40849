"""What the consequence clause takes out of marketing's conversion stands beside the raw rate in "Is it working?"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine
from django.urls import reverse

from alignment.models import Lead, Role
from alignment.quarters import Quarter
from dashboard.queries.working.conversions import conversion
from sla.services import execute_consequences
from sla.tests.october import AFTER, october
from sla.tests.test_consequence_pages import NOW, client_of
from testing.artifacts import user_with
from testing.world import World


@time_machine.travel(NOW, tick=False)
def test_marketings_conversion_is_shown_raw_and_after_the_clause(world: World) -> None:
    october(world, missed=4, met=6, touched=1)
    execute_consequences(at=AFTER)
    Lead.objects.update(sourced_function="marketing", crm_created_at=AFTER - timedelta(days=20))
    quarter = conversion([Quarter(2026, 4)], zone="UTC", at=NOW)[0]
    assert (quarter.marketing.whole, quarter.after_clause and quarter.after_clause.whole) == (10, 6)
    with time_machine.travel(datetime(2027, 1, 8, tzinfo=UTC), tick=False):
        text = client_of(user_with(Role.CMO)).get(reverse("dashboard:working")).content.decode()
    assert "after the clause 0.0% (0 of 6)" in text
