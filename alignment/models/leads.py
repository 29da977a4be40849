"""What the CRM knows: accounts, campaigns, leads, touches, opportunities. Folded from facts, never typed in here."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce


def _key(function: str, *columns: str) -> models.GeneratedField:
    """A key that the database computes by a function of alignment.matching.sql; empty where there is none."""
    return models.GeneratedField(
        expression=Func(*columns, function=f"public.{function}"),
        output_field=models.TextField(),
        db_persist=True,
    )


def words_of_leads() -> Func:
    """The words of a lead's name and company as they are compared: what prefixes of words are looked up in."""
    return Func(
        "first_name", "last_name", "company", function="public.match_words", output_field=SearchVectorField()
    )


def creation_of_leads() -> Coalesce:
    """When the CRM made the lead, else when it was first heard of."""
    return Coalesce("crm_created_at", "first_seen_at")


class Record(models.Model):
    """A record of a source, unique by its external id there; its fields fold by time of occurrence."""

    source = models.ForeignKey("alignment.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    external_id = models.CharField(max_length=190)
    is_deleted = models.BooleanField(default=False, help_text="The CRM says it was deleted; kept as history.")

    class Meta:
        abstract = True


class Account(Record):
    name = models.CharField(max_length=200, blank=True)
    domain = models.CharField(max_length=190, blank=True)
    domain_key = _key("match_site_domain", "domain")
    name_key = _key("match_company_key", "name")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="account_per_source")]
        indexes = [
            models.Index(fields=["domain_key"], condition=~Q(domain_key=""), name="account_by_domain"),
            models.Index(fields=["name_key"], condition=~Q(name_key=""), name="account_by_name"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class Campaign(Record):
    name = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="campaign_per_source")]

    def __str__(self) -> str:
        return self.name or self.external_id


class TouchFunction(models.TextChoices):
    """Which function a touch belongs to; what is neither is shown, never hidden or split."""

    MARKETING = "marketing", "Marketing program"
    SALES = "sales", "Outbound by sales"
    OTHER = "other", "Other (partner, product, referral)"
    UNKNOWN = "unknown", "Not known"


class MatchRule(models.TextChoices):
    """Why a lead belongs to an account."""

    CRM = "crm", "Linked in the CRM"
    DOMAIN = "domain", "Same domain"
    NAME = "name", "Same company name"


