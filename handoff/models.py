"""Who gets a lead: pools with weights, leave and pause, and the ledger of assignments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

# Divisible by every weight from 1 to 16, so that shares stay whole numbers.
STRIDE = 720_720


class Pool(models.Model):
    """A weighted round-robin pool for one segment; the pool without a segment is the default.

    `virtual_time` is the turn counter of the fair queue: the lowest turn among those eligible at the last pick.
    """

    name = models.CharField(max_length=80, unique=True)
    segment = models.CharField(
        max_length=60, blank=True, unique=True, help_text="Leads of this segment; empty: all others."
    )
    fallback = models.ForeignKey(
        "alignment.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Gets the lead when nobody in the pool is eligible. A person, never a queue.",
    )
    virtual_time = models.BigIntegerField(default=0, editable=False)
    history = HistoricalRecords(excluded_fields=["virtual_time"])

    class Meta:
        ordering = ["segment"]

    def __str__(self) -> str:
        return self.name


class PoolMember(models.Model):
    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey("alignment.Person", on_delete=models.PROTECT, related_name="memberships")
    weight = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(16)]
    )
    is_paused = models.BooleanField(default=False)
    turn = models.BigIntegerField(default=0, editable=False, help_text="Lowest turn gets the next lead.")
    received = models.PositiveIntegerField(default=0, editable=False)
    history = HistoricalRecords(excluded_fields=["turn", "received"])

    class Meta:
        ordering = ["pool", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "person"],
                name="member_once_per_pool",
                violation_error_message="This person is already in the pool.",
            ),
            models.CheckConstraint(condition=Q(weight__gte=1, weight__lte=16), name="weight_is_1_to_16"),
        ]

    def __str__(self) -> str:
        return f"{self.person} in {self.pool}"


class Leave(models.Model):
    """Time away: leads go to others. It stops no clock."""

    person = models.ForeignKey("alignment.Person", on_delete=models.CASCADE, related_name="leaves")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=120, blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="leave_ends_after_it_starts",
                violation_error_message="Leave must end after it starts.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} away {self.starts_at:%Y-%m-%d}"

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


class Assignment(models.Model):
    """The ledger of our own decisions: who got an MQL cycle, when, and the explanation. Append-only.

    `explanation`: {"pool": name, "rule": sentence, "considered": [{"person", "weight", "turn", "skipped"}], ...}.
    """

    class Origin(models.TextChoices):
        ROUTED = "routed", "Routed by a pool"
        FALLBACK = "fallback", "Fallback person"
        MANUAL = "manual", "Assigned by hand"

    cycle = models.ForeignKey("alignment.MqlCycle", on_delete=models.PROTECT, related_name="assignments")
    person = models.ForeignKey(
        "alignment.Person", on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    origin = models.CharField(max_length=10, choices=Origin.choices)
    pool = models.ForeignKey(
        Pool, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments", db_index=False
    )
    explanation = models.JSONField()
    assigned_at = models.DateTimeField()
    by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["cycle"],
                condition=~Q(origin="manual"),
                name="a_cycle_is_routed_once",
            )
        ]
        indexes = [models.Index(fields=["person", "-assigned_at"], name="assignment_by_person")]

    def __str__(self) -> str:
        return f"cycle {self.cycle_id} to {self.person}"

    @property
    def considered(self) -> list[dict[str, Any]]:
        """Everyone considered, in the order of the explanation, each with the `place` in turn, from 1, that the
        person had then; None for who was skipped."""
        rows = list(enumerate(self.explanation.get("considered", ())))
        eligible = [(row["turn"], -row["weight"], number) for number, row in rows if not row["skipped"]]
        places = {number: place for place, (*_, number) in enumerate(sorted(eligible), start=1)}
        return [{**row, "place": places.get(number)} for number, row in rows]
