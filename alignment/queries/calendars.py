"""Calendars compiled from their versions. Versions never change: each process compiles a set of them once."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from alignment.business_time import BusinessCalendar, Schedule
from alignment.models import Calendar, CalendarVersion


@dataclass(frozen=True)
class CompiledCalendar:
    """One calendar ready for arithmetic, with the versions it was made of (shared: do not change them)."""

    calendar: BusinessCalendar
    versions: tuple[CalendarVersion, ...]
    _since: tuple[datetime, ...]

    @classmethod
    def of(cls, versions: Sequence[CalendarVersion]) -> CompiledCalendar:
        """From all versions of one calendar in order of their number."""
        pairs = [(Schedule.from_json(version.schedule), version.effective_from) for version in versions]
        since = tuple(version.effective_from for version in versions if version.effective_from is not None)
        return cls(BusinessCalendar(pairs), tuple(versions), since)

    def version_at(self, instant: datetime) -> CalendarVersion:
        """The version that judges an instant."""
        return self.versions[bisect_right(self._since, instant)]


# One entry per calendar: the newest set of versions met replaces the older one. An entry is replaced as a
# whole, so threads need no lock; at worst two compile the same.
_compiled: dict[int, tuple[tuple[int, ...], CompiledCalendar]] = {}


def compiled(calendar_ids: Iterable[int]) -> dict[int, CompiledCalendar]:
    """Each calendar by its id: one query, and a second one only where a version is new to this process.

    Raises Calendar.DoesNotExist naming the ids without a version.
    """
    wanted = set(calendar_ids)
    if not wanted:
        return {}
    ids: dict[int, list[int]] = defaultdict(list)
    rows = CalendarVersion.objects.filter(calendar__in=wanted).order_by("calendar_id", "number")
    for calendar_id, version_id in rows.values_list("calendar_id", "pk"):
        ids[calendar_id].append(version_id)
    if missing := wanted - ids.keys():
        raise Calendar.DoesNotExist(f"No calendar {', '.join(map(str, sorted(missing)))}.")
    found: dict[int, CompiledCalendar] = {}
    unknown: list[int] = []
    for calendar_id, version_ids in ids.items():
        known = _compiled.get(calendar_id)
        if known is not None and known[0] == tuple(version_ids):
            found[calendar_id] = known[1]
        else:
            unknown += version_ids
    if unknown:
        found |= _compile(CalendarVersion.objects.filter(pk__in=unknown).order_by("calendar_id", "number"))
    return found


def version_at(calendar_id: int, instant: datetime) -> CalendarVersion:
    """The version of a calendar that judges an instant. Raises Calendar.DoesNotExist."""
    return compiled([calendar_id])[calendar_id].version_at(instant)


def _compile(versions: Iterable[CalendarVersion]) -> dict[int, CompiledCalendar]:
    by_calendar: dict[int, list[CalendarVersion]] = defaultdict(list)
    for version in versions:
        by_calendar[version.calendar_id].append(version)
    found = {}
    for calendar_id, group in by_calendar.items():
        key = tuple(version.pk for version in group)
        known = _compiled.get(calendar_id)
        if known is None or known[0] != key:
            known = _compiled[calendar_id] = (key, CompiledCalendar.of(group))
        found[calendar_id] = known[1]
    return found
