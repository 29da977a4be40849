"""Business time: when a budget of open seconds is used up, and how many lie between two instants.

A `Schedule` says when a team is open on its own wall clock; a `BusinessCalendar` joins the versions of
a schedule over time and does the arithmetic in UTC. Nothing here knows Django or reads the clock.

- Budgets are real seconds during open wall time, exact to the microsecond across clock changes.
- Windows are half-open: a budget that ends at closing time is due at closing time.
- A window whose end is not after its start runs past midnight and belongs to the day it began.
- A holiday closes its whole local date, and a shift that began on it; an override replaces the weekly
  windows of its date; a holiday beats an override.
- Each instant is judged by the version in force at that instant.
- Holds are UTC intervals `[from, to)` during which the clock stands still.
"""

from alignment.business_time.calendar import HORIZON, BusinessCalendar, NoOpenTime
from alignment.business_time.schedule import InvalidSchedule, Schedule
from alignment.business_time.weeks import Week
from alignment.business_time.zones import local_day_bounds, tzdata_version

__all__ = [
    "HORIZON",
    "BusinessCalendar",
    "InvalidSchedule",
    "NoOpenTime",
    "Schedule",
    "Week",
    "local_day_bounds",
    "tzdata_version",
]
