"""Rows that the machinery keeps about itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models


class DirtyDay(models.Model):
    """A day whose roll-up of one metric is out of date.

    Deliberately without a unique key: a writer never waits for, or is swallowed by, a roll-up in progress.
    """

    metric = models.CharField(max_length=40)
    day = models.DateField(help_text="Local day of the organisation's zone.")

    class Meta:
        indexes = [models.Index(fields=["metric", "day"], name="dirty_by_metric")]

    def __str__(self) -> str:
        return f"{self.metric} {self.day}"


class Heartbeat(models.Model):
    """Last sign of life of one loop; red after three periods."""

    name = models.CharField(max_length=60, primary_key=True)
    beat_at = models.DateTimeField()
    period = models.DurationField()

    def __str__(self) -> str:
        return self.name

    def is_late(self, at: datetime) -> bool:
        return at - self.beat_at > max(3 * self.period, timedelta(seconds=15))
