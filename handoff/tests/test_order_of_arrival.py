"""The same facts give the same state: in order, shuffled, doubled, days later, and rebuilt from the ledger."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.db.models import F

from alignment.models import DeadEvent, Fact, Lead, MqlCycle, Opportunity, Touch
from alignment.pipeline import drain
from sla.models import ClockRedating
from testing.state import end_state
from testing.world import World, event

MINUTE = timedelta(minutes=1)
REASONS = ["bad_fit", "bad_data", "bad_timing"]


def history(world: World, seed: int, leads: int) -> list[dict[str, Any]]:
    """Events of the last 60 hours, in order of occurrence: crossings, owners, attempts, dispositions, deals."""
    rng = random.Random(seed)
    events: list[tuple[datetime, dict[str, Any]]] = []

    def add(kind: str, external_id: str, at: datetime, **data: Any) -> None:
        ident = f"e{seed}-{len(events):05d}"
        events.append((at, event(kind, external_id, at, id=ident, **data)))

    for n in range(leads):
        lead = f"L{seed}-{n}"
        at = world.at - timedelta(hours=60) + rng.randrange(1000) * MINUTE
        add(
            "lead.created",
            lead,
            at,
            first_name=f"N{n}",
            company="Co",
            channel=rng.choice(["email", "partner", None]),
        )
        for cycle in range(rng.randint(1, 3)):
            at += rng.randrange(1, 40) * MINUTE
            add("lead.updated", lead, at, score=rng.choice([65, 70, 90]), segment=rng.choice(["smb", "mid"]))
            if rng.random() < 0.6:
                at += rng.randrange(1, 9) * MINUTE
                add("lead.updated", lead, at, owner=rng.choice(world.reps).email)
            for k in range(rng.randrange(4)):
                at += rng.randrange(1, 200) * MINUTE
                add("touch.recorded", f"T-{lead}-{cycle}-{k}", at, lead=lead, channel="call", is_attempt=True)
                if rng.random() < 0.4:  # a partial update, and another touch at the very same instant
                    add(
                        "touch.recorded",
                        f"T-{lead}-{cycle}-{k}",
                        at + MINUTE,
                        subject="Called",
                    )
                    add(
                        "touch.recorded",
                        f"S-{lead}-{cycle}-{k}",
                        at,
                        lead=lead,
                        channel=rng.choice(["email", "partner"]),
                    )
            if rng.random() < 0.3:
                at += 3 * MINUTE
                add("lead.dispositioned", lead, at, disposition="working")
            if rng.random() < 0.7:
                at += rng.randrange(1, 300) * MINUTE
                kind = rng.choice(["disqualified", "recycled", "converted"])
                if kind == "converted":
                    deal = f"O-{lead}-{cycle}"
                    add("lead.updated", lead, at, disposition=kind, opportunity=deal)
                    add("opportunity.created", deal, at, name="Deal", stage="Discovery", amount="1200.50")
                    add(
                        "opportunity.updated", deal, at + 5 * MINUTE, stage="Won", is_won=True, is_closed=True
                    )
                else:
                    add("lead.dispositioned", lead, at, disposition=kind, reason=rng.choice(REASONS))
            at += MINUTE
            add("lead.updated", lead, at, score=5, status="nurture")
        if rng.random() < 0.1:
            add("lead.deleted", lead, at + MINUTE)
    events.sort(key=lambda pair: pair[0])
    return [body for _, body in events]


def arrive(world: World, events: list[dict[str, Any]], drain_after: Callable[[], bool]) -> None:
    seen: set[str] = set()
    for n, body in enumerate(events):
        # the intake itself refuses a second delivery under one id; in an array the ledger must know it again
        is_repeated = body["id"] in seen
        seen.add(body["id"])
        world.deliver(
            [body] if is_repeated else body, external_id=f"again-{n}" if is_repeated else body["id"]
        )
        if drain_after():
            drain(at=world.at)
    drain(at=world.at)


def undone(world: World, events: list[dict[str, Any]], drain_after: Callable[[], bool]) -> dict[str, Any]:
    """The state that these arrivals leave, which is then rolled back."""
    point = transaction.savepoint()
    try:
        arrive(world, events, drain_after)
        return end_state()
    finally:
        transaction.savepoint_rollback(point)


def test_shuffled_arrivals_leave_one_end_state(world: World, examples: Callable[[int, int], int]) -> None:
    for seed in range(examples(1, 5)):
        events = history(world, seed, 6)

        expected = undone(world, events, lambda: False)
        assert len(expected["cycles"]) > 6 and {row[6] for row in expected["clocks"]} >= {"met", "open"}
        for shuffle in range(examples(12, 40)):
            rng = random.Random(shuffle)
            mixed = events * rng.choice([1, 2])
            rng.shuffle(mixed)

            pace = rng.choice([0, 0.05, 0.2])
            found = undone(world, mixed, lambda rng=rng, pace=pace: rng.random() < pace)
            for name, rows in expected.items():
                assert set(rows) == set(found[name]), f"{name}: seed {seed}, shuffle {shuffle}"
            assert found == expected


def test_events_repeated_days_later_and_in_arrays_change_nothing(world: World) -> None:
    events = history(world, 77, 10)
    arrive(world, events, lambda: False)
    before, facts = end_state(), Fact.objects.count()
    world.deliver(events, external_id="array-of-everything", received_at=world.at + timedelta(days=4))
    drain(at=world.at + timedelta(days=4))
    assert Fact.objects.count() == facts and not DeadEvent.objects.exists()
    assert end_state() == before


def test_a_rebuild_from_the_ledger_equals_the_tables(
    world: World, examples: Callable[[int, int], int]
) -> None:
    events = history(world, 5, examples(8, 15))
    random.Random(1).shuffle(events)
    arrive(world, events, lambda: True)
    before, redated = end_state(), ClockRedating.objects.count()
    Touch.objects.update(lead=None, channel="", is_attempt=False, touched_at=None)
    Opportunity.objects.update(stage="", amount_minor=None, lead=None, is_won=False, is_closed=False)
    Lead.objects.update(score=None, company="", sourced_function="unknown", first_touch=None)
    MqlCycle.objects.filter(closed_at__isnull=True).update(
        attempts=0, disposed_at=None, number=F("number") + 7
    )
    assert end_state() != before
    call_command("rebuild", verbosity=0, stdout=StringIO())
    assert end_state() == before
    assert ClockRedating.objects.count() == redated
