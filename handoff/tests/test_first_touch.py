"""A lead is sourced by the earliest touch that a source recorded; what is logged here is follow-up and no origin."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from alignment.importing.drafts import Draft
from alignment.merging import Chunk, Stager, merge
from alignment.models import Lead, MqlCycle, Role, Touch
from alignment.services.merges import merge_leads
from handoff.services.acts import log_attempt
from testing.world import World, add_user, event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def call(world: World, lead: str = "L", at: datetime | None = None) -> None:
    cycle = MqlCycle.objects.standing().get(lead__external_id=lead)
    owner = next(user for user in world.users.values() if cycle.owner and user.pk == cycle.owner.user_id)
    log_attempt(
        cycle=cycle, channel="call", outcome="no_answer", by=owner, at=at or world.at + HOUR, act=uuid4()
    )


def sourced(lead: str = "L") -> tuple[str, str | None]:
    found = Lead.objects.select_related("first_touch").get(external_id=lead)
    return found.sourced_function, found.first_touch.external_id if found.first_touch else None


def test_an_attempt_logged_here_sources_no_lead(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=90))
    call(world)
    assert Touch.objects.get().is_attempt and MqlCycle.objects.get().attempts == 1
    assert sourced() == ("unknown", None)
    call_command("rebuild", stdout=StringIO())
    assert sourced() == ("unknown", None)


def test_what_the_crm_records_later_sources_it_after_all(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=90))
    call(world)
    world.send(event("touch.recorded", "T", world.at + 3 * HOUR, lead="L", channel="partner"))
    assert sourced() == ("other", "T")


def test_a_call_that_the_crm_recorded_sources_a_lead(world: World) -> None:
    world.send(event("touch.recorded", "T", world.at, lead="L", channel="call", is_attempt=True))
    assert sourced() == ("sales", "T")


def test_what_was_logged_here_and_the_crm_records_too_counts(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=90))
    call(world)
    logged = Touch.objects.get().external_id
    assert Touch.objects.get().is_logged_here
    world.send(event("touch.recorded", logged, world.at + 2 * HOUR, outcome="sent"))
    assert not Touch.objects.get().is_logged_here
    assert sourced() == ("sales", logged)


@pytest.mark.parametrize("is_told", [False, True])
def test_a_file_leaves_it_as_the_fold_has_it(world: World, is_told: bool) -> None:
    """Also for a lead of which only files tell, and on which nothing but the call was done here."""
    crossed = (world.at - DAY).isoformat()
    _bring_in(world, Draft("lead", "L", {"mql_at": crossed, "owner": world.reps[0].email}, None))
    cycle = MqlCycle.objects.get()
    revops = add_user(world, Role.REVOPS)
    log_attempt(cycle=cycle, channel="call", outcome="sent", by=revops, at=world.at - HOUR, act=uuid4())
    more = {"lead": "L", "function": "marketing", "touched_at": world.at.isoformat()}
    _bring_in(
        world, *([Draft("touch", "T", more, None)] if is_told else []), Draft("lead", "L", {"score": 5}, None)
    )
    assert sourced() == (("marketing", "T") if is_told else ("unknown", None))
    call_command("rebuild", stdout=StringIO())
    assert sourced() == (("marketing", "T") if is_told else ("unknown", None))


def test_a_survivor_is_not_sourced_by_what_was_logged_on_the_merged_lead(world: World) -> None:
    world.send(event("lead.updated", "A", world.at, score=90), event("lead.updated", "B", world.at, score=90))
    call(world, "B")
    merge_leads(
        survivor=Lead.objects.get(external_id="A"),
        merged=Lead.objects.get(external_id="B"),
        reason="one person",
        by=add_user(world, Role.REVOPS),
        at=world.at + 2 * HOUR,
    )
    assert (sourced("A"), sourced("B")) == (("unknown", None), ("unknown", None))


def test_what_was_sourced_by_a_call_logged_here_is_put_right_by_the_migration(world: World) -> None:
    world.send(*(event("lead.updated", lead, world.at, score=90) for lead in ("L", "M", "N")))
    for lead in ("L", "M"):
        call(world, lead)
    world.send(
        event("touch.recorded", "T", world.at + 2 * HOUR, lead="M", channel="partner"),
        event("touch.recorded", "app:theirs", world.at + 2 * HOUR, lead="N", channel="partner"),
    )
    logged = Touch.objects.filter(is_logged_here=True)
    for touch in logged:
        Lead.objects.filter(pk=touch.lead_id).update(first_touch=touch, sourced_function="sales")
    logged.update(is_logged_here=False)
    migration = import_module("alignment.migrations.0025_touches_logged_here")
    with connection.cursor() as cursor:
        cursor.execute(migration.MARK)
        cursor.execute(migration.SOURCE_AGAIN)
    assert logged.count() == 2
    assert [sourced(lead) for lead in "LMN"] == [("unknown", None), ("other", "T"), ("other", "app:theirs")]


def _bring_in(world: World, *drafts: Draft) -> None:
    stager = Stager(world.at)
    for line, draft in enumerate(drafts, start=2):
        stager.add(line, [draft])
    with transaction.atomic():
        merge(Chunk(world.crm.pk, at=world.at, now=world.at), stager.take())
