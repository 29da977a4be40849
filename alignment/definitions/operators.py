"""What a row can ask of a field, by the field's type, and what value it then needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from alignment.definitions.fields import Field, FieldType


class Wants(StrEnum):
    """Value of a row: none, one of the field's type, a list of them, or a whole number of days."""

    NOTHING = "nothing"
    ONE = "one"
    LIST = "list"
    DAYS = "days"


@dataclass(frozen=True)
class Operator:
    """`label` stands between field and value: “Title contains VP”."""

    name: str
    label: str
    wants: Wants
    types: frozenset[FieldType]


_WORDS = frozenset({FieldType.TEXT, FieldType.CHOICE})
_AMOUNTS = frozenset({FieldType.NUMBER, FieldType.MONEY})
_TIMES = frozenset({FieldType.MOMENT, FieldType.DAY})
_EVERY = frozenset(FieldType)
_TEXT = frozenset({FieldType.TEXT})
OPERATORS: Mapping[str, Operator] = {
    each.name: each
    for each in (
        Operator("is", "is", Wants.ONE, _WORDS | _AMOUNTS),
        Operator("is_not", "is not", Wants.ONE, _WORDS | _AMOUNTS),
        Operator("is_one_of", "is one of", Wants.LIST, _WORDS),
        Operator("is_none_of", "is none of", Wants.LIST, _WORDS),
        Operator("contains", "contains", Wants.ONE, _TEXT),
        Operator("contains_any", "contains any of", Wants.LIST, _TEXT),
        Operator("contains_none", "contains none of", Wants.LIST, _TEXT),
        Operator("at_least", "is at least", Wants.ONE, _AMOUNTS),
        Operator("at_most", "is at most", Wants.ONE, _AMOUNTS),
        Operator("more_than", "is more than", Wants.ONE, _AMOUNTS),
        Operator("less_than", "is less than", Wants.ONE, _AMOUNTS),
        Operator("is_yes", "is yes", Wants.NOTHING, frozenset({FieldType.FLAG})),
        Operator("is_no", "is no", Wants.NOTHING, frozenset({FieldType.FLAG})),
        Operator("within_last", "lies within the last", Wants.DAYS, _TIMES),
        Operator("within_next", "lies within the next", Wants.DAYS, _TIMES),
        Operator("longer_ago", "lies longer ago than", Wants.DAYS, _TIMES),
        Operator("is_filled", "is filled", Wants.NOTHING, _EVERY),
        Operator("is_empty", "is empty", Wants.NOTHING, _EVERY),
    )
}


def operators_for(field: Field) -> list[Operator]:
    return [operator for operator in OPERATORS.values() if field.type in operator.types]
