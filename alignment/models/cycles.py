"""MQL cycles: from crossing the trigger to a closing disposition."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Deferrable, Q


class Disposition(models.TextChoices):
    """What sales decided. `working` is acceptance (SAL) and keeps the cycle open; the others close it."""

    WORKING = "working", "Working (accepted)"
    DISQUALIFIED = "disqualified", "Disqualified"
    RECYCLED = "recycled", "Recycled to nurture"
    CONVERTED = "converted", "Converted to opportunity"


CLOSING = frozenset({Disposition.DISQUALIFIED, Disposition.RECYCLED, Disposition.CONVERTED})
NEEDS_REASON = frozenset({Disposition.DISQUALIFIED, Disposition.RECYCLED})


class DisqualificationReason(models.TextChoices):
    BAD_FIT = "bad_fit", "Bad fit"
    BAD_DATA = "bad_data", "Bad data"
    BAD_TIMING = "bad_timing", "Bad timing"
    NO_RESPONSE = "no_response", "No response"


class AssignedBy(models.TextChoices):
    ROUTED = "routed", "Routed by a pool"
    FALLBACK = "fallback", "Fallback person"
    CRM = "crm", "Owner set in the CRM"
    MANUAL = "manual", "Assigned by hand"


class MqlCycleQuerySet(models.QuerySet["MqlCycle"]):
    def standing(self) -> MqlCycleQuerySet:
        """Not disproved by later facts."""
        return self.filter(voided_at__isnull=True)

    def live(self) -> MqlCycleQuerySet:
        """Run by this product, as against those of imported history."""
        return self.standing().filter(is_history=False)

    def open(self) -> MqlCycleQuerySet:
        """Live cycles that wait for a closing disposition."""
        return self.live().filter(closed_at__isnull=True)

    def unassigned(self) -> MqlCycleQuerySet:
        return self.open().filter(owner__isnull=True)

    def accepted(self) -> MqlCycleQuerySet:
        return self.standing().filter(accepted_at__isnull=False)

    def closed_in_crm_untagged(self) -> MqlCycleQuerySet:
        """The CRM closed the record without a closing disposition, or without what that one requires."""
        return self.live().filter(
            Q(crm_closed_at__isnull=False, closed_at__isnull=True)
            | Q(closed_at__isnull=False, is_tagged=False, is_by_clause=False)
        )


class MqlCycle(models.Model):
    """One pass of a lead through the handoff.

    Times in UTC. `crossed_at` is what the source says, `started_at` the instant from which clocks run: the
    same, or the receipt where the source's time is outside [receipt - 72 h, receipt + 60 s] (`is_clock_suspect`).
    A cycle of imported history is as the file states it: it ran on no agreement of ours (`agreement_number` null,
    `tier` empty), is never routed or swept and owes no clocks. There `is_clock_suspect` says that the file gave no
    date for its closing, so that the row's last change, or the file's own time, stands in.
    """

    lead = models.ForeignKey(
        "alignment.Lead", on_delete=models.PROTECT, related_name="cycles", db_index=False
    )
    number = models.PositiveIntegerField()
    opened_by = models.ForeignKey(
        "alignment.Fact", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    crossed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    started_at = models.DateTimeField()
    is_clock_suspect = models.BooleanField(default=False)
    is_history = models.BooleanField(default=False, help_text="Imported: it ran before this product did.")
    agreement_number = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Version of the agreement that it runs on; null for imported history.",
    )
    tier = models.CharField(max_length=40, blank=True)
    segment = models.CharField(max_length=60, blank=True)
    team = models.ForeignKey(
        "alignment.Team",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cycles",
        help_text="Team of the first owner: its calendar runs the clocks, whoever owns the lead later.",
        db_index=False,
    )
    owner = models.ForeignKey(
        "alignment.Person", on_delete=models.PROTECT, null=True, blank=True, related_name="cycles"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    assigned_by = models.CharField(max_length=10, choices=AssignedBy.choices, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    first_follow_up_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    disposition = models.CharField(max_length=20, choices=Disposition.choices, blank=True)
    reason = models.CharField(max_length=20, choices=DisqualificationReason.choices, blank=True)
    disposed_at = models.DateTimeField(null=True, blank=True, help_text="First complete disposition.")
    is_tagged = models.BooleanField(
        default=False, help_text="It has a disposition with all that this requires (reason, opportunity)."
    )
    is_by_clause = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Recycled by the consequence clause of the signed SLA, and by nobody of sales.",
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    crm_closed_at = models.DateTimeField(null=True, blank=True)
    opportunity = models.ForeignKey(
        "alignment.Opportunity", on_delete=models.PROTECT, null=True, blank=True, related_name="cycles"
    )
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True)

    objects = MqlCycleQuerySet.as_manager()

    class Meta:
        verbose_name = "MQL cycle"
        constraints = [
            # numbers follow the order of crossing, so late facts may swap them: checked at the end
            models.UniqueConstraint(
                fields=["lead", "number"], deferrable=Deferrable.DEFERRED, name="cycle_number_per_lead"
            ),
            models.UniqueConstraint(
                fields=["lead"],
                condition=Q(voided_at__isnull=True, closed_at__isnull=True, is_history=False),
                name="one_open_cycle_per_lead",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, disposition__in=["", Disposition.WORKING])
                | Q(closed_at__isnull=False, disposition__in=sorted(CLOSING)),
                name="a_cycle_closes_by_a_closing_disposition",
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True, assigned_at__isnull=True, assigned_by="")
                | Q(owner__isnull=False, assigned_at__isnull=False, assigned_by__in=AssignedBy.values)
                | Q(owner__isnull=False, is_history=True, assigned_by=AssignedBy.CRM),
                name="an_owner_has_a_time_and_an_origin",
            ),
            models.CheckConstraint(
                condition=Q(is_history=True, agreement_number__isnull=True, tier="")
                | (Q(is_history=False, agreement_number__isnull=False) & ~Q(tier="")),
                name="a_live_cycle_runs_on_an_agreement",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["", *DisqualificationReason.values]), name="cycle_reason_is_known"
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, void_reason="") | ~Q(void_reason=""),
                name="a_void_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(is_by_clause=False)
                | Q(disposition=Disposition.RECYCLED, reason="", is_tagged=False, is_history=False),
                name="a_clause_recycles_without_a_reason_of_sales",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner"],
                condition=Q(voided_at__isnull=True, closed_at__isnull=True, is_history=False),
                name="open_cycle_by_owner",
            ),
            models.Index(fields=["started_at"], name="cycle_by_start"),
            models.Index(
                fields=["crossed_at", "id"],
                condition=Q(voided_at__isnull=True),
                name="standing_cycle_by_crossing",
            ),
        ]

    def __str__(self) -> str:
        return f"MQL {self.lead_id}/{self.number}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.voided_at is None

    @property
    def is_closed_untagged(self) -> bool:
        """Over, though it lacks a closing disposition of sales with all that this requires: one of
        `closed_in_crm_untagged`, or recycled by the clause."""
        if self.voided_at is not None or self.is_history:
            return False
        return self.crm_closed_at is not None if self.closed_at is None else not self.is_tagged

    @property
    def lacks_tagging(self) -> bool:
        """Closed, but without the reason or the opportunity that its disposition requires. What the clause recycled
        has none of sales' and asks for none."""
        is_closed = self.closed_at is not None and self.voided_at is None
        return is_closed and not self.is_tagged and not self.is_by_clause

    @property
    def disposition_in_words(self) -> str:
        """As lists and pages show it; empty without one."""
        if self.is_by_clause:
            return "Recycled by the clause"
        return self.get_disposition_display()

    def age(self, at: datetime) -> float:
        """Seconds from crossing to `at`."""
        return (at - self.started_at).total_seconds()
