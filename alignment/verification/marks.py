"""The marks of entries: which of them belong to one document (see alignment.verification.verify.marked)."""

from __future__ import annotations

from collections.abc import Iterable

from alignment.models import ChainEntry
from alignment.verification.verify import NO_MARK, marked


def marks_of(rows: Iterable[ChainEntry]) -> dict[int, str]:
    """The mark of each of these entries by its number, made anew from the “sent” events that the chain has."""
    rows = list(rows)
    sent = dict(
        ChainEntry.objects.filter(kind="sent", version__in={row.version_id for row in rows} - {None})
        .order_by("-sequence")
        .values_list("version_id", "event")
    )
    return {
        row.sequence: marked(row.sequence, sent[row.version_id].encode())
        if row.version_id in sent
        else NO_MARK
        for row in rows
    }
