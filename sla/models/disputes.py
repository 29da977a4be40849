"""Disputes on clocks, attribution and definitions, the rulings on them, and what rulings put beside the raw values."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q

from alignment.models import TouchFunction
from sla.models.agreements import Agreement
from sla.models.clocks import Clock


class DisputeKind(models.TextChoices):
    CLOCK = "clock", "Clock or breach"
    ATTRIBUTION = "attribution", "Attribution"
    DEFINITION = "definition", "Definition"
    CONSEQUENCE = "consequence", "Consequence"


class Ending(models.TextChoices):
    """How a dispute came to its end."""

    RULED = "ruled", "Ruled on"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Decision(models.TextChoices):
    UPHELD = "upheld", "Upheld"
    PARTLY = "partly", "Partly upheld"
    REJECTED = "rejected", "Rejected"


class Effect(models.TextChoices):
    """What a ruling puts beside the raw value, which stays as it is."""

    SET_ASIDE = "set_aside", "The breach is set aside"
    STOOD_STILL = "stood_still", "The clock stood still"
    SOURCED = "sourced", "Sourced by another function"
    MEETS = "meets", "Meets the definition of an MQL"
    MEETS_NOT = "meets_not", "Does not meet the definition of an MQL"
    READING = "reading", "How the definition is read"
    UNDONE = "undone", "What the clause did is taken back"


def words_of_rulings() -> SearchVector:
    """The words of a ruling by which precedents are found."""
    return SearchVector("about", "summary", "reason", "tags", config="english")


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def undecided(self) -> DisputeQuerySet:
        return self.filter(ended_at__isnull=True)

    def overdue(self, at: datetime) -> DisputeQuerySet:
        """Not ruled on by the moment that the SLA allows."""
        return self.undecided().filter(rule_by__lt=at)


class Dispute(models.Model):
    """What somebody holds to be wrong, with the evidence as it was at filing. One undecided one per subject.

    The subject: `clock`; `lead` or `opportunity` (attribution); `cycle` alone (whether this MQL meets the definition)
    or `term` (how a definition is read); `consequence` or `renegotiation` (what a clause of the SLA did). `cycle` is
    also the clock's cycle, or the lead's newest one, and says with `owner` whose business it is. `clock_due_at`: when
    the clock was to fall due as of the filing. `agreement`: the version whose owners rule (null where none is signed:
    RevOps rules). Nothing of it changes but that it becomes overdue, once, and ends, once.
    """

    kind = models.CharField(max_length=12, choices=DisputeKind.choices)
    clock = models.ForeignKey(Clock, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes")
    cycle = models.ForeignKey(
        "alignment.MqlCycle", on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    lead = models.ForeignKey(
        "alignment.Lead", on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    opportunity = models.ForeignKey(
        "alignment.Opportunity", on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    term = models.CharField(
        max_length=40, blank=True, help_text="Key of the definition whose reading is in question."
    )
    consequence = models.ForeignKey(
        "sla.Consequence", on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    renegotiation = models.ForeignKey(
        "sla.RenegotiationCase", on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    owner = models.ForeignKey(
        "alignment.Person", on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    clock_due_at = models.DateTimeField(null=True, blank=True)
    asked_function = models.CharField(max_length=10, choices=TouchFunction.choices, blank=True)
    text = models.TextField(help_text="What is wrong.")
    asked = models.TextField(help_text="What ruling is asked for.")
    evidence = models.JSONField()
    evidence_digest = models.CharField(max_length=64)
    agreement = models.ForeignKey(
        Agreement, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes", db_index=False
    )
    filed_by = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="disputes")
    filed_at = models.DateTimeField()
    rule_by = models.DateTimeField()
    overdue_at = models.DateTimeField(
        null=True, blank=True, help_text="When the sweep saw that nobody ruled in time."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=10, choices=Ending.choices, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(consequence__isnull=True, renegotiation__isnull=True)
                & (
                    Q(kind="clock", clock__isnull=False, cycle__isnull=False, clock_due_at__isnull=False)
                    & Q(lead__isnull=True, opportunity__isnull=True, term="", asked_function="")
                    | Q(kind="attribution", clock__isnull=True, clock_due_at__isnull=True, term="")
                    & ~Q(asked_function__in=["", "unknown"])
                    & (
                        Q(lead__isnull=False, opportunity__isnull=True)
                        | Q(lead__isnull=True, opportunity__isnull=False)
                    )
                    | Q(kind="definition", clock__isnull=True, clock_due_at__isnull=True, asked_function="")
                    & Q(lead__isnull=True, opportunity__isnull=True)
                    & (Q(cycle__isnull=False, term="") | (Q(cycle__isnull=True) & ~Q(term="")))
                )
                | Q(
                    kind="consequence",
                    clock__isnull=True,
                    clock_due_at__isnull=True,
                    asked_function="",
                    term="",
                )
                & Q(cycle__isnull=True, lead__isnull=True, opportunity__isnull=True)
                & (
                    Q(consequence__isnull=False, renegotiation__isnull=True)
                    | Q(consequence__isnull=True, renegotiation__isnull=False)
                ),
                name="a_dispute_has_one_subject",
            ),
            models.CheckConstraint(
                condition=~Q(text="") & ~Q(asked=""), name="a_dispute_says_what_is_wrong_and_asked"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ending="")
                | Q(ended_at__isnull=False, ending__in=Ending.values),
                name="an_ended_dispute_says_how",
            ),
            models.CheckConstraint(condition=Q(rule_by__gt=F("filed_at")), name="a_ruling_has_time"),
            *(
                models.UniqueConstraint(
                    fields=[subject],
                    condition=Q(ended_at__isnull=True, kind=kind) & extra,
                    name=f"one_undecided_dispute_per_{name}",
                )
                for kind, subject, name, extra in (
                    ("clock", "clock", "clock", Q()),
                    ("attribution", "lead", "lead", Q()),
                    ("attribution", "opportunity", "opportunity", Q()),
                    ("definition", "cycle", "mql", Q()),
                    ("definition", "term", "term", ~Q(term="")),
                    ("consequence", "consequence", "consequence", Q()),
                    ("consequence", "renegotiation", "renegotiation", Q()),
                )
            ),
        ]
        indexes = [
            models.Index(fields=["rule_by"], condition=Q(ended_at__isnull=True), name="dispute_to_rule_on"),
        ]

    def __str__(self) -> str:
        return f"Dispute {self.pk}"

    @property
    def is_undecided(self) -> bool:
        return self.ended_at is None


class ClockHold(models.Model):
    """A clock stands still from the filing of a dispute on it until the ruling.

    `[starts_at, ends_at)`; open while undecided. `stands`: the ruling lets it count as time in which the clock stood
    still; False: it was lifted without effect, as by a rejection or a withdrawal.
    """

    dispute = models.OneToOneField(Dispute, on_delete=models.PROTECT, primary_key=True, related_name="hold")
    clock = models.ForeignKey(Clock, on_delete=models.PROTECT, related_name="holds")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    stands = models.BooleanField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clock"], condition=Q(ends_at__isnull=True), name="one_open_hold_per_clock"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True, stands__isnull=True)
                | Q(ends_at__gte=F("starts_at"), stands__isnull=False),
                name="an_ended_hold_says_whether_it_stands",
            ),
        ]

    def __str__(self) -> str:
        return f"hold of clock {self.clock_id}"


class Ruling(models.Model):
    """The decision on a dispute, with its reason in words. Append-only; a precedent for the next one.

    `about`: what was ruled on, in words. `tags`: words that go with it, with commas between them. The database takes
    none by whoever filed the dispute or owns the clock, and none on a dispute that has ended.
    """

    dispute = models.OneToOneField(Dispute, on_delete=models.PROTECT, primary_key=True, related_name="ruling")
    decision = models.CharField(max_length=8, choices=Decision.choices)
    about = models.CharField(max_length=120)
    summary = models.CharField(max_length=200)
    reason = models.TextField()
    tags = models.CharField(max_length=200, blank=True)
    ruled_by = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="rulings")
    ruled_at = models.DateTimeField()
    as_escalation = models.BooleanField(
        default=False, help_text="By the escalation owner, in the stead of arbitration."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason="") & ~Q(summary=""), name="a_ruling_says_why"),
            models.CheckConstraint(
                condition=Q(decision__in=Decision.values), name="a_decision_is_one_of_the_set"
            ),
        ]
        indexes = [GinIndex(words_of_rulings(), name="ruling_by_words")]

    def __str__(self) -> str:
        return f"Ruling on dispute {self.dispute_id}"

    @property
    def tag_list(self) -> list[str]:
        return [tag for tag in self.tags.split(", ") if tag]


class Override(models.Model):
    """What a ruling puts beside a raw value. Append-only; the newest one of a subject is what holds.

    The subject is the dispute's. `function`: for an attribution. `reading`: for a definition, how it is read from now
    on. `stood_from`, `stood_until`: for a clock that stood still. What is undone of a consequence is in its own rows
    (ConsequenceUndone), each with the ruling.
    """

    ruling = models.OneToOneField(Ruling, on_delete=models.PROTECT, primary_key=True, related_name="override")
    effect = models.CharField(max_length=12, choices=Effect.choices)
    clock = models.ForeignKey(
        Clock, on_delete=models.PROTECT, null=True, blank=True, related_name="overrides"
    )
    lead = models.ForeignKey(
        "alignment.Lead", on_delete=models.PROTECT, null=True, blank=True, related_name="overrides"
    )
    opportunity = models.ForeignKey(
        "alignment.Opportunity", on_delete=models.PROTECT, null=True, blank=True, related_name="overrides"
    )
    cycle = models.ForeignKey(
        "alignment.MqlCycle", on_delete=models.PROTECT, null=True, blank=True, related_name="overrides"
    )
    term = models.CharField(max_length=40, blank=True)
    function = models.CharField(max_length=10, choices=TouchFunction.choices, blank=True)
    reading = models.TextField(blank=True)
    stood_from = models.DateTimeField(null=True, blank=True)
    stood_until = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(effect="set_aside", clock__isnull=False, stood_until__isnull=True)
                | Q(effect="stood_still", clock__isnull=False, stood_from__isnull=False)
                & Q(stood_until__gte=F("stood_from"))
                | Q(effect="sourced", function__in=["marketing", "sales", "other"])
                & (Q(lead__isnull=False) | Q(opportunity__isnull=False))
                | Q(effect__in=["meets", "meets_not"], cycle__isnull=False)
                | Q(effect="reading") & ~Q(term="") & ~Q(reading="")
                | Q(effect="undone"),
                name="an_effect_has_its_value",
            ),
        ]

    def __str__(self) -> str:
        return f"effect of the ruling on dispute {self.ruling_id}"
