"""The one time-zone database, and the stretches of constant offset in it."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

# zoneinfo reads the system's files first and those lag by a year or more on stable distributions. An empty
# search path leaves only the pinned `tzdata` package; zones loaded before this line may be stale.
zoneinfo.reset_tzpath([])
ZoneInfo.clear_cache()

FIRST_YEAR, LAST_YEAR = 1900, 2199
DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
SECOND = timedelta(seconds=1)

Stretch = tuple[int, int, int]
"""UTC epoch seconds `[from, to)` and the offset in seconds that local clocks keep ahead of UTC."""


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every IANA name of the pinned database."""
    return frozenset(zoneinfo.available_timezones())


@lru_cache(maxsize=1)
def tzdata_version() -> str:
    """Version of the `tzdata` package that zones are read from, such as '2026.6'; kept with each due time."""
    return version("tzdata")


def check_year(year: int) -> None:
    """Raise ValueError for a year that no calendar covers."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"Business time covers the years {FIRST_YEAR} to {LAST_YEAR}, not {year}.")


def midnight(day: date) -> int:
    """Seconds from 1970-01-01 00:00 to the start of the date, both read from the same wall clock."""
    return (day.toordinal() - EPOCH_DAY) * DAY


@lru_cache(maxsize=2048)
def _stretches_of_year(zone: str, year: int) -> tuple[Stretch, ...]:
    """The stretches of one UTC year, in order and without gaps."""
    tz = ZoneInfo(zone)

    def offset_at(second: int) -> int:
        local = (EPOCH + timedelta(seconds=second)).astimezone(tz)
        return (local.replace(tzinfo=UTC) - EPOCH) // SECOND - second

    begin, end = midnight(date(year, 1, 1)), midnight(date(year + 1, 1, 1))
    stretches: list[Stretch] = []
    since, offset = begin, offset_at(begin)
    for probe in range(begin + DAY, end + 1, DAY):
        if (after := offset_at(probe)) == offset:
            continue
        low, high = probe - DAY, probe
        while high - low > 1:
            middle = (low + high) // 2
            if offset_at(middle) == offset:
                low = middle
            else:
                high = middle
        if high < end:
            stretches.append((since, high, offset))
            since, offset = high, after
    stretches.append((since, end, offset))
    return tuple(stretches)


def stretches_between(zone: str, begin: int, end: int) -> Iterator[Stretch]:
    """Yield the stretches of constant offset that cover UTC epoch seconds `[begin, end)`, cut to it."""
    first = (EPOCH + timedelta(seconds=begin)).year
    last = (EPOCH + timedelta(seconds=end - 1)).year
    for year in range(first, last + 1):
        for since, until, offset in _stretches_of_year(zone, year):
            if since < end and until > begin:
                yield max(since, begin), min(until, end), offset


@lru_cache(maxsize=4096)
def start_of_day(day: date, zone: str) -> datetime:
    """The first instant (UTC) at which clocks of the zone show the date, or a later one if it was skipped."""
    check_year(day.year)
    wall = midnight(day)
    for since, until, offset in stretches_between(zone, wall - 2 * DAY, wall + 2 * DAY):
        if (instant := max(since, wall - offset)) < until:
            return EPOCH + timedelta(seconds=instant)
    raise AssertionError(f"no clock of {zone} is more than a day away from UTC")


def local_day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """UTC instants `[from, to)` of a local date: 23, 24 or 25 hours apart, 0 for a date the zone skipped.

    Raises ValueError for years outside 1900 to 2199, ZoneInfoNotFoundError for an unknown zone.
    """
    return start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
