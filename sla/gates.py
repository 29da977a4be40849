"""Gate 2: the SLA is signed and in force, and its review date went to both leaders' calendars."""

from __future__ import annotations

from datetime import datetime

from alignment.blockers import Blocker
from alignment.gates import Basis, Evidence, gate
from alignment.models import Program, Step
from sla.queries.agreements import load_book

PAGE = "/agreement/"


@gate(Step.SLA)
def sla_is_signed_and_in_force(program: Program, *, at: datetime) -> list[Evidence]:
    """The version of the agreement that judges MQLs now is signed by both function leads."""
    version = load_book().at(at)
    what = "Signed SLA in force"
    if version is None:
        text = "No SLA is in force: enter one under Agreement. It cannot be signed in this product yet."
        return [
            Evidence(what, "None in force", Basis.SIGNED, None, PAGE, Blocker("sla-missing", text, url=PAGE))
        ]
    number, since = version.agreement.number, version.agreement.in_force_from
    if not version.agreement.is_signed:
        text = (
            f"Version {number} of the agreement is in force unsigned, and it cannot be signed in this product yet: "
            "the gate stays shut until both function leads have signed it."
        )
        found = f"Version {number} is in force, unsigned"
        return [Evidence(what, found, Basis.SIGNED, since, PAGE, Blocker("sla-unsigned", text, url=PAGE))]
    return [Evidence(what, f"Version {number}, signed", Basis.SIGNED, since, PAGE)]
