"""What a row cannot know: an export tells of nothing that came after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from alignment.importing.drafts import Draft
from alignment.importing.rows import Reject, Row

LATEST = timedelta(days=1)  # behind the file's time: clocks and zones differ
_TIMES = {
    "mql_at": "The MQL date",
    "assigned_at": "The time of assignment",
    "followed_up_at": "The time of the follow-up",
    "accepted_at": "The time of acceptance",
    "disposed_at": "The time of the disposition",
    "stage_at": "The time of the present stage",
    "stage_day": "The day of the present stage",
    "closed_at": "The time of closing",
    "closed_day": "The day of closing",
}


def plausible(row: Row | Reject, as_of: datetime) -> Row | Reject:
    """The row, or its reject where something of it happens only after `as_of`, the time at which the file holds.

    Such a statement would outlive all that is told later, since what happened last counts.
    """
    if isinstance(row, Reject):
        return row
    latest = as_of + LATEST
    for draft in row.drafts:
        for what, when in _dated(draft):
            if when > latest:
                return Reject(
                    row.line,
                    "mql_after_export" if what == _TIMES["mql_at"] else "after_export",
                    f"{what} {when:%Y-%m-%d %H:%M} UTC is after the time of the file "
                    f"({as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC): correct it, or say when the file was exported.",
                    (
                        draft.external_id,
                        *(value for value in draft.fields.values() if isinstance(value, str)),
                    ),
                )
    return row


def _dated(draft: Draft) -> Iterator[tuple[str, datetime]]:
    """What the draft says of the past, in words, and when that was; planned calls and dates of closing are none."""
    fields = draft.fields
    for name, what in _TIMES.items():
        if told := fields.get(name):
            yield what, datetime.fromisoformat(told)
    is_attempt = fields.get("is_attempt") or (fields.get("took_place") and fields.get("is_outbound"))
    if is_attempt and (told := fields.get("touched_at")):
        yield "The time of the attempt", datetime.fromisoformat(told)
    if draft.occurred_at is not None:
        stage = fields.get("stage")
        yield (f"The entry into the stage “{stage}” on" if stage else "The last change"), draft.occurred_at
