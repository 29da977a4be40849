"""The draft of a definition as a form: what was posted as content, and content as lines to edit.

A draft may be incomplete, so nothing is refused here: what cannot be read stays as it was typed, with what to write
beside it, and holds back only the sending.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from alignment.asked import read_number, read_text
from alignment.definitions import content as definition
from alignment.definitions.fields import FIELDS, Field
from alignment.definitions.operators import OPERATORS, Operator, Wants, operators_for
from alignment.definitions.predicate import DISQUALIFIERS, KEYS, MOST_ROWS, listed, read_row
from alignment.definitions.values import LONGEST, MOST, BadValue, read_typed, show

HINTS = {
    Wants.NOTHING: "no value",
    Wants.ONE: "Value",
    Wants.LIST: "Values, with commas between",
    Wants.DAYS: "Days",
}
_LISTED = (LONGEST + 2) * MOST


@dataclass(frozen=True)
class RowLine:
    """One row to edit; `problem` says what is wrong with it, "" where nothing is, and `wrong` in which of its entries:
    field, operator or value."""

    number: int
    prefix: str
    field: str
    operator: str
    value: str
    fitting: list[Operator]
    others: list[Operator]
    problem: str
    wrong: str

    @property
    def hint(self) -> str:
        """What the value is, said where it is still empty."""
        operator = OPERATORS.get(self.operator)
        return HINTS[operator.wants] if operator else "Value"


@dataclass(frozen=True)
class PartLines:
    name: str
    label: str
    prose: str
    combine: str
    is_negated: bool
    rows: list[RowLine]
    is_full: bool


def read_content(key: str, data: QueryDict, *, keeps_blank: bool = False) -> dict[str, Any]:
    """What the form says, with `act` done: `add:PART` brings an empty row, `remove:PART:NUMBER` takes one away.

    Rows without any entry are left out; with `keeps_blank` they stay, so that the others keep their number.
    """
    found = definition.empty(key)
    found["prose"] = _lines(data, "prose", definition.MOST_PROSE)
    act, _, about = read_text(data, "act").partition(":")
    for part in found["parts"]:
        name = part["name"]
        part["prose"] = _lines(data, f"{name}-prose", definition.MOST_PROSE)
        if read_text(data, f"{name}-combine") in ("all", "any"):
            part["combine"] = read_text(data, f"{name}-combine")
        rows = list(_rows(data, name, FIELDS[KEYS[key][1]]))
        if act == "remove" and about.startswith(f"{name}:"):
            number = read_number(about.removeprefix(f"{name}:"))
            rows = [row for at, row in enumerate(rows) if at != number]
        part["rows"] = [row for row in rows if keeps_blank or definition.is_entered(row)]
        if act == "add" and about == name and len(part["rows"]) < MOST_ROWS:
            part["rows"].append({"field": "", "operator": "", "value": ""})
    if key == "mql":
        found["crm_status"] = _crm_status(data)
        found["limits"] = {name: _whole(read_text(data, f"limit-{name}")) for name in definition.BOUNDS}
    return found


def lines(key: str, content: Mapping[str, Any]) -> list[PartLines]:
    """The parts of a draft to edit; a part without rows shows an empty one. Content of another shape is taken as far
    as it fits."""
    fields = FIELDS[KEYS[key][1]]
    given = {str(part.get("name")): part for part in listed(content.get("parts"))}
    found = []
    for name, label in definition.parts_of(key).items():
        part = given.get(name, {})
        rows = listed(part.get("rows")) or [{}]
        found.append(
            PartLines(
                name=name,
                label=label,
                prose=str(part.get("prose") or ""),
                combine="any" if part.get("combine") == "any" else "all",
                is_negated=name == DISQUALIFIERS,
                rows=[_line(name, number, row, fields) for number, row in enumerate(rows)],
                is_full=len(rows) >= MOST_ROWS,
            )
        )
    return found


def field_groups(key: str) -> list[tuple[str, list[Field]]]:
    """Fields to choose from, by the record that they are of."""
    groups: dict[str, list[Field]] = {}
    for field in FIELDS[KEYS[key][1]].values():
        of, _, _ = field.name.rpartition(".")
        groups.setdefault(
            {"": "", "lead": "Of its lead", "opportunity": "Of its opportunity"}[of], []
        ).append(field)
    return list(groups.items())


def only_mql(content: Mapping[str, Any]) -> dict[str, Any]:
    """What only an MQL has, as it is typed: the field and the values by which the CRM calls one so, the limits."""
    said, limits = content.get("crm_status"), content.get("limits")
    said = said if isinstance(said, Mapping) else {}
    limits = limits if isinstance(limits, Mapping) else {}
    return {"field": said.get("field") or "", "named": show(said.get("values"))} | {
        name: show(limits.get(name)) for name in definition.BOUNDS
    }


def problems(content: Mapping[str, Any]) -> tuple[str, ...]:
    """What is to be done before it can be sent, a sentence each."""
    return definition.problems(content, is_form=True)


def uncounted(parts: Sequence[PartLines]) -> list[str]:
    """Rows that cannot be read yet and so take no part in a count, by name: "row 1 of Role fit"."""
    return [f"row {line.number + 1} of {part.label}" for part in parts for line in part.rows if line.problem]


def _rows(data: QueryDict, part: str, fields: Mapping[str, Field]) -> Iterator[dict[str, Any]]:
    count = read_number(read_text(data, f"{part}-rows")) or 0
    for number in range(min(count, MOST_ROWS)):
        prefix = f"{part}-{number}"
        field, operator = read_text(data, f"{prefix}-field"), read_text(data, f"{prefix}-operator")
        typed = read_text(data, f"{prefix}-value", longest=_LISTED)
        row: dict[str, Any] = {"field": field, "operator": operator, "value": typed}
        if field in fields and operator in OPERATORS:
            with suppress(BadValue):  # then it stays as typed
                row["value"] = read_typed(fields[field], OPERATORS[operator], typed)
        yield row


def _line(part: str, number: int, row: Mapping[str, Any], fields: Mapping[str, Field]) -> RowLine:
    field = fields.get(str(row.get("field")))
    fitting = operators_for(field) if field else list(OPERATORS.values())
    problem, wrong = "", ""
    if definition.is_entered(row):
        try:
            read_row(row, fields)
        except BadValue as found:
            problem = str(found)
            wrong = "field" if field is None else "value" if _is_asked(field, row) else "operator"
    return RowLine(
        number=number,
        prefix=f"{part}-{number}",
        field=field.name if field else "",
        operator=str(row.get("operator") or ""),
        value=show(row.get("value")),
        fitting=fitting,
        others=[each for each in OPERATORS.values() if each not in fitting],
        problem=problem[:1].upper() + problem[1:],
        wrong=wrong,
    )


def _is_asked(field: Field, row: Mapping[str, Any]) -> bool:
    return str(row.get("operator")) in {operator.name for operator in operators_for(field)}


def _crm_status(data: QueryDict) -> dict[str, Any] | None:
    field, typed = read_text(data, "crm-field"), read_text(data, "crm-values", longest=_LISTED)
    values = [word.strip() for word in typed.split(",") if word.strip()]
    return {"field": field, "values": values} if field or values else None


def _whole(typed: str) -> int | str:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 9 else typed


def _lines(data: QueryDict, name: str, longest: int) -> str:
    """Cut behind what may be said at most, so that what is too long is told, not lost."""
    return read_text(data, name, longest=longest + 500).replace("\r\n", "\n")
