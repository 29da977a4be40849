"""What the SLA asks of people: to be there, to be signed, to be reviewed."""

from __future__ import annotations

from datetime import datetime

from alignment.models import Role
from dashboard.queries.figures import agreement_in_force
from dashboard.queries.need import Need
from sla.page import day
from sla.queries.cases import open_case
from sla.queries.review import Review, review

NEAR = 14  # days before the review, as the first reminder goes out


def no_agreement(*, at: datetime) -> list[Need]:
    if agreement_in_force(at=at) is not None:
        return []
    text = "No SLA is in force: no MQL cycle starts and no clock runs"
    return [Need("no-agreement", None, text, "sla:agreement", is_urgent=True)]


def unsigned(*, at: datetime) -> list[Need]:
    version = agreement_in_force(at=at)
    if version is None:
        return []
    if version.revoked_at is not None:
        text = (
            f"SLA v{version.agreement.number} is no longer signed: its clocks go on, and no consequence follows until "
            "CRO and CMO sign another one"
        )
        return [Need("unsigned", None, text, "sla:agreement", is_urgent=True)]
    if version.agreement.is_signed:
        return []
    text = (
        f"SLA v{version.agreement.number} is in force unsigned: no consequence follows from it until CRO and CMO "
        "sign the SLA"
    )
    return [Need("unsigned", None, text, "sla:agreement")]


def review_near(*, at: datetime) -> list[Need]:
    """A review of the signed SLA that is near, has lapsed, or is on no leader's calendar yet."""
    found = review(at=at)
    if found is None:
        return []
    if found.is_lapsed or found.days <= NEAR:
        return [Need("review", None, _when(found), "sla:review", is_urgent=found.is_lapsed)]
    if lacking := found.lacking():
        who = " and ".join(Role(role).label for role in lacking)
        return [
            Need(
                "review-date",
                None,
                f"The SLA's review date is not on the calendar of {who} yet",
                "sla:review",
            )
        ]
    return []


def _when(found: Review) -> str:
    if found.is_lapsed:
        return f"The review of the SLA has lapsed: it was due on {day(found.due_on)}"
    left = {0: "today", 1: "tomorrow"}.get(found.days, f"in {found.days} days")
    return f"The review of the SLA is {left}: calibrate it against the quarter first"


def adoption() -> list[Need]:
    """The case that waits for the CRO: tagging stayed under what the SLA asks for."""
    case = open_case()
    if case is None:
        return []
    text = f"Adoption case: tagging under {case.percent}% in {case.said}"
    return [Need("adoption", None, text, "sla:adoption-cases", is_urgent=True)]