class Lead(Record):
    """A person as one record of a source has them.

    `merged_into`: the lead that this one was found to be the same person as; it follows from the live merges
    (alignment.models.identity.LeadMerge) and names a lead that is not merged itself.
    """

    email = models.CharField(max_length=254, blank=True)
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=160, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    company = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=60, blank=True)
    segment = models.CharField(max_length=60, blank=True)
    channel = models.CharField(max_length=60, null=True, blank=True, help_text="Null: the CRM left it empty.")
    intent = models.CharField(max_length=60, blank=True)
    product = models.CharField(max_length=60, blank=True)
    score = models.IntegerField(null=True, blank=True)
    lifecycle = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=60, blank=True)
    disposition = models.CharField(max_length=20, blank=True, help_text="As the CRM has it now.")
    reason = models.CharField(max_length=20, blank=True)
    crm_created_at = models.DateTimeField(null=True, blank=True)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="leads"
    )
    crm_owner = models.ForeignKey(
        "alignment.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="crm_leads",
        db_index=False,
    )
    first_touch = models.ForeignKey(
        "alignment.Touch", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    sourced_function = models.CharField(
        max_length=10, choices=TouchFunction.choices, default=TouchFunction.UNKNOWN
    )
    first_seen_at = models.DateTimeField()
    email_key = _key("match_email_key", "email")
    domain_key = _key("match_email_domain", "email")
    company_key = _key("match_company_key", "company")
    person_key = _key("match_person_key", "first_name", "last_name")
    matched_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="matched_leads"
    )
    match_rule = models.CharField(max_length=6, choices=MatchRule.choices, blank=True)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged_leads"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="lead_per_source"),
            models.CheckConstraint(
                condition=Q(matched_account__isnull=True, match_rule="")
                | Q(matched_account__isnull=False, match_rule__in=MatchRule.values),
                name="a_match_has_a_rule",
            ),
            models.CheckConstraint(
                condition=~Q(merged_into=F("id")), name="a_lead_is_not_merged_into_itself"
            ),
            models.CheckConstraint(
                condition=Q(sourced_function__in=TouchFunction.values), name="lead_sourced_function_is_known"
            ),
        ]
        indexes = [
            # finds beginnings too; a plain index does so under the collation C alone
            models.Index(
                fields=["email_key", "id"],
                opclasses=["text_pattern_ops", "int8_ops"],
                condition=~Q(email_key=""),
                name="lead_by_email",
            ),
            models.Index(fields=["domain_key"], condition=~Q(domain_key=""), name="lead_by_domain"),
            models.Index(fields=["company_key"], condition=~Q(company_key=""), name="lead_by_company"),
            models.Index(
                fields=["person_key", "company_key", "domain_key", "id"],
                condition=~Q(person_key="") & ~Q(company_key="") & ~Q(domain_key=""),
                name="lead_by_person_and_company",
            ),
            GinIndex(words_of_leads(), name="lead_by_words"),
            models.Index(creation_of_leads(), "id", name="lead_by_creation"),
            models.Index(
                fields=["crm_owner"], condition=Q(crm_owner__isnull=False), name="lead_by_crm_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or f"Lead {self.external_id}"


class Touch(Record):
    """One dated interaction of a lead. An attempt is an outbound touch by sales."""

    lead = models.ForeignKey(
        Lead, on_delete=models.PROTECT, null=True, related_name="touches", db_index=False
    )
    function = models.CharField(max_length=10, choices=TouchFunction.choices, default=TouchFunction.UNKNOWN)
    channel = models.CharField(max_length=60, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=40, blank=True)
    is_attempt = models.BooleanField(default=False)
    is_connected = models.BooleanField(default=False, help_text="A two-way contact came about.")
    person = models.ForeignKey(
        "alignment.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="touches",
        db_index=False,
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="touches"
    )
    touched_at = models.DateTimeField(null=True)
    touched_until = models.DateTimeField(
        null=True, blank=True, help_text="Of one that a file dates by its day alone: the end of that day."
    )
    received_at = models.DateTimeField(help_text="When the fact that makes it what it is reached us.")
    is_history = models.BooleanField(
        default=False, help_text="Only imported files tell of it: it meets no live clock."
    )
    is_logged_here = models.BooleanField(
        default=False, help_text="Only people here told of it: no source recorded it, so it sources no lead."
    )
    part_of = models.CharField(
        max_length=190, blank=True, help_text="Of a call with several leads: the call's external id."
    )

    class Meta:
        verbose_name_plural = "touches"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="touch_per_source"),
            models.CheckConstraint(
                condition=Q(is_attempt=False) | Q(function=TouchFunction.SALES), name="attempts_are_by_sales"
            ),
            models.CheckConstraint(
                condition=Q(function__in=TouchFunction.values), name="touch_function_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "touched_at"], name="touch_by_lead"),
            models.Index(fields=["source", "part_of"], condition=~Q(part_of=""), name="touch_by_call"),
        ]

    def __str__(self) -> str:
        return (
            f"{self.channel or 'touch'} {self.touched_at:%Y-%m-%d %H:%M}" if self.touched_at else self.channel
        )


class Opportunity(Record):
    name = models.CharField(max_length=200, blank=True)
    amount_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Whole minor units of the currency (ISO 4217): cents, yen, fils."
    )
    currency = models.CharField(max_length=3, blank=True)
    stage = models.CharField(max_length=80, blank=True)
    is_closed = models.BooleanField(default=False)
    is_won = models.BooleanField(default=False)
    close_on = models.DateField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was closed the way it stands now: won, or lost."
    )
    lead = models.ForeignKey(
        Lead, on_delete=models.PROTECT, null=True, blank=True, related_name="opportunities"
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="opportunities"
    )
    owner = models.ForeignKey(
        "alignment.Person", on_delete=models.PROTECT, null=True, blank=True, related_name="opportunities"
    )
    first_seen_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "opportunities"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="opportunity_per_source"),
            models.CheckConstraint(condition=Q(is_won=False) | Q(is_closed=True), name="won_is_closed"),
        ]
        indexes = [models.Index(fields=["close_on"], name="opportunity_by_close")]

    def __str__(self) -> str:
        return self.name or self.external_id


class OpportunityStage(models.Model):
    """One entry of an opportunity into a stage, derived from its facts."""

    opportunity = models.ForeignKey(
        Opportunity, on_delete=models.CASCADE, related_name="stages", db_index=False
    )
    position = models.PositiveIntegerField()
    stage = models.CharField(max_length=80)
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ["opportunity", "position"]
        constraints = [models.UniqueConstraint(fields=["opportunity", "position"], name="stage_position")]

    def __str__(self) -> str:
        return f"{self.stage} {self.entered_at:%Y-%m-%d}"
