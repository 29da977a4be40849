"""The terms of an agreement as one checked document: trigger, tiers, windows, cadence, calendars.

```json
{
  "trigger": {"kind": "score", "threshold": 65},       or {"kind": "field", "field": "lifecycle", "value": "mql"}
  "assign_within": {"amount": 5, "unit": "minutes", "time": "elapsed"},
  "tiers": [
    {"name": "high_intent", "label": "High intent", "when": {"field": "intent", "in": ["demo_request"]},
     "follow_up_within": {"amount": 5, "unit": "minutes", "time": "business"},
     "disposition_within": {"amount": 8, "unit": "hours", "time": "business"}},
    {"name": "standard", "label": "Standard", "when": null, ...}          the last one takes all others
  ],
  "cadence": {"attempts": 6, "gap": {"amount": 16, "unit": "hours", "time": "business"}},
  "warn_at_percent": 75,
  "calendars": {"default": 1, "teams": {"3": 2}}                        ids of alignment.Calendar
}
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}
TRIGGER_FIELDS = ("lifecycle", "status")
TIER_FIELDS = ("intent", "channel", "segment", "product", "country")


class InvalidTerms(ValueError):
    """The document is not a usable agreement; the message says where and what to write."""


def only(where: str, document: object, *keys: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise InvalidTerms(f"{where}: write an object with {', '.join(keys)}.")
    unknown = sorted(set(document) - set(keys))
    if unknown:
        raise InvalidTerms(f"{where}: unknown {', '.join(unknown)}; it has {', '.join(keys)}.")
    missing = sorted(set(keys) - set(document))
    if missing:
        raise InvalidTerms(f"{where}: {', '.join(missing)} missing.")
    return document


def whole(where: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidTerms(f"{where}: write a whole number from {low} to {high}.")
    return value


@dataclass(frozen=True)
class Window:
    """A length of time: `seconds` of business time of the team's calendar, or of elapsed time."""

    amount: int
    unit: str
    is_business: bool

    @property
    def seconds(self) -> int:
        return self.amount * UNITS[self.unit]

    def __str__(self) -> str:
        unit = self.unit[:-1] if self.amount == 1 else self.unit
        return f"{self.amount} {'business ' if self.is_business else ''}{unit}"

    @classmethod
    def from_json(cls, where: str, document: object) -> Window:
        given = only(where, document, "amount", "unit", "time")
        if given["unit"] not in UNITS:
            raise InvalidTerms(f"{where}: the unit is minutes, hours or days.")
        if given["time"] not in {"business", "elapsed"}:
            raise InvalidTerms(f"{where}: the time is business or elapsed.")
        if given["unit"] == "days" and given["time"] == "business":
            raise InvalidTerms(f"{where}: write business time in hours; a business day has no fixed length.")
        amount = whole(f"{where}: amount", given["amount"], 1, 10_000)
        return cls(amount, given["unit"], given["time"] == "business")


