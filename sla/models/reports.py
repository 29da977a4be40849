"""Adherence reports as they were sent."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from sla.models.agreements import Agreement


class AdherenceReport(models.Model):
    """How both sides kept the SLA in one full week, frozen as known when it was made. Append-only; one for a week.

    `figures`: sla.queries.adherence.figures.Report as JSON: every figure of the mail and of the page.
    """

    monday = models.DateField(unique=True, help_text="Of the full week reported, in the organisation's zone.")
    as_known_at = models.DateTimeField()
    complete_until = models.DateTimeField(help_text="Everything received before is counted.")
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="adherence_reports", db_index=False
    )
    sla_digest = models.CharField(max_length=64, help_text="Of the signed SLA in force when it was made.")
    definition_version = models.PositiveIntegerField(
        help_text="Of the signed definition of an MQL that the SLA cites."
    )
    figures = models.JSONField()
    told = models.PositiveIntegerField(help_text="How many people it was sent to.")

    class Meta:
        ordering = ["-monday"]
        constraints = [
            models.CheckConstraint(
                condition=Q(complete_until__lte=F("as_known_at")), name="a_report_knows_no_future"
            ),
            models.CheckConstraint(condition=Q(monday__iso_week_day=1), name="a_reported_week_is_a_week"),
        ]

    def __str__(self) -> str:
        return f"Adherence report of the week of {self.monday}"
