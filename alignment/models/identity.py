"""Which leads are one person: pairs that look alike, what people decided of them, and merges that can be undone."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest, Least

from alignment.models.cycles import MqlCycle
from alignment.models.leads import Lead


class DuplicateRule(models.TextChoices):
    """What two leads have in common."""

    EMAIL = "email", "Same e-mail address"
    NAME = "name", "Same name, company and domain"


def _is_there(side: str) -> Q:
    """Each way of being there has an index, which one condition with an OR would not use."""
    root, records = OuterRef(f"root_{side}"), Lead.objects.filter(is_deleted=False)
    return (
        Q(**{f"lead_{side}__is_deleted": False})
        | Q(Exists(records.filter(pk=root)))
        | Q(Exists(records.filter(merged_into=root)))
        | Q(Exists(MqlCycle.objects.standing().filter(lead=root)))
    )


_has_merged = Q(lead_a__merged_into__isnull=False) | Q(lead_b__merged_into__isnull=False)


def _of_roots() -> models.QuerySet[DuplicatePair]:
    """The pair of the two leads that stay, dismissed or not."""
    roots = OuterRef("root_a"), OuterRef("root_b")
    return DuplicatePair.objects.filter(lead_a=Least(*roots), lead_b=Greatest(*roots))


class DuplicatePairQuerySet(models.QuerySet["DuplicatePair"]):
    def open(self) -> DuplicatePairQuerySet:
        """Neither dismissed nor settled by a merge of the two, or of leads they were merged into; and both are there.

        Of merged records the pair of the leads that stay is asked about, where there is one, and settles theirs. A
        person of whom the CRM deleted every record is there as long as an MQL stands: a merge would keep it counted.
        """
        return (
            self.filter(dismissed_at__isnull=True)
            .alias(
                root_a=Coalesce("lead_a__merged_into", "lead_a"),
                root_b=Coalesce("lead_b__merged_into", "lead_b"),
            )
            .exclude(root_a=F("root_b"))
            .filter(_is_there("a"), _is_there("b"))
            .exclude(_has_merged & Exists(_of_roots()))
        )


class DuplicatePair(models.Model):
    """Two leads, of any sources, that a rule finds alike; `lead_a` has the lower id.

    The row goes when the leads are no longer alike, unless somebody dismissed it: "not a duplicate" stays said.
    """

    lead_a = models.ForeignKey("alignment.Lead", on_delete=models.PROTECT, related_name="+")
    lead_b = models.ForeignKey("alignment.Lead", on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=5, choices=DuplicateRule.choices)
    found_at = models.DateTimeField()
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    dismissed_reason = models.CharField(max_length=200, blank=True)

    objects = DuplicatePairQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead_a", "lead_b"], name="one_row_per_pair"),
            models.CheckConstraint(condition=Q(lead_a__lt=F("lead_b")), name="the_lower_id_comes_first"),
            models.CheckConstraint(
                condition=Q(rule__in=DuplicateRule.values), name="duplicate_rule_is_known"
            ),
            models.CheckConstraint(
                condition=Q(dismissed_at__isnull=True, dismissed_by__isnull=True, dismissed_reason="")
                | (Q(dismissed_at__isnull=False, dismissed_by__isnull=False) & ~Q(dismissed_reason="")),
                name="a_dismissal_has_a_reason",
                violation_error_message="Say why these are two people.",
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], condition=Q(dismissed_at__isnull=True), name="pairs_not_dismissed")
        ]

    def __str__(self) -> str:
        return f"leads {self.lead_a_id} and {self.lead_b_id}"


class LeadMerge(models.Model):
    """Somebody found two leads to be one person. Append-only, but that a merge can be undone once.

    While it is live, what the facts say of both leads counts for `survivor`. A survivor is never merged itself at
    the time, so merges make no chains.
    """

    survivor = models.ForeignKey("alignment.Lead", on_delete=models.PROTECT, related_name="merges")
    merged = models.ForeignKey("alignment.Lead", on_delete=models.PROTECT, related_name="merged_by")
    reason = models.CharField(max_length=200)
    merged_by = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="+")
    merged_at = models.DateTimeField()
    undone_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(survivor=F("merged")),
                name="merged_into_another",
                violation_error_message="A lead cannot be merged into itself.",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="a_merge_has_a_reason"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True, undone_by__isnull=True, undone_reason="")
                | (Q(undone_at__isnull=False, undone_by__isnull=False) & ~Q(undone_reason="")),
                name="an_undone_merge_has_a_reason",
            ),
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="one_live_merge_per_lead"
            ),
        ]

    def __str__(self) -> str:
        return f"lead {self.merged_id} into {self.survivor_id}"

    @property
    def is_live(self) -> bool:
        return self.undone_at is None


class ChangedAccount(models.Model):
    """A note of the drain: the leads that had, have or may get this account are to be matched again."""

    account = models.ForeignKey("alignment.Account", on_delete=models.CASCADE, related_name="+")
    domain_key = models.TextField(blank=True)
    name_key = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"account {self.account_id}"
