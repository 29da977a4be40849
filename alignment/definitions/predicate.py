"""A definition as it is evaluated: parts of rows, read from the content of an artifact.

Content (see also alignment.definitions.kind):
    {"name", "prose", "subject": "lead|cycle|opportunity",
     "parts": [{"name", "label", "prose", "combine": "all|any", "rows": [{"field", "operator", "value"}]}],
     "crm_status": null | {"field": "lifecycle|status", "values": [..]},       of the MQL
     "limits": null | {"gap": 4, "leads": 50, "days": 365}}                    of the MQL: when drift is an alarm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alignment.definitions.fields import CYCLE, FIELDS, LEAD, OPPORTUNITY, Field
from alignment.definitions.operators import OPERATORS, Operator
from alignment.definitions.values import BadValue, check

KEYS = {
    "lead": ("Lead", LEAD),
    "mql": ("MQL", LEAD),
    "sql": ("SQL", CYCLE),
    "opportunity": ("Opportunity", OPPORTUNITY),
    "qualified-pipeline": ("Qualified pipeline", OPPORTUNITY),
}
DISQUALIFIERS = "disqualifiers"
MQL_PARTS = {
    "firmographic": "Firmographic fit",
    "role": "Role fit",
    "intent": "Intent signal",
    "engagement": "Engagement threshold",
    DISQUALIFIERS: "Disqualifiers",
}
ONE_PART = {"criteria": "Criteria"}
MOST_ROWS = 20


@dataclass(frozen=True)
class Row:
    field: Field
    operator: Operator
    value: Any


@dataclass(frozen=True)
class Part:
    """Rows of which all, or any, hold. A part of disqualifiers counts the other way round."""

    name: str
    label: str
    is_any: bool
    rows: tuple[Row, ...]

    @property
    def is_negated(self) -> bool:
        return self.name == DISQUALIFIERS

    @property
    def fields(self) -> tuple[Field, ...]:
        """What has to be filled for the part to say something: all that it asks about, other than by “is empty”."""
        found = {row.field.name: row.field for row in self.rows if row.operator.name != "is_empty"}
        return tuple(found.values())


@dataclass(frozen=True)
class CrmStatus:
    """The CRM calls a record so where this field has one of these values."""

    row: Row

    @property
    def field(self) -> Field:
        return self.row.field

    @property
    def values(self) -> list[str]:
        return list(self.row.value)


@dataclass(frozen=True)
class Limits:
    """`gap`: the most that one conversion may be of the other; `leads`: of each side before it is judged; `days`: how
    far back."""

    gap: int = 4
    leads: int = 50
    days: int = 365


@dataclass(frozen=True)
class Definition:
    """What can be evaluated of a definition: rows that are not complete are left out of a draft."""

    subject: str
    parts: tuple[Part, ...]
    crm_status: CrmStatus | None = None
    limits: Limits = Limits()

    @property
    def required(self) -> tuple[Field, ...]:
        """Fields that a record needs, in the order of the parts."""
        return tuple({field.name: field for part in self.parts for field in part.fields}.values())

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Definition:
        """From content, complete or not: rows and values that cannot be read are left out."""
        subject = str(content.get("subject"))
        fields = FIELDS.get(subject, {})
        parts = tuple(
            Part(
                str(part.get("name", "")),
                str(part.get("label", "")),
                part.get("combine") == "any",
                tuple(_rows(part.get("rows"), fields)),
            )
            for part in listed(content.get("parts"))
        )
        return cls(subject, parts, _crm_status(content, fields), limits_of(content))


def listed(found: Any) -> list[Mapping[str, Any]]:
    """Of a list in a draft what can be read."""
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def read_row(row: Mapping[str, Any], fields: Mapping[str, Field]) -> Row:
    """Raises BadValue, which says what to write."""
    field = fields.get(str(row.get("field")))
    if field is None:
        raise BadValue("choose a field")
    operator = OPERATORS.get(str(row.get("operator")))
    if operator is None or field.type not in operator.types:
        raise BadValue(f"choose what is asked of “{field.label}”")
    return Row(field, operator, check(field, operator, row.get("value")))


def limits_of(content: Mapping[str, Any]) -> Limits:
    """What stands in the content; the usual figures for what does not."""
    given = content.get("limits")
    usual = Limits()
    if not isinstance(given, Mapping):
        return usual
    read = {
        name: value
        for name in ("gap", "leads", "days")
        if isinstance(value := given.get(name), int) and not isinstance(value, bool) and value > 0
    }
    return Limits(**{"gap": usual.gap, "leads": usual.leads, "days": usual.days} | read)


def _rows(rows: Any, fields: Mapping[str, Field]) -> Iterator[Row]:
    for row in listed(rows):
        try:
            yield read_row(row, fields)
        except BadValue:
            continue


def _crm_status(content: Mapping[str, Any], fields: Mapping[str, Field]) -> CrmStatus | None:
    said = content.get("crm_status")
    if not isinstance(said, Mapping):
        return None
    row = {"field": said.get("field"), "operator": "is_one_of", "value": said.get("values")}
    try:
        return CrmStatus(read_row(row, fields))
    except BadValue:
        return None
