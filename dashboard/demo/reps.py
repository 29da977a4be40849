"""How the demo's reps work their MQLs: follow up, try again, accept, close. Each by the habits in people.REPS."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from alignment.business_time import BusinessCalendar
from alignment.models import MqlCycle, Opportunity
from alignment.queries.calendars import compiled
from dashboard.demo.company import ESPOCRM, Company
from dashboard.demo.events import Deal, Dialect, Post
from dashboard.demo.leads import DemoLead, pick
from dashboard.demo.people import BY_EMAIL, REPS, Rep
from dashboard.demo.timeline import Timeline
from dashboard.demo.words import LOST, SEGMENTS, STAGES, WON
from handoff.services.acts import assign_by_hand, dispose, log_attempt
from sla.models import Clock, ClockKind

ATTEMPTS, GAP = 6, 16 * 3600  # the agreed cadence
PATIENCE = {1: 12, 2: 18, 3: 22, 4: 16, 6: 32}
CALMEST, FULLEST = 3, 7  # open MQLs between which every queue is kept in the last week
HERE = timedelta(days=4)  # in the last days part of the work is logged in this product itself
CALL, MAIL, SOCIAL = "call", "email", "linkedin"
UNREACHED = {CALL: ("no_answer", "left_message"), MAIL: ("sent",), SOCIAL: ("sent",)}


@dataclass
class Work:
    """One MQL cycle on a rep's desk."""

    cycle: MqlCycle
    lead: DemoLead
    rep: Rep
    dialect: Dialect
    calendar: BusinessCalendar
    patience: int
    is_careless: bool  # never accepts, and closes in the CRM without saying how it ended
    attempts: int = 0
    is_connected: bool = False
    is_accepted: bool = False
    is_closed: bool = False


