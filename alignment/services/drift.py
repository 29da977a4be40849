"""The watch over drift: an alarm is raised once, told once, and ended when the figures come back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.urls import reverse

from alignment.models import DriftAlarm, DriftKind, Role, User
from alignment.notifications import notify
from alignment.queries import drift
from alignment.queries.definitions import definition_in_force

TOLD = (Role.REVOPS, Role.CRO, Role.CMO)


@transaction.atomic
def watch_drift(*, at: datetime) -> DriftAlarm | None:
    """Raise or end the alarm over the gap between the two conversions; the alarm that stands now, if any.

    May run twice or on many workers: one alarm stands at most. While no MQL definition is signed nothing is judged,
    and an alarm that stood ends.
    """
    found = definition_in_force("mql")
    gap = drift.gap(found.definition.limits, at=at) if found else None
    standing = DriftAlarm.objects.select_for_update().filter(kind=DriftKind.GAP, ended_at=None).first()
    if gap is None or not gap.is_alarm:
        if standing is not None:
            standing.ended_at = at
            standing.save(update_fields=["ended_at"])
        return None
    if standing is not None:
        return standing
    figures = {
        side.function: {"leads": side.leads, "converted": side.converted}
        for side in (gap.marketing, gap.sales)
    }
    # two at once: the second one waits for the first here, and then finds that one stands
    DriftAlarm.objects.bulk_create(
        [DriftAlarm(kind=DriftKind.GAP, figures=figures | {"limit": gap.limits.gap}, raised_at=at)],
        ignore_conflicts=True,
    )
    alarm = DriftAlarm.objects.get(kind=DriftKind.GAP, ended_at=None)
    _tell(alarm, gap, at)
    return alarm


def _tell(alarm: DriftAlarm, gap: drift.Gap, at: datetime) -> None:
    higher, lower = gap.higher, gap.lower
    by = f", {gap.ratio} the other" if gap.ratio else ", while none of the other side has one"
    notify(
        to=User.objects.filter(role__in=TOLD, is_active=True),
        key=f"drift:{alarm.pk}",
        kind="drift",
        subject=f"{higher.label} leads convert beyond {gap.limits.gap}× the {lower.label.lower()} ones",
        text=(
            f"{higher.label}: {higher.converted} of {higher.leads} leads have an opportunity{by}. "
            f"{lower.label}: {lower.converted} of {lower.leads}. A gap this wide most often means that the two "
            "functions do not mean the same by a lead."
        ),
        url=reverse("alignment:drift"),
        at=at,
    )
