"""What retention removed, and when."""

from __future__ import annotations

from django.db import models


class RetentionRun(models.Model):
    """One run over one kind of raw content: everything older than `cut_off` was emptied. Append-only."""

    part = models.CharField(max_length=80, help_text="What expired, as its registration names it.")
    ran_at = models.DateTimeField()
    months = models.PositiveSmallIntegerField(help_text="The setting that it ran under.")
    cut_off = models.DateTimeField()
    rows = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    by = models.ForeignKey(
        "alignment.User",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the timetable.",
    )

    class Meta:
        ordering = ["-ran_at", "-pk"]
        indexes = [models.Index(fields=["-ran_at"], name="retention_run_by_time")]

    def __str__(self) -> str:
        return f"{self.part} {self.ran_at:%Y-%m-%d}"
