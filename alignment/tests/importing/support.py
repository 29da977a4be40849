"""Mappings and files in memory for tests of reading exports."""

from __future__ import annotations

import io
from typing import Any

from alignment.importing.mapping import ImportMapping
from alignment.importing.rows import Draft, Reject, Row, read_rows


def mapping_of(
    document: dict[str, Any], source: dict[str, Any] | None = None, kind: str = "standard"
) -> ImportMapping:
    return ImportMapping.of(document, source_kind=kind, source_mapping=source or {}, zone="UTC")


def read(content: str | bytes, mapping: ImportMapping | dict[str, Any]) -> list[Row | Reject]:
    """All rows of a file with this content; text is written as UTF-8."""
    body = content.encode() if isinstance(content, str) else content
    return list(
        read_rows(io.BytesIO(body), mapping if isinstance(mapping, ImportMapping) else mapping_of(mapping))
    )


def drafts(content: str | bytes, mapping: ImportMapping | dict[str, Any]) -> list[Draft]:
    """What the rows state; a reject fails the test with its message."""
    found: list[Draft] = []
    for row in read(content, mapping):
        assert isinstance(row, Row), row
        found += row.drafts
    return found


def rejects(content: str | bytes, mapping: ImportMapping | dict[str, Any]) -> list[Reject]:
    return [row for row in read(content, mapping) if isinstance(row, Reject)]
