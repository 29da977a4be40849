"""Signed definitions for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alignment.definitions.suggestions import suggestion
from alignment.models import ArtifactVersion
from testing.artifacts import signed

COMPLETE = {
    "email": "ada@acme.com",
    "company": "Acme",
    "segment": "smb",
    "country": "DE",
    "title": "VP Sales",
    "intent": "demo_request",
    "score": 80,
}  # all that our suggestion of an MQL asks for


def put_in_force(key: str, content: dict[str, Any] | None = None, *, at: datetime) -> ArtifactVersion:
    """A definition that CRO, CMO and finance have signed; our suggestion where no content is given."""
    return signed("definition", content or suggestion(key), key=key, at=at)


def mql(**changes: Any) -> dict[str, Any]:
    """Our suggestion of an MQL with other parts of its content."""
    return suggestion("mql") | changes


def one_part(key: str, *rows: tuple[str, str, Any], combine: str = "all") -> dict[str, Any]:
    """A definition of one part with these rows of field, operator and value."""
    found = suggestion(key)
    found["parts"][0] |= {
        "combine": combine,
        "rows": [{"field": field, "operator": operator, "value": value} for field, operator, value in rows],
    }
    return found
