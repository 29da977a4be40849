"""The clauses of a signed SLA beside the terms that clocks run on: what marketing owes, consequences, owners, review.

```json
{
  "marketing": {
    "volumes": [{"segment": "enterprise", "mqls": 40}, {"segment": "", "mqls": 120}],   "": all other segments
    "definition": {"version": 2, "digest": "9f…"},                                      of the signed MQL definition
    "completeness_percent": 90
  },
  "channels": 3,
  "consequences": {"volume_months": 2, "missed_percent": 15, "period": "month"},
  "owners": {"sales": {"user": 4, "name": "Daniel Brandt", "title": "CRO"}, "marketing": …, "arbitration": …,
             "escalation": …},
  "ruling_within_days": 7,
  "gate": {"follow_up_percent": 85, "tagging_percent": 90, "weekly_minimum": 10},
  "report_on": "friday",
  "review_on": "2027-02-20"
}
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sla.terms import InvalidTerms, only, whole

PERIODS = {"month": "calendar month", "quarter": "calendar quarter"}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PARTS = ("sales", "marketing", "arbitration", "escalation")
"""Who is named in the SLA: for what sales owes, for what marketing owes, who rules on disputes, and to whom one goes
that is not ruled on in time."""
LEAST_FOLLOW_UP, LEAST_TAGGING = 85, 90
"""Percent above which the handoff's gate opens; an SLA may ask for more, never for less."""
MOST_SEGMENTS = 12
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2190, 1, 1)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Volume:
    """MQLs that marketing owes in a calendar month. `segment` "": all segments that no other line names."""

    segment: str
    mqls: int


@dataclass(frozen=True)
class Marketing:
    """`definition`: (version, digest) of the signed definition of an MQL. `completeness_percent`: of the MQLs of a
    month at least so many have every required field."""

    volumes: tuple[Volume, ...]
    definition: tuple[int, str]
    completeness_percent: int

    @property
    def mqls(self) -> int:
        """Owed in a month, all segments together."""
        return sum(volume.mqls for volume in self.volumes)

    def line_of(self, segment: str) -> Volume | None:
        """The line that counts MQLs of a segment; None where no line does."""
        by_name = {volume.segment.lower(): volume for volume in self.volumes}
        return by_name.get(segment.lower()) or by_name.get("")


@dataclass(frozen=True)
class Consequences:
    """`volume_months`: so many calendar months running below the volume open a renegotiation. `missed_percent`: a
    follow-up missed on more than this share of the MQLs due in a `period` (month or quarter) takes them out."""

    volume_months: int
    missed_percent: int
    period: str


@dataclass(frozen=True)
class Named:
    """A login as it was when the SLA was sent."""

    user: int
    name: str
    title: str


@dataclass(frozen=True)
class Handoff:
    """What the gate of the handoff asks of each of two consecutive full weeks: strictly above these percents, with at
    least `weekly_minimum` MQLs due: those of which a first follow-up or a disposition falls due in the week."""

    follow_up_percent: int
    tagging_percent: int
    weekly_minimum: int


@dataclass(frozen=True)
class Clauses:
    """`channels`: how many different ones the attempts of a cycle use at least. `report_on`: 0 Monday to 6 Sunday.
    `review_on`: a day in the organisation's zone."""

    marketing: Marketing
    channels: int
    consequences: Consequences
    owners: Mapping[str, Named]
    ruling_within_days: int
    handoff: Handoff
    report_on: int
    review_on: date

    @classmethod
    def from_json(cls, document: object) -> Clauses:
        """Raises InvalidTerms naming the first place that is wrong."""
        given = only(
            "clauses", document,
            "marketing", "channels", "consequences", "owners", "ruling_within_days", "gate", "report_on", "review_on",
        )  # fmt: skip
        if given["report_on"] not in WEEKDAYS:
            raise InvalidTerms(f"report_on: choose one of {', '.join(WEEKDAYS)}.")
        owners = only("owners", given["owners"], *PARTS)
        return cls(
            _marketing(given["marketing"]),
            whole("channels", given["channels"], 1, 5),
            _consequences(given["consequences"]),
            {part: _named(part, owners[part]) for part in PARTS},
            whole("ruling_within_days", given["ruling_within_days"], 1, 30),
            _handoff(given["gate"]),
            WEEKDAYS.index(given["report_on"]),
            read_day("review_on", given["review_on"]),
        )


def _marketing(document: object) -> Marketing:
    given = only("marketing", document, "volumes", "definition", "completeness_percent")
    listed = given["volumes"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_SEGMENTS:
        raise InvalidTerms(
            f"marketing: volumes: write 1 to {MOST_SEGMENTS} lines of segment and MQLs a month."
        )
    volumes = []
    for number, line in enumerate(listed, start=1):
        where = f"marketing: volume {number}"
        entry = only(where, line, "segment", "mqls")
        segment = entry["segment"]
        if not isinstance(segment, str) or len(segment) > 60 or segment != segment.strip():
            raise InvalidTerms(
                f"{where}: the segment is a text of at most 60 characters, empty for all others."
            )
        volumes.append(Volume(segment, whole(f"{where}: MQLs a month", entry["mqls"], 1, 1_000_000)))
    if len({volume.segment.lower() for volume in volumes}) < len(volumes):
        raise InvalidTerms("marketing: volumes: name each segment once.")
    cited = only("marketing: definition", given["definition"], "version", "digest")
    if not isinstance(cited["digest"], str) or not _DIGEST.fullmatch(cited["digest"]):
        raise InvalidTerms("marketing: definition: cite the signed definition of an MQL by its digest.")
    return Marketing(
        tuple(volumes),
        (whole("marketing: definition: version", cited["version"], 1, 1_000_000), cited["digest"]),
        whole("marketing: completeness_percent", given["completeness_percent"], 1, 100),
    )


def _consequences(document: object) -> Consequences:
    given = only("consequences", document, "volume_months", "missed_percent", "period")
    if given["period"] not in PERIODS:
        raise InvalidTerms(f"consequences: the period is one of {', '.join(PERIODS)}.")
    return Consequences(
        whole("consequences: volume_months", given["volume_months"], 1, 12),
        whole("consequences: missed_percent", given["missed_percent"], 1, 99),
        given["period"],
    )


def _named(part: str, document: object) -> Named:
    where = f"owners: {part}"
    given = only(where, document, "user", "name", "title")
    if not isinstance(given["name"], str) or not given["name"].strip() or not isinstance(given["title"], str):
        raise InvalidTerms(f"{where}: name a person.")
    return Named(whole(f"{where}: user", given["user"], 1, 2**31 - 1), given["name"], given["title"])


def _handoff(document: object) -> Handoff:
    given = only("gate", document, "follow_up_percent", "tagging_percent", "weekly_minimum")
    return Handoff(
        whole("gate: follow_up_percent", given["follow_up_percent"], LEAST_FOLLOW_UP, 99),
        whole("gate: tagging_percent", given["tagging_percent"], LEAST_TAGGING, 99),
        whole("gate: weekly_minimum", given["weekly_minimum"], 1, 100_000),
    )


def read_day(where: str, value: Any) -> date:
    """A day as an SLA writes it. Raises InvalidTerms."""
    try:
        found = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidTerms(f"{where}: write a day as YYYY-MM-DD.") from None
    if not FIRST_DAY <= found <= LAST_DAY or found.isoformat() != value:
        raise InvalidTerms(f"{where}: write a day as YYYY-MM-DD, from {FIRST_DAY} to {LAST_DAY}.")
    return found
