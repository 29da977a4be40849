from sla.services.cases import watch_weeks
from sla.services.clocks import keep_clocks
from sla.services.consequences import execute_consequences
from sla.services.cycles import cross
from sla.services.redate import redate_clocks
from sla.services.review import remind_of_review, tell_of_exceptions
from sla.services.rollup import compare_roll_up, mark_all_days_dirty, roll_up
from sla.services.sweep import mark_breached, mark_warned
from sla.services.versions import take_over_cycles

__all__ = [
    "compare_roll_up",
    "cross",
    "execute_consequences",
    "keep_clocks",
    "mark_all_days_dirty",
    "mark_breached",
    "mark_warned",
    "redate_clocks",
    "remind_of_review",
    "roll_up",
    "take_over_cycles",
    "tell_of_exceptions",
    "watch_weeks",
]
