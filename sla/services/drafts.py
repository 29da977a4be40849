"""Drafts of the SLA. A draft changes nothing: what runs is the last version that both leaders signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from alignment.models import ArtifactVersion, User
from alignment.queries.artifacts import draft_of
from alignment.queries.definitions import definition_in_force
from alignment.services.artifacts import save_draft
from alignment.services.authority import require_revops
from sla.content import KEY, KIND
from sla.queries.cited import as_cited
from sla.queries.drafting import complete, starting_content
from sla.services.agreements import require_usable


class NothingToStartFrom(ValueError):
    """No terms are in force that a draft could begin with."""


@transaction.atomic
def start_draft(
    *,
    terms: Mapping[str, Any] | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
    note: str = "",
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """The draft to go on with: the one there is, else one made from the version that waits for signatures, or
    from what is in force, reviewed 90 days from `at`.

    `terms`, `evidence` and `note` take the place of its own where they are given; all else that was drafted stays.
    Raises OnlyRevOps, InvalidTerms, NothingToStartFrom, or InvalidContent for what can never be signed.
    """
    content = starting_content(at=at)
    draft = draft_of(KIND, KEY)
    if content is None:
        raise NothingToStartFrom("No terms are in force yet: write them in the editor of the SLA.")
    if draft is not None and terms is None and not evidence and not note:
        return draft
    begins = content.get("begins_on")
    return save_draft_of_sla(
        terms=content["terms"] if terms is None else terms,
        clauses=content["clauses"],
        begins_on=date.fromisoformat(begins) if begins else None,
        evidence=evidence or content["evidence"],
        note=note or content["note"],
        expected=draft.revision if draft else 0,
        by=by,
        at=at,
    )


@transaction.atomic
def save_draft_of_sla(
    *,
    terms: Mapping[str, Any] | None,
    clauses: Mapping[str, Any],
    begins_on: date | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
    note: str = "",
    expected: int | None = None,
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """The draft with this content: made, or changed where there is one. It may be incomplete; sending says what lacks.

    Open hours, names of teams and owners, the picklists and the definition of an MQL are filled in as they stand now;
    the draft rests on that definition. Evidence that was found for other terms says so. An owner is {"user": id, …} or
    None. `expected`: the revision that was read, 0 where there was no draft. Raises OnlyRevOps, ChangedMeanwhile,
    InvalidTerms (also for calendars and teams that are not there, and for windows that no calendar fills in time), or
    InvalidContent for what can never be signed.
    """
    require_revops(by, "Documents")
    if terms is not None:
        require_usable(terms, at=at)
    definition = definition_in_force("mql")
    return save_draft(
        kind=KIND,
        key=KEY,
        content=complete(
            terms=terms, clauses=clauses, begins_on=begins_on, evidence=as_cited(evidence, terms), note=note
        ),
        rests_on=[definition.version] if definition else [],
        expected=expected,
        by=by,
        at=at,
    )
