"""The mapping of an import: which columns of a file mean what, and how its dates and numbers are written.

```json
{
  "object": "lead",
  "columns": {"external_id": "Lead ID", "created_at": "Create Date", "channel": "Lead Source"},
  "constants": {"segment": "enterprise"},
  "values": {"disposition": {"Dead": "disqualified"}, "channel": {"n/a": null}},
  "zone": "Europe/Berlin", "dates": "mdy", "decimal": ".", "currency": "EUR",
  "stage_columns": {"Date entered \\"Demo (Sales Pipeline)\\"": "Demo"},
  "id_from": ["Email"]
}
```
`object` and `columns` are needed, the rest where it applies. See docs/import.md.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Any

from alignment.currencies import UnknownCurrency, code_of
from alignment.importing.fields import DATING, ID, OBJECTS, ObjectShape, reader_of
from alignment.importing.times import ORDERS
from alignment.intake.limits import BadJson, storable_json
from alignment.intake.mapping import InvalidMapping, Mapping

__all__ = ["ImportMapping", "InvalidMapping", "read_document"]

SECTIONS = (
    "object", "columns", "constants", "values", "zone", "dates", "decimal", "currency", "stage_columns", "id_from",
)  # fmt: skip
_MAX_COLUMNS = 200
_IS_JSON = "A mapping is JSON that begins with { and ends with }."


def read_document(body: bytes) -> dict[str, Any]:
    """The JSON document of a mapping, read strictly; what it says `ImportMapping.of` checks. Raises InvalidMapping."""
    try:
        found = storable_json(body)
    except BadJson as problem:
        said = f"{problem.message} {_IS_JSON}" if problem.code == "not_json" else problem.message
        raise InvalidMapping(said) from None
    if not isinstance(found, dict):
        raise InvalidMapping(_IS_JSON)
    return found


@dataclass(frozen=True)
class ImportMapping:
    """A checked mapping. `zone` None: the file's times all carry their offset; `source` is laid under it."""

    kind: str  # one of OBJECTS
    columns: MappingType[str, str]
    source: Mapping
    constants: MappingType[str, Any] = field(default_factory=dict)
    values: MappingType[str, MappingType[str, str | None]] = field(default_factory=dict)
    zone: zoneinfo.ZoneInfo | None = None
    dates: str = "iso"
    decimal: str = "."
    currency: str = ""
    stage_columns: MappingType[str, str] = field(default_factory=dict)
    id_from: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, document: object, *, source_kind: str, source_mapping: dict[str, Any], zone: str
    ) -> ImportMapping:
        """The mapping that `document` describes, over that of its source. `zone` is the source's, for its own mapping.

        Raises InvalidMapping.
        """
        if not isinstance(document, dict):
            raise InvalidMapping("The mapping is an object with " + ", ".join(SECTIONS) + ".")
        unknown = sorted(str(name) for name in set(document) - set(SECTIONS))
        if unknown:
            raise InvalidMapping(f"Unknown section {', '.join(unknown)}; it has {', '.join(SECTIONS)}.")
        kind = document.get("object")
        if not isinstance(kind, str) or kind not in OBJECTS:
            raise InvalidMapping(f"object: write one of {', '.join(OBJECTS)}.")
        shape = OBJECTS[kind]
        source = Mapping.of(source_kind, source_mapping, zone)
        columns = _columns(shape, document.get("columns"))
        constants = _constants(shape, document.get("constants", {}), source)
        both = sorted(set(columns) & set(constants))
        if both:
            raise InvalidMapping(f"constants: {', '.join(both)} has a column already: write one of the two.")
        id_from = _id_from(document.get("id_from", []))
        _check_complete(kind, shape, set(columns) | set(constants), id_from)
        return cls(
            kind=kind,
            columns=columns,
            source=source,
            constants=constants,
            values=_values(shape, document.get("values", {}), source),
            zone=_zone(document.get("zone")),
            dates=_one_of("dates", document.get("dates", "iso"), tuple(ORDERS)),
            decimal=_one_of("decimal", document.get("decimal", "."), (".", ",")),
            currency=_currency(document.get("currency", "")),
            stage_columns=_stage_columns(kind, document.get("stage_columns", {})),
            id_from=id_from,
        )

    @property
    def shape(self) -> ObjectShape:
        return OBJECTS[self.kind]


def _object(where: str, found: object) -> dict[str, Any]:
    if not isinstance(found, dict) or not all(isinstance(name, str) and name.strip() for name in found):
        raise InvalidMapping(f"{where}: write an object.")
    return found


def _headers(where: str, found: object) -> dict[str, str]:
    table = _object(where, found)
    if len(table) > _MAX_COLUMNS:
        raise InvalidMapping(f"{where}: more than {_MAX_COLUMNS} columns.")
    for name, header in table.items():
        if not isinstance(header, str) or not header.strip():
            raise InvalidMapping(f"{where}: {name[:60]}: write a text.")
    return {name: header.strip() for name, header in table.items()}


