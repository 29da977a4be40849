"""Who came in the demo's past: accounts, campaigns, and leads with what they answered to."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import NamedTuple

from dashboard.demo.leads import pick
from dashboard.demo.past import season, shape
from dashboard.demo.past.records import Account, Attempt, Campaign, Lead, Response
from dashboard.demo.past.season import Past, Quarter
from dashboard.demo.people import REPS
from dashboard.demo.words import (
    COMPANY_HEADS,
    COMPANY_TAILS,
    FIRST_NAMES,
    LAST_NAMES,
    PRODUCTS,
    SEGMENTS,
    TITLES,
)

REGIONS = ("Nord", "Iberia", "Benelux", "Central", "Pacific", "Adria", "Midlands")
AFTERTHOUGHTS = {0: 66, 1: 24, 2: 10}  # further responses of a lead
_RESPONSES = {
    "content": "Downloaded the buyer's checklist",
    "webinar": "Watched a recording",
    "email": "Clicked in the newsletter",
    "organic_search": "Visited the pricing page",
}
_OTHERS = {
    "partner": "Introduced by a partner",
    "referral": "Recommended by a customer",
    "product": "Trial signed up",
}


class Origin(NamedTuple):
    """Where a lead of a day comes from."""

    channel: str
    figures: shape.Channel
    campaign: str


def make_accounts(rng: Random) -> list[Account]:
    """The companies of the past, all with different names and domains."""
    found = []
    heads, tails = len(COMPANY_HEADS), len(COMPANY_TAILS)
    for number in range(shape.ACCOUNTS):
        name = (
            f"{COMPANY_HEADS[number % heads]} {COMPANY_TAILS[number // heads % tails]} "
            f"{REGIONS[number // (heads * tails)]}"
        )
        segment = pick(rng, [(name, entry.share) for name, entry in shape.SEGMENTS.items()])
        domain = f"{name.lower().replace(' ', '-')}.example"
        found.append(Account(number, name, domain, segment, rng.choice(SEGMENTS[segment][3])))
    return found


def make_campaigns(past: Past) -> dict[tuple[str, str], Campaign]:
    """By quarter and channel; the flood runs in the bad quarter alone."""
    found = {}
    for quarter in past.quarters:
        running = {name: figures.campaign for name, figures in shape.CHANNELS.items() if figures.campaign}
        if quarter == past.bad:
            running[shape.FLOOD_CHANNEL] = shape.FLOOD.campaign
        for channel, title in running.items():
            key = f"CMP-{quarter.name}-{channel.replace('_', '-').upper()}"
            found[quarter.name, channel] = Campaign(key, f"{title} ({quarter.name})", channel)
    return found


class LeadMaker:
    """Makes the leads of one day after the other; `figures` of each lead's channel stay beside it."""

    def __init__(self, rng: Random, past: Past, accounts: list[Account]) -> None:
        self.rng, self.past, self.accounts = rng, past, accounts
        self.campaigns = make_campaigns(past)
        self._weights = list(
            accumulate(shape.SEGMENTS[each.segment].leads * rng.uniform(0.3, 1.7) for each in accounts)
        )
        self._channels = list(shape.CHANNELS.items())
        self._shares = [figures.share for _, figures in self._channels]
        self._number = 0
        self._namesakes: set[tuple[str, str, int]] = set()

    def make(self) -> list[tuple[Lead, shape.Channel]]:
        """All leads, in order of creation."""
        found = []
        for day in self.past.days():
            quarter = Quarter.of(day)
            count = self.past.leads_on(self.rng, day)
            origins = [
                self._origin(name, figures, quarter)
                for name, figures in self.rng.choices(self._channels, self._shares, k=count)
            ]
            event = self._origin("event", shape.CHANNELS["event"], quarter)
            origins += [event] * season.fair_on(self.rng, day)
            if flood := self.past.flood_on(self.rng, day):
                origins += [self._origin(shape.FLOOD_CHANNEL, shape.FLOOD, quarter)] * flood
            moments = sorted(season.moment_on(self.rng, day) for _ in origins)
            self.rng.shuffle(origins)
            found += [
                (self._lead(origin, moment), origin.figures)
                for origin, moment in zip(origins, moments, strict=True)
                if moment < self.past.until - timedelta(minutes=10)
            ]
        return found

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def _origin(self, channel: str, figures: shape.Channel, quarter: Quarter) -> Origin:
        campaign = self.campaigns.get((quarter.name, channel))
        return Origin(channel, figures, campaign.external_id if campaign else "")

    def _lead(self, origin: Origin, created_at: datetime) -> Lead:
        rng = self.rng
        account = self.accounts[bisect_left(self._weights, rng.random() * self._weights[-1])]
        if origin.figures is shape.FLOOD and account.segment != "smb" and rng.random() < 0.6:
            account = next(each for each in self.accounts[rng.randrange(800) :] if each.segment == "smb")
        number = self.next_number()
        first, last = self._name(account)
        lead = Lead(
            number=number,
            first_name=first,
            last_name=last,
            email=f"{first}.{last}{number}@{account.domain}".lower(),
            title=rng.choice(TITLES),
            account=account,
            channel=origin.channel,
            campaign=origin.campaign,
            intent=pick(rng, shape.INTENTS.get(origin.channel, shape.OTHER_INTENTS)),
            product=rng.choice(PRODUCTS),
            created_at=created_at,
            score=rng.randint(5, 60),
        )
        self._respond(lead)
        return lead

    def _name(self, account: Account) -> tuple[str, str]:
        """No two people of one company share a name: whoever does is the same person twice, on purpose."""
        while True:
            first, last = self.rng.choice(FIRST_NAMES), self.rng.choice(LAST_NAMES)
            if (first, last, account.number) not in self._namesakes:
                self._namesakes.add((first, last, account.number))
                return first, last

    def _respond(self, lead: Lead) -> None:
        """The response that made the lead, and some later ones; an outbound lead was called before it was one."""
        rng, before = self.rng, timedelta(seconds=self.rng.randint(20, 120))
        if lead.campaign:
            subject = next(each.name for each in self.campaigns.values() if each.external_id == lead.campaign)
            lead.responses.append(Response(lead.created_at - before, lead.channel, subject, lead.campaign))
        elif lead.channel in _OTHERS:
            lead.responses.append(Response(lead.created_at - before, lead.channel, _OTHERS[lead.channel]))
        elif lead.channel == "outbound":
            rep = rng.choice(REPS)
            for n in range(rng.randint(1, 3), 0, -1):
                at = lead.created_at - timedelta(days=2 * n, minutes=rng.randint(0, 90))
                lead.attempts.append(Attempt(at, rep, "call", "connected" if n == 1 else "no_answer"))
        for _ in range(pick(rng, AFTERTHOUGHTS)):
            at = lead.created_at + timedelta(seconds=int(rng.expovariate(1 / (9 * 86400))) + 3600)
            if at < self.past.until:
                channel, subject = rng.choice(list(_RESPONSES.items()))
                lead.responses.append(Response(at, channel, subject))
