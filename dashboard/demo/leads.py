"""Leads of the demo: who they are, and when they cross the trigger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from dashboard.demo.company import CRM, ESPOCRM, FORMS, ZONE
from dashboard.demo.words import (
    CAMPAIGNS,
    COMPANY_HEADS,
    COMPANY_TAILS,
    FIRST_NAMES,
    HOURS,
    INTENTS,
    LAST_NAMES,
    OTHER_CHANNELS,
    PRODUCTS,
    SEGMENTS,
    TITLES,
)

T = TypeVar("T")
WORKDAY_BURSTS, WEEKEND_BURSTS = 3, 2
ACCOUNTS = 40


@dataclass
class DemoLead:
    """One invented lead; `account` is the number of its company. `conduct` "untouched": its rep leaves it alone."""

    number: int
    source: str
    first_name: str
    last_name: str
    account: int
    title: str
    country: str
    segment: str
    channel: str
    campaign: str
    intent: str
    product: str
    conduct: str = ""
    opportunities: int = field(default=0)

    @property
    def external_id(self) -> str:
        return f"65f0{self.number:013x}" if self.source == ESPOCRM else f"NW-{self.number:05d}"

    @property
    def company(self) -> str:
        return company_name(self.account)

    @property
    def email(self) -> str:
        return f"{self.first_name}.{self.last_name}{self.number}@{domain_name(self.account)}".lower()


@dataclass(frozen=True)
class Burst:
    """Leads that cross within one minute after `at`; `delay` is how late the CRM delivered them."""

    at: datetime
    leads: int
    is_workday: bool
    delay: timedelta = timedelta()


def company_name(account: int) -> str:
    head = COMPANY_HEADS[account % len(COMPANY_HEADS)]
    return f"{head} {COMPANY_TAILS[account * 5 % len(COMPANY_TAILS)]}"


def domain_name(account: int) -> str:
    return f"{company_name(account).lower().replace(' ', '-')}.example"


def pick(rng: Random, shares: Mapping[T, float] | Sequence[tuple[T, float]]) -> T:
    """One of these things, by its share."""
    pairs = list(shares.items()) if isinstance(shares, Mapping) else list(shares)
    return rng.choices([thing for thing, _ in pairs], [share for _, share in pairs])[0]


def make_lead(rng: Random, number: int, *, segment: str = "", intent: str = "", source: str = "") -> DemoLead:
    """An invented lead; what is not given is drawn by the shares of `dashboard.demo.words`."""
    segment = segment or pick(rng, {name: entry[0] for name, entry in SEGMENTS.items()})
    intent = intent or pick(rng, INTENTS)
    campaign = pick(rng, {name: entry[2] for name, entry in CAMPAIGNS.items()} | OTHER_CHANNELS)
    channel = CAMPAIGNS[campaign][1] if campaign in CAMPAIGNS else campaign
    if intent == "demo_request" and rng.random() < 0.4:
        campaign = channel = "demo_request"
    return DemoLead(
        number=number,
        source=source or pick(rng, {CRM: 85, ESPOCRM: 12, FORMS: 3}),
        first_name=rng.choice(FIRST_NAMES),
        last_name=rng.choice(LAST_NAMES),
        account=rng.randrange(ACCOUNTS),
        title=rng.choice(TITLES),
        country=rng.choice(SEGMENTS[segment][3]),
        segment=segment,
        channel=channel,
        campaign=campaign if campaign in CAMPAIGNS else "",
        intent=intent,
        product=rng.choice(PRODUCTS),
    )


def plan_bursts(rng: Random, *, start: datetime, end: datetime) -> list[Burst]:
    """When leads cross, from `start` to shortly before `end`: by the hours of the working day, fewer at weekends."""
    zone = ZoneInfo(ZONE)
    found: list[Burst] = []
    day = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= end:
        is_workday = day.weekday() < 5
        hours = rng.choices(
            range(24), HOURS if is_workday else [1] * 24, k=WORKDAY_BURSTS if is_workday else WEEKEND_BURSTS
        )
        for hour in sorted(hours):
            at = day.replace(hour=hour) + timedelta(minutes=rng.randrange(60), seconds=rng.randrange(60))
            leads = rng.choice((2, 3, 3, 4)) if is_workday else rng.choice((1, 2))
            late = timedelta(minutes=rng.randint(12, 40)) if rng.random() < 0.04 else timedelta()
            if start <= at < end - timedelta(minutes=10):
                found.append(Burst(at, leads, is_workday, late))
        day = (day + timedelta(hours=26)).replace(hour=0)  # 26: over a day of 25 hours too
    return sorted(found, key=lambda burst: burst.at)


def segment_at(rng: Random, burst: Burst) -> str:
    """Small companies come at any hour, the others mostly in working time."""
    hour = burst.at.astimezone(ZoneInfo(ZONE)).hour
    if (not burst.is_workday or not 7 <= hour < 21) and rng.random() < 0.85:
        return "smb"
    return ""
