"""The whole past of the demo company: one seed and one instant give one story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from dashboard.demo.past import shape
from dashboard.demo.past.deals import Sales
from dashboard.demo.past.leads import LeadMaker, make_accounts
from dashboard.demo.past.records import CONVERTED, RECYCLED, Account, Campaign, Cycle, Deal, Lead
from dashboard.demo.past.scars import add_scars
from dashboard.demo.past.season import QUARTERS, Past, moment_on, same_day
from dashboard.demo.past.work import Desk

SEED = 21


@dataclass
class Story:
    """All that happened, also what of it ends after `past.until`."""

    past: Past
    accounts: list[Account]
    campaigns: list[Campaign]
    leads: list[Lead]
    deals: list[Deal]

    def cycles(self) -> list[tuple[Lead, Cycle]]:
        """In order of crossing."""
        found = [(lead, cycle) for lead in self.leads for cycle in lead.cycles]
        return sorted(found, key=lambda pair: (pair[1].crossed_at, pair[0].number))


def tell_past(*, until: datetime, quarters: int = QUARTERS, seed: int = SEED) -> Story:
    """What happened in so many full quarters and in the one that runs at `until`."""
    return _Teller(Random(seed), Past.before(until.replace(microsecond=0), quarters)).tell()  # noqa: S311


class _Teller:
    """Leads come, some cross, reps work them, some become deals."""

    def __init__(self, rng: Random, past: Past) -> None:
        self.rng, self.past = rng, past
        self.accounts = make_accounts(rng)
        self.maker = LeadMaker(rng, past, self.accounts)
        self.desk, self.sales = Desk(rng, past), Sales(rng, past)
        self.deals: list[Deal] = []

    def tell(self) -> Story:
        made = self.maker.make()
        for lead, figures in made:
            if self.rng.random() < figures.crosses:
                self._cross(lead, figures, self._crossing(lead, figures))
        self.deals = [deal for deal in self.deals if not self.past.is_before(deal.entries[-1][1])]
        with_deals = {deal.lead.number for deal in self.deals if deal.lead}
        leads = [
            lead for lead, _ in made if lead.number in with_deals or not self.past.is_before(lead.created_at)
        ]
        campaigns = list(self.maker.campaigns.values())
        story = Story(self.past, self.accounts, campaigns, leads, self.deals)
        add_scars(self.rng, story, self.maker, self.sales)
        return story

    def _crossing(self, lead: Lead, figures: shape.Channel) -> datetime:
        """When the lead crosses the trigger: who asks for a demo within minutes, others in their own time."""
        if figures.days < 1:
            return lead.created_at + timedelta(seconds=self.rng.randint(30, 4 * 3600))
        days = min(self.rng.expovariate(1 / figures.days), 75)
        found = moment_on(self.rng, same_day(lead.created_at + timedelta(days=days)))
        return max(found, lead.created_at + timedelta(minutes=self.rng.randint(2, 90)))

    def _cross(self, lead: Lead, figures: shape.Channel, at: datetime) -> None:
        """This crossing, and those that follow once the lead was recycled; none after the export."""
        while at < self.past.until:
            cycle = self.desk.work(lead, figures, at)
            lead.cycles.append(cycle)
            lead.score = self.rng.randint(66, 98)
            if cycle.disposition == CONVERTED and cycle.closed_at:
                self._convert(lead, figures, cycle, cycle.closed_at)
            if cycle.disposition != RECYCLED or cycle.closed_at is None:
                return
            lead.score = self.rng.randint(12, 45) if cycle.closed_at <= self.past.until else lead.score
            if self.rng.random() >= shape.CROSSES_AGAIN:
                return
            later = same_day(cycle.closed_at + timedelta(days=self.rng.randint(*shape.AGAIN_DAYS)))
            at = moment_on(self.rng, later)

    def _convert(self, lead: Lead, figures: shape.Channel, cycle: Cycle, at: datetime) -> None:
        """The deal was opened some minutes before the lead was closed as converted."""
        opened = at - timedelta(seconds=self.rng.randint(20, 900))
        cycle.deal = self.sales.open(
            account=lead.account, owner=cycle.owner, at=opened, lead=lead, figures=figures
        )
        self.deals.append(cycle.deal)
