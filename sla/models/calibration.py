"""What calibration replays: business time that each promise took, kept per calendar, and saved scenarios.

All but the scenarios is a cache: made from cycles, clocks and facts by sla.services.elapsed, rebuilt at any time, and
in tables without a write-ahead log, which a crash of the database empties and the next use fills again.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from sla.models.clocks import ClockKind
from sla.terms import TIER_FIELDS


class Profile(models.Model):
    """Values of the fields by which a tier may take a lead, as they were at the crossing; each combination once."""

    intent = models.TextField(blank=True)
    channel = models.TextField(blank=True)
    segment = models.TextField(blank=True)
    product = models.TextField(blank=True)
    country = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["intent", "channel", "segment", "product", "country"],
                name="one_profile_per_combination",
            )
        ]

    def __str__(self) -> str:
        return ", ".join(value for value in self.fields.values() if value) or "nothing known"

    @property
    def fields(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in TIER_FIELDS}


class Opening(models.Model):
    """What an MQL's lead was like when it crossed. `score`: null where no fact had told one."""

    cycle_id = models.BigIntegerField(primary_key=True)
    profile_id = models.BigIntegerField()
    score = models.IntegerField(null=True)

    def __str__(self) -> str:
        return f"opening of cycle {self.cycle_id}"


class Elapsed(models.Model):
    """How long one promise of an MQL took in the open time of one calendar; microseconds throughout.

    `calendar_id`: 0 for time by the clock. `base_position`: open time from 1970 to where the promise begins. A window
    of `need` or more was kept by the action, null: nothing was done; one of `not_owed` or more was no longer owed when
    it fell due. Both are the smallest window whose due time, the first instant at which it is used up, is not before
    the action: one more than the open time in between where the calendar was closed just before it. `known_to` is the
    position up to which an imported file knows, null for a live MQL. `waits_seconds`: the assignment window after
    which the promise begins where nobody was assigned; 0: somebody was.
    """

    cycle_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=12, choices=ClockKind.choices)
    ordinal = models.PositiveSmallIntegerField(default=1)
    calendar_id = models.BigIntegerField()
    waits_seconds = models.PositiveIntegerField(default=0)
    base_position = models.BigIntegerField()
    need = models.BigIntegerField(null=True)
    not_owed = models.BigIntegerField(null=True)
    known_to = models.BigIntegerField(null=True)
    profile_id = models.BigIntegerField()
    score = models.IntegerField(null=True)
    team_id = models.BigIntegerField(null=True)
    owner_id = models.BigIntegerField(null=True)
    segment = models.CharField(max_length=60, blank=True)
    agreement_number = models.PositiveIntegerField(null=True)
    is_held = models.BooleanField(
        default=False,
        help_text="A dispute held its clock: judged one by one, these figures leave the hold out.",
    )

    class Meta:
        indexes = [
            models.Index(fields=["calendar_id", "kind", "base_position"], name="elapsed_by_base"),
            models.Index(fields=["cycle_id"], condition=Q(is_held=True), name="elapsed_held"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of cycle {self.cycle_id} on calendar {self.calendar_id}"


class ElapsedCoverage(models.Model):
    """That `Elapsed` holds every standing MQL for a calendar as of its version and the time-zone rules named here.

    With `waits_seconds` 0 those that somebody was assigned to, else the others, after that assignment window.
    """

    calendar_id = models.BigIntegerField()
    waits_seconds = models.PositiveIntegerField(default=0)
    calendar_version = models.PositiveIntegerField(help_text="Number of its newest version; 0: by the clock.")
    tzdata = models.CharField(max_length=12)
    used_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["calendar_id", "waits_seconds"], name="one_coverage_per_calendar")
        ]

    def __str__(self) -> str:
        return f"calendar {self.calendar_id}"


class StaleCycle(models.Model):
    """An MQL whose `Elapsed` rows are out of date. Without a unique key: no writer waits for another."""

    cycle_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"cycle {self.cycle_id}"


class Scenario(models.Model):
    """Proposed terms with what a replay of past MQLs under them found. Append-only: evidence of an SLA may cite it.

    `first` to before `end`: local days of the organisation on which the promises fell due. `found` and `today` are
    figures as sla.calibration.figures writes them, of the proposed terms and of those in force on `saved_at`; `said`
    the sentences that an SLA prints.
    """

    name = models.CharField(max_length=80)
    terms = models.JSONField()
    first = models.DateField()
    end = models.DateField()
    which = models.CharField(max_length=8)
    options = models.JSONField(default=dict)
    found = models.JSONField()
    today = models.JSONField()
    said = models.JSONField()
    as_of = models.DateTimeField(help_text="Everything received before is in the figures.")
    saved_at = models.DateTimeField()
    saved_by = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(first__lt=F("end")), name="a_scenario_has_days"),
            models.CheckConstraint(condition=~Q(name=""), name="a_scenario_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
