"""The review date of a signed SLA on its leaders' calendars."""

from __future__ import annotations

from django.db import models


class ReviewTaken(models.Model):
    """A leader took the review date of a signed version for the own calendar, as a file. Append-only.

    The mails that carry it are rows of the outbox, under `sla.queries.review.mail_key`.
    """

    version = models.ForeignKey("alignment.ArtifactVersion", on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    taken_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "reviews taken"
        constraints = [models.UniqueConstraint(fields=["version", "user"], name="review_taken_once")]

    def __str__(self) -> str:
        return f"review of {self.version_id} taken by {self.user_id}"
