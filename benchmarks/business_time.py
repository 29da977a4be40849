"""Business-time additions per second against a loop over days: `python3 run.py benchmark business_time`.

Both add the same 16 business hours to the same random instants of 2025 and 2026 on a weekday calendar in New
York with twenty holidays, in alternating rounds of one run; every pair of answers is compared. The ratio is
the figure to watch, as rates depend on the machine.
"""

import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from alignment.business_time import BusinessCalendar, Schedule

ZONE = ZoneInfo("America/New_York")
OPENS, CLOSES = wall_time(9), wall_time(17)
HOLIDAYS = frozenset(
    date(year, month, day)
    for year in (2025, 2026)
    for month, day in (
        (1, 1),
        (1, 20),
        (2, 17),
        (5, 26),
        (6, 19),
        (7, 4),
        (9, 1),
        (11, 27),
        (12, 24),
        (12, 25),
    )
)
BUDGET = 16 * 3600
ROUNDS, STARTS = 5, 20_000


def add_by_day(start: datetime, seconds: int) -> datetime:
    """The plain way: walk the local dates and convert each one's opening and closing time."""
    left = timedelta(seconds=seconds)
    day = start.astimezone(ZONE).date()
    while True:
        if day.weekday() < 5 and day not in HOLIDAYS:
            opens = max(start, datetime.combine(day, OPENS, ZONE).astimezone(UTC))
            closes = datetime.combine(day, CLOSES, ZONE).astimezone(UTC)
            if opens < closes:
                if left <= closes - opens:
                    return opens + left
                left -= closes - opens
        day += timedelta(days=1)


def rate(add: Callable[[datetime, int], datetime], starts: list[datetime]) -> tuple[float, list[datetime]]:
    """Calls per second, and the answers."""
    began = time.perf_counter()
    answers = [add(start, BUDGET) for start in starts]
    return len(starts) / (time.perf_counter() - began), answers


def main() -> None:
    """Run the rounds and print the table."""
    chance = random.Random(20260105)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    starts = [
        first + timedelta(microseconds=chance.randrange(720 * 86_400 * 1_000_000)) for _ in range(STARTS)
    ]
    schedule = Schedule("America/New_York", dict.fromkeys(range(5), ((9 * 60, 17 * 60),)), HOLIDAYS)

    began = time.perf_counter()
    calendar = BusinessCalendar([(schedule, None)])
    calendar.between(first, first + timedelta(days=5 * 365))
    build = time.perf_counter() - began

    tables, loops = [], []
    for _ in range(ROUNDS):
        by_table, dues = rate(calendar.add, starts)
        by_day, expected = rate(add_by_day, starts)
        if dues != expected:
            raise SystemExit("The two ways disagree; the figures would mean nothing.")
        tables.append(by_table)
        loops.append(by_day)

    print(f"{STARTS:,} starts, {BUDGET // 3600} business hours, median of {ROUNDS} alternating rounds")
    print(f"{'':24}{'additions/s':>14}{'range':>26}")
    for name, rates in (("table and bisection", tables), ("loop over days", loops)):
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        print(f"{name:24}{statistics.median(rates):>14,.0f}{spread:>26}")
    ratios = [table / loop for table, loop in zip(tables, loops, strict=True)]
    print(f"{'ratio':24}{statistics.median(ratios):>13.1f}x{f'{min(ratios):.1f} to {max(ratios):.1f}':>26}")
    print(f"{'table for five years':24}{build * 1000:>11.1f} ms")


if __name__ == "__main__":
    main()
