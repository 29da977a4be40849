"""What an adherence report says, as plain values that a page shows, a mail tells and a row of evidence keeps.

One unit for both sides: promises kept of promises due, in whole numbers.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from alignment.business_time.zones import start_of_day

T = TypeVar("T")
VOLUME, COMPLETENESS = "volume", "completeness"
MARKETING = (VOLUME, COMPLETENESS)
SALES = ("follow_up", "disposition", "assign", "attempt")
LABELS: Mapping[str, str] = {
    VOLUME: "MQLs delivered",
    COMPLETENESS: "MQLs complete",
    "follow_up": "First follow-up",
    "disposition": "Disposition",
    "assign": "Assigned",
    "attempt": "Next attempt",
}
SAYS: Mapping[str, str] = {
    VOLUME: "Each MQL promised is one promise. Due is the signed monthly volume, in equal parts for each working day "
    "that has passed.",
    COMPLETENESS: "Each MQL that crossed is one promise: every field that the signed definition requires is filled.",
    "follow_up": "From assignment until the first attempt by sales, or the closing of the cycle.",
    "disposition": "From assignment until a disposition with all that it requires.",
    "assign": "From crossing the trigger until a named owner has the lead.",
    "attempt": "From one attempt to the next, until the agreed number, a two-way contact or the closing.",
}


class NothingSigned(LookupError):
    """No signed SLA is in force, so there is nothing that a report could judge."""


@dataclass(frozen=True)
class Span:
    """Local days from `first` until before `end`. `key`: "week" (a full one), "now" (the week in progress), "month"."""

    key: str
    first: date
    end: date

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)

    def starts_at(self, zone: str) -> datetime:
        return start_of_day(self.first, zone)

    def ends_at(self, zone: str) -> datetime:
        return start_of_day(self.end, zone)


@dataclass(frozen=True)
class Cell:
    """One promise in one span. `kept` of `due`, as known first. `restated`: kept, with evidence that came late.
    `ruled` of `ruled_due`: with rulings as well, clocks held by an open dispute counting as not kept.
    `waiting`: sales' clocks that still run. `counted`: MQLs that crossed, of marketing's promises."""

    kept: int = 0
    due: int = 0
    restated: int = 0
    ruled: int = 0
    ruled_due: int = 0
    waiting: int = 0
    counted: int = 0

    @property
    def missed(self) -> int:
        return self.due - self.kept

    @property
    def missed_by_clause(self) -> int:
        """Of `ruled_due`, missed as the consequence clause counts: late evidence changes nothing, what a ruling set
        aside counts as kept, a clock that an open dispute holds as missed."""
        return self.ruled_due - self.kept - (self.ruled - self.restated)

    @property
    def has_rulings(self) -> bool:
        """Whether a ruling or a dispute says something else than the evidence."""
        return (self.ruled, self.ruled_due) != (self.restated, self.due)

    @property
    def is_changed(self) -> bool:
        """Whether late evidence, a ruling or a dispute says something else than what was known first."""
        return self.restated != self.kept or (self.ruled, self.ruled_due) != (self.kept, self.due)


def plain(kept: int, due: int, *, counted: int) -> Cell:
    """A cell of marketing's, about which nothing is ruled."""
    return Cell(kept, due, kept, kept, due, counted=counted)


@dataclass(frozen=True)
class Line:
    """One promise in each span of the report. `segment`: None for all, else a line of the signed SLA."""

    promise: str
    cells: tuple[Cell, ...]
    segment: str | None = None

    @property
    def label(self) -> str:
        return LABELS[self.promise]

    @property
    def says(self) -> str:
        return SAYS[self.promise]


@dataclass(frozen=True)
class GroupLine:
    """A rep, team or segment in the full week; `key` is the id or the name ('' for none)."""

    key: str
    label: str
    cells: dict[str, Cell]


@dataclass(frozen=True)
class Prorated:
    """How the volume of a month became what is due by now: `mqls` × `passed` ÷ `working_days`, rounded down."""

    month: date
    segment: str
    mqls: int
    passed: int
    working_days: int
    due: int


@dataclass(frozen=True)
class PastWeek:
    """`kept`: promise to (kept, due)."""

    monday: date
    kept: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Signed:
    """The signed SLA whose terms ran when the report was made, and the definition of an MQL that it cites.
    `revoked_at`: since when its signatures counted no more, with nothing signed in its place."""

    number: int
    digest: str
    in_force_from: datetime
    definition: int
    definition_digest: str
    completeness_percent: int
    missed_percent: int
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class Near:
    """How near the consequences are. `missed` of `due` follow-ups in the month or quarter (`kind`) that began on
    `first`, as the clause counts them; so many `more` misses and they are more than `percent`, 0: they are already.
    `volume_left`: MQLs that the month still lacks; `months_missed`: full months running that were missed before it,
    of `months_allowed`."""

    first: date
    kind: str
    percent: int
    missed: int
    due: int
    more: int
    volume_promised: int
    volume_left: int
    months_missed: int
    months_allowed: int


@dataclass(frozen=True)
class Report:
    """Everything of one report. `not_judged`: why the month has no promised volume; empty where it has one.
    `near`: None where the SLA is revoked, so that no consequence follows."""

    monday: date
    zone: str
    as_known_at: datetime
    complete_until: datetime
    is_settled: bool
    signed: Signed
    judged_by: tuple[int, ...]
    spans: tuple[Span, ...]
    marketing: tuple[Line, ...]
    sales: tuple[Line, ...]
    by_segment: tuple[Line, ...]
    groups: dict[str, tuple[GroupLine, ...]]
    prorated: tuple[Prorated, ...]
    not_judged: str
    near: Near | None
    open_disputes: int
    trend: tuple[PastWeek, ...]


def to_json(value: Any) -> Any:
    """As JSON: days and instants in ISO 8601."""
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def from_json(shape: type[T], document: Any) -> T:
    """What `to_json` made of a value of this type; fields that came later than the row have their defaults."""
    found: T = _read(shape, document)
    return found


def _read(shape: Any, value: Any) -> Any:
    origin, inner = get_origin(shape), get_args(shape)
    if origin is types.UnionType:
        return None if value is None else _read(inner[0], value)
    if origin is tuple:
        shapes = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_read(each, part) for each, part in zip(shapes, value, strict=True))
    if origin is dict:
        return {key: _read(inner[1], each) for key, each in value.items()}
    if is_dataclass(shape):
        hints = get_type_hints(shape)
        known = [field.name for field in fields(shape) if field.name in value]  # later fields have defaults
        return shape(**{name: _read(hints[name], value[name]) for name in known})  # type: ignore[operator]
    return shape.fromisoformat(value) if shape in {date, datetime} else value
