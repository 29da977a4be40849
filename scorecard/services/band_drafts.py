"""Drafting the scoring bands; sending and signing them is as for every artifact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alignment.models import ArtifactVersion, User
from alignment.services.artifacts import save_draft
from scorecard import bands


def draft_bands(
    *, content: Mapping[str, Any], by: User | None, at: datetime, expected: int | None = None
) -> ArtifactVersion:
    """Raises OnlyRevOps, InvalidContent (with a sentence for each rate) or ChangedMeanwhile."""
    bands.check(content)
    return save_draft(kind=bands.KIND, key=bands.KEY, content=content, expected=expected, by=by, at=at)
