"""The sweep over a million running clocks: `python3 run.py benchmark sweep` (some minutes).

On one scratch database, each measured by calling the product's sweep (`mark_breached`):

- nothing due, with 10,000 and with 1,000,000 running clocks (target: at most 1.3 × the time)
- 100,000 of the million due, against the same work a row at a time: look, UPDATE .. WHERE still running, INSERT the
  breach, commit; by the ORM (target: at least 50 × the rate) and in bare SQL
- 100,000 more due with four sweepers at once: each is flagged once
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from testing.world import World

FEW, MANY, DUE, ONE_BY_ONE, EACH = 10_000, 1_000_000, 100_000, 2_000, 1_000
CLOCKS = """
INSERT INTO sla_clock (cycle_id, kind, ordinal, started_at, due_at, warn_at, outcome, is_suspect, budget_seconds,
                       agreement_id, calendar_version_id, tzdata, team_id, owner_id, segment)
SELECT c.id, 'attempt', n, %(at)s, %(due)s + n * interval '1 second', %(due)s, 'open', false, 3600,
       %(agreement)s, %(calendar)s, %(tzdata)s, c.team_id, c.owner_id, ''
FROM unnest(%(cycles)s::bigint[]) AS k(id) JOIN alignment_mqlcycle c USING (id), generate_series(1, %(each)s) AS n
"""


def open_cycles(world: World, count: int) -> list[int]:
    """Leads over the trigger, through the drain; ids of their MQL cycles in order."""
    from alignment.models import MqlCycle
    from alignment.pipeline import drain
    from testing.world import event

    for start in range(0, count, 250):
        numbers = range(start, min(start + 250, count))
        world.deliver([event("lead.created", f"lead-{n}", world.at, score=80) for n in numbers])
    drain(at=world.at)
    return list(MqlCycle.objects.order_by("pk").values_list("pk", flat=True))


def add_clocks(world: World, cycles: list[int], due: datetime) -> None:
    """EACH running clocks a cycle, due from `due` on, a second apart."""
    from django.db import connection

    from alignment.business_time import tzdata_version
    from alignment.queries.calendars import version_at

    with connection.cursor() as cursor:
        cursor.execute(
            CLOCKS,
            {
                "at": world.at,
                "due": due,
                "agreement": world.agreement.pk,
                "calendar": version_at(world.calendar.pk, due).pk,
                "tzdata": tzdata_version(),
                "cycles": cycles,
                "each": EACH,
            },
        )
        cursor.execute("ANALYZE sla_clock")


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def one_by_one(at: datetime, count: int) -> None:
    """What is due, a row and a transaction at a time, by the ORM."""
    from django.db import transaction

    from sla.models import Breach, Clock, Outcome

    for _ in range(count):
        with transaction.atomic():
            clock = Clock.objects.overdue(at).order_by("due_at")[0]
            stamped = Clock.objects.filter(pk=clock.pk, settled_at__isnull=True).update(
                breached_at=clock.due_at, settled_at=at, outcome=Outcome.MISSED
            )
            if stamped:
                Breach.objects.create(
                    clock=clock,
                    breached_at=clock.due_at,
                    stamped_at=at,
                    agreement_id=clock.agreement_id,
                    calendar_version_id=clock.calendar_version_id,
                    owner_id=clock.owner_id,
                )


def one_by_one_in_sql(at: datetime, count: int) -> None:
    """The same three statements without the ORM."""
    from django.db import connection, transaction

    for _ in range(count):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, due_at, agreement_id, calendar_version_id, owner_id FROM sla_clock "
                "WHERE settled_at IS NULL AND due_at < %s ORDER BY due_at LIMIT 1",
                [at],
            )
            pk, *stamp = cursor.fetchone()
            cursor.execute(
                "UPDATE sla_clock SET breached_at = due_at, settled_at = %s, outcome = 'missed' "
                "WHERE id = %s AND settled_at IS NULL",
                [at, pk],
            )
            cursor.execute(
                "INSERT INTO sla_breach "
                "(clock_id, breached_at, stamped_at, agreement_id, calendar_version_id, owner_id) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                [pk, stamp[0], at, *stamp[1:]],
            )


def sweep_and_hang_up(at: datetime) -> int:
    """As a thread of its own: its connection goes with it."""
    from django.db import connection

    from sla.services import mark_breached

    try:
        return mark_breached(at=at)
    finally:
        connection.close()


def none_due(world: World, cycles: list[int]) -> None:
    """The time of a sweep that finds nothing, with few and with many running clocks."""
    from sla.services import mark_breached

    taken: dict[int, float] = {}
    few = FEW // EACH
    for total, added in ((FEW, cycles[:few]), (MANY, cycles[few:])):
        add_clocks(world, added, world.at + timedelta(days=300))
        mark_breached(at=world.at)
        taken[total] = statistics.median(seconds(lambda: mark_breached(at=world.at)) for _ in range(51))
        print(f"{total:>9,} running, none due: {1000 * taken[total]:.2f} ms")
    print(f"none due, {MANY:,} / {FEW:,}: {taken[MANY] / taken[FEW]:.2f}")


def many_due(at: datetime) -> None:
    """One sweeper against a row at a time."""
    from sla.services import mark_breached

    by_row = ONE_BY_ONE / seconds(lambda: one_by_one(at, ONE_BY_ONE))
    in_sql = ONE_BY_ONE / seconds(lambda: one_by_one_in_sql(at, ONE_BY_ONE))
    swept = (DUE - 2 * ONE_BY_ONE) / seconds(lambda: mark_breached(at=at))
    print(f"row at a time, ORM  {by_row:9,.0f} clocks/s")
    print(f"row at a time, SQL  {in_sql:9,.0f} clocks/s")
    print(f"one sweeper         {swept:9,.0f} clocks/s")
    print(f"one sweeper / row at a time: {swept / by_row:.0f} by the ORM, {swept / in_sql:.0f} in SQL")


def four_sweepers(at: datetime) -> None:
    with ThreadPoolExecutor(4) as pool:
        began = time.perf_counter()
        flagged = sum(pool.map(sweep_and_hang_up, [at] * 4))
        rate = DUE / (time.perf_counter() - began)
    if flagged != DUE:
        raise SystemExit(f"four sweepers flagged {flagged} of {DUE}")
    print(f"four sweepers       {rate:9,.0f} clocks/s, {flagged:,} of {DUE:,} flagged once")


def run() -> None:
    """The measurements in turn; fails where a clock was flagged twice or not at all."""
    from sla.models import Breach
    from sla.services import mark_breached
    from testing.world import build_world

    world = build_world()
    cycles = open_cycles(world, MANY // EACH)
    mark_breached(at=world.at + timedelta(days=20))  # the clocks of the MQLs themselves, out of the way
    none_due(world, cycles)
    for days, measure in ((30, many_due), (60, four_sweepers)):
        due = world.at + timedelta(days=days)
        let_fall_due(DUE, due)
        before = Breach.objects.count()
        measure(due + timedelta(days=1))
        if (stamped := Breach.objects.count() - before) != DUE:
            raise SystemExit(f"{stamped} breaches for {DUE} clocks")


def let_fall_due(count: int, due: datetime) -> None:
    """Moves `count` of the running clocks to `due` and the minutes after it."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sla_clock SET due_at = %s + ordinal * interval '1 second', warn_at = %s WHERE id IN "
            "(SELECT id FROM sla_clock WHERE settled_at IS NULL AND kind = 'attempt' ORDER BY id LIMIT %s)",
            [due, due, count],
        )
        cursor.execute("ANALYZE sla_clock")


if __name__ == "__main__":
    with scratch_database():
        run()
