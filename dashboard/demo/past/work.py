"""How the MQLs of the demo's past were worked, each rep by the own habits (shape.HABITS)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from alignment.business_time import BusinessCalendar, Schedule
from dashboard.demo import people
from dashboard.demo.company import CALENDARS, WORKDAYS
from dashboard.demo.leads import pick
from dashboard.demo.past import shape
from dashboard.demo.past.records import CONVERTED, DISQUALIFIED, RECYCLED, Attempt, Cycle, Lead
from dashboard.demo.past.season import Past
from dashboard.demo.people import BY_EMAIL, POOLS, Rep

_BY_NAME = {rep.name: rep for rep in BY_EMAIL.values()}
_MEMBERS = {
    segment or "mid_market": [(_BY_NAME[name], weight) for name, weight in members.items()]
    for segment, members, _ in POOLS.values()
}
_UNREACHED = {"call": ("no_answer", "left_message"), "email": ("sent",), "linkedin": ("sent",)}
_DEFAULT = shape.Habits()
_HOUR = 3600


def calendars() -> dict[str, BusinessCalendar]:
    """The open hours of each team, without holidays."""
    found = {people.DESK: BusinessCalendar.always_open()}
    for team, (_, zone, _, windows) in CALENDARS.items():
        schedule = Schedule.from_json({"zone": zone, "weekly": dict.fromkeys(WORKDAYS, windows)})
        found[team] = BusinessCalendar([(schedule, None)])
    return found


class Desk:
    """Works one MQL after the other."""

    def __init__(self, rng: Random, past: Past) -> None:
        self.rng, self.past = rng, past
        self.calendars = calendars()

    def work(self, lead: Lead, figures: shape.Channel, crossed_at: datetime) -> Cycle:
        """The cycle from this crossing to its end, wherever that lies in time."""
        rng, is_bad = self.rng, self.past.is_bad(crossed_at)
        rep = pick(rng, _MEMBERS[lead.account.segment])
        habits = shape.HABITS.get(rep.name, _DEFAULT)
        slower = shape.BAD_SLOWER if is_bad else 1.0
        assigned_at = crossed_at + timedelta(seconds=int(rng.lognormvariate(6.2, 1.0) * slower))
        cycle = Cycle(crossed_at, rep, assigned_at)
        chance = figures.accepted * (shape.BAD_ACCEPTED if is_bad else 1.0) - 0.06 * len(lead.cycles)
        is_fit = rng.random() < chance
        is_accepted = is_fit and rng.random() >= habits.bad_fit
        first = self._first_follow_up(cycle, rep, habits, slower)
        if is_accepted:
            self._attempt(cycle, rep, first, count=pick(rng, {1: 45, 2: 30, 3: 17, 4: 8}), is_reached=True)
            cycle.accepted_at = self._last(cycle) + timedelta(minutes=rng.randint(2, 50))
            self._end(cycle, rep, rng.uniform(2, 14) * 86400, *self._after_acceptance(figures, is_bad))
        else:
            outcome = (DISQUALIFIED, "bad_fit") if is_fit else self._refused()
            is_silent = outcome[1] == "no_response"
            self._attempt(cycle, rep, first, count=rng.randint(4, 6) if is_silent else rng.randint(1, 3))
            self._end(cycle, rep, rng.uniform(0.2, 30) * _HOUR, *outcome)
        if rng.random() < habits.forgets:
            cycle.disposition = cycle.reason = ""
            cycle.accepted_at = cycle.closed_at = None
        return cycle

    def _first_follow_up(self, cycle: Cycle, rep: Rep, habits: shape.Habits, slower: float) -> datetime:
        rng, calendar = self.rng, self.calendars[rep.team]
        zone = ZoneInfo(CALENDARS[rep.team][1]) if rep.team in CALENDARS else UTC
        local = cycle.assigned_at.astimezone(zone)
        if habits.waits_for_tuesday and local.weekday() >= 4:
            tuesday = local.date() + timedelta(days=8 - local.weekday())
            opens = datetime.combine(tuesday, time(9), zone)
            return opens.astimezone(UTC) + timedelta(minutes=rng.randint(5, 170))
        hours = rng.lognormvariate(0, 0.7) * habits.hours * slower
        return calendar.add(cycle.assigned_at, int(hours * _HOUR) + rng.randint(30, 300))

    def _attempt(
        self, cycle: Cycle, rep: Rep, first: datetime, *, count: int, is_reached: bool = False
    ) -> None:
        """Attempts at contact from `first` on; the last one reaches somebody, or none does."""
        rng, at = self.rng, first.replace(microsecond=0)
        for n in range(count):
            channel = pick(rng, {"call": 6, "email": 3, "linkedin": 1})
            outcome = "connected" if is_reached and n == count - 1 else rng.choice(_UNREACHED[channel])
            cycle.attempts.append(Attempt(at, rep, channel, outcome))
            hours = rng.uniform(14, 34) if rep.team == people.DESK else rng.uniform(6, 16)
            at = self.calendars[rep.team].add(at, int(hours * _HOUR)).replace(microsecond=0)

    def _after_acceptance(self, figures: shape.Channel, is_bad: bool) -> tuple[str, str]:
        if self.rng.random() < figures.opportunity * (shape.BAD_OPPORTUNITY if is_bad else 1.0):
            return CONVERTED, ""
        return pick(
            self.rng,
            {
                (RECYCLED, "bad_timing"): 46,
                (RECYCLED, "no_response"): 18,
                (DISQUALIFIED, "bad_fit"): 22,
                (DISQUALIFIED, "bad_data"): 4,
                (DISQUALIFIED, "no_response"): 10,
            },
        )

    def _refused(self) -> tuple[str, str]:
        return pick(
            self.rng,
            {
                (DISQUALIFIED, "bad_fit"): 40,
                (DISQUALIFIED, "bad_data"): 14,
                (DISQUALIFIED, "no_response"): 12,
                (RECYCLED, "bad_timing"): 22,
                (RECYCLED, "no_response"): 12,
            },
        )

    def _end(self, cycle: Cycle, rep: Rep, seconds: float, disposition: str, reason: str) -> None:
        after = self._last(cycle) + timedelta(seconds=int(seconds))
        cycle.disposition, cycle.reason = disposition, reason
        cycle.closed_at = (
            self.calendars[rep.team].add(after, self.rng.randint(60, 4 * _HOUR)).replace(microsecond=0)
        )

    @staticmethod
    def _last(cycle: Cycle) -> datetime:
        return cycle.attempts[-1].at
