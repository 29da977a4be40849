"""The agreement that is the configuration: each version with its terms."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from sla.clauses import Clauses
from sla.terms import InvalidTerms, Terms


def validate_terms(document: dict[str, object]) -> None:
    try:
        Terms.from_json(document)
    except InvalidTerms as problem:
        raise ValidationError(str(problem)) from problem


def validate_clauses(document: dict[str, object]) -> None:
    try:
        Clauses.from_json(document)
    except InvalidTerms as problem:
        raise ValidationError(str(problem)) from problem


class Agreement(models.Model):
    """One version of the agreement. The version in force when an MQL cycle starts judges it to its end.

    The signed ones come in force with their last signature and by nothing else: the database refuses any other. What
    was entered before the first of them is unsigned, marked so, and judges until then. Of two that begin on the same
    first day the one with the higher number judges: it was signed to replace the other.
    """

    number = models.PositiveIntegerField(unique=True)
    terms = models.JSONField(validators=[validate_terms])
    in_force_from = models.DateTimeField()
    is_signed = models.BooleanField(default=False)
    version = models.OneToOneField(
        "alignment.ArtifactVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="agreement",
        help_text="The signed SLA that these terms are of; empty for what was entered before the first signature.",
    )
    clauses = models.JSONField(
        null=True,
        blank=True,
        validators=[validate_clauses],
        help_text="What else was signed: volumes, consequences, owners, review; as sla.clauses reads it.",
    )
    note = models.CharField(max_length=200, blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_signed=False, version__isnull=True, clauses__isnull=True)
                | Q(is_signed=True, version__isnull=False, clauses__isnull=False),
                name="signed_is_what_has_a_signed_version",
            )
        ]

    def __str__(self) -> str:
        return f"SLA v{self.number}"

    @property
    def said(self) -> str:
        """As lists name it: "SLA v2", or "SLA v1, not signed"."""
        return f"SLA v{self.number}" if self.is_signed else f"SLA v{self.number}, not signed"

    def parsed(self) -> Terms:
        return Terms.from_json(self.terms)

    def parsed_clauses(self) -> Clauses | None:
        """None for an unsigned version: it promises nothing beyond its clocks."""
        return None if self.clauses is None else Clauses.from_json(self.clauses)
