"""A definition as a condition of a query. Every row is true or false, never null, so that it can be negated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    DecimalField,
    ExpressionWrapper,
    F,
    Func,
    Q,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, StrIndex, Upper
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
)

from alignment.currencies import codes_by_digits
from alignment.definitions.evaluate import Moment, fold
from alignment.definitions.fields import Field, FieldType
from alignment.definitions.predicate import Definition, Part, Row
from alignment.definitions.values import amount

NOTHING, EVERYTHING = Q(pk__in=[]), ~Q(pk__in=[])
_MAJOR = DecimalField(max_digits=40, decimal_places=4)


class Trimmed(Func):
    """A text without blanks around it, as `evaluate.value_of` looks for empty ones."""

    template = r"btrim(%(expressions)s, E' \t\r\n')"
    output_field = TextField()


class Folded(Func):
    """A text as it is compared: `evaluate.fold` in SQL."""

    template = r"btrim(public.match_lower(%(expressions)s), E' \t\r\n')"
    output_field = TextField()


def meets(definition: Definition, now: Moment, prefix: str = "") -> Q:
    """Records that meet a definition. `prefix`: the way from the queried model to the subject, as in "lead__"."""
    if not any(part.rows for part in definition.parts):
        return NOTHING
    return reduce(and_, (part_holds(part, now, prefix) for part in definition.parts))


def part_holds(part: Part, now: Moment, prefix: str = "") -> Q:
    """Records for which a part speaks: of disqualifiers those that match none."""
    found = part_matches(part, now, prefix)
    return ~found if part.is_negated else found


def part_matches(part: Part, now: Moment, prefix: str = "") -> Q:
    if not part.rows:
        return NOTHING
    found = [row_holds(row, now, prefix) for row in part.rows]
    return reduce(or_ if part.is_any else and_, found)


def is_filled(field: Field, prefix: str = "") -> Q:
    """Records in which the field is not empty."""
    column = F(prefix + field.path)
    found = Q(IsNull(column, False))
    if field.type in (FieldType.TEXT, FieldType.CHOICE):
        found &= ~Q(In(Trimmed(column), ["", *sorted(field.blank)]))
    return found


def all_filled(fields: tuple[Field, ...], prefix: str = "") -> Q:
    return reduce(and_, (is_filled(field, prefix) for field in fields), EVERYTHING)


def row_holds(row: Row, now: Moment, prefix: str = "") -> Q:
    """Records for which a row holds."""
    name = row.operator.name
    filled = is_filled(row.field, prefix)
    if name == "is_empty":
        return ~filled
    return filled if name == "is_filled" else filled & _ASKED[name](row, prefix, now)


def _column(row: Row, prefix: str) -> Combinable:
    """What is compared: texts folded, amounts in major units."""
    path = prefix + row.field.path
    if row.field.type in (FieldType.TEXT, FieldType.CHOICE):
        return Folded(F(path))
    if row.field.type is not FieldType.MONEY:
        return F(path)
    code = Upper(F(prefix + row.field.currency))
    unit = Case(
        *(
            When(In(code, sorted(codes)), then=Value(Decimal(1).scaleb(-digits), output_field=_MAJOR))
            for digits, codes in codes_by_digits()
        ),
        default=Value(Decimal("0.01"), output_field=_MAJOR),
    )
    return ExpressionWrapper(Cast(F(path), _MAJOR) * unit, output_field=_MAJOR)


def _value(row: Row) -> Any:
    if row.field.type is FieldType.MONEY:
        return Value(amount(row.value), output_field=_MAJOR)
    if row.field.type is FieldType.NUMBER:
        return Value(row.value, output_field=BigIntegerField())
    return fold(row.value)


def _compare(lookup: Any) -> Callable[[Row, str, Moment], Q]:
    return lambda row, prefix, now: Q(lookup(_column(row, prefix), _value(row)))


def _one_of(row: Row, prefix: str, now: Moment) -> Q:
    return Q(In(_column(row, prefix), sorted({fold(each) for each in row.value})))


def _contains(row: Row, prefix: str, words: list[str]) -> Q:
    column = _column(row, prefix)
    found = (Q(GreaterThan(StrIndex(column, Value(fold(word))), 0)) for word in words)
    return reduce(or_, found)


def _start(row: Row, now: Moment) -> date:
    return now.today if row.field.type is FieldType.DAY else now.at


def _between(row: Row, prefix: str, first: date, last: date) -> Q:
    column = F(prefix + row.field.path)
    return Q(GreaterThanOrEqual(column, first)) & Q(LessThanOrEqual(column, last))


_ASKED: Mapping[str, Callable[[Row, str, Moment], Q]] = {
    "is": _compare(Exact),
    "is_not": lambda row, prefix, now: ~_compare(Exact)(row, prefix, now),
    "is_one_of": _one_of,
    "is_none_of": lambda row, prefix, now: ~_one_of(row, prefix, now),
    "contains": lambda row, prefix, now: _contains(row, prefix, [row.value]),
    "contains_any": lambda row, prefix, now: _contains(row, prefix, row.value),
    "contains_none": lambda row, prefix, now: ~_contains(row, prefix, row.value),
    "at_least": _compare(GreaterThanOrEqual),
    "at_most": _compare(LessThanOrEqual),
    "more_than": _compare(GreaterThan),
    "less_than": _compare(LessThan),
    "is_yes": lambda row, prefix, now: Q(Exact(F(prefix + row.field.path), Value(True))),
    "is_no": lambda row, prefix, now: Q(Exact(F(prefix + row.field.path), Value(False))),
    "within_last": lambda row, prefix, now: _between(
        row, prefix, _start(row, now) - timedelta(days=row.value), _start(row, now)
    ),
    "within_next": lambda row, prefix, now: _between(
        row, prefix, _start(row, now), _start(row, now) + timedelta(days=row.value)
    ),
    "longer_ago": lambda row, prefix, now: Q(
        LessThan(F(prefix + row.field.path), _start(row, now) - timedelta(days=row.value))
    ),
}