def _known(where: str, shape: ObjectShape, name: str) -> None:
    if name not in shape.names:
        raise InvalidMapping(
            f"{where}: {name[:60]} is not a field of ours; there are {', '.join(shape.names)}."
        )


def _columns(shape: ObjectShape, found: object) -> dict[str, str]:
    if not found:
        raise InvalidMapping(
            'columns: write an object of our field and the file\'s header: {"external_id": "Id"}.'
        )
    columns = _headers("columns", found)
    for name in columns:
        _known("columns", shape, name)
    return columns


def _constants(shape: ObjectShape, found: object, source: Mapping) -> dict[str, Any]:
    read = {}
    for name, value in _object("constants", found).items():
        _known("constants", shape, name)
        reader = reader_of(shape.subject, name)
        if reader is None or name in DATING:
            raise InvalidMapping(f"constants: {name}: each record has its own; name its column in columns.")
        try:
            read[name] = None if value in (None, "") else reader(value, source.zone)
            if name == "currency" and read[name]:
                read[name] = code_of(str(read[name]))
        except ValueError as problem:
            raise InvalidMapping(f"constants: {name}: {problem}.") from problem
    return read


def _values(shape: ObjectShape, found: object, source: Mapping) -> dict[str, dict[str, str | None]]:
    """Tables by field, their values in small letters; those of the source stand where the import says nothing."""
    tables: dict[str, dict[str, str | None]] = {
        name: dict(table) for name, table in source.values.items() if name in shape.names
    }
    for name, table in _object("values", found).items():
        _known("values", shape, name)
        for theirs, ours in _object(f"values: {name}", table).items():
            where = f"values: {name}: {theirs[:60]}"
            if isinstance(ours, bool):
                ours = "true" if ours else "false"
            if ours is not None and not isinstance(ours, str | int):
                raise InvalidMapping(f"{where}: write one of our values, or null for empty.")
            text = str(ours) if ours not in (None, "") else None
            reader = reader_of(shape.subject, name)
            try:
                if text is not None and reader is not None:
                    reader(text, source.zone)
            except ValueError as problem:
                raise InvalidMapping(f"{where}: {problem}.") from problem
            tables.setdefault(name, {})[theirs.strip().lower()] = text
    return tables


def _stage_columns(kind: str, found: object) -> dict[str, str]:
    stages = _headers("stage_columns", found)
    if stages and kind != "opportunity":
        raise InvalidMapping("stage_columns: only rows of opportunities have a column for each stage.")
    for header, stage in stages.items():
        if len(stage) > 80:
            raise InvalidMapping(f"stage_columns: {header[:60]}: a stage has at most 80 characters.")
    return {header.strip(): stage for header, stage in stages.items()}


def _id_from(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(header, str) and header.strip() for header in found):
        raise InvalidMapping('id_from: write a list of headers that name a record together: ["Email"].')
    return tuple(header.strip() for header in found)


def _check_complete(kind: str, shape: ObjectShape, given: set[str], id_from: tuple[str, ...]) -> None:
    is_member = kind == "touch" and {"campaign", "lead"} <= given
    if shape.id_name in given and id_from:
        raise InvalidMapping(f"id_from: {shape.id_name} has a column already: write one of the two.")
    if shape.id_name not in given and not id_from and not is_member:
        hint = " (a campaign member needs campaign and lead instead)" if kind == "touch" else ""
        raise InvalidMapping(
            f"columns: {shape.id_name}: name the column with the record's id, or the columns of id_from{hint}."
        )
    for name in shape.required:
        if name not in given:
            raise InvalidMapping(f"columns: {name}: a file of the object {kind} needs it; name its column.")
    if kind == "stage" and ID not in given and not id_from:
        raise InvalidMapping("columns: external_id: name the column with the opportunity's id.")


def _zone(found: object) -> zoneinfo.ZoneInfo | None:
    if found is None:
        return None
    try:
        return zoneinfo.ZoneInfo(str(found))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise InvalidMapping(
            'zone: write the zone of the file\'s times by name, such as "Europe/Berlin".'
        ) from None


def _one_of(where: str, found: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(found, str) or found not in allowed:
        raise InvalidMapping(f"{where}: write one of " + ", ".join(f'"{each}"' for each in allowed) + ".")
    return found


def _currency(found: object) -> str:
    if found == "":
        return ""
    if not isinstance(found, str):
        raise InvalidMapping('currency: write a code of three letters, such as "EUR".')
    try:
        return code_of(found)
    except UnknownCurrency as problem:
        raise InvalidMapping(f"currency: {problem}.") from problem
