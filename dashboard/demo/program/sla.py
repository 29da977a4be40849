"""The SLA that the demo company signed at the end of its first program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alignment.models import ArtifactVersion
from dashboard.demo.program.people import Cast, agree
from sla.queries.drafting import starting_content
from sla.services.drafts import save_draft_of_sla

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
