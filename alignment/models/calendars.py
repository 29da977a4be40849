"""Calendars of open time. A version never changes; exceptions make a new version from the moment they are entered."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from alignment.business_time import InvalidSchedule, Schedule


def validate_schedule(document: dict[str, object]) -> None:
    try:
        Schedule.from_json(document)
    except InvalidSchedule as problem:
        raise ValidationError(str(problem)) from problem


class Calendar(models.Model):
    name = models.CharField(max_length=80, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CalendarVersion(models.Model):
    """Weekly windows, zone, holidays and overrides that judge every instant from `effective_from` on.

    `schedule` is the document of `alignment.business_time.Schedule.from_json`; `holiday_names` maps an ISO date
    to the reason shown to people.
    """

    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_from = models.DateTimeField(
        null=True, blank=True, help_text="Empty for the first version: it judges all earlier instants."
    )
    schedule = models.JSONField(validators=[validate_schedule])
    holiday_names = models.JSONField(default=dict, blank=True)
    country = models.CharField(max_length=10, blank=True, help_text="Whose public holidays were seeded.")
    reason = models.CharField(max_length=200)
    entered_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ["calendar", "number"]
        constraints = [
            models.UniqueConstraint(fields=["calendar", "number"], name="calendar_version_number"),
            models.CheckConstraint(
                condition=models.Q(number=1, effective_from__isnull=True)
                | models.Q(number__gt=1, effective_from__isnull=False),
                name="only_the_first_version_has_no_start",
            ),
            models.CheckConstraint(
                condition=models.Q(effective_from__isnull=True)
                | models.Q(effective_from__gte=models.F("entered_at")),
                name="exceptions_act_only_after_they_are_entered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calendar} v{self.number}"
