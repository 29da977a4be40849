"""What is wrong in every real export, on purpose: each kind a few times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from dashboard.demo.past import shape
from dashboard.demo.past.deals import Sales
from dashboard.demo.past.leads import LeadMaker
from dashboard.demo.past.records import Account, Lead
from dashboard.demo.past.season import moment_on
from dashboard.demo.people import REPS

if TYPE_CHECKING:
    from dashboard.demo.past.story import Story

FREE_MAIL = "freemail.example"
OWNERLESS_CYCLES, OWNERLESS_DEALS, DUPLICATES, TWINS = 9, 5, 14, 6
WITHOUT_LEAD, WITHOUT_DATE, NEGATIVE = 12, 4, 2
UNTITLED_EVERY = 23  # of the leads that crossed


def add_scars(rng: Random, story: Story, maker: LeadMaker, sales: Sales) -> None:
    """Change and add records of the story."""
    _add_deals_without_lead(rng, story, sales)
    _take_owners_away(rng, story)
    _write_wrong_dates(rng, story)
    _spell_accounts_twice(rng, story)
    _add_duplicates(rng, story, maker)
    _leave_titles_empty(story)


def _add_deals_without_lead(rng: Random, story: Story, sales: Sales) -> None:
    """Account executives open some without the lead from which they came."""
    days = list(story.past.days())
    for _ in range(WITHOUT_LEAD):
        opened = moment_on(rng, rng.choice(days[:-1]))
        story.deals.append(
            sales.open(
                account=rng.choice(story.accounts),
                owner=rng.choice([rep for rep in REPS if "executive" in rep.title]),
                at=opened,
                lead=None,
                figures=shape.CHANNELS["outbound"],
            )
        )
    story.deals.sort(key=lambda deal: (deal.opened_at, deal.number))


def _take_owners_away(rng: Random, story: Story) -> None:
    for _, cycle in rng.sample(story.cycles(), OWNERLESS_CYCLES):
        cycle.owner = None
    for deal in rng.sample(story.deals, OWNERLESS_DEALS):
        deal.owner = None


def _leave_titles_empty(story: Story) -> None:
    """Of some MQLs nobody asked for the job title, which the definition of an MQL needs."""
    crossed = [lead for lead in story.leads if lead.cycles and lead.title]
    for lead in crossed[::UNTITLED_EVERY]:
        lead.title = ""


def _write_wrong_dates(rng: Random, story: Story) -> None:
    """Closed without a date, closed before it was opened, and an MQL closed before it crossed."""
    before = story.past.until - timedelta(days=30)
    closed = [deal for deal in story.deals if deal.entries[-1][1] < before]
    for n, deal in enumerate(rng.sample(closed, WITHOUT_DATE + NEGATIVE)):
        if n < WITHOUT_DATE:
            deal.close_on = None
        else:
            deal.opened_at = deal.entries[-1][1] + timedelta(days=rng.randint(2, 9))
    done = [
        cycle
        for _, cycle in story.cycles()
        if cycle.closed_at and cycle.closed_at < before and cycle.disposition == "disqualified"
    ]
    for cycle in rng.sample(done, NEGATIVE):
        cycle.closed_at = cycle.crossed_at - timedelta(hours=rng.randint(3, 40))
        cycle.accepted_at = None


def _spell_accounts_twice(rng: Random, story: Story) -> None:
    """A second record of the same company, with some of its leads."""
    by_account: dict[int, list[Lead]] = {}
    for lead in story.leads:
        by_account.setdefault(lead.account.number, []).append(lead)
    busy = [account for account in story.accounts if len(by_account.get(account.number, ())) > 6]
    for account in rng.sample(busy, TWINS):
        number = len(story.accounts)
        name = f"{account.name.replace(' ', '-', 1).upper()} GmbH"
        twin = Account(number, name, f"www.{account.domain}", account.segment, account.country)
        story.accounts.append(twin)
        for lead in by_account[account.number][::3]:
            lead.account, lead.company = twin, name


def _add_duplicates(rng: Random, story: Story, maker: LeadMaker) -> None:
    """The same person again some days later: with the address in other letters, or a free one; the company as typed."""
    before = story.past.until - timedelta(days=30)
    originals = [lead for lead in story.leads if lead.created_at < before and not lead.cycles]
    for n, lead in enumerate(rng.sample(originals, DUPLICATES)):
        created = lead.created_at + timedelta(days=rng.randint(1, 20), seconds=rng.randint(0, 3600))
        story.leads.append(
            replace(
                lead,
                number=maker.next_number(),
                email=lead.email.title() if n % 2 else f"{lead.email.partition('@')[0]}@{FREE_MAIL}",
                created_at=created,
                company=lead.account.name.lower(),
                responses=[],
                attempts=[],
                cycles=[],
            )
        )
