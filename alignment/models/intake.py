"""Where facts come from: sources, their endpoints, the inbox of raw deliveries, and the ledger of facts."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Now
from simple_history.models import HistoricalRecords

from alignment.models.live_secrets import LiveSecret
from alignment.models.people import validate_zone


def new_address() -> str:
    return secrets.token_urlsafe(24)


class Source(models.Model):
    """One CRM connection. `mapping` says which of its fields mean what (see alignment.intake.mapping)."""

    class Assigns(models.TextChoices):
        PRODUCT = "product", "This product assigns owners"
        CRM = "crm", "The CRM assigns owners"

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(
        max_length=20,
        choices=[
            ("standard", "Standard event types"),
            ("espocrm", "EspoCRM"),
            ("generic", "Zapier, Make, others"),
        ],
    )
    zone = models.CharField(
        max_length=64, default="UTC", validators=[validate_zone], help_text="Zone of times without an offset."
    )
    assigns = models.CharField(max_length=10, choices=Assigns.choices, default=Assigns.PRODUCT)
    mapping = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Scheme(models.TextChoices):
    """How an endpoint proves who is calling."""

    STANDARD_WEBHOOKS = "standard_webhooks", "Standard Webhooks signature"
    ESPOCRM = "espocrm", "EspoCRM 8 and 9 signature"
    SHARED_SECRET = "shared_secret", "Secret in a header"
    API_TOKEN = "api_token", "Token of the REST API"


class Endpoint(models.Model):
    """One secret address of a source."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="endpoints")
    address = models.CharField(max_length=64, unique=True, default=new_address)
    scheme = models.CharField(max_length=20, choices=Scheme.choices)
    event = models.CharField(
        max_length=80, blank=True, help_text="For senders that name the event only by address: Lead.update."
    )
    webhook_id = models.CharField(max_length=80, blank=True, help_text="EspoCRM: id of the webhook record.")
    header = models.CharField(
        max_length=60, blank=True, help_text="Shared secret: the header that carries it."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["source", "event", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(scheme__in=Scheme.values), name="endpoint_scheme_is_known"),
            models.CheckConstraint(
                condition=~Q(scheme=Scheme.SHARED_SECRET) | ~Q(header=""), name="a_shared_secret_has_a_header"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.event or self.get_scheme_display()}"

    @property
    def path(self) -> str:
        return f"/in/{self.address}/"


class EndpointSecret(LiveSecret):
    """During rotation both are accepted."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="secrets")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "slot"], name="one_secret_per_slot"),
            models.CheckConstraint(condition=Q(slot__in=[1, 2]), name="two_live_secrets_at_most"),
        ]

    def __str__(self) -> str:
        return f"secret {self.slot} of endpoint {self.endpoint_id}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Waiting"
    DONE = "done", "Applied"
    DEAD = "dead", "Could not be read"
    CONFLICT = "conflict", "Same id, other body"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> DeliveryQuerySet:
        return self.filter(state=DeliveryState.PENDING)


class Delivery(models.Model):
    """The inbox: one authentic request as it came. 2xx is answered only after this row is durable.

    `external_id` is the sender's id, unique for ever per source; a second body under the same id is kept as a
    conflict (`conflicts_with`). `body` may be emptied, by retention or because a person was erased; the digest and
    `body_bytes`, its length, stay.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    external_id = models.CharField(max_length=190, null=True)
    body = models.BinaryField(null=True)
    body_sha256 = models.BinaryField(max_length=32)
    received_at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=10, choices=DeliveryState.choices, db_default=DeliveryState.PENDING)
    items = models.PositiveIntegerField(db_default=0)
    applied_at = models.DateTimeField(null=True)
    conflicts_with = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="conflicts")
    body_bytes = models.PositiveIntegerField(null=True, help_text="Length of the body that was emptied.")
    body_emptied_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=Q(external_id__isnull=False),
                name="delivery_id_unique_for_ever",
            ),
            models.UniqueConstraint(
                fields=["conflicts_with", "body_sha256"],
                condition=Q(conflicts_with__isnull=False),
                name="one_row_per_conflicting_body",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.CONFLICT, conflicts_with__isnull=False)
                | (~Q(state=DeliveryState.CONFLICT) & Q(conflicts_with__isnull=True)),
                name="a_conflict_names_the_first",
            ),
            models.CheckConstraint(
                condition=Q(body_emptied_at__isnull=True, body_bytes__isnull=True)
                | Q(body_emptied_at__isnull=False, body_bytes__isnull=False, body__isnull=True),
                name="an_emptied_body_has_a_time_and_a_length",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state=DeliveryState.PENDING), name="delivery_pending"),
            models.Index(fields=["source", "-received_at"], name="delivery_by_source"),
            models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
            models.Index(
                fields=["received_at"],
                condition=Q(body__isnull=False) & ~Q(state=DeliveryState.PENDING),
                name="delivery_with_body",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class DeadEventQuerySet(models.QuerySet["DeadEvent"]):
    def unapplied(self) -> DeadEventQuerySet:
        """Those that no replay has applied, set aside or not."""
        return self.filter(replayed_at__isnull=True)

    def open(self) -> DeadEventQuerySet:
        """Those that need somebody: neither applied by a replay nor set aside."""
        return self.unapplied().filter(set_aside_at__isnull=True)

    def set_aside(self) -> DeadEventQuerySet:
        """Those that RevOps keeps for the record only."""
        return self.unapplied().filter(set_aside_at__isnull=False)


class DeadEvent(models.Model):
    """One event of a delivery that could not be applied; it stops no other and can be replayed.

    What no mapping can mend is set aside with a reason: kept, replayable, and no longer waiting for somebody.
    """

    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, related_name="dead_events", db_index=False
    )
    position = models.IntegerField(help_text="Place in the delivery, from 0; -1: the delivery as a whole.")
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=500)
    failures = models.PositiveIntegerField(default=1)
    failed_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True, blank=True, help_text="When a replay applied it.")
    set_aside_at = models.DateTimeField(null=True, blank=True)
    set_aside_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_aside_reason = models.CharField(max_length=200, blank=True)

    objects = DeadEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "position"], name="one_dead_row_per_event"),
            models.CheckConstraint(
                condition=Q(set_aside_at__isnull=True, set_aside_by__isnull=True, set_aside_reason="")
                | (Q(set_aside_at__isnull=False) & ~Q(set_aside_reason="")),
                name="what_is_set_aside_has_a_reason",
                violation_error_message="Say why it is set aside.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-failed_at"], condition=Q(replayed_at__isnull=True), name="dead_events_open"
            )
        ]

    def __str__(self) -> str:
        return f"dead event {self.delivery_id}/{self.position}: {self.code}"


