"""Events per second from the inbox to owner, clocks and outbox: `python3 run.py benchmark drain`.

Score events about known leads, one a delivery, 37 in 100 over the trigger of the agreement (owner, three clocks).
In alternating rounds on one scratch database, under the same settings:

- drain: the product's drain, in batches of DRAIN_BATCH
- row by row: the same steps as one ORM transaction per event, with the same rows in the end (no history of versions)
- row by row, bare: without the ledger and the outbox
- intake: signed deliveries of one event each over HTTP, as `benchmarks.intake` sends them (2 processes of 4 threads,
  8 connections), which are then set aside

The ratios are the figures to watch (targets: drain at least 20 × row by row, and 3 × intake); the rates depend on the
machine.
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
    from alignment.tests.senders import Sender
    from benchmarks.intake import Variant
    from testing.world import World

ROUNDS, EVENTS, ROW_EVENTS, CROSSING = 5, 4_000, 400, 37
A_ROUND = EVENTS + 2 * ROW_EVENTS


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


def take_in(intake: Variant, port: int, sender: Sender) -> float:
    """Single events a second that the intake answered with a 2xx, each of them a row; none is left to drain."""
    from alignment.models import Delivery, DeliveryState
    from benchmarks.intake import CONNECTIONS, REQUESTS, measure

    measure(intake, port, sender.secret, sender.endpoint.source_id, REQUESTS)
    taken = Delivery.objects.pending().update(state=DeliveryState.DONE)
    if taken != CONNECTIONS * REQUESTS:
        raise SystemExit(f"{CONNECTIONS * REQUESTS} answers, but {taken} rows")
    return intake.rates[-1]


def run(scratch: str) -> None:
    """The rounds, and what came out; fails where the number of MQLs or clocks is not what it must be."""
    from alignment.models import Fact, MqlCycle
    from alignment.services.destinations import create_destination
    from alignment.tests.senders import make_sender
    from benchmarks import row_by_row
    from benchmarks.intake import Variant, serving
    from testing.world import build_world

    world = build_world()
    create_destination(source=world.crm, address="https://crm.example.com/hook", by=None, at=world.at)
    know_leads(world, (ROUNDS + 1) * A_ROUND)
    opened_by = Fact.objects.earliest("pk")
    sender = make_sender()
    intake = Variant("intake", sender.endpoint.path)
    rates: dict[str, list[float]] = {"drain": [], "row by row": [], "row by row, bare": [], "intake": []}
    with serving(scratch) as port:
        for n in range(ROUNDS + 1):
            first = n * A_ROUND
            before = MqlCycle.objects.count()
            fill(world, first, EVENTS)
            rates["drain"].append(EVENTS / drain_all(world))
            for name, start in (
                ("row by row", first + EVENTS),
                ("row by row, bare", first + EVENTS + ROW_EVENTS),
            ):
                fill(world, start, ROW_EVENTS)
                taken = row_by_row.apply(world, opened_by, ROW_EVENTS, keeps_record="bare" not in name)
                rates[name].append(ROW_EVENTS / taken)
            made = MqlCycle.objects.count() - before
            if made != A_ROUND * CROSSING // 100:
                raise SystemExit(f"{made} MQLs where {CROSSING} in 100 events cross")
            rates["intake"].append(take_in(intake, port, sender))
    check()
    tell(rates)


def check() -> None:
    from alignment.models import MqlCycle, OutgoingMessage
    from sla.models import Clock

    if Clock.objects.count() != 3 * MqlCycle.objects.count():
        raise SystemExit("not three clocks an MQL")
    if OutgoingMessage.objects.count() != (ROUNDS + 1) * (EVENTS + ROW_EVENTS) * CROSSING // 100:
        raise SystemExit("not one message an MQL in the outbox")


def tell(rates: dict[str, list[float]]) -> None:
    """Median and range of each, and the ratios; the first round warmed up."""
    middle = {name: statistics.median(found[1:]) for name, found in rates.items()}
    for name, found in rates.items():
        print(f"{name:16} {middle[name]:8,.0f} events/s ({min(found[1:]):,.0f}-{max(found[1:]):,.0f})")
    for name in list(rates)[1:]:
        print(f"drain / {name}: {middle['drain'] / middle[name]:.1f}")


if __name__ == "__main__":
    from benchmarks.intake import SETTINGS

    with scratch_database(SETTINGS) as name:
        run(name)
