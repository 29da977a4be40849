"""What the clauses of the signed SLA came to by period, what they did, and what rulings took back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from sla.models.agreements import Agreement
from sla.models.clocks import Clock
from sla.models.disputes import Ruling
from sla.periods import Period


class ClauseKind(models.TextChoices):
    VOLUME = "volume", "Marketing's volume"
    FOLLOW_UP = "follow_up", "Sales' first follow-up"


_MISSED_SHARE = 100 * F("part")
_AGREED_SHARE = F("percent") * F("whole")


class ClausePeriod(models.Model):
    """What a clause came to in one period, judged once, as known then. Append-only.

    `first`, `end`: local days of the organisation's zone, the second one excluded. Volume: `part` delivered of
    `whole` promised MQLs in a calendar month; missed where it is less. Follow-up: `part` missed of `whole` due first
    follow-ups; missed where that is more than `percent` of them. A `held` clock (disputed, not ruled on) is counted
    as missed, one whose breach a ruling had `set_aside` by then as met; both are in the sums already.
    """

    kind = models.CharField(max_length=10, choices=ClauseKind.choices)
    unit = models.CharField(max_length=8, choices=[("month", "Calendar month"), ("quarter", "Quarter")])
    first = models.DateField()
    end = models.DateField()
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="clause_periods", db_index=False
    )
    part = models.PositiveIntegerField()
    whole = models.PositiveIntegerField()
    percent = models.PositiveSmallIntegerField(null=True, blank=True)
    held = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0)
    is_missed = models.BooleanField()
    evidence = models.JSONField(help_text="The figures that it was judged by: per line or per day.")
    evidence_digest = models.CharField(max_length=64)
    judged_at = models.DateTimeField()

    class Meta:
        ordering = ["first", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "first"], name="a_clause_judges_a_period_once"),
            models.CheckConstraint(condition=Q(end__gt=F("first")), name="a_period_has_an_end"),
            models.CheckConstraint(
                condition=Q(
                    kind="volume", percent__isnull=True, unit="month", is_missed=True, part__lt=F("whole")
                )
                | Q(kind="volume", percent__isnull=True, unit="month", is_missed=False, part__gte=F("whole"))
                | Q(kind="follow_up", percent__isnull=False, is_missed=True, part__lte=F("whole"))
                & Q(GreaterThan(_MISSED_SHARE, _AGREED_SHARE))
                | Q(kind="follow_up", percent__isnull=False, is_missed=False, part__lte=F("whole"))
                & Q(LessThanOrEqual(_MISSED_SHARE, _AGREED_SHARE)),
                name="a_period_is_missed_by_its_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.period.name}"

    @property
    def period(self) -> Period:
        return Period(self.first, self.unit)


class Consequence(models.Model):
    """The follow-up clause fired: sales missed more first follow-ups of a period than the SLA allows. Append-only.

    One per kind and first day of the period; figures, evidence and SLA version are those of `judged`.
    """

    judged = models.OneToOneField(ClausePeriod, on_delete=models.PROTECT, related_name="consequence")
    kind = models.CharField(max_length=10, choices=[(ClauseKind.FOLLOW_UP, ClauseKind.FOLLOW_UP.label)])
    first = models.DateField(help_text="First day of the period.")
    fired_at = models.DateTimeField()

    class Meta:
        ordering = ["-first"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "first"], name="a_clause_fires_once_a_period"),
        ]

    def __str__(self) -> str:
        return f"Consequence of {self.judged.period.name}"


class CycleState(models.TextChoices):
    """What the clause does with one missed cycle beside taking it out of marketing's conversion."""

    LISTED = "listed", "Taken out of the conversion"
    WAITING = "waiting", "To be recycled"
    RECYCLED = "recycled", "Recycled by the clause"
    SPARED = "spared", "Worked on or closed before it was recycled"


class ConsequenceCycleQuerySet(models.QuerySet["ConsequenceCycle"]):
    def standing(self) -> ConsequenceCycleQuerySet:
        """Not taken back by a ruling."""
        return self.filter(undone__isnull=True)


class ConsequenceCycle(models.Model):
    """One MQL whose first follow-up was missed: it leaves both numbers of marketing's conversion.

    Decided with the consequence; what was untouched and open then is recycled afterwards, once (`executed_at`). An MQL
    is in one consequence at most.
    """

    consequence = models.ForeignKey(
        Consequence, on_delete=models.PROTECT, related_name="cycles", db_index=False
    )
    cycle = models.OneToOneField(
        "alignment.MqlCycle", on_delete=models.PROTECT, related_name="consequence_entry"
    )
    clock = models.ForeignKey(Clock, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=CycleState.choices)
    executed_at = models.DateTimeField(null=True, blank=True)

    objects = ConsequenceCycleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["listed", "waiting"], executed_at__isnull=True)
                | Q(state__in=["recycled", "spared"], executed_at__isnull=False),
                name="what_was_executed_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["consequence", "id"], name="cycles_of_consequence"),
            models.Index(fields=["id"], condition=Q(state="waiting"), name="cycles_to_recycle"),
        ]

    def __str__(self) -> str:
        return f"cycle {self.cycle_id} of consequence {self.consequence_id}"

    @property
    def is_touched(self) -> bool:
        """It is recycled by the clause, and still so, though an attempt was made before: that was told later."""
        return self.state == CycleState.RECYCLED and self.cycle.is_by_clause and self.cycle.attempts > 0


class ConsequenceUndone(models.Model):
    """A ruling takes back what a consequence did to one MQL: it counts in both numbers again. Append-only.

    `is_reopened`: it was recycled by the clause and still so, and goes on; otherwise somebody had decided since, or
    the lead had crossed the trigger anew.
    """

    entry = models.OneToOneField(
        ConsequenceCycle, on_delete=models.PROTECT, primary_key=True, related_name="undone"
    )
    ruling = models.ForeignKey(Ruling, on_delete=models.PROTECT, related_name="undone")
    is_reopened = models.BooleanField()
    undone_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.entry_id} undone"


class RenegotiationCase(models.Model):
    """Marketing's volume was missed so many months running that the pipeline target is renegotiated.

    One per run of missed months, named by its first one. It closes, once, with the next signed sponsorship or SLA
    version, or by a ruling; it stays on record.
    """

    first = models.DateField(unique=True, help_text="First day of the first missed month of the run.")
    last = models.DateField(help_text="First day of the month with whose miss it opened.")
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, related_name="renegotiations", db_index=False
    )
    months = models.JSONField(help_text="Promised and delivered MQLs of each month of the run.")
    evidence_digest = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "alignment.ArtifactVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ruling = models.ForeignKey(Ruling, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-first"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, ruling__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False, ruling__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=True, ruling__isnull=False),
                name="a_case_closes_by_a_signature_or_a_ruling",
            ),
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(closed_at__isnull=True),
                name="one_open_renegotiation",
            ),
        ]

    def __str__(self) -> str:
        return f"Renegotiation since {self.first:%B %Y}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
