"""Scenarios of calibration: saved as they were found, and brought into a draft of the SLA as its evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from alignment.models import ArtifactVersion, User
from alignment.queries.artifacts import draft_of
from alignment.services.authority import require_revops
from sla.content import KEY, KIND, MOST_SCENARIOS
from sla.models import Scenario
from sla.queries.calibration import Answer, figures, sentences
from sla.services.drafts import start_draft
from sla.terms import Terms

NAME_LENGTH = 80


class NoName(ValueError):
    """A scenario is found again by its name."""


@transaction.atomic
def save_scenario(*, name: str, document: dict[str, Any], found: Answer, by: User, at: datetime) -> Scenario:
    """Keep what a replay found; never changed afterwards. `document`: the proposed terms. Raises OnlyRevOps, NoName or
    InvalidTerms."""
    require_revops(by, "Scenarios")
    name = " ".join(name.split())
    if not name:
        raise NoName("Give the scenario a name, such as “8 hours for all”.")
    Terms.from_json(document)
    clause = found.clause
    return Scenario.objects.create(
        name=name[:NAME_LENGTH],
        terms=document,
        first=found.span.first,
        end=found.span.end,
        which=found.which,
        options={
            "zone": found.span.zone,
            "missed_percent": clause.missed_percent,
            "period": clause.period,
            "volumes": [{"segment": line.segment, "mqls": line.mqls} for line in clause.volumes],
            "volume_months": clause.volume_months,
        },
        found=figures(found.proposed) | {"left_out": found.left_out, "more": found.more},
        today=figures(found.today) if found.today else {},
        said=sentences(found),
        as_of=found.cut,
        saved_at=at,
        saved_by=by,
    )


@transaction.atomic
def draft_amendment(*, scenario: Scenario, by: User, at: datetime) -> ArtifactVersion:
    """A draft of the SLA with the terms of a scenario, which becomes its evidence beside at most two that the draft had
    already. Raises what sla.services.drafts.start_draft raises."""
    draft = draft_of(KIND, KEY)
    before = draft.content.get("evidence", []) if draft else []
    others = [entry for entry in before if entry["scenario"] != scenario.pk]
    entry = {"scenario": scenario.pk, "name": scenario.name, "said": scenario.said}
    return start_draft(terms=scenario.terms, evidence=[*others[-(MOST_SCENARIOS - 1) :], entry], by=by, at=at)
