"""What the mapping of a draft says now, as the first values of a form's controls."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from alignment.forms.import_values import ValueTable, line_of
from alignment.importing.headers import plain
from alignment.importing.look import FileShape
from alignment.models import Import


def initial_of(draft: Import, shape: FileShape, *, zone: str) -> dict[str, Any]:
    """Control: value. Where the mapping is silent the file speaks, and `zone` is offered."""
    said, place_of = draft.mapping, _places(shape)
    initial: dict[str, Any] = {
        "zone": said.get("zone") or zone,
        "is_zone_sure": bool(said.get("zone")),
        "dates": said.get("dates") or shape.dates or "",
        "decimal": said.get("decimal") or shape.decimal or "",
        "currency": said.get("currency", ""),
        "as_of_time": draft.as_of,
        "constants": "\n".join(line_of(name, value) for name, value in said.get("constants", {}).items()),
        "id_from": [
            str(place_of[plain(header)]) for header in said.get("id_from", []) if plain(header) in place_of
        ],
    }
    for name, header in said.get("columns", {}).items():
        if (place := place_of.get(plain(header))) is not None:
            taken = f"field-{place}" in initial
            initial[f"also-{place}" if taken else f"field-{place}"] = name
    for header, stage in said.get("stage_columns", {}).items():
        if (place := place_of.get(plain(header))) is not None:
            initial[f"stage-{place}"] = stage
    return initial


def missing_headers(said: dict[str, Any], shape: FileShape) -> list[str]:
    """Columns that the mapping names and the file lacks."""
    named, place_of = [*said.get("columns", {}).values(), *said.get("stage_columns", {})], _places(shape)
    return sorted({header for header in named if plain(header) not in place_of})


def other_lines(said: dict[str, Any], tables: Collection[ValueTable]) -> Iterator[str]:
    """What the mapping says about values that have no control of their own in these tables."""
    shown = {(control.field, control.theirs.lower()) for table in tables for control in table.controls}
    for name, table in said.get("values", {}).items():
        for theirs, ours in table.items():
            if (name, theirs.strip().lower()) not in shown:
                yield f"{name}: {line_of(theirs, ours)}"


def _places(shape: FileShape) -> dict[str, int]:
    return {plain(header): place for place, header in enumerate(shape.headers)}
