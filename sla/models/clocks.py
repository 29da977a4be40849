"""Clocks: promises with a due time, and what became of them."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from sla.models.agreements import Agreement


class ClockKind(models.TextChoices):
    ASSIGN = "assign", "Assigned"
    FOLLOW_UP = "follow_up", "First follow-up"
    DISPOSITION = "disposition", "Disposition"
    ATTEMPT = "attempt", "Next attempt"


class Outcome(models.TextChoices):
    """What a clock came to, as known now."""

    OPEN = "open", "Running"
    MET = "met", "Met"
    MISSED = "missed", "Missed"
    RESTATED = "restated", "Missed, then met by late evidence"
    NOT_OWED = "not_owed", "No longer owed"


class ClockQuerySet(models.QuerySet["Clock"]):
    def running(self) -> ClockQuerySet:
        return self.filter(settled_at__isnull=True)

    def overdue(self, at: datetime) -> ClockQuerySet:
        """Due at or before `at` minus nothing: due has passed and nothing met it in time."""
        return self.running().filter(due_at__lt=at)


class Clock(models.Model):
    """One promise with a due time.

    `due_at` = start + budget in open time of `calendar_version` (null: elapsed time). Met if and only if
    `met_at` <= `due_at`. `settled_at` is set once nothing more can happen to it by the passing of time: met in
    time, breached, or no longer owed; the sweep looks only at unsettled rows. A breach stays (`breached_at` =
    the due time); a late fact that disproves it appends a `ClockCorrection` and sets `outcome` to restated.
    """

    cycle = models.ForeignKey(
        "alignment.MqlCycle", on_delete=models.PROTECT, related_name="clocks", db_index=False
    )
    kind = models.CharField(max_length=12, choices=ClockKind.choices)
    ordinal = models.PositiveSmallIntegerField(default=1, help_text="For attempts: which one is due.")
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    warn_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    breached_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    not_owed_from = models.DateTimeField(
        null=True, blank=True, help_text="As the facts have it now; empty where it was met before."
    )
    restated_start_at = models.DateTimeField(
        null=True, blank=True, help_text="Its start as facts have it that came after its breach."
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.OPEN)
    is_suspect = models.BooleanField(
        default=False, help_text="A stated time was not believed: the receipt stands in for it."
    )
    budget_seconds = models.PositiveIntegerField()
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="clocks", db_index=False)
    calendar_version = models.ForeignKey(
        "alignment.CalendarVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="clocks",
        db_index=False,
    )
    tzdata = models.CharField(max_length=12)
    team = models.ForeignKey(
        "alignment.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    owner = models.ForeignKey(
        "alignment.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="clocks",
        db_index=False,
    )
    segment = models.CharField(max_length=60, blank=True)
    held_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="It stands still: filed dispute, not ruled on. Nothing is stamped meanwhile.",
    )

    objects = ClockQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cycle", "kind", "ordinal"], name="one_clock_per_promise"),
            models.CheckConstraint(condition=Q(due_at__gte=F("started_at")), name="due_is_not_before_start"),
            models.CheckConstraint(
                condition=Q(breached_at__isnull=True) | Q(breached_at=F("due_at")),
                name="a_breach_happens_at_the_due_time",
            ),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.OPEN, settled_at__isnull=True, breached_at__isnull=True)
                | Q(
                    outcome=Outcome.MET,
                    settled_at__isnull=False,
                    met_at__lte=F("due_at"),
                    breached_at__isnull=True,
                )
                | Q(outcome=Outcome.MISSED, settled_at__isnull=False, breached_at__isnull=False)
                | Q(outcome=Outcome.RESTATED, settled_at__isnull=False, breached_at__isnull=False)
                | Q(outcome=Outcome.NOT_OWED, settled_at__isnull=False),
                name="an_outcome_rests_on_its_evidence",
            ),
            models.CheckConstraint(
                condition=Q(held_since__isnull=True)
                | Q(breached_at__isnull=True)
                | Q(held_since__gte=F("breached_at")),
                name="no_breach_while_held",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(settled_at__isnull=True), name="clock_due"),
            models.Index(
                fields=["warn_at"],
                condition=Q(settled_at__isnull=True, warned_at__isnull=True),
                name="clock_warn",
            ),
            models.Index(fields=["kind", "due_at"], name="clock_by_kind_and_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} clock of cycle {self.cycle_id}"

    @property
    def is_disputable(self) -> bool:
        """It runs or was missed, and no dispute on it is undecided and no ruling set it aside; for a clock with its
        disputes and overrides at hand."""
        if self.outcome not in (Outcome.OPEN, Outcome.MISSED):
            return False
        return not any(row.ended_at is None for row in self.disputes.all()) and not self.overrides.all()


class Breach(models.Model):
    """Stamped exactly once per clock, by whichever sweep claimed it. Append-only.

    Agreement, calendar version and owner are copied from the clock by the statement that stamps it, and none of
    these rows can be deleted: so the clock's own foreign keys hold them, and they are not checked a second time.
    """

    clock = models.OneToOneField(Clock, on_delete=models.PROTECT, primary_key=True, related_name="breach")
    breached_at = models.DateTimeField(help_text="When it happened: the due time.")
    stamped_at = models.DateTimeField(help_text="When the sweep saw it.")
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="breaches", db_index=False, db_constraint=False
    )
    calendar_version = models.ForeignKey(
        "alignment.CalendarVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    owner = models.ForeignKey(
        "alignment.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="breaches",
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        verbose_name_plural = "breaches"

    def __str__(self) -> str:
        return f"breach of clock {self.clock_id}"


class ClockCorrection(models.Model):
    """A later fact that disproves (or proves again) a stamped breach. Append-only; the breach stays."""

    clock = models.ForeignKey(Clock, on_delete=models.PROTECT, related_name="corrections")
    outcome = models.CharField(
        max_length=10,
        choices=[(Outcome.RESTATED, "Met, late evidence"), (Outcome.MISSED, "Missed after all")],
    )
    met_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(help_text="Due time as the later facts have it.")
    corrected_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"correction of clock {self.clock_id}"


class ClockRedating(models.Model):
    """Why a running clock got another due time: a calendar exception, new zone rules, a later fact. Append-only."""

    clock = models.ForeignKey(Clock, on_delete=models.PROTECT, related_name="redatings")
    old_due_at = models.DateTimeField()
    new_due_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    redated_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"re-dating of clock {self.clock_id}"
