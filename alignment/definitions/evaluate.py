"""Whether one record meets a definition, from its values in memory. An empty field meets nothing but “is empty”."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from alignment.currencies import digits_of
from alignment.definitions.fields import Field, FieldType
from alignment.definitions.predicate import Definition, Part, Row
from alignment.definitions.values import amount
from alignment.matching.keys import lower

BLANK = " \t\r\n"


@dataclass(frozen=True)
class Moment:
    """When a definition is asked: days count from here. `zone`: the organisation's, for days of the calendar."""

    at: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.at.astimezone(self.zone).date()


def fold(text: str) -> str:
    """A text as it is compared: one Unicode form, lower case, no blanks around it."""
    return lower(text).strip(BLANK)


def value_of(record: Any, field: Field) -> Any:
    """A field's value of a model instance (related records are followed); None where it is empty. Amounts in major
    units of their currency."""
    value = _follow(record, field.path)
    if isinstance(value, str):
        return None if not value.strip(BLANK) or value.strip(BLANK) in field.blank else value
    if field.type is FieldType.MONEY and value is not None:
        return Decimal(value).scaleb(-digits_of(_follow(record, field.currency) or ""))
    return value


def row_holds(row: Row, value: Any, now: Moment) -> bool:
    """`value` as value_of gives it."""
    if row.operator.name == "is_empty":
        return value is None
    if value is None:
        return False
    return _ASKED[row.operator.name](row, value, now)


def part_matches(part: Part, record: Any, now: Moment) -> bool:
    """Whether its rows hold, all or any as the part says; a part without rows matches nothing."""
    found = [row_holds(row, value_of(record, row.field), now) for row in part.rows]
    return bool(found) and (any(found) if part.is_any else all(found))


def part_holds(part: Part, record: Any, now: Moment) -> bool:
    """Whether the part speaks for the record: disqualifiers do where none of them matches."""
    return part_matches(part, record, now) is not part.is_negated


def holds(definition: Definition, record: Any, now: Moment) -> bool:
    """Whether the record meets every part; a definition without rows is met by none."""
    return any(part.rows for part in definition.parts) and all(
        part_holds(part, record, now) for part in definition.parts
    )


def missing(definition: Definition, record: Any) -> list[Field]:
    """Required fields that are empty."""
    return [field for field in definition.required if value_of(record, field) is None]


def _follow(record: Any, path: str) -> Any:
    for name in path.split("__"):
        if record is None:
            return None
        record = getattr(record, name)
    return record


def _is(row: Row, value: Any) -> bool:
    if row.field.type is FieldType.NUMBER:
        return bool(value == row.value)
    if row.field.type is FieldType.MONEY:
        return bool(value == amount(row.value))
    return fold(value) == fold(row.value)


def _limit(row: Row) -> Any:
    return amount(row.value) if row.field.type is FieldType.MONEY else row.value


def _ago(row: Row, now: Moment) -> date:
    return (now.today if row.field.type is FieldType.DAY else now.at) - timedelta(days=row.value)


def _now(row: Row, now: Moment) -> date:
    return now.today if row.field.type is FieldType.DAY else now.at


def _ahead(row: Row, now: Moment) -> date:
    return _now(row, now) + timedelta(days=row.value)


_ASKED: Mapping[str, Callable[[Row, Any, Moment], bool]] = {
    "is": lambda row, value, now: _is(row, value),
    "is_not": lambda row, value, now: not _is(row, value),
    "is_one_of": lambda row, value, now: fold(value) in {fold(each) for each in row.value},
    "is_none_of": lambda row, value, now: fold(value) not in {fold(each) for each in row.value},
    "contains": lambda row, value, now: fold(row.value) in fold(value),
    "contains_any": lambda row, value, now: any(fold(each) in fold(value) for each in row.value),
    "contains_none": lambda row, value, now: not any(fold(each) in fold(value) for each in row.value),
    "at_least": lambda row, value, now: value >= _limit(row),
    "at_most": lambda row, value, now: value <= _limit(row),
    "more_than": lambda row, value, now: value > _limit(row),
    "less_than": lambda row, value, now: value < _limit(row),
    "is_yes": lambda row, value, now: value is True,
    "is_no": lambda row, value, now: value is False,
    "within_last": lambda row, value, now: _ago(row, now) <= value <= _now(row, now),
    "within_next": lambda row, value, now: _now(row, now) <= value <= _ahead(row, now),
    "longer_ago": lambda row, value, now: value < _ago(row, now),
    "is_filled": lambda row, value, now: True,
}