@dataclass(frozen=True)
class Trigger:
    kind: str
    field: str
    threshold: int = 0
    value: str = ""

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Whether a lead with these folded fields stands above the trigger."""
        actual = fields.get(self.field)
        if actual is None:
            return False
        if self.kind == "score":
            return bool(actual >= self.threshold)
        return str(actual).strip().lower() == self.value.lower()

    def __str__(self) -> str:
        if self.kind == "score":
            return f"score reaches {self.threshold}"
        return f"{self.field} becomes “{self.value}”"

    @classmethod
    def from_json(cls, document: object) -> Trigger:
        kind = document.get("kind") if isinstance(document, Mapping) else None
        if kind == "score":
            given = only("trigger", document, "kind", "threshold")
            return cls(
                "score", "score", threshold=whole("trigger: threshold", given["threshold"], 1, 1_000_000)
            )
        if kind == "field":
            given = only("trigger", document, "kind", "field", "value")
            if given["field"] not in TRIGGER_FIELDS:
                raise InvalidTerms(f"trigger: the field is one of {', '.join(TRIGGER_FIELDS)}.")
            if not isinstance(given["value"], str) or not given["value"].strip():
                raise InvalidTerms("trigger: write the value that the field reaches.")
            return cls("field", given["field"], value=given["value"].strip())
        raise InvalidTerms("trigger: the kind is score or field.")


@dataclass(frozen=True)
class Tier:
    name: str
    label: str
    field: str
    values: frozenset[str]
    follow_up_within: Window
    disposition_within: Window

    def takes(self, fields: Mapping[str, Any]) -> bool:
        return not self.field or str(fields.get(self.field) or "").lower() in self.values

    @classmethod
    def from_json(cls, where: str, document: object, *, is_last: bool) -> Tier:
        given = only(where, document, "name", "label", "when", "follow_up_within", "disposition_within")
        when = given["when"]
        if (when is None) != is_last:
            raise InvalidTerms(f"{where}: exactly the last tier takes all other leads (when: null).")
        field, values = "", frozenset[str]()
        if when is not None:
            condition = only(f"{where}: when", when, "field", "in")
            if condition["field"] not in TIER_FIELDS:
                raise InvalidTerms(f"{where}: when: the field is one of {', '.join(TIER_FIELDS)}.")
            listed = condition["in"]
            if (
                not isinstance(listed, list)
                or not listed
                or not all(isinstance(v, str) and v for v in listed)
            ):
                raise InvalidTerms(f"{where}: when: in is a list of values.")
            field, values = condition["field"], frozenset(v.lower() for v in listed)
        for key in ("name", "label"):
            if not isinstance(given[key], str) or not 0 < len(given[key]) <= 40:
                raise InvalidTerms(f"{where}: {key} is a text of at most 40 characters.")
        return cls(
            given["name"],
            given["label"],
            field,
            values,
            Window.from_json(f"{where}: follow_up_within", given["follow_up_within"]),
            Window.from_json(f"{where}: disposition_within", given["disposition_within"]),
        )


@dataclass(frozen=True)
class Terms:
    trigger: Trigger
    assign_within: Window
    tiers: tuple[Tier, ...]
    attempts: int
    attempt_gap: Window
    warn_at_percent: int
    default_calendar: int
    team_calendars: Mapping[int, int]

    def tier_of(self, fields: Mapping[str, Any]) -> Tier:
        return next(tier for tier in self.tiers if tier.takes(fields))

    def tier(self, name: str) -> Tier:
        return next((tier for tier in self.tiers if tier.name == name), self.tiers[-1])

    def calendar_of(self, team_id: int | None) -> int:
        """Id of the calendar that runs the clocks of a team."""
        return self.team_calendars.get(team_id or 0, self.default_calendar)

    @classmethod
    def from_json(cls, document: object) -> Terms:
        """Raises InvalidTerms naming the first place that is wrong."""
        given = only(
            "agreement", document,
            "trigger", "assign_within", "tiers", "cadence", "warn_at_percent", "calendars",
        )  # fmt: skip
        tiers = given["tiers"]
        if not isinstance(tiers, list) or not tiers:
            raise InvalidTerms("tiers: write at least one tier.")
        parsed = tuple(
            Tier.from_json(f"tier {i + 1}", tier, is_last=i == len(tiers) - 1) for i, tier in enumerate(tiers)
        )
        if len({tier.name for tier in parsed}) < len(parsed):
            raise InvalidTerms("tiers: every tier needs a name of its own.")
        cadence = only("cadence", given["cadence"], "attempts", "gap")
        calendars = only("calendars", given["calendars"], "default", "teams")
        if not isinstance(calendars["teams"], Mapping):
            raise InvalidTerms("calendars: teams maps a team's id to a calendar's id.")
        assign_within = Window.from_json("assign_within", given["assign_within"])
        if assign_within.is_business:
            raise InvalidTerms("assign_within: routing runs day and night; write elapsed time.")
        try:
            teams = {int(team): int(calendar) for team, calendar in calendars["teams"].items()}
            default = int(calendars["default"])
        except (TypeError, ValueError) as problem:
            raise InvalidTerms("calendars: ids are whole numbers.") from problem
        return cls(
            Trigger.from_json(given["trigger"]),
            assign_within,
            parsed,
            whole("cadence: attempts", cadence["attempts"], 1, 20),
            Window.from_json("cadence: gap", cadence["gap"]),
            whole("warn_at_percent", given["warn_at_percent"], 1, 99),
            default,
            teams,
        )
