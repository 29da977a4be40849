"""The opportunities of the demo's past: what they are worth, how long they take, whether they are won."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from dashboard.demo.past import shape
from dashboard.demo.past.records import Account, Deal, Lead
from dashboard.demo.past.season import Past, same_day
from dashboard.demo.people import Rep
from dashboard.demo.words import LOST, PRODUCTS, STAGES, WON

_REACHED = (
    (0.0, 0.0),
    (0.14, 0.3),
    (0.42, 0.58),
    (0.7, 0.85),
)  # share of the time at which a stage is entered
_STEPS_BACK = 0.07  # share of the deals that went from Proposal back to Evaluation for a while
_STALE = 0.08  # share of open deals whose expected day nobody has moved


class Sales:
    """Makes opportunities and leads each to its end, wherever that lies in time."""

    def __init__(self, rng: Random, past: Past) -> None:
        self.rng, self.past = rng, past
        self._number = 0

    def open(
        self,
        *,
        account: Account,
        owner: Rep | None,
        at: datetime,
        lead: Lead | None,
        figures: shape.Channel,
    ) -> Deal:
        rng, segment = self.rng, shape.SEGMENTS[account.segment]
        self._number += 1
        days = segment.days * rng.lognormvariate(0, 0.33)
        expected = at + timedelta(days=days)
        slips = shape.BAD_SLIPS if self.past.is_bad(expected) else shape.SLIPS
        is_won = rng.random() < segment.wins * figures.wins
        if rng.random() < slips:
            took = days * rng.uniform(1.4, 2.0)
        else:
            took = days * (rng.uniform(0.9, 1.1) if is_won else rng.uniform(0.45, 1.1))
        closed_at = self._in_office_hours(at + timedelta(days=took))
        product = lead.product if lead else rng.choice(PRODUCTS)
        typical = segment.deal * (shape.BAD_AMOUNT if self.past.is_bad(at) else 1.0)
        amount = round(typical * rng.lognormvariate(0, segment.spread) / 100) * 100
        return Deal(
            number=self._number,
            name=f"{account.name}: {product.lower()}",
            account=account,
            owner=owner,
            amount=amount,
            opened_at=at,
            entries=self._entries(at, closed_at, is_won=is_won),
            close_on=same_day(closed_at if closed_at <= self.past.until else self._expected(expected)),
            is_won=is_won,
            lead=lead,
        )

    def _entries(self, opened: datetime, closed: datetime, *, is_won: bool) -> list[tuple[str, datetime]]:
        """A won deal passes all stages, a lost one ends in any of them."""
        rng, found = self.rng, [(STAGES[0], opened)]
        reached = len(STAGES) if is_won else rng.choices((1, 2, 3, 4), (18, 34, 30, 18))[0]
        for stage, (least, most) in list(zip(STAGES, _REACHED, strict=True))[1:reached]:
            at = opened + (closed - opened) * rng.uniform(least, most)
            found.append((stage, at.replace(microsecond=0)))
        if reached >= 3 and rng.random() < _STEPS_BACK:
            again = found[2][1] + (closed - found[2][1]) * 0.1
            more = again + (closed - again) * 0.1
            back = [(STAGES[1], again.replace(microsecond=0)), (STAGES[2], more.replace(microsecond=0))]
            found = sorted([*found, *back], key=lambda entry: entry[1])
        return [*found, (WON if is_won else LOST, closed)]

    def _in_office_hours(self, moment: datetime) -> datetime:
        moment = moment.replace(hour=self.rng.randrange(8, 16), minute=self.rng.randrange(60), microsecond=0)
        return moment + timedelta(days=max(0, 7 - moment.weekday())) if moment.weekday() > 4 else moment

    def _expected(self, expected: datetime) -> datetime:
        """What the CRM expects of an open deal: a day still to come, unless nobody looks after it."""
        rng, until = self.rng, self.past.until
        if expected > until or rng.random() < _STALE:
            return expected
        return until + timedelta(days=rng.randint(3, 45))
