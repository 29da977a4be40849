"""What a row cannot know: an export tells of nothing that came after it."""

from __future__ import annotations

from datetime import datetime, timedelta

from alignment.importing.rows import Reject, Row

LATEST = timedelta(days=1)  # behind the file's time: clocks and zones differ


def plausible(row: Row | Reject, as_of: datetime) -> Row | Reject:
    """The row, or its reject where a lead becomes an MQL only after `as_of`, the time at which the file holds."""
    if isinstance(row, Reject):
        return row
    for draft in row.drafts:
        crossed = draft.fields.get("mql_at")
        if crossed and datetime.fromisoformat(crossed) > as_of + LATEST:
            return Reject(
                row.line,
                "mql_after_export",
                f"The MQL date {crossed[:10]} is after the time of the file ({as_of:%Y-%m-%d %H:%M} UTC): correct it, "
                "or say when the file was exported.",
                (draft.external_id, *(value for value in draft.fields.values() if isinstance(value, str))),
            )
    return row
