"""The SLA that the demo company signed at the end of its first program, and the amendment that it is working on."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

from alignment.access import Scope
from alignment.models import ArtifactVersion, Organisation
from dashboard.demo.program.people import Cast, agree
from sla.queries import calibration
from sla.queries.agreements import load_book
from sla.queries.drafting import starting_content
from sla.queries.replay import ALL
from sla.services.drafts import save_draft_of_sla
from sla.services.elapsed import bring_up_to_date, needed_by
from sla.services.scenarios import draft_amendment, save_scenario
from sla.terms import Terms

# segment: MQLs a month; what came in over the quarters before, and a little more
VOLUMES = {"enterprise": 25, "mid_market": 45, "smb": 90, "": 10}
NOTE = "The terms that we ran on since the kick-off, now with what marketing owes and with consequences."


class NoTermsYet(RuntimeError):
    """The company has to be set up first."""


def sign(cast: Cast, *, at: datetime) -> ArtifactVersion:
    """RevOps drafts it, sends it, and both leaders sign it within a day; then it is what every MQL runs on."""
    content = starting_content(at=at)
    if content is None:
        raise NoTermsYet("no terms are in force that the SLA could begin with")
    clauses: dict[str, Any] = content["clauses"]
    clauses["marketing"]["volumes"] = [
        {"segment": segment, "mqls": mqls} for segment, mqls in VOLUMES.items()
    ]
    draft = save_draft_of_sla(
        terms=content["terms"], clauses=clauses, note=NOTE, expected=0, by=cast.revops, at=at
    )
    return agree(draft, cast, cast.leaders, at=at)


def draft_an_amendment(cast: Cast, *, at: datetime) -> ArtifactVersion:
    """RevOps tries two hours for high intent on the last quarter, and drafts an amendment with what that found."""
    now = load_book().at(at)
    if now is None or now.clauses is None:
        raise NoTermsYet("no signed SLA is in force that an amendment could begin with")
    document = deepcopy(now.agreement.terms)
    document["tiers"][0]["follow_up_within"] = {"amount": 2, "unit": "hours", "time": "business"}
    proposed = Terms.from_json(document)
    bring_up_to_date(at=at, needed=needed_by(proposed) | needed_by(now.terms))
    agreed = now.clauses
    found = calibration.answer(
        proposed,
        now.terms,
        calibration.last_quarters(1, at=at, zone=Organisation.get().zone),
        which=ALL,
        clause=calibration.Clause(
            agreed.consequences.missed_percent,
            agreed.consequences.period,
            agreed.marketing.volumes,
            agreed.consequences.volume_months,
        ),
        scope=Scope(is_all=True),
        cut=at,
    )
    scenario = save_scenario(
        name="Two hours for high intent", document=document, found=found, by=cast.revops, at=at
    )
    return draft_amendment(scenario=scenario, by=cast.revops, at=at)
