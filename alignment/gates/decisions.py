"""The record of what gates said: for showing since when, and for past programs. Nothing is permitted by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from alignment.models import ArtifactVersion, Program, Step

_LAST = """
WITH last AS (
    SELECT DISTINCT ON (step) step, is_open, blockers, waiver_id, evidence, id
    FROM alignment_gatedecision WHERE program_id = %(program)s ORDER BY step, id DESC
), turned AS (
    SELECT d.step, max(d.id) AS id FROM alignment_gatedecision d
    JOIN last ON last.step = d.step AND last.is_open <> d.is_open
    WHERE d.program_id = %(program)s GROUP BY d.step
)
SELECT last.step, last.is_open, last.blockers, last.waiver_id,
    (SELECT d.decided_at FROM alignment_gatedecision d
     WHERE d.program_id = %(program)s AND d.step = last.step AND d.id > coalesce(turned.id, 0)
     ORDER BY d.id LIMIT 1),
    last.is_open OR turned.id IS NOT NULL, last.evidence
FROM last LEFT JOIN turned ON turned.step = last.step
"""


@dataclass(frozen=True)
class Recorded:
    """The newest decision on one gate. `blockers` as Blocker.to_json, `evidence` as Evidence.to_json. `since`: when it
    first came to be as it is, `was_open`: whether it was open at any time."""

    is_open: bool
    blockers: list[dict[str, Any]]
    waiver: ArtifactVersion | None
    since: datetime
    was_open: bool
    evidence: list[dict[str, Any]]


def last_decisions(program: Program) -> dict[Step, Recorded]:
    """Of each step that was judged, the newest decision; two statements however many there are."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST, {"program": program.pk})
        rows = cursor.fetchall()
    wanted = [row[3] for row in rows if row[3] is not None]
    waivers = ArtifactVersion.objects.select_related("artifact").in_bulk(wanted) if wanted else {}
    return {
        Step(step): Recorded(
            is_open=is_open,
            blockers=_read(blockers),
            waiver=waivers.get(waiver),
            since=since,
            was_open=was_open,
            evidence=_read(evidence),
        )
        for step, is_open, blockers, waiver, since, was_open, evidence in rows
    }


def _read(column: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(column) if isinstance(column, str) else column
    return found
