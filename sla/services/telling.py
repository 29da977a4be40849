"""Who is told of consequences and cases: both leaders, whom the SLA names, and RevOps; with the act itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from alignment.models import Role, User
from alignment.notifications import notify
from alignment.wording import truncated_share
from sla.models import (
    Agreement,
    Consequence,
    ConsequenceCycle,
    ConsequenceUndone,
    CycleState,
    RenegotiationCase,
)

LEADERS = (Role.CRO, Role.CMO, Role.REVOPS)


def of_consequence(consequence: Consequence, *, at: datetime) -> int:
    """The follow-up clause fired."""
    judged = consequence.judged
    recycled = consequence.cycles.filter(state=CycleState.WAITING).count()
    share = truncated_share(judged.part, judged.whole, worse="up")
    return notify(
        to=_concerned(judged.agreement),
        key=f"consequence:{consequence.pk}",
        kind="sla-consequence",
        subject=f"Consequence of the SLA: {judged.part} of {judged.whole} first follow-ups missed in "
        f"{judged.period.name}",
        text=f"Sales missed the first follow-up of {judged.part} of the {judged.whole} MQLs due in "
        f"{judged.period.name}: {share}, and the SLA (version {judged.agreement.number}) allows {judged.percent}%. "
        f"{consequence.cycles.count()} MQLs leave both numbers of marketing's conversion; {recycled} of them, open and "
        "never contacted, are recycled. The list is on the page; who disagrees files a dispute.",
        url=reverse("sla:consequence", args=[consequence.pk]),
        at=at,
    )


def of_held(consequence: Consequence, entries: Sequence[ConsequenceCycle], *, at: datetime) -> int:
    """What a dispute held when the clause fired turned out to be missed."""
    judged = consequence.judged
    recycled = sum(entry.state == CycleState.WAITING for entry in entries)
    return notify(
        to=_concerned(judged.agreement),
        key=f"consequence-held:{consequence.pk}:{entries[0].pk}",
        kind="sla-consequence",
        subject=f"The consequence for {judged.period.name}: {len(entries)} more MQLs after rulings",
        text=f"Disputes held the first follow-up of {len(entries)} MQLs when the clause counted them as missed. They "
        "are decided, and the miss stands: these MQLs leave both numbers of marketing's conversion as well; "
        f"{recycled} of them, open and never contacted, are recycled.",
        url=reverse("sla:consequence", args=[consequence.pk]),
        at=at,
    )


def of_undone(consequence: Consequence, undone: Sequence[ConsequenceUndone], *, at: datetime) -> int:
    """A ruling took some or all of it back."""
    reopened = sum(row.is_reopened for row in undone)
    judged = consequence.judged
    return notify(
        to=_concerned(judged.agreement),
        key=f"consequence-undone:{consequence.pk}:{undone[0].pk}",
        kind="sla-consequence",
        subject=f"A ruling took back part of the consequence for {judged.period.name}: {len(undone)} MQLs",
        text=f"By a ruling {len(undone)} MQLs count in marketing's conversion again; {reopened} of them are open "
        "again. Their clocks do not restart.",
        url=reverse("sla:consequence", args=[consequence.pk]),
        at=at,
    )


def of_case(case: RenegotiationCase, *, at: datetime) -> int:
    """Marketing's volume was missed so many months running."""
    months = "; ".join(
        f"{month['month'][:7]}: {month['delivered']} of {month['promised']}" for month in case.months
    )
    return notify(
        to=_concerned(case.agreement),
        key=f"renegotiation:{case.pk}:opened",
        kind="sla-renegotiation",
        subject="The pipeline target is under renegotiation: MQL volume missed "
        f"{len(case.months)} months running",
        text=f"MQLs delivered of those promised, by month: {months}. By the consequence clause of the SLA (version "
        f"{case.agreement.number}) the pipeline target is renegotiated. The case closes when a new sponsorship or SLA "
        "is signed, or by a ruling.",
        url=reverse("sla:consequences"),
        at=at,
    )


def of_closed_case(case: RenegotiationCase, *, at: datetime) -> int:
    """The pipeline target stands again."""
    how = "by a ruling" if case.closed_by is None else f"{case.closed_by.artifact} was signed"
    return notify(
        to=_concerned(case.agreement),
        key=f"renegotiation:{case.pk}:closed",
        kind="sla-renegotiation",
        subject="The renegotiation of the pipeline target is over",
        text=f"The case that opened for the volume since {case.first:%B %Y} is closed: {how}.",
        url=reverse("sla:consequences"),
        at=at,
    )


def _concerned(agreement: Agreement) -> list[User]:
    clauses = agreement.parsed_clauses()
    named = [owner.user for owner in clauses.owners.values()] if clauses else []
    leaders = User.objects.filter(role__in=LEADERS, is_active=True)
    return [*leaders, *User.objects.filter(pk__in=named, is_active=True)]
