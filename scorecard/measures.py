"""What was measured of each dimension: exact counts and amounts, from which scores and their words are made.

Amounts are whole minor units per currency ("" where a record has none) and are never added across currencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from alignment.quarters import Quarter

Money = Mapping[str, int]


@dataclass(frozen=True)
class Window:
    """Full quarters on the clocks of the organisation's zone: cohorts begin in [starts_at, ends_at), in UTC."""

    first: Quarter
    last: Quarter
    zone: str

    @property
    def starts_at(self) -> datetime:
        return self.first.starts_at(self.zone)

    @property
    def ends_at(self) -> datetime:
        return self.last.ends_at(self.zone)

    @property
    def quarters(self) -> int:
        return (self.last.year - self.first.year) * 4 + self.last.number - self.first.number + 1

    @property
    def words(self) -> str:
        """ "Q4 2025 to Q3 2026"."""
        return self.first.name if self.first == self.last else f"{self.first.name} to {self.last.name}"


@dataclass(frozen=True)
class Agreement:
    """Answers compared; all zero while the required functions have not both handed in.

    `round` None: no round was opened. `waiting`: functions that still have to hand in.
    """

    round: int | None
    same: int = 0
    different: int = 0
    unknown: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def questions(self) -> int:
        return self.same + self.different + self.unknown


@dataclass(frozen=True)
class Hygiene:
    """MQL cycles that crossed in the window. `met` + `missed` are due; `running` are not due yet, and left out.

    `unassigned`: of the missed, those that nobody was given; `recorded`: cycles with any follow-up at all.
    `pipeline`: amounts of the opportunities opened in the window by leads that crossed in it. `with_deals`: cycles of
    leads that have such an opportunity with an amount, by its currency; `with_any_deal`: in whichever currency.
    """

    within: str
    met: int = 0
    missed: int = 0
    running: int = 0
    unassigned: int = 0
    recorded: int = 0
    pipeline: Money = field(default_factory=dict)
    with_deals: Mapping[str, int] = field(default_factory=dict)
    with_any_deal: int = 0

    @property
    def due(self) -> int:
        return self.met + self.missed

    @property
    def crossed(self) -> int:
        return self.due + self.running

    def crossed_of(self, currency: str) -> int:
        """Cycles that could have brought pipeline in a currency: all but those of leads with deals in others alone."""
        return self.crossed - self.with_any_deal + self.with_deals.get(currency, 0)


@dataclass(frozen=True)
class State:
    """One demand state: how many leads of the cohort reached it or a later one; None where the data cannot tell."""

    key: str
    label: str
    reached: int | None
    evidence: str


@dataclass(frozen=True)
class Conversion:
    """Leads created in the window through the demand states. `young`: had fewer than 90 days until it was measured.

    `mqls`: leads with a standing MQL cycle, whatever state they reached without one. `sqls`: of these, those that
    became SQLs, by `sql_means`: the signed predicate, or acceptance by sales; None where there is neither a predicate
    nor a record of acceptance. `sqls_opened`: of these again, those that have an opportunity.
    """

    states: tuple[State, ...]
    mqls: int
    sqls: int | None
    sqls_opened: int
    sql_means: str
    young: int

    def reached(self, key: str) -> int:
        return next((state.reached or 0 for state in self.states if state.key == key), 0)

    @property
    def leads(self) -> int:
        return self.reached("inquiry")

    @property
    def opportunities(self) -> int:
        return self.reached("opportunity")


CLASSES: Mapping[str, str] = {
    "agreed": "Agreed: one function claims it, or none where neither sourced it, as the first touch has it",
    "both": "Claimed by both",
    "neither": "Claimed by neither",
    "disagreed": "One claims it, the first touch says otherwise",
    "unproven": "One claims it, the first touch is not known",
}


@dataclass(frozen=True)
class Attribution:
    """Opportunities opened in the window by how the claims stand to the first touch (see CLASSES).

    `missing`: functions whose list was not imported yet; `without_amount`: opportunities that have none; `deals`: how
    many have one, by currency; `lists`: number of each function's list that was compared.
    """

    counts: Mapping[str, int]
    money: Mapping[str, Money]
    without_amount: int = 0
    missing: tuple[str, ...] = ()
    deals: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, int] = field(default_factory=dict)

    @property
    def opportunities(self) -> int:
        return sum(self.counts.values())

    @property
    def pipeline(self) -> Money:
        """All of it, per currency."""
        return added(*self.money.values())

    @property
    def in_dispute(self) -> Money:
        """All but what is agreed, per currency."""
        return added(*(money for name, money in self.money.items() if name != "agreed"))


@dataclass(frozen=True)
class Trust:
    """The survey's published aggregate. `mean` None: nothing is published; `why` says why, in words.

    `is_closed`: a survey ended; then there will be no figure without a new one. `between`: where questions were shown
    as a range, `ranges` of them, the lowest and the highest that the mean can be; `mean` is its middle.
    `sales_lead_quality`: what sales answered of lead quality, where that may be shown alone. `survey`: its number.
    """

    mean: Fraction | None = None
    answers: int = 0
    sales_lead_quality: Fraction | None = None
    why: str = ""
    is_closed: bool = False
    between: tuple[Fraction, Fraction] | None = None
    ranges: int = 0
    survey: int | None = None


@dataclass(frozen=True)
class Measures:
    """All five as of one moment."""

    at: datetime
    window: Window
    agreement: Agreement
    hygiene: Hygiene
    conversion: Conversion
    attribution: Attribution
    trust: Trust


def added(*amounts: Money) -> dict[str, int]:
    """Sums per currency, in order of the currencies."""
    found: dict[str, int] = {}
    for money in amounts:
        for currency, amount in money.items():
            found[currency] = found.get(currency, 0) + amount
    return dict(sorted(found.items()))
