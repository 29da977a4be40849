"""What the weeks under a signed SLA led to: each week as it was first fully known, and cases to the CRO."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from sla.models.agreements import Agreement


class KnownWeek(models.Model):
    """A full week whose figures were all known: every event of it applied, every clock judged, no day to count anew.
    Append-only. `figures`: as sla.weeks.JudgedWeek.to_json had them then; later facts are in the roll-up alone."""

    monday = models.DateField()
    zone = models.CharField(max_length=60, help_text="The zone in which the week was cut.")
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="known_weeks", db_index=False
    )
    figures = models.JSONField()
    tzdata = models.CharField(max_length=12)
    known_at = models.DateTimeField()

    class Meta:
        ordering = ["monday"]
        constraints = [
            models.UniqueConstraint(fields=["monday", "zone"], name="a_week_is_first_known_once"),
            models.CheckConstraint(condition=Q(monday__week_day=2), name="a_known_week_begins_on_monday"),
        ]

    def __str__(self) -> str:
        return f"week of {self.monday}"


class AdoptionCaseQuerySet(models.QuerySet["AdoptionCase"]):
    def open(self) -> AdoptionCaseQuerySet:
        return self.filter(closing__isnull=True)


class AdoptionCase(models.Model):
    """Two consecutive enforced weeks with fewer MQLs tagged than the SLA asks for: a question for the CRO, about
    adoption and not about tooling. Append-only; it ends by its closing.

    `figures`: the two weeks as sla.weeks.JudgedWeek.to_json, and the dispositions that were due and not tagged, by rep
    and team, as they were when it opened.
    """

    first_week = models.DateField(unique=True, help_text="The Monday of the first of the two weeks.")
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="adoption_cases", db_index=False
    )
    figures = models.JSONField()
    opened_at = models.DateTimeField()

    objects = AdoptionCaseQuerySet.as_manager()

    class Meta:
        ordering = ["-first_week"]

    def __str__(self) -> str:
        return f"Adoption case of {self.first_week}"


class AdoptionCaseClosing(models.Model):
    """How a case ended: by two weeks at or above what the SLA asks for (nobody, no note), or by the CRO's note.
    Append-only."""

    case = models.OneToOneField(
        AdoptionCase, on_delete=models.PROTECT, primary_key=True, related_name="closing"
    )
    closed_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.TextField(blank=True)
    figures = models.JSONField(
        default=list, blank=True, help_text="The two weeks by which it closed by itself."
    )
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_by__isnull=True, note="") | (Q(closed_by__isnull=False) & ~Q(note="")),
                name="who_closes_a_case_says_why",
            )
        ]

    def __str__(self) -> str:
        return f"closing of {self.case_id}"
