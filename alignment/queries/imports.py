"""What people read of imports."""

from __future__ import annotations

from alignment.models import Import

# What is kept as the file states it, and that somebody should know: code of a warning and its sentence.
WARNINGS = {
    "closed_before_crossing": "cycles closed before the lead became an MQL (kept as stated)",
    "worked_before_crossing": (
        "cycles were assigned, followed up or accepted before the lead became an MQL (kept as stated)"
    ),
    "disposition_without_date": (
        "dispositions come without a date: the row's last change stands in, else the time of the file"
    ),
    "lead_not_told": "leads are named by touches or opportunities, and no file has told of them yet",
    "person_not_known": "people are named whom nobody has set up yet",
    "unknown_channel": "touches are of channels that belong to no function: map them in the source",
    "trigger_without_date": "leads stand at or over the trigger, but nothing says when they became MQLs",
    "final_stage_open": "stages sound final but count as open: name them in the source's lists of won and lost stages",
    "erased_person": "leads are of erased persons: only what counts was kept of them",
    "older_than_imported": "later file of this kind was imported before: import older files first",
}


def warnings_of(row: Import) -> list[tuple[int, str, list[str]]]:
    """(how often, sentence, some examples), most frequent first."""
    found = [
        (kept["count"], WARNINGS.get(code, code), kept["samples"]) for code, kept in row.warnings.items()
    ]
    return sorted(found, key=lambda each: -each[0])
