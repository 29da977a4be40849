"""What the clocks added up to, by day."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from sla.models.clocks import ClockKind

METRIC = "compliance"
"""Name of the compliance roll-up among the metrics whose days can be dirty."""


class ComplianceDay(models.Model):
    """Roll-up of clocks by the local day on which they fall due, per kind, team, owner and segment.

    `met`: in time. `missed`: breached, as known first (restated ones included). `restated`: of those, disproved
    by late evidence. `running`: due later or not yet swept. `untagged`: of the met dispositions, those of cycles that
    are over without a closing disposition that is complete. `recycled`: dispositions that fell due after the clause had
    recycled their cycle, in no other count. Other clocks no longer owed and voided cycles do not count.
    """

    day = models.DateField()
    kind = models.CharField(max_length=12, choices=ClockKind.choices)
    team = models.ForeignKey(
        "alignment.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    owner = models.ForeignKey(
        "alignment.Person", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    segment = models.CharField(max_length=60, blank=True)
    met = models.PositiveIntegerField()
    missed = models.PositiveIntegerField()
    restated = models.PositiveIntegerField()
    running = models.PositiveIntegerField()
    untagged = models.PositiveIntegerField(db_default=0)
    recycled = models.PositiveIntegerField(db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "kind", "team", "owner", "segment"],
                name="one_row_per_day_and_group",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(restated__lte=F("missed")), name="restated_is_part_of_missed"),
            models.CheckConstraint(condition=Q(untagged__lte=F("met")), name="untagged_is_part_of_met"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}"
