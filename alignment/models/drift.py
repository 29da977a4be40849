"""Alarms of drift from the signed definitions: raised when a figure passes its limit, ended when it comes back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class DriftKind(models.TextChoices):
    GAP = "gap", "Conversion of marketing- and sales-sourced leads"


class DriftAlarm(models.Model):
    """`figures`: what was measured when it was raised, in whole numbers."""

    kind = models.CharField(max_length=10, choices=DriftKind.choices)
    figures = models.JSONField()
    raised_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(ended_at__isnull=True), name="one_alarm_of_a_kind"
            ),
            models.CheckConstraint(condition=Q(kind__in=DriftKind.values), name="drift_kind_is_known"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("raised_at")),
                name="an_alarm_ends_after_it_was_raised",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} since {self.raised_at:%Y-%m-%d}"
