"""Times and dates as people export them, with the zone and the order of day and month that the mapping states.

Nothing is guessed: a time without an offset needs a stated zone, a date that does not start with its year a stated
order. A clock time that occurs twice (end of summer time) is its first occurrence; one that does not exist (start of
summer time) is moved forward by the gap, as zoneinfo's fold=0 does.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from alignment.importing.problems import BadCell

ORDERS = {"iso": "year-month-day", "dmy": "day.month.year", "mdy": "month/day/year"}
_TIME = (
    r"(?:(?:,?\s+|T)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,6})[0-9]*)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?)?)?"
    r"(?:\s?(?P<offset>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
)
_YEAR_FIRST = re.compile(
    r"(?P<year>[0-9]{4})(?P<sign>[-/.])(?P<month>[0-9]{1,2})(?P=sign)(?P<day>[0-9]{1,2})" + _TIME
)
_YEAR_LAST = re.compile(
    r"(?P<first>[0-9]{1,2})(?P<sign>[-/.])\s?(?P<second_>[0-9]{1,2})(?P=sign)\s?(?P<year>[0-9]{4}|[0-9]{2})"
    + _TIME
)
_EPOCH_MILLISECONDS = re.compile(r"[0-9]{11,13}")
_DAY_MEMORY = 4096
_MAX_LENGTH = 64
_START = datetime(1970, 1, 1, tzinfo=UTC)


class DayAlone(str):
    """The instant, as facts have it, at which a day began that a cell gives without a time; `until`: when it ended."""

    until: str

    def is_day_of(self, instant: str) -> bool:
        """Whether an instant, as facts have it, is of that day."""
        return self <= instant < self.until


class Clock:
    """Reads times of one file. `zone` None: the mapping states none, so a time without an offset is refused."""

    def __init__(self, zone: ZoneInfo | None, order: str) -> None:
        self.zone = zone
        self.order = order
        self._offsets: dict[tuple[int, int, int], timedelta | None] = {}

    def moment(self, cell: str) -> tuple[datetime, bool]:
        """The instant in UTC, and whether the cell held a date alone (then it is that day's midnight in the zone).

        Raises BadCell.
        """
        found, is_bare = self._written(cell)
        if found.tzinfo is None:
            found = self._in_utc(cell, found)
        elif found.tzinfo is not UTC:
            found = _checked(cell, found)
        if not 1970 <= found.year <= 2200:
            raise BadCell("bad_time", f"“{cell[:40]}” is not a believable time")
        return found, is_bare

    def instant(self, cell: str) -> str:
        """As facts have it: ISO, in UTC. Raises BadCell."""
        found, is_bare = self.moment(cell)
        if not is_bare:
            return found.isoformat()
        day = DayAlone(found.isoformat())
        zone = self.zone or UTC
        midnight = datetime.combine(found.astimezone(zone).date() + timedelta(days=1), time(), zone)
        day.until = midnight.astimezone(UTC).isoformat()
        return day

    def day(self, cell: str) -> str:
        """The calendar day as written, whatever its zone."""
        found, _ = self._written(cell)
        # Days in milliseconds are midnights in UTC; any other is a time, whose day depends on the zone.
        is_time = bool(found.hour or found.minute or found.second) and _EPOCH_MILLISECONDS.fullmatch(cell)
        if is_time and self.zone is not None:
            found = found.astimezone(self.zone)
        if not 1970 <= found.year <= 2200:
            raise BadCell("bad_time", f"“{cell[:40]}” is not a believable date")
        return found.date().isoformat()

    def _written(self, cell: str) -> tuple[datetime, bool]:
        """As written, without a zone where none is written; and whether it is a date alone."""
        if len(cell) > _MAX_LENGTH:
            raise BadCell("bad_time", "a text is no date or time; write " + self._example())
        if cell[4:5] == "-" and (len(cell) == 10 or cell[10:11] in ("T", " ")):
            try:
                return datetime.fromisoformat(cell), len(cell) == 10
            except ValueError:
                pass  # one more try, with what else is written
        if _EPOCH_MILLISECONDS.fullmatch(cell):
            return _START + timedelta(milliseconds=int(cell)), False
        parts = _YEAR_FIRST.fullmatch(cell)
        if parts:
            month, day = int(parts["month"]), int(parts["day"])
        else:
            parts = _YEAR_LAST.fullmatch(cell)
            if parts is None:
                raise BadCell("bad_time", f"“{cell[:40]}” is not a date or time; write {self._example()}")
            month, day = self._month_and_day(cell, parts)
        return self._assembled(cell, parts, month, day), parts["hour"] is None

    def _month_and_day(self, cell: str, parts: re.Match[str]) -> tuple[int, int]:
        if len(parts["year"]) == 2:
            raise BadCell("bad_time", f"“{cell[:40]}”: write the year with four digits")
        if self.order == "iso":
            raise BadCell(
                "bad_time",
                f"“{cell[:40]}” does not start with its year; write {self._example()}, or state "
                '"dates": "dmy" or "mdy" in the mapping',
            )
        first, second = int(parts["first"]), int(parts["second_"])
        month, day = (second, first) if self.order == "dmy" else (first, second)
        if month > 12:
            raise BadCell(
                "bad_time", f"“{cell[:40]}” has no month {month}; the mapping says {ORDERS[self.order]}"
            )
        return month, day

    def _assembled(self, cell: str, parts: re.Match[str], month: int, day: int) -> datetime:
        hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
        if parts["half"]:
            if not 1 <= hour <= 12:
                raise BadCell("bad_time", f"“{cell[:40]}”: with AM or PM the hour is 1 to 12")
            hour = hour % 12 + (12 if parts["half"] in "Pp" else 0)
        part = int((parts["part"] or "0").ljust(6, "0"))
        try:
            return datetime(
                int(parts["year"]), month, day, hour, minute, second, part, tzinfo=_offset(parts["offset"])
            )
        except ValueError:
            raise BadCell("bad_time", f"“{cell[:40]}” is not a day and time that exist") from None

    def _in_utc(self, cell: str, found: datetime) -> datetime:
        """A time of the stated zone in UTC; the offset is looked up once for every day that has one only."""
        if self.zone is None:
            raise BadCell(
                "no_zone",
                f"“{cell[:40]}” has no offset; state the export's zone in the mapping: "
                '"zone": "Europe/Berlin"',
            )
        key = (found.year, found.month, found.day)
        try:
            offset = self._offsets[key]
        except KeyError:
            offset = self._offset_of_day(found)
        if offset is None:
            return _checked(cell, found.replace(tzinfo=self.zone))
        try:
            return (found - offset).replace(tzinfo=UTC)
        except OverflowError:
            raise BadCell("bad_time", f"“{cell[:40]}” is not a believable time") from None

    def _offset_of_day(self, found: datetime) -> timedelta | None:
        """None for a day on which the clocks change."""
        start = datetime(found.year, found.month, found.day, tzinfo=self.zone)
        try:
            offset, after = start.utcoffset(), (start + timedelta(days=1)).utcoffset()
        except OverflowError:
            return None
        if len(self._offsets) >= _DAY_MEMORY:
            self._offsets.clear()
        known = self._offsets[start.year, start.month, start.day] = offset if offset == after else None
        return known

    def _example(self) -> str:
        return {"iso": "2024-03-12 09:14", "dmy": "12.03.2024 09:14", "mdy": "03/12/2024 09:14"}[self.order]


def _offset(written: str | None) -> timezone | None:
    if written is None:
        return None
    if written[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    return timezone(-offset if written[0] == "-" else offset)


def _checked(cell: str, found: datetime) -> datetime:
    try:
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadCell("bad_time", f"“{cell[:40]}” is not a believable time") from None
