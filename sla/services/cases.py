"""The watch over full weeks: each is kept as it was first fully known, and two that run under the agreed tagging open a
case to the CRO."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.urls import reverse

from alignment.models import Role, User
from alignment.notifications import notify
from sla.models import AdoptionCase, AdoptionCaseClosing, KnownWeek
from sla.queries.cases import Case, breakdown, open_case
from sla.queries.weeks import Ground, weeks
from sla.weeks import JudgedWeek, recovery, under_tagging

LOOKS_BACK = 26
"""Full weeks that are looked at: a watch that stood still for longer opens no case about what lies before."""
TOLD = (Role.CRO, Role.REVOPS)
WHAT_TO_DO = (
    "This is an adoption issue, not a tooling issue: the product asks for a disposition and its reason, and people "
    "go around it. Ask the managers of the teams below to go through the open MQLs with their reps this week, repeat "
    "the training on dispositions, and say that an MQL without one counts as not worked."
)


class OnlyTheCro(PermissionDenied):
    """An adoption case is the CRO's to close."""


class NoteMissing(ValueError):
    """A case is closed with a note of what was done."""


class CaseIsClosed(ValueError):
    """This case has ended already."""


@transaction.atomic
def watch_weeks(*, at: datetime) -> int:
    """Keep the full weeks that became known, and open or close the case that follows from them; how many weeks.

    May run twice, on many workers, or not at all for a while: the rows decide, each written once.
    """
    _queue_up()
    ground = Ground.at_hand(at=at)
    first, last = ground.first_full, ground.last_full
    if first is None or first.monday > last.monday:
        return 0
    count = min(LOOKS_BACK, (last.monday - first.monday).days // 7 + 1)
    found = weeks(last, count, ground)
    new = [week for week in found if week.is_full and not week.doubts and not week.was_known]
    KnownWeek.objects.bulk_create(
        KnownWeek(
            monday=week.week.monday,
            zone=week.week.zone,
            agreement=ground.book.by_number(week.agreement).agreement,
            figures=week.to_json(),
            tzdata=ground.tzdata,
            known_at=at,
        )
        for week in new
        if week.agreement is not None
    )
    case = AdoptionCase.objects.open().first()
    if case is None:
        _open(_since_the_last(found), ground, at=at)
    else:
        _end(case, found, at=at)
    return len(new)


@transaction.atomic
def close_case(*, case: AdoptionCase, note: str, by: User, at: datetime) -> AdoptionCaseClosing:
    """End a case by the CRO's note of what was done. Raises OnlyTheCro, NoteMissing or CaseIsClosed."""
    if not by.has_role(Role.CRO):
        raise OnlyTheCro("The case is the CRO's: the CRO closes it, or two weeks at the agreed tagging do.")
    if not note.strip():
        raise NoteMissing("Say in a note what was done, then close the case.")
    _queue_up()
    if AdoptionCaseClosing.objects.filter(case=case).exists():
        raise CaseIsClosed("The case has been closed already.")
    return AdoptionCaseClosing.objects.create(case=case, closed_by=by, note=note.strip(), closed_at=at)


def _queue_up() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('sla.weeks'))")


def _since_the_last(found: Sequence[JudgedWeek]) -> Sequence[JudgedWeek]:
    """The weeks that no earlier case was about: those after the two that ended it, or that began after its note."""
    closing = AdoptionCaseClosing.objects.order_by("-closed_at").first()
    if closing is None:
        return found
    if closing.figures:
        ended = closing.figures[-1]["monday"]
        return [week for week in found if week.week.monday.isoformat() > ended]
    return [week for week in found if week.week.starts_at >= closing.closed_at]


def _open(found: Sequence[JudgedWeek], ground: Ground, *, at: datetime) -> None:
    pair = under_tagging(found)
    if pair is None or pair[1].agreement is None or pair[1].asks is None:
        return
    first = pair[0].week.monday
    figures = {"weeks": [week.to_json() for week in pair], "percent": pair[1].asks.tagging_percent}
    AdoptionCase.objects.create(
        first_week=first,
        agreement=ground.book.by_number(pair[1].agreement).agreement,
        figures=figures | breakdown(first),
        opened_at=at,
    )
    case = open_case()
    if case is not None:
        _tell(case, at=at)


def _end(case: AdoptionCase, found: Sequence[JudgedWeek], *, at: datetime) -> None:
    """By two weeks at or above the agreed tagging, after those that it is about."""
    after = case.first_week + timedelta(weeks=2)
    pair = recovery([week for week in found if week.week.monday >= after])
    if pair is None:
        return
    AdoptionCaseClosing.objects.create(case=case, closed_at=at, figures=[week.to_json() for week in pair])
    notify(
        to=User.objects.filter(role__in=TOLD, is_active=True),
        key=f"adoption-case-closed:{case.pk}",
        kind="adoption-case",
        subject="Tagging is back: the adoption case is closed",
        text="Two full weeks running had as many complete dispositions as the SLA asks for, or more.",
        url=reverse("sla:adoption-cases"),
        at=at,
    )


def _tell(case: Case, *, at: datetime) -> None:
    shares = [
        f"- Week of {week.monday.day} {week.monday:%B %Y}: {week.tagged} of {week.due} tagged"
        for week in case.weeks
    ]
    teams = [
        f"- {team.name}: {team.untagged} of {team.due} not tagged" for team in case.teams[:5] if team.untagged
    ]
    notify(
        to=User.objects.filter(role__in=TOLD, is_active=True),
        key=f"adoption-case:{case.row.pk}",
        kind="adoption-case",
        subject=f"Adoption case: tagging under {case.percent}% in two weeks running",
        text="\n".join(
            [
                f"In {case.said} fewer than {case.percent}% of the MQLs had a complete disposition when it was due.",
                *shares,
                "",
                WHAT_TO_DO,
                *teams,
                "",
                "The case closes by itself after two full weeks running at the agreed share, or by the CRO's note.",
            ]
        ),
        url=reverse("sla:adoption-cases"),
        at=at,
    )
