"""What happened in the demo's past, as the records of a CRM. All times in UTC, to the second."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from dashboard.demo.people import Rep

WORKING, DISQUALIFIED, RECYCLED, CONVERTED = "working", "disqualified", "recycled", "converted"


@dataclass
class Account:
    number: int
    name: str
    domain: str
    segment: str
    country: str

    @property
    def external_id(self) -> str:
        return f"ACC-{1000 + self.number}"


@dataclass(frozen=True)
class Campaign:
    external_id: str
    name: str
    channel: str


@dataclass
class Attempt:
    """An outbound touch by a rep."""

    at: datetime
    rep: Rep
    channel: str
    outcome: str

    @property
    def is_connected(self) -> bool:
        return self.outcome == "connected"


@dataclass
class Response:
    """A touch by marketing, a partner, a referral or the product."""

    at: datetime
    channel: str
    subject: str
    campaign: str = ""


@dataclass
class Deal:
    """An opportunity. `entries`: each stage with the time of entering it, the closing as the last one.

    `close_on` is the expected day, or the real one once closed; None: closed by somebody who left the date out.
    """

    number: int
    name: str
    account: Account
    owner: Rep | None
    amount: int  # whole euros
    opened_at: datetime
    entries: list[tuple[str, datetime]]
    close_on: date | None
    is_won: bool
    lead: Lead | None = None

    @property
    def external_id(self) -> str:
        return f"OPP-{10000 + self.number}"

    def stages_by(self, moment: datetime) -> list[tuple[str, datetime]]:
        return [entry for entry in self.entries if entry[1] <= moment]


@dataclass
class Cycle:
    """One pass of a lead through the handoff; an empty disposition was never set."""

    crossed_at: datetime
    owner: Rep | None
    assigned_at: datetime
    attempts: list[Attempt] = field(default_factory=list)
    accepted_at: datetime | None = None
    disposition: str = ""
    reason: str = ""
    closed_at: datetime | None = None
    deal: Deal | None = None

    def disposition_by(self, moment: datetime) -> str:
        if self.closed_at and self.closed_at <= moment:
            return self.disposition
        return WORKING if self.accepted_at and self.accepted_at <= moment else ""


@dataclass
class Lead:
    number: int
    first_name: str
    last_name: str
    email: str
    title: str
    account: Account
    channel: str
    campaign: str
    intent: str
    product: str
    created_at: datetime
    score: int
    responses: list[Response] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)  # before any crossing
    cycles: list[Cycle] = field(default_factory=list)
    company: str = ""  # as the form had it; else the account's name

    @property
    def external_id(self) -> str:
        return f"NW-{10000 + self.number}"

    def all_attempts(self) -> list[Attempt]:
        return [*self.attempts, *(attempt for cycle in self.cycles for attempt in cycle.attempts)]
