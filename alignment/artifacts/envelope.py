"""What is signed: the content with everything that gives it its meaning, as one canonical document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from alignment.artifacts.canonical import canonical, normalised
from alignment.artifacts.kinds import Content, Kind

SCHEMA = 1


def ground(*, kind: str, key: str, version: int, digest: str) -> dict[str, Any]:
    """One version that another rests on, as it stands in the envelope."""
    return {"kind": kind, "key": key, "version": version, "digest": digest}


def envelope(
    kind: Kind,
    *,
    organisation: str,
    key: str,
    version: int,
    previous: str,
    rests_on: Sequence[dict[str, Any]],
    paper: str,
    content: Content,
) -> bytes:
    """Canonical bytes of a version. `previous`: digest of the version sent before it, "" for the first.

    The grounds are sorted, so that their order says nothing. Raises NotCanonical.
    """
    last_day: date | None = kind.expires_on(content)
    return canonical(
        {
            "schema": SCHEMA,
            "organisation": organisation,
            "kind": kind.name,
            "key": key,
            "label": kind.label,
            "version": version,
            "previous": previous,
            "rests_on": sorted(rests_on, key=lambda one: (one["kind"], one["key"], one["version"])),
            "paper": paper,
            "signers": list(kind.signers(content)),
            "in_order": kind.in_order,
            "statement": kind.statement,
            "page_limit": kind.page_limit,
            "content_schema": kind.schema,
            "content": normalised(content),
            "expires_on": last_day.isoformat() if last_day else None,
        }
    )


def read(text: str) -> dict[str, Any]:
    """An envelope as it was signed; empty for a draft, which has none."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
