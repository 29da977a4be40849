"""Which opportunities each function says were sourced by whom: lists, imported whole, older ones kept."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from alignment.models import Function, TouchFunction

CLAIMING = (Function.SALES, Function.MARKETING)


class ClaimList(models.Model):
    """One function's list as it came. Append-only; the one with the highest number counts.

    `problems`: rows that could not be read, as [line, text of the row, what is wrong].
    """

    program = models.ForeignKey("alignment.Program", on_delete=models.PROTECT, related_name="claim_lists")
    function = models.CharField(max_length=10, choices=Function.choices)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120, help_text="Of the file, or that it was pasted.")
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveIntegerField(help_text="Rows that were read, without the header.")
    problems = models.JSONField(default=list)
    imported_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ["program", "function", "number"]
        constraints = [
            models.UniqueConstraint(fields=["program", "function", "number"], name="claim_list_number"),
            models.CheckConstraint(
                condition=Q(function__in=[function.value for function in CLAIMING]),
                name="claiming_functions_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_function_display()} list {self.number}"


class Claim(models.Model):
    """One row of a list: who sourced an opportunity, as the list's function sees it. Append-only."""

    list = models.ForeignKey(ClaimList, on_delete=models.PROTECT, related_name="claims")
    line = models.PositiveIntegerField()
    opportunity = models.ForeignKey("alignment.Opportunity", on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=10, choices=TouchFunction.choices)

    class Meta:
        ordering = ["list", "line"]
        constraints = [
            models.UniqueConstraint(fields=["list", "opportunity"], name="an_opportunity_once_in_a_list"),
            models.CheckConstraint(
                condition=Q(source__in=["sales", "marketing", "other"]), name="claimed_source_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opportunity_id} by {self.source}"
