"""Persons whose data were erased on request: that it was done, by what they are recognised, and what came since."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class AskedBy(models.TextChoices):
    PERSON = "person", "The person"
    REPRESENTATIVE = "representative", "Somebody on the person's behalf"
    AUTHORITY = "authority", "An authority or court"
    OURSELVES = "ourselves", "Our own decision"


class Erasure(models.Model):
    """One lead's personal data were pseudonymised. Append-only, and without personal data itself.

    Written by the database function erase_lead together with the change, never without it. `counts` says per kind
    of content how many rows lost something.
    """

    lead = models.ForeignKey("alignment.Lead", on_delete=models.PROTECT, related_name="erasures")
    pseudonym = models.CharField(max_length=40)
    asked_by = models.CharField(max_length=20, choices=AskedBy.choices)
    reason = models.CharField(max_length=200)
    reference = models.CharField(max_length=80, blank=True, help_text="Of the request, such as a ticket.")
    by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    erased_at = models.DateTimeField()
    counts = models.JSONField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(asked_by__in=AskedBy.values), name="who_asked_is_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="an_erasure_has_a_reason"),
        ]

    def __str__(self) -> str:
        return self.pseudonym

    @property
    def lost(self) -> list[tuple[str, int]]:
        """(kind of content, rows) of what lost something, the most first."""
        found = [(name, count) for name, count in self.counts.items() if count]
        return sorted(found, key=lambda row: (-row[1], row[0]))


class ErasureMark(models.Model):
    """Keyed digest of a value that was erased: it recognises the value and does not give it back. Append-only."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        WORDS = "words", "Name or number"

    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    digest = models.BinaryField(max_length=32)
    key_name = models.CharField(
        max_length=16,
        default="",
        blank=True,
        help_text="Which key made it; empty: made before keys had names.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["email", "words"]), name="mark_kind_is_known")
        ]
        indexes = [models.Index(fields=["digest"], name="erasure_mark_by_digest")]

    def __str__(self) -> str:
        return f"{self.kind} of erasure {self.erasure_id}"


class ErasureArrival(models.Model):
    """What came about an erased person afterwards. Append-only.

    `withheld`: a message about the erased record itself; `facts` of it kept their counts and times, without
    the `dropped` values. `returned`: another record has the e-mail of the erased one; it is kept as it came.
    """

    class Kind(models.TextChoices):
        WITHHELD = "withheld", "Withheld"
        RETURNED = "returned", "Came back as another record"

    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="arrivals")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    source = models.ForeignKey("alignment.Source", on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=190)
    delivery = models.ForeignKey(
        "alignment.Delivery", on_delete=models.PROTECT, null=True, blank=True, related_name="erasure_arrivals"
    )
    facts = models.PositiveIntegerField()
    dropped = models.PositiveIntegerField(help_text="Values of the person that were not let in.")
    arrived_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["withheld", "returned"]), name="arrival_kind_is_known"
            ),
            models.UniqueConstraint(
                fields=["erasure", "source", "external_id"],
                condition=Q(kind="returned"),
                name="a_return_is_said_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"
