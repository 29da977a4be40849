"""Programs: one run of the five procedures, and what its gates said."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from alignment.models.people import Role

OWNERS = (Role.REVOPS, Role.MARKETING, Role.SALES_MANAGER)
OWNERS_SAID = "RevOps, marketing or sales management"
"""Whose people may run a program from day to day."""


class Step(models.IntegerChoices):
    """Gate 0 stands before sending the scorecard; gate n is what step n must reach."""

    PREREQUISITES = 0, "Prerequisites"
    SCORECARD = 1, "Scorecard"
    SLA = 2, "SLA"
    HANDOFF = 3, "Handoff"
    PLAN = 4, "Plan"
    DASHBOARD = 5, "Dashboard"


class Program(models.Model):
    """One run of the five procedures. `owner` is the operational owner named for it, with the hours a week declared."""

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="programs"
    )
    hours_per_week = models.PositiveSmallIntegerField(null=True, blank=True)
    has_admin_access = models.BooleanField(
        default=False,
        help_text="Declared: the owner may administer lead, opportunity and campaign objects in the CRM.",
    )
    starts_on = models.DateField()
    weeks = models.PositiveSmallIntegerField(default=8)
    plan_taken_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the plan with these dates was last mailed or downloaded for the calendars. Null: not yet.",
    )
    plan_taken_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["closed_at"],
                condition=Q(closed_at__isnull=True),
                name="one_open_program",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(weeks__gte=6, weeks__lte=10),
                name="a_program_takes_6_to_10_weeks",
                violation_error_message="A program takes 6 to 10 weeks.",
            ),
            models.CheckConstraint(
                condition=Q(hours_per_week__isnull=True) | Q(hours_per_week__lte=80), name="hours_of_a_week"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GateDecision(models.Model):
    """What a gate came to when that changed, with its evidence. Append-only; the newest per step is what stands."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="decisions")
    step = models.PositiveSmallIntegerField(choices=Step.choices)
    is_open = models.BooleanField()
    blockers = models.JSONField(help_text="As Blocker.to_json; empty where the gate is open.")
    evidence = models.JSONField(
        default=list,
        blank=True,
        help_text="What was found, met or not, as Evidence.to_json. Empty in decisions from before it was kept.",
    )
    waiver = models.ForeignKey(
        "alignment.ArtifactVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The signed waiver that excuses the blockers.",
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["program", "step", "-id"], name="decision_by_step")]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_open=False) | Q(blockers=[]) | Q(waiver__isnull=False),
                name="open_without_blockers_or_by_waiver",
            ),
            models.CheckConstraint(condition=Q(is_open=True) | ~Q(blockers=[]), name="shut_for_a_reason"),
        ]

    def __str__(self) -> str:
        return f"gate {self.step} {'open' if self.is_open else 'shut'}"