@dataclass
class Desk:
    """All reps at work until `end`; `recycled` collects what went back to marketing, and when."""

    company: Company
    timeline: Timeline
    rng: Random
    end: datetime
    dialects: dict[str, Dialect]
    leads: dict[str, DemoLead] = field(default_factory=dict)
    recycled: list[tuple[datetime, DemoLead]] = field(default_factory=list)
    away: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))
    _open: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _kept: dict[tuple[str, str], float] = field(default_factory=dict)
    _last_cycle: int = 0
    _by_hand: int = 0

    def take_new(self, at: datetime) -> None:
        """Plan the work on every cycle that the last drain gave to a rep."""
        cycles = list(
            MqlCycle.objects.filter(pk__gt=self._last_cycle, is_history=False)
            .select_related("lead", "owner")
            .order_by("pk")
        )
        if not cycles:
            return
        self._last_cycle = cycles[-1].pk
        clocks = {
            clock.cycle_id: clock
            for clock in Clock.objects.filter(cycle__in=cycles, kind=ClockKind.FOLLOW_UP).select_related(
                "calendar_version"
            )
        }
        for cycle in cycles:
            rep = BY_EMAIL.get(cycle.owner.email) if cycle.owner else None
            clock = clocks.get(cycle.pk)
            if rep is not None and clock is not None and clock.calendar_version is not None:
                calendar_id = clock.calendar_version.calendar_id
                self._take(at, cycle, rep, clock, compiled([calendar_id])[calendar_id].calendar)

    def _take(
        self, at: datetime, cycle: MqlCycle, rep: Rep, clock: Clock, calendar: BusinessCalendar
    ) -> None:
        lead, rng = self.leads[cycle.lead.external_id], self.rng
        patience = pick(rng, PATIENCE)
        is_careless = not self._holds(rep, "says how it ended", 1 - (1 - rep.tags) * 0.6)
        work = Work(cycle, lead, rep, self.dialects[lead.source], calendar, patience, is_careless)
        if lead.source != ESPOCRM and rng.random() < 0.03:
            self._reassign_in_crm(at, work)
        elif at > self.end - timedelta(days=3) and self._by_hand < 3 and rng.random() < 0.12:
            self._by_hand += 1
            self.timeline.plan(at + timedelta(minutes=rng.randint(3, 9)), self._assign_by_hand, work=work)
        self._open[work.rep.email] += 1
        if lead.conduct == "untouched":
            return
        is_timely = self._holds(rep, "follows up", rep.follows_up)
        used = rng.triangular(0.05, 0.95, 0.2) if is_timely else rng.uniform(1.1, 2.2)
        if not is_timely and clock.budget_seconds < 3600:
            used *= rng.uniform(1, 15)
        first = calendar.add(clock.started_at, int(clock.budget_seconds * used))
        synced = clock.due_at + timedelta(hours=rng.uniform(12.5, 30)) if rng.random() < 0.04 else None
        self.timeline.plan(max(first, at), self._attempt, work=work, synced=synced if is_timely else None)

    # --- attempts ------------------------------------------------------------------------------------------
    def _attempt(self, at: datetime, *, work: Work, synced: datetime | None = None) -> None:
        if work.is_closed or self._is_away(at, work, self._attempt):
            return
        rng, rep = self.rng, work.rep
        channel = pick(rng, {CALL: 6, MAIL: 3, SOCIAL: 1})
        work.is_connected = rng.random() < 0.28
        outcome = "connected" if work.is_connected else rng.choice(UNREACHED[channel])
        work.attempts += 1
        if synced is None and self._is_logged_here(at, work):
            log_attempt(
                cycle=work.cycle,
                channel=channel,
                outcome=outcome,
                by=self.company.users[rep.email],
                at=at,
                act=self._act(),
            )
        else:
            post = work.dialect.attempted(work.lead, at, rep=rep, channel=channel, outcome=outcome)
            self.timeline.post(synced or at + self._seconds(5, 90), post)
            if synced:
                self.timeline.plan(synced + timedelta(minutes=1), self.timeline.drain)
        if not work.is_accepted and not work.is_careless:
            self._plan_acceptance(at, work)
        if work.is_connected:
            self._plan(at, work, rng.uniform(0.5, 9) * 3600, self._close)
        elif work.attempts >= work.patience or self._open[rep.email] >= FULLEST:
            self._plan(at, work, rng.uniform(0.1, 3) * 3600, self._close)
        else:
            is_kept = self._holds(rep, "keeps the cadence", rep.keeps_cadence)
            used = rng.triangular(0.2, 0.97, 0.6) if is_kept else rng.uniform(1.05, 1.5)
            self._plan(at, work, GAP * used, self._attempt)

    def _plan_acceptance(self, at: datetime, work: Work) -> None:
        work.is_accepted = True
        is_timely = self._holds(work.rep, "tags", work.rep.tags)
        delay = self.rng.uniform(3, 50) * 60 if is_timely else self.rng.uniform(22, 50) * 3600
        self._plan(at, work, delay, self._accept)

    def _accept(self, at: datetime, *, work: Work) -> None:
        if not work.is_closed and not self._is_away(at, work, self._accept):
            self._dispose(at, work, "working")

    # --- closing -------------------------------------------------------------------------------------------
    def _close(self, at: datetime, *, work: Work) -> None:
        if work.is_closed or self._is_away(at, work, self._close):
            return
        rng, rep = self.rng, work.rep
        if at > self.end - timedelta(days=7) and self._open[rep.email] <= CALMEST:
            self._plan(at, work, 7 * 3600, self._close)
            return
        work.is_closed = True
        self._open[rep.email] -= 1
        if work.is_careless:
            self._post(at, work.dialect.closed_untagged(work.lead, at))
            if at < self.end - timedelta(days=10):
                self._plan(at, work, rng.uniform(20, 60) * 3600, self._tag_late)
        elif rng.random() < (1 - rep.tags) * 0.25:  # without the reason that it requires
            self._post(at, work.dialect.disposed(work.lead, at, disposition="disqualified"))
        elif work.is_connected:
            kind = pick(rng, {"converted": 44, "disqualified": 28, "recycled": 28})
            if kind == "converted":
                self._convert(at, work)
            else:
                reasons = {"bad_fit": 5, "bad_timing": 3} if kind == "disqualified" else {"bad_timing": 1}
                self._dispose(at, work, kind, pick(rng, reasons))
        elif work.attempts >= ATTEMPTS:
            self._dispose(at, work, pick(rng, {"recycled": 6, "disqualified": 4}), "no_response")
        else:
            kind = pick(rng, {"disqualified": 6, "recycled": 4})
            reasons = {"bad_fit": 5, "bad_data": 4} if kind == "disqualified" else {"bad_timing": 1}
            self._dispose(at, work, kind, pick(rng, reasons))

    def _tag_late(self, at: datetime, *, work: Work) -> None:
        """Somebody asked how it had ended."""
        self._dispose(at, work, "disqualified", pick(self.rng, {"bad_fit": 2, "bad_data": 1}))

    def _dispose(
        self, at: datetime, work: Work, disposition: str, reason: str = "", deal: Deal | None = None
    ) -> None:
        if disposition == "recycled":
            self.recycled.append((at, work.lead))
        if not self._is_logged_here(at, work):
            post = work.dialect.disposed(work.lead, at, disposition=disposition, reason=reason, deal=deal)
            self._post(at, post)
            return
        opportunity = (
            Opportunity.objects.get(source=work.cycle.lead.source_id, external_id=deal.external_id)
            if deal
            else None
        )
        dispose(
            cycle=work.cycle,
            disposition=disposition,
            reason=reason,
            opportunity=opportunity,
            by=self.company.users[work.rep.email],
            at=at,
            act=self._act(),
        )

    def _convert(self, at: datetime, work: Work) -> None:
        lead, rng = work.lead, self.rng
        lead.opportunities += 1
        _, least, most, _ = SEGMENTS[lead.segment]
        deal = Deal(
            external_id=f"OPP-{lead.external_id}-{lead.opportunities}",
            name=f"{lead.company}: {lead.product.lower()}",
            amount=rng.randrange(least, most, 500),
            close_on=(at + timedelta(days=rng.randint(20, 150))).date().isoformat(),
            stage=STAGES[0],
        )
        self._post_deal(at, work=work, deal=deal, position=0)
        self.timeline.plan(at + self._seconds(31, 90), self._dispose_converted, work=work, deal=deal)

    def _dispose_converted(self, at: datetime, *, work: Work, deal: Deal) -> None:
        self._dispose(at, work, "converted", deal=deal)

    def _post_deal(self, at: datetime, *, work: Work, deal: Deal, position: int) -> None:
        """An entry into a stage, and when the next one comes."""
        rng = self.rng
        is_over = position > 0 and rng.random() < 0.12 * position
        stage = pick(rng, {WON: 4, LOST: 6}) if is_over else STAGES[position]
        deal = Deal(deal.external_id, deal.name, deal.amount, deal.close_on, stage)
        post = work.dialect.deal(work.lead, at, deal=deal, rep=work.rep, is_new=position == 0)
        self._post(at, post)
        if not is_over and position + 1 < len(STAGES):
            later = work.calendar.add(at, int(rng.uniform(12, 60) * 3600))
            self.timeline.plan(later, self._post_deal, work=work, deal=deal, position=position + 1)

    # --- owners --------------------------------------------------------------------------------------------
    def _reassign_in_crm(self, at: datetime, work: Work) -> None:
        work.rep = self._colleague(work.rep)
        self.timeline.post(
            at + self._seconds(40, 400),
            work.dialect.reassigned(work.lead, at + self._seconds(20, 39), rep=work.rep),
        )

    def _assign_by_hand(self, at: datetime, *, work: Work) -> None:
        if work.is_closed:
            return
        before, work.rep = work.rep, self._colleague(work.rep)
        self._open[before.email] -= 1
        self._open[work.rep.email] += 1
        assign_by_hand(
            cycle=work.cycle,
            person=self.company.persons[work.rep.email],
            by=self.company.manager_of(work.rep),
            at=at,
            note=f"{before.name.split()[0]} is at a customer's",
        )

    def _colleague(self, rep: Rep) -> Rep:
        return self.rng.choice([other for other in REPS if other.team == rep.team and other != rep])

    # --- small things --------------------------------------------------------------------------------------
    def _post(self, at: datetime, post: Post) -> None:
        """The CRM tells us of it a few seconds later."""
        self.timeline.post(at + self._seconds(2, 30), post)

    def _plan(self, at: datetime, work: Work, seconds: float, step: object) -> None:
        """The step after so much open time of the rep's calendar."""
        self.timeline.plan(work.calendar.add(at, int(seconds)), step, work=work)  # type: ignore[arg-type]

    def _is_away(self, at: datetime, work: Work, step: object) -> bool:
        """On leave: the step waits for the return."""
        for starts_at, ends_at in self.away[work.rep.email]:
            if starts_at <= at < ends_at:
                self._plan(ends_at, work, self.rng.uniform(0.2, 6) * 3600, step)
                return True
        return False

    def _holds(self, rep: Rep, habit: str, share: float) -> bool:
        """Whether the habit holds this time: spread evenly, so that small numbers too show the rep's share."""
        kept = self._kept.setdefault((rep.email, habit), self.rng.uniform(0.2, 0.8)) + share
        self._kept[(rep.email, habit)] = kept % 1
        return kept >= 1

    def _is_logged_here(self, at: datetime, work: Work) -> bool:
        """Else in the CRM: so too while the CRM's change of the owner is still on its way to us."""
        if at <= self.end - HERE or self.rng.random() >= 0.4:
            return False
        self.timeline.settle(work.lead.external_id, at)
        work.cycle = MqlCycle.objects.select_related("lead", "owner").get(pk=work.cycle.pk)
        return work.cycle.owner == self.company.persons[work.rep.email]

    def _act(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)

    def _seconds(self, least: int, most: int) -> timedelta:
        return timedelta(seconds=self.rng.randint(least, most))