class Subject(models.TextChoices):
    """What a fact is about."""

    LEAD = "lead", "Lead"
    TOUCH = "touch", "Touch"
    OPPORTUNITY = "opportunity", "Opportunity"
    CAMPAIGN = "campaign", "Campaign"
    ACCOUNT = "account", "Account"


BY_CLAUSE, CLAUSE_UNDONE = "clause", "clause_undone"
"""Acts of the signed SLA itself: its consequence recycled an MQL, and a ruling took that back. Nobody set them."""


class FactQuerySet(models.QuerySet["Fact"]):
    """Facts of the ledger by the record that they are about."""

    def of_source(self, source_id: int) -> FactQuerySet:
        """Facts of a source, to be narrowed down to single records by `external_id`.

        Written so that the index on (source, ref) does not fit: for a source that is new since the last ANALYZE the
        planner takes both indexes for as good, and reads every fact of the source for each record.
        """
        source = ExpressionWrapper(F("source_id") + 0, output_field=models.BigIntegerField())
        return self.alias(of_source=source).filter(of_source=source_id)


class Fact(models.Model):
    """The ledger: one statement about one record of a source, in our own field names. Append-only.

    State is a pure function of these rows, folded by (`occurred_at`, `order_key`). `ref` is unique per source, so
    the same event has one effect however often it comes. `action` names an explicit act ("disposition") as
    against a field write. `is_timed` is false where the source gave no time and the receipt stands in.
    `is_history`: read from an imported file about the past; it crosses no trigger and starts no clock.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="facts", db_index=False)
    ref = models.CharField(max_length=240)
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, null=True, related_name="facts")
    subject = models.CharField(max_length=12, choices=Subject.choices)
    external_id = models.CharField(max_length=190)
    action = models.CharField(max_length=20, blank=True)
    fields = models.JSONField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    order_key = models.CharField(max_length=240)
    is_timed = models.BooleanField(default=True)
    is_history = models.BooleanField(default=False)
    by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    objects = FactQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "ref"], name="fact_once_per_source")]
        indexes = [
            models.Index(fields=["external_id", "subject", "source"], name="fact_by_record"),
            # the newest of a kind of record; those of leads and touches are so many that the newest is near the end
            models.Index(
                fields=["subject", "-id"],
                condition=Q(subject__in=["opportunity", "campaign"]),
                name="fact_of_deals_and_campaigns",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.external_id} {self.occurred_at:%Y-%m-%d %H:%M}"

    @property
    def is_ours(self) -> bool:
        """Decided here, by a person or by the signed SLA, as against what a source says."""
        return self.by_id is not None or self.action in (BY_CLAUSE, CLAUSE_UNDONE)
