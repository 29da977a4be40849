"""When a team is open, on its own wall clock; and the document in which an agreement writes it down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from types import MappingProxyType

from alignment.business_time.zones import zone_names

Windows = tuple[tuple[int, int], ...]
"""Opening and closing minutes of local wall time, counted from midnight."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 1440
_KEYS = ("zone", "weekly", "holidays", "overrides")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class InvalidSchedule(ValueError):
    """The schedule cannot be used; the message says what is wrong and what to write instead."""


@dataclass(frozen=True)
class Schedule:
    """Weekly windows in one zone, with the dates that differ. Immutable, hashable, comparable.

    - `zone`: IANA name.
    - `weekly`: 0 is Monday; windows `[start, end)` in minutes of local wall time, several a day. Start is
      0 to 1439, end 0 to 1440; an end at or before the start is on the next day.
    - `holidays`: local dates that are closed.
    - `overrides`: local dates whose windows replace the weekly ones; no windows means closed.

    Raises InvalidSchedule for an unknown zone, weekday or time.
    """

    zone: str
    weekly: Mapping[int, Windows]
    holidays: frozenset[date] = frozenset()
    overrides: Mapping[date, Windows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.zone not in zone_names():
            raise InvalidSchedule(_unknown_zone(self.zone))
        for weekday in self.weekly:
            if weekday not in range(7):
                raise InvalidSchedule(
                    f"Weekday {weekday!r} does not exist; count from 0 for Monday to 6 for Sunday."
                )
        for day in (*self.holidays, *self.overrides):
            if isinstance(day, datetime):
                raise InvalidSchedule(f"{day!r} is not a date; give local dates for holidays and overrides.")
        weekly = {
            day: _checked(WEEKDAYS[day], self.weekly[day]) for day in sorted(self.weekly) if self.weekly[day]
        }
        overrides = {day: _checked(day.isoformat(), self.overrides[day]) for day in sorted(self.overrides)}
        object.__setattr__(self, "weekly", MappingProxyType(weekly))
        object.__setattr__(self, "holidays", frozenset(self.holidays))
        object.__setattr__(self, "overrides", MappingProxyType(overrides))

    def __hash__(self) -> int:
        return hash((self.zone, tuple(self.weekly.items()), self.holidays, tuple(self.overrides.items())))

    def __reduce__(self) -> tuple[type[Schedule], tuple[object, ...]]:
        # the read-only views of the mappings can be neither copied nor pickled
        return Schedule, (self.zone, dict(self.weekly), self.holidays, dict(self.overrides))

    @classmethod
    def from_json(cls, document: Mapping[str, object], *, allow_closed: bool = False) -> Schedule:
        """Read `{"zone": "America/New_York", "weekly": {"mon": [["09:00", "17:00"]]},
        "holidays": ["2026-11-26"], "overrides": {"2026-11-27": [["09:00", "13:00"]]}}`.

        Holidays and overrides may be left out. Raises InvalidSchedule for anything else, and for a schedule
        that is never open unless `allow_closed`.
        """
        if not isinstance(document, Mapping):
            raise InvalidSchedule(
                f"A schedule is an object with the keys {', '.join(_KEYS)}, not {document!r}."
            )
        for key in document:
            if key not in _KEYS:
                raise InvalidSchedule(f"Unknown key {key!r} in the schedule; use {', '.join(_KEYS)}.")
        for key in ("zone", "weekly"):
            if key not in document:
                raise InvalidSchedule(f"The schedule lacks {key!r}; add it.")
        zone = document["zone"]
        if not isinstance(zone, str):
            raise InvalidSchedule(_unknown_zone(zone))
        weekly: dict[int, Windows] = {}
        for name, windows in _mapping(document["weekly"], "weekly", "weekdays").items():
            if name not in WEEKDAYS:
                raise InvalidSchedule(f"Unknown weekday {name!r}; use {', '.join(WEEKDAYS)}.")
            weekly[WEEKDAYS.index(name)] = _read_windows(name, windows)
        holidays = frozenset(
            _read_date(day) for day in _list(document.get("holidays", []), "holidays", "dates")
        )
        overrides = {
            _read_date(day): _read_windows(str(day), windows)
            for day, windows in _mapping(document.get("overrides", {}), "overrides", "dates").items()
        }
        schedule = cls(zone, weekly, holidays, overrides)
        if not (allow_closed or schedule.has_working_time):
            raise InvalidSchedule(
                "The schedule is never open; add a weekly window, or an override on a date without holiday."
            )
        return schedule

    def to_json(self) -> dict[str, object]:
        """The document that `from_json` reads, with all four keys and dates in order."""
        return {
            "zone": self.zone,
            "weekly": {WEEKDAYS[day]: _write_windows(windows) for day, windows in self.weekly.items()},
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
            "overrides": {
                day.isoformat(): _write_windows(windows) for day, windows in self.overrides.items()
            },
        }

    @property
    def has_working_time(self) -> bool:
        """Whether the schedule opens on any date at all."""
        return bool(self.weekly) or any(self.windows_on(day) for day in self.overrides)

    def windows_on(self, day: date) -> Windows:
        """The windows that begin on a local date; their ends may lie on the next one."""
        if day in self.holidays:
            return ()
        override = self.overrides.get(day)
        return self.weekly.get(day.weekday(), ()) if override is None else override


def _checked(place: str, windows: Sequence[Sequence[int]]) -> Windows:
    for start, end in windows:
        if not (0 <= start < MINUTES_A_DAY and 0 <= end <= MINUTES_A_DAY):
            raise InvalidSchedule(
                f"The window {start}-{end} of {place} is outside the day; start at 0 to 1439, end by 1440."
            )
    return tuple((start, end) for start, end in windows)


def _unknown_zone(zone: object) -> str:
    close = get_close_matches(zone, zone_names(), n=1) if isinstance(zone, str) else []
    hint = close[0] if close else "America/New_York"
    return f"{zone!r} is not a time zone; use a name of the IANA database such as {hint!r}."


def _mapping(value: object, key: str, of: str) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise InvalidSchedule(f"{key!r} must be an object that gives {of} their windows, not {value!r}.")
    return value


def _list(value: object, place: str, of: str) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise InvalidSchedule(f"{place!r} must be a list of {of}, not {value!r}.")
    return value


def _read_date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidSchedule(f"{value!r} is not a date; write it like '2026-11-26'.")


def _read_windows(place: str, value: object) -> Windows:
    windows = []
    for window in _list(value, place, "windows"):
        if not isinstance(window, list | tuple) or len(window) != 2:
            raise InvalidSchedule(f"{window!r} in {place} is not a window; write it like ['09:00', '17:00'].")
        windows.append((_read_time(place, window[0]), _read_time(place, window[1], closing=True)))
    return tuple(windows)


def _read_time(place: str, value: object, *, closing: bool = False) -> int:
    if closing and value == "24:00":
        return MINUTES_A_DAY
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidSchedule(
            f"{value!r} in {place} is not a time; write 00:00 to 23:59, or 24:00 to close at midnight."
        )
    return int(match[1]) * 60 + int(match[2])


def _write_windows(windows: Windows) -> list[list[str]]:
    return [[f"{minute // 60:02}:{minute % 60:02}" for minute in window] for window in windows]
