"""How long a working day of a schedule is, and its weekly windows in words."""

from __future__ import annotations

from dataclasses import dataclass

from alignment.business_time import Schedule
from alignment.business_time.schedule import Windows

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY = 1440


@dataclass(frozen=True)
class WorkingDay:
    """Open seconds of the shortest and the longest weekday that opens at all; 0 where none does."""

    shortest: int
    longest: int


def working_day(schedule: Schedule) -> WorkingDay:
    """By the weekly windows; a window past midnight belongs to the day on which it began."""
    lengths = [length for windows in schedule.weekly.values() if (length := open_seconds(windows))]
    return WorkingDay(min(lengths, default=0), max(lengths, default=0))


def open_seconds(windows: Windows) -> int:
    """Open time of one day's windows; where they overlap it counts once."""
    total = reached = 0
    for start, end in sorted((start, end if end > start else end + _DAY) for start, end in windows):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total * 60


def windows_text(windows: Windows) -> str:
    """ "09:00–12:00, 13:00–17:00"; "22:00–06:00 (next day)"; "closed"."""
    return ", ".join(_window_text(start, end) for start, end in windows) or "closed"


def _window_text(start: int, end: int) -> str:
    said = f"{start // 60:02}:{start % 60:02}–{end // 60:02}:{end % 60:02}"
    return said if end > start else f"{said} (next day)"
