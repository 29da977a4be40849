"""The value of a row: from what somebody typed to what content holds, and from content to what is compared.

Content holds text, lists of texts and whole numbers only: amounts as decimal texts ("10000.50"), never floats.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from alignment.definitions.fields import Field, FieldType
from alignment.definitions.operators import Operator, Wants

LONGEST, MOST = 120, 40  # characters of a text, texts of a list
LARGEST = 2 * 10**9
MOST_DAYS = 3660
_WHOLE = re.compile(r"-?[0-9]{1,10}")
_COMMA = re.compile(r"[,\n]")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,4})?")


class BadValue(ValueError):
    """The value does not fit field and operator; the message says what to write."""


def read_typed(field: Field, operator: Operator, typed: str) -> Any:
    """What content holds for what somebody typed. Raises BadValue."""
    typed = " ".join(typed.split()) if operator.wants is not Wants.LIST else typed
    if operator.wants is Wants.NOTHING:
        return None
    if operator.wants is Wants.LIST:
        return check(field, operator, [word.strip() for word in _COMMA.split(typed) if word.strip()])
    if operator.wants is Wants.DAYS or field.type is FieldType.NUMBER:
        if not _WHOLE.fullmatch(typed):
            raise BadValue("write a whole number" + (" of days" if operator.wants is Wants.DAYS else ""))
        return check(field, operator, int(typed))
    return check(field, operator, typed)


def show(value: Any) -> str:
    """A value of content as it is typed."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def check(field: Field, operator: Operator, value: Any) -> Any:
    """The value in the form that content keeps. Raises BadValue."""
    if operator.wants is Wants.NOTHING:
        if value not in (None, ""):
            raise BadValue(f"leave the value empty: “{operator.label}” needs none")
        return None
    if operator.wants is Wants.DAYS:
        return _whole(value, 1, MOST_DAYS, "days")
    if operator.wants is Wants.LIST:
        if not isinstance(value, list) or not value:
            raise BadValue("write at least one value, several with commas between them")
        if len(value) > MOST:
            raise BadValue(f"write at most {MOST} values")
        return list(dict.fromkeys(_text(field, each) for each in value))
    if field.type is FieldType.NUMBER:
        return _whole(value, -LARGEST, LARGEST)
    if field.type is FieldType.MONEY:
        if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
            raise BadValue("write an amount in figures, such as 10000 or 2500.50")
        return value
    return _text(field, value)


def amount(value: str) -> Decimal:
    return Decimal(value)


def _whole(value: Any, low: int, high: int, unit: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadValue(f"write a whole number {f'of {unit} ' if unit else ''}from {low:,} to {high:,}")
    return value


def _text(field: Field, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise BadValue("write a value")
    value = value.strip()
    if len(value) > LONGEST:
        raise BadValue(f"write at most {LONGEST} characters")
    if field.type is not FieldType.CHOICE:
        return value
    meant: dict[str, str] = {
        name: key for key, label in field.choices for name in (key.lower(), label.lower())
    }
    key = meant.get(value.lower()) or meant.get(value.lower().replace(" ", "_"))
    if key is None:
        raise BadValue(f"“{value[:40]}” is none of {', '.join(key for key, _ in field.choices)}")
    return key
