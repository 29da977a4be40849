"""Rows as sentences: “Title contains “VP” or “Head””."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alignment.definitions.fields import FIELDS, Field, FieldType
from alignment.definitions.operators import OPERATORS, Wants


def text_of(row: Mapping[str, Any], subject: str) -> str:
    """A row of content, complete or not."""
    field = FIELDS.get(subject, {}).get(str(row.get("field")))
    operator = OPERATORS.get(str(row.get("operator")))
    if field is None or operator is None:
        return "A row that is not complete"
    return _said(field, operator.name, row.get("value"))


def listed(values: Any, joined: str = "or") -> str:
    """“a”, “b” or “c”."""
    words = [f"“{value}”" for value in values] if isinstance(values, list | tuple) else [f"“{values}”"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joined} {words[-1]}" if words else "…"


def _said(field: Field, name: str, value: Any) -> str:
    operator = OPERATORS[name]
    said = f"{field.label} {operator.label}"
    if operator.wants is Wants.NOTHING:
        return said
    if value is None or value == "" or value == []:
        return f"{said} …"
    if operator.wants is Wants.DAYS:
        return f"{said} {value} {'day' if value == 1 else 'days'}"
    if field.type is FieldType.NUMBER:
        return f"{said} {value:,}" if isinstance(value, int) else f"{said} {value}"
    if field.type is FieldType.MONEY:
        return f"{said} {value} (in its own currency)"
    labels = dict(field.choices)
    words = value if isinstance(value, list) else [value]
    # of a list “is one of”, “contains any of” say the “or” already, but a sentence reads better with it
    shorter = {"is_one_of": "is", "contains_any": "contains", "contains_none": "contains neither",
               "is_none_of": "is neither"}  # fmt: skip
    if len(words) == 1:
        shorter |= {"contains_none": "does not contain", "is_none_of": "is not"}
    joined = "nor" if name in ("contains_none", "is_none_of") else "or"
    return f"{field.label} {shorter.get(name, operator.label)} {listed([labels.get(str(w), w) for w in words], joined)}"
