"""Which names a mapping may use for each kind of export, and which of them it needs.

The vocabulary is that of the facts (alignment.intake.fields); history adds the times that a live feed never
states because it sees each act when it happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alignment.intake.fields import FIELDS, Reader, instant
from alignment.models import Subject

# Fields of drafts that no live event carries.
HISTORY_FIELDS: Mapping[str, Mapping[str, Reader]] = {
    Subject.LEAD: {
        "assigned_at": instant,
        "followed_up_at": instant,
        "accepted_at": instant,
        "disposed_at": instant,
    },
}
# Times that say since when: of the whole row, of the closing, of the present stage.
DATING = ("updated_at", "closed_at", "stage_at")
ID = "external_id"
# Names of other records: brought to one form, so that a reference finds its record.
REFERENCES = frozenset({ID, "lead", "account", "opportunity", "owner", "person", "campaign"})

_CYCLE = (
    "lead", "mql_at", "assigned_at", "owner", "owner_name", "followed_up_at", "accepted_at", "disposed_at",
    "disposition", "reason", "segment", "opportunity", "updated_at",
)  # fmt: skip
_STAGE = (ID, "stage", "stage_at", "is_closed", "is_won", "amount", "currency", "close_on")
_OF_CALLS = {"leads", "part_of"}  # written by the reader where a cell names several leads


@dataclass(frozen=True)
class ObjectShape:
    """One kind of export: what its rows are about, the names to map, and what a row cannot do without."""

    subject: str
    names: tuple[str, ...]
    required: tuple[str, ...] = ()
    id_name: str = ID  # the name that identifies the record that the drafts are about


OBJECTS: Mapping[str, ObjectShape] = {
    "lead": ObjectShape(
        Subject.LEAD, (ID, *FIELDS[Subject.LEAD], *HISTORY_FIELDS[Subject.LEAD], "updated_at")
    ),
    "touch": ObjectShape(
        Subject.TOUCH,
        (ID, *(name for name in FIELDS[Subject.TOUCH] if name not in _OF_CALLS), "updated_at"),
        ("lead", "touched_at"),
    ),
    "cycle": ObjectShape(Subject.LEAD, _CYCLE, ("mql_at",), "lead"),
    "opportunity": ObjectShape(Subject.OPPORTUNITY, (ID, *FIELDS[Subject.OPPORTUNITY], *DATING)),
    "stage": ObjectShape(Subject.OPPORTUNITY, _STAGE, ("stage", "stage_at")),
    "campaign": ObjectShape(Subject.CAMPAIGN, (ID, *FIELDS[Subject.CAMPAIGN], "updated_at")),
    "account": ObjectShape(Subject.ACCOUNT, (ID, *FIELDS[Subject.ACCOUNT], "updated_at")),
}


def reader_of(subject: str, name: str) -> Reader | None:
    """How a value of this field is read; None for what is no field of a fact (ids, times that date drafts)."""
    return FIELDS[subject].get(name) or HISTORY_FIELDS.get(subject, {}).get(name)
