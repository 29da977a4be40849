"""The figures that give the demo's past its shape: seasons, channels, segments, habits of reps, the bad quarter."""

from __future__ import annotations

from dataclasses import dataclass

LEADS_A_DAY = 19.3  # on a day of weight 1
WARM_UP = 100  # days before the first quarter from which deals reach into it
MONTHS = {
    1: 0.95, 2: 1.0, 3: 1.15, 4: 1.0, 5: 1.1, 6: 1.0, 7: 0.85, 8: 0.6, 9: 1.18, 10: 1.15, 11: 1.1, 12: 0.9,
}  # fmt: skip
WEEKDAYS = (1.1, 1.2, 1.15, 1.1, 0.85, 0.25, 0.3)  # Monday to Sunday
HOLIDAYS, HOLIDAY_WEIGHT = ((12, 20), (1, 4)), 0.3  # first and last day (month, day) around the New Year
FAIRS = ((2, 24), (5, 19), (9, 22), (11, 10))  # first days (month, day) of trade fairs
FAIR_DAYS, FAIR_LEADS = 4, 22.0


@dataclass(frozen=True)
class Channel:
    """How much a channel brings and what it is worth.

    `share` of all leads (any unit); the others are rates 0-1, those of one step after the other: leads that cross,
    MQLs that an average rep accepts, accepted ones that become opportunities. `wins`: factor on the win rate of the
    segment. `days`: mean days from the lead to the crossing. `campaign`: its campaign, by name, begun every quarter.
    """

    share: float
    crosses: float
    accepted: float
    opportunity: float
    wins: float
    days: float
    campaign: str = ""


CHANNELS = {
    "demo_request": Channel(9, 0.66, 0.94, 0.47, 1.15, 0.05),
    "paid_search": Channel(20, 0.26, 0.82, 0.32, 0.95, 5, "Paid search: warehouse robots"),
    "organic_search": Channel(15, 0.27, 0.85, 0.36, 1.0, 7),
    "content": Channel(22, 0.125, 0.76, 0.24, 0.8, 14, "Guide: robots in 90 days"),
    "webinar": Channel(16, 0.15, 0.76, 0.24, 0.85, 10, "Webinar: picking without people"),
    "event": Channel(3, 0.26, 0.83, 0.32, 1.0, 6, "Trade fair"),
    "email": Channel(7, 0.17, 0.79, 0.28, 0.9, 9, "Newsletter"),
    "partner": Channel(3.2, 0.56, 0.94, 0.50, 1.4, 2),
    "referral": Channel(2.2, 0.55, 0.93, 0.48, 1.3, 2),
    "product": Channel(1.6, 0.50, 0.9, 0.42, 1.1, 8),
    "outbound": Channel(4, 0.4, 0.9, 0.36, 0.85, 12),
    "": Channel(1.6, 0.22, 0.77, 0.26, 0.9, 8),
}
FLOOD = Channel(0, 0.38, 0.46, 0.1, 0.6, 3, "Giveaway: win a robot arm")
FLOOD_CHANNEL, FLOOD_DAYS, FLOOD_LEADS = "paid_social", 42, 14.0
INTENTS = {
    "demo_request": {"demo_request": 8, "pricing": 2},
    "webinar": {"webinar": 9, "content": 1},
    "content": {"content": 9, "newsletter": 1},
    "email": {"newsletter": 8, "content": 2},
    "": {"content": 5, "webinar": 2, "newsletter": 3},
}
OTHER_INTENTS = {"pricing": 3, "content": 4, "webinar": 1, "demo_request": 2}


@dataclass(frozen=True)
class Segment:
    """`share` of accounts and `leads` that one of them brings beside another; the median deal in whole euros with the
    spread of its logarithm; the median days to the closing; the share of closed deals that are won, 0-1."""

    share: float
    leads: float
    deal: int
    spread: float
    days: int
    wins: float


SEGMENTS = {
    "smb": Segment(62, 1, 9_000, 0.4, 34, 0.26),
    "mid_market": Segment(28, 1.7, 36_000, 0.42, 55, 0.24),
    "enterprise": Segment(10, 3.2, 130_000, 0.42, 82, 0.215),
}
ACCOUNTS = 1100


@dataclass(frozen=True)
class Habits:
    """How a rep works: median open hours to the first follow-up; share (0-1) of MQLs whose disposition is never set;
    share of acceptable MQLs disqualified as a bad fit all the same; whether what comes from Friday on waits until
    Tuesday."""

    hours: float = 4.0
    forgets: float = 0.03
    bad_fit: float = 0.0
    waits_for_tuesday: bool = False


HABITS = {
    "Lena Hoffmann": Habits(hours=1.2, forgets=0),
    "Aisha Khan": Habits(hours=2.0, forgets=0.01),
    "Piotr Nowak": Habits(hours=6.0, waits_for_tuesday=True),
    "Marcus Lee": Habits(hours=5.0, bad_fit=0.36),
    "Nico Rossi": Habits(hours=5.0, forgets=0.34),
}
PUNCTUAL, WAITS_FOR_TUESDAY, TOO_STRICT, FORGETFUL = (
    "Lena Hoffmann",
    "Piotr Nowak",
    "Marcus Lee",
    "Nico Rossi",
)

# In the bad quarter: slower by this factor, fewer accepted, fewer of these made opportunities, smaller
# deals, deals that slip.
BAD_SLOWER, BAD_ACCEPTED, BAD_OPPORTUNITY, BAD_AMOUNT, BAD_SLIPS = 3.5, 0.86, 0.55, 0.85, 0.5
SLIPS = 0.2
CROSSES_AGAIN, AGAIN_DAYS = 0.34, (18, 110)  # of the recycled ones, and after how many days
QUARTERLY_TARGET = 1_800_000  # closed-won in whole euros that sales plans for a quarter
