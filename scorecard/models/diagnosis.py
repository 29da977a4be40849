"""What is declared for the diagnosis: window of its figures, follow-up window, inputs of the sequence."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords


class FollowUpTime(models.TextChoices):
    BUSINESS = "business", "Business hours"
    ELAPSED = "elapsed", "Elapsed hours"


class Diagnosis(models.Model):
    """Declarations of one program's diagnosis; what was measured is not kept here but frozen into the scorecard.

    `first_quarter` and `last_quarter` ("2026-Q1"), both empty: the last four full quarters. A declared input that is
    empty or false is one that nobody claims.
    """

    program = models.OneToOneField("alignment.Program", on_delete=models.PROTECT, related_name="diagnosis")
    first_quarter = models.CharField(max_length=7, blank=True)
    last_quarter = models.CharField(max_length=7, blank=True)
    follow_up_hours = models.PositiveSmallIntegerField(
        default=24, validators=[MinValueValidator(1), MaxValueValidator(720)]
    )
    follow_up_time = models.CharField(
        max_length=8, choices=FollowUpTime.choices, default=FollowUpTime.BUSINESS
    )
    calendar = models.ForeignKey(
        "alignment.Calendar",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose business hours count; empty: the calendar that most sales teams keep.",
    )
    board_deck_on = models.DateField(null=True, blank=True)
    pipeline_short_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    sla_has_diagnosis = models.BooleanField(default=False)
    sla_has_consequence = models.BooleanField(default=False)
    sla_is_in_crm = models.BooleanField(default=False)
    says_quality_is_bad = models.BooleanField(default=False)
    has_same_numbers_other_meaning = models.BooleanField(default=False)
    has_no_time_for_five = models.BooleanField(default=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "diagnoses"
        constraints = [
            models.CheckConstraint(
                condition=Q(follow_up_hours__gte=1, follow_up_hours__lte=720),
                name="follow_up_within_1_to_720_hours",
            ),
            models.CheckConstraint(
                condition=Q(pipeline_short_percent__isnull=True)
                | Q(pipeline_short_percent__gte=0, pipeline_short_percent__lte=100),
                name="pipeline_short_by_0_to_100_percent",
            ),
            models.CheckConstraint(
                condition=Q(first_quarter="", last_quarter="")
                | (
                    ~Q(first_quarter="")
                    & ~Q(last_quarter="")
                    & Q(last_quarter__gte=models.F("first_quarter"))
                ),
                name="a_window_has_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"diagnosis of {self.program_id}"
