"""Weeks of history for the demo company, told through the real pipeline in the order in which it happened.

Deliveries are dated as received in the past and drained with the clock of that time; reps act through the
services of the queue; sweeps judge in between. One seed gives one history for one instant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from alignment.models import Delivery, DeliveryState, MqlCycle
from dashboard.demo import people
from dashboard.demo.company import CRM, ESPOCRM, FORMS, Company
from dashboard.demo.events import Dialect, EspoCrm, Post, Standard, account_id, standard_event
from dashboard.demo.leads import (
    ACCOUNTS,
    Burst,
    DemoLead,
    company_name,
    domain_name,
    make_lead,
    plan_bursts,
    segment_at,
)
from dashboard.demo.past.aftermath import events_after, returning
from dashboard.demo.past.story import Story
from dashboard.demo.reps import Desk
from dashboard.demo.timeline import Timeline
from dashboard.demo.words import CAMPAIGNS
from handoff.models import PoolMember
from handoff.services.pools import add_leave, pause_member
from sla.services import roll_up

SEED = 20
DAYS = 35
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DRAINED_AFTER = timedelta(seconds=70)
RETURNS_AFTER = timedelta(days=4)
# (minutes before the end, segment, intent, conduct): what is in the queues when the demo starts.
AT_THE_END = (
    (1460, "smb", "content", "untouched"),
    (1434, "smb", "webinar", "untouched"),
    (1418, "smb", "content", "untouched"),
    (1395, "smb", "newsletter", "untouched"),
    (1100, "smb", "webinar", "untouched"),
    (610, "smb", "content", "untouched"),
    (95, "enterprise", "content", "untouched"),
    (64, "", "webinar", "untouched"),
    (33, "mid_market", "pricing", "untouched"),
    (21, "enterprise", "demo_request", "untouched"),
    (17, "smb", "demo_request", "untouched"),
    (4, "smb", "demo_request", "untouched"),
    (3, "smb", "pricing", "untouched"),
    (2, "smb", "demo_request", "untouched"),
)
# (days before the end, how far the CRM's clock was behind when it said so): not believed, the receipt counts
DISBELIEVED = ((9.1, timedelta(hours=80)), (2.2, timedelta(hours=-3)))
OWNERLESS = (170, 24)  # minutes before the end: two leads of EspoCRM to which nobody gave an owner


@dataclass(frozen=True)
class Told:
    """What the history came to."""

    deliveries: int
    mqls: int


def is_told() -> bool:
    """Whether anything was delivered to the demo company."""
    return Delivery.objects.exists()


class History:
    """Plans marketing's side, the ends of the story, and runs the timeline."""

    def __init__(self, company: Company, *, at: datetime, days: int, seed: int) -> None:
        self.company, self.end = company, at
        self.start = at - days * DAY
        self.rng = Random(seed)  # noqa: S311 - a story, not a secret
        self.crm, self.forms = Standard(company.crm), Standard(company.forms, is_signed=False)
        self.dialects: dict[str, Dialect] = {
            CRM: self.crm,
            FORMS: self.forms,
            ESPOCRM: EspoCrm(company.espocrm),
        }
        self.timeline = Timeline(self._after_drain)
        self.desk = Desk(company, self.timeline, self.rng, at, self.dialects)
        self.bursts = plan_bursts(self.rng, start=self.start, end=at)
        self._number = 0

    def plan(self, past: Story | None = None) -> None:
        self._name_accounts_and_campaigns()
        self._plan_absences()
        for burst in self.bursts:
            for _ in range(burst.leads):
                self._plan_mql(self._lead(segment=segment_at(self.rng, burst)), burst)
            if self.rng.random() < 0.4:
                self._plan_nurture_only(burst)
            self.timeline.plan(burst.at + burst.delay + DRAINED_AFTER, self.timeline.sweep)
        for minutes, segment, intent, conduct in AT_THE_END:
            lead = self._lead(segment=segment, intent=intent, source=CRM)
            lead.conduct = conduct
            self._plan_now(lead, self.end - minutes * MINUTE)
        for days, behind in DISBELIEVED:
            self._plan_now(self._lead(segment="smb", source=CRM), self.end - days * DAY, behind=behind)
        for minutes in OWNERLESS:
            lead = self._lead(segment="mid_market", intent="content", source=ESPOCRM)
            self._plan_now(lead, self.end - minutes * MINUTE)
        if past is not None:
            self._go_on_from(past)
        at = self.start
        while at < self.end:
            self.timeline.plan(at, self.timeline.sweep)
            left = self.end - at
            at += 24 * HOUR if left > 3 * DAY else 3 * HOUR if left > 6 * HOUR else 45 * MINUTE

    def run(self, say: Callable[[str], None]) -> Told:
        at = self.start
        while at < self.end:
            at = min(at + 7 * DAY, self.end)
            self.timeline.run(at)
            say(f"  up to {at:%d %b}: {MqlCycle.objects.live().count()} MQLs")
        self.timeline.sweep(self.end)
        self._trouble_at_the_sources()
        roll_up(at=self.end)
        return Told(Delivery.objects.count(), MqlCycle.objects.filter(is_history=False).count())

    # --- marketing's side ----------------------------------------------------------------------------------
    def _lead(self, *, segment: str = "", intent: str = "", source: str = "") -> DemoLead:
        self._number += 1
        lead = make_lead(self.rng, self._number, segment=segment, intent=intent, source=source)
        self.desk.leads[lead.external_id] = lead
        return lead

    def _name_accounts_and_campaigns(self) -> None:
        at = self.start - 12 * DAY
        events = [
            standard_event("account.updated", account_id(n), at, name=company_name(n), domain=domain_name(n))
            for n in range(ACCOUNTS)
        ]
        events += [
            standard_event("campaign.updated", key, at, name=name, channel=channel)
            for key, (name, channel, _) in CAMPAIGNS.items()
        ]
        body = [{"id": f"evt_{n:04d}", **event} for n, event in enumerate(events, start=1)]
        self.timeline.post(
            at, Post(self.company.crm, json.dumps(body).encode(), "msg_accounts_and_campaigns", "")
        )
        self._rename_a_campaign()

    def _rename_a_campaign(self) -> None:
        """Campaigns are looked after, too: the CRM said something of one of them some days ago."""
        at = max(self.start, self.end - 16 * DAY)
        key, (name, channel, _) = next(iter(CAMPAIGNS.items()))
        told = {"id": "evt_campaign_renamed"} | standard_event(
            "campaign.updated", key, at, name=f"{name} and arms", channel=channel
        )
        self.timeline.post(
            at, Post(self.company.crm, json.dumps([told]).encode(), "msg_campaign_renamed", "")
        )

    def _plan_mql(self, lead: DemoLead, burst: Burst) -> None:
        """A lead that crosses within this burst, most of them after some time as an inquiry."""
        rng = self.rng
        crossing = burst.at + timedelta(seconds=rng.randrange(60))
        received = crossing + burst.delay + timedelta(seconds=rng.randint(1, 8))
        dialect = self.dialects[lead.source]
        score = rng.randint(66, 97)
        if lead.source == CRM and (lead.channel == "demo_request" or rng.random() < 0.25):
            self.timeline.post(received, self.crm.created(lead, crossing, score=score))
            return
        self._plan_inquiry(lead, crossing - timedelta(days=rng.uniform(0.2, 10)), crossing)
        owner = None
        if lead.source == ESPOCRM:
            owner = rng.choice(
                [rep for rep in people.REPS if (rep.team == people.DESK) == (lead.segment == "smb")]
            )
            crossing = received  # updates of EspoCRM carry no time: the receipt stands in
        self.timeline.post(received, dialect.scored(lead, crossing, score=score, owner=owner))

    def _plan_inquiry(self, lead: DemoLead, created: datetime, until: datetime) -> None:
        dialect = self.dialects[lead.source]
        self.timeline.post(
            created + 3 * MINUTE, dialect.created(lead, created, score=self.rng.randint(5, 45))
        )
        if not isinstance(dialect, Standard):
            return
        name = CAMPAIGNS[lead.campaign][0] if lead.campaign else "Visited the product pages"
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            touched = created + (until - created) * self.rng.random()
            self.timeline.post(touched + 4 * MINUTE, dialect.touched(lead, touched, subject=name))

    def _plan_nurture_only(self, burst: Burst) -> None:
        """An inquiry that has not crossed yet."""
        self._plan_inquiry(self._lead(source=CRM), burst.at, min(burst.at + 5 * DAY, self.end))

    def _plan_now(self, lead: DemoLead, crossing: datetime, *, behind: timedelta = timedelta()) -> None:
        """A lead that crosses at once and is drained as fast as in real life."""
        received = crossing + timedelta(seconds=2)
        crossing -= behind
        if lead.source == ESPOCRM:
            created = self.dialects[ESPOCRM].created(lead, crossing - 2 * HOUR, score=30)
            self.timeline.post(crossing - 2 * HOUR, created)
            self.timeline.post(received, self.dialects[ESPOCRM].scored(lead, received, score=72))
        else:
            score = self.rng.randint(66, 97)
            self.timeline.post(received, self.dialects[lead.source].created(lead, crossing, score=score))
        self.timeline.plan(received + timedelta(seconds=2), self.timeline.drain)

    def _after_drain(self, at: datetime) -> None:
        self.desk.take_new(at)
        for recycled_at, lead in self.desk.recycled:
            self._plan_return(recycled_at, lead)
        self.desk.recycled.clear()

    def _plan_return(self, recycled_at: datetime, lead: DemoLead) -> None:
        """Back in nurture; some cross again, with the next burst after some days."""
        if not isinstance(dialect := self.dialects[lead.source], Standard):
            return
        cooled = recycled_at + HOUR
        self.timeline.post(cooled, dialect.scored(lead, cooled, score=self.rng.randint(15, 40)))
        later = [burst for burst in self.bursts if burst.at > recycled_at + RETURNS_AFTER]
        if later and self.rng.random() < 0.4:
            again = later[0].at + timedelta(seconds=self.rng.randrange(60))
            self.timeline.post(again + timedelta(seconds=4), dialect.scored(lead, again, score=81))
            self.timeline.plan(later[0].at + DRAINED_AFTER, self.timeline.drain)

    # --- the imported past ---------------------------------------------------------------------------------
    def _go_on_from(self, past: Story) -> None:
        """Its open ends as events of the CRM, applied with what else comes; some of its leads cross again."""
        for at, post in events_after(past, self.crm, until=self.end - HOUR):
            self.timeline.post(at + timedelta(seconds=10), post)
        early = [burst for burst in self.bursts if burst.is_workday and burst.at < self.end - 7 * DAY]
        if not early:
            return
        rng = Random(self._number)  # noqa: S311 - the live story draws the same as without a past
        for lead in returning(past, rng):
            self.desk.leads[lead.external_id] = lead
            burst = rng.choice(early)
            at = burst.at + timedelta(seconds=rng.randrange(60))
            self.timeline.post(
                at + timedelta(seconds=5), self.crm.scored(lead, at, score=rng.randint(68, 92))
            )

    # --- absences and trouble ------------------------------------------------------------------------------
    def _plan_absences(self) -> None:
        """One rep on leave and one paused when the demo starts, and one leave that is over."""
        self.timeline.plan(self.end - 2 * DAY, self._leave, rep=people.ON_LEAVE, days=8)
        self.timeline.plan(self.end - 26 * HOUR, self._pause, rep=people.PAUSED)
        if self.start < self.end - 20 * DAY:
            self.timeline.plan(self.end - 20 * DAY, self._leave, rep=people.REPS[2], days=3)

    def _leave(self, at: datetime, *, rep: people.Rep, days: int) -> None:
        self.desk.away[rep.email].append((at, at + days * DAY))
        add_leave(
            person=self.company.persons[rep.email],
            starts_at=at,
            ends_at=at + days * DAY,
            note="Annual leave",
            by=self.company.manager_of(rep),
            at=at,
        )

    def _pause(self, at: datetime, *, rep: people.Rep) -> None:
        for member in PoolMember.objects.filter(person=self.company.persons[rep.email]).order_by("pk"):
            pause_member(member=member, reason="Training week", by=self.company.manager_of(rep), at=at)

    def _trouble_at_the_sources(self) -> None:
        """Two events that cannot be read, and one id that came with two bodies."""
        for minutes, event in (
            (47, {"id": "zap-901", "type": "lead.upsert", "data": {"external_id": "form-17"}}),
            (12, {"id": "zap-902", **standard_event("lead.created", "form-18", self.end, score="hot")}),
        ):
            post = Post(self.company.forms, json.dumps(event).encode(), None, "form")
            self.timeline.post(self.end - minutes * MINUTE, post)
        self.timeline.run(self.end)
        self.timeline.drain(self.end)
        first = Delivery.objects.filter(endpoint=self.company.crm).order_by("-pk")[0]
        body = bytes(first.body or b"").replace(b"}", b" }")
        Delivery.objects.create(
            source=first.source,
            endpoint=first.endpoint,
            body=body,
            body_sha256=hashlib.sha256(body).digest(),
            received_at=self.end,
            state=DeliveryState.CONFLICT,
            items=0,
            conflicts_with=first,
        )


def tell(
    company: Company,
    *,
    at: datetime,
    days: int = DAYS,
    seed: int = SEED,
    past: Story | None = None,
    say: Callable[[str], None],
) -> Told:
    """Live through the `days` up to `at`; `past` was imported as of their beginning."""
    history = History(company, at=at, days=days, seed=seed)
    history.plan(past)
    return history.run(say)
