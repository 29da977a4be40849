"""Events per second from the inbox to owner, clocks and outbox: `python3 run.py benchmark drain`.

Score events about known leads, one a delivery, 37 in 100 over the trigger of the agreement (owner, three clocks).
In alternating rounds on one scratch database:

- drain: the product's drain, in batches of DRAIN_BATCH
- row by row: the same steps as one ORM transaction per event, without ledger, history or outbox

The ratio is the figure to watch (target: at least 20, and 3 × the rate at which benchmarks.intake takes single
events); the rates depend on the machine.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from testing.world import World

ROUNDS, EVENTS, ROW_EVENTS, CROSSING = 5, 4_000, 400, 37


def know_leads(world: World, count: int) -> None:
    """Leads below the trigger, as an earlier sync left them."""
    from testing.world import event

    at = world.at - timedelta(days=2)
    for start in range(0, count, 500):
        body = [
            event(
                "lead.created",
                f"lead-{n}",
                at,
                score=20,
                segment="smb",
                email=f"p{n}@example.com",
                first_name="Pat",
                last_name=f"N{n}",
                company=f"Company {n}",
            )
            for n in range(start, start + 500)
        ]
        world.deliver(body, received_at=at)
    drain_all(world)


def fill(world: World, first: int, count: int) -> None:
    """Deliveries of one event each, about leads that no event has moved yet."""
    from alignment.models import Delivery
    from testing.world import event

    rows = []
    for n in range(first, first + count):
        score = 80 if n % 100 < CROSSING else 30
        made = event("lead.updated", f"lead-{n}", world.at, score=score, intent="content")
        body = json.dumps(made).encode()
        rows.append(
            Delivery(
                source=world.crm,
                endpoint=world.crm_endpoint,
                external_id=made["id"],
                body=body,
                body_sha256=hashlib.sha256(body).digest(),
                received_at=world.at,
            )
        )
    Delivery.objects.bulk_create(rows, batch_size=1000)


def drain_all(world: World) -> float:
    """Seconds until nothing waits."""
    from alignment.pipeline import drain

    began = time.perf_counter()
    while drain(at=world.at):
        pass
    return time.perf_counter() - began


def run() -> None:
    """The rounds, and what came out; fails where the number of MQLs or clocks is not what it must be."""
    from alignment.models import Fact, MqlCycle, OutgoingMessage
    from alignment.services.destinations import create_destination
    from benchmarks import row_by_row
    from sla.models import Clock
    from testing.world import build_world

    world = build_world()
    create_destination(source=world.crm, address="https://crm.example.com/hook", by=None, at=world.at)
    know_leads(world, (ROUNDS + 1) * (EVENTS + ROW_EVENTS))
    opened_by = Fact.objects.earliest("pk")
    rates: dict[str, list[float]] = {"drain": [], "row by row": []}
    for n in range(ROUNDS + 1):
        first = n * (EVENTS + ROW_EVENTS)
        before = MqlCycle.objects.count()
        fill(world, first, EVENTS)
        rates["drain"].append(EVENTS / drain_all(world))
        fill(world, first + EVENTS, ROW_EVENTS)
        rates["row by row"].append(ROW_EVENTS / row_by_row.apply(world, opened_by, ROW_EVENTS))
        made = MqlCycle.objects.count() - before
        if made != (EVENTS + ROW_EVENTS) * CROSSING // 100:
            raise SystemExit(f"{made} MQLs where {CROSSING} in 100 events cross")
    if Clock.objects.count() != 3 * MqlCycle.objects.count():
        raise SystemExit("not three clocks an MQL")
    if OutgoingMessage.objects.count() != (ROUNDS + 1) * EVENTS * CROSSING // 100:
        raise SystemExit("not one message an MQL in the outbox")
    for name, found in rates.items():
        found.pop(0)  # warming up
        print(f"{name:10} {statistics.median(found):8,.0f} events/s ({min(found):,.0f}-{max(found):,.0f})")
    print(
        f"drain / row by row: {statistics.median(rates['drain']) / statistics.median(rates['row by row']):.1f}"
    )


if __name__ == "__main__":
    with scratch_database():
        run()
