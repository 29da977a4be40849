"""The outbox of write-back: where a CRM takes what was decided here, and each message on its way there."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from simple_history.models import HistoricalRecords

from alignment.models.live_secrets import LiveSecret


class DestinationQuerySet(models.QuerySet["Destination"]):
    def active(self) -> DestinationQuerySet:
        """In use: messages are written for these, delivered or not."""
        return self.filter(is_active=True)

    def paused(self) -> DestinationQuerySet:
        return self.active().filter(paused_at__isnull=False)


class Destination(models.Model):
    """The address at which one CRM, or the middleware before it, takes write-backs.

    Paused, by a person or because the receiver answered 410, messages wait and none is lost. `failures` and
    `retry_at` hold back all its messages while the receiver as a whole is out of reach.
    """

    source = models.ForeignKey("alignment.Source", on_delete=models.PROTECT, related_name="destinations")
    address = models.CharField(max_length=500)
    is_active = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0, editable=False)
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    # an address may carry a token of the receiver: the change log names its host only
    history = HistoricalRecords(excluded_fields=["address", "failures", "retry_at"])

    objects = DestinationQuerySet.as_manager()

    class Meta:
        ordering = ["source", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(is_active=True), name="one_active_destination_per_source"
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True, paused_reason="")
                | (Q(paused_at__isnull=False) & ~Q(paused_reason="")),
                name="a_paused_destination_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"write-back to {self.source}"


class DestinationSecret(LiveSecret):
    """During rotation messages are signed with both."""

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="secrets")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["destination", "slot"], name="one_outgoing_secret_per_slot"),
            models.CheckConstraint(condition=Q(slot__in=[1, 2]), name="two_outgoing_secrets_at_most"),
        ]

    def __str__(self) -> str:
        return f"secret {self.slot} of destination {self.destination_id}"


class OutgoingState(models.TextChoices):
    PENDING = "pending", "Waiting"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Given up"


class OutgoingMessageQuerySet(models.QuerySet["OutgoingMessage"]):
    def pending(self) -> OutgoingMessageQuerySet:
        return self.filter(state=OutgoingState.PENDING)

    def dead(self) -> OutgoingMessageQuerySet:
        """Given up, and nobody has looked after it yet."""
        return self.filter(state=OutgoingState.DEAD, set_aside_at__isnull=True)

    def waits_for(self) -> OutgoingMessageQuerySet:
        """With `waits_for` and `waits_for_no`: id and number of the older message about the lead that goes first."""
        first = _older().order_by("sequence")
        return self.annotate(
            waits_for=Subquery(first.values("pk")[:1]), waits_for_no=Subquery(first.values("sequence")[:1])
        )

    def heads(self) -> OutgoingMessageQuerySet:
        """Waiting, and no older message about the lead goes first."""
        return self.pending().filter(~Exists(_older()))

    def set_aside(self) -> OutgoingMessageQuerySet:
        return self.filter(state=OutgoingState.DEAD, set_aside_at__isnull=False)


def _older() -> OutgoingMessageQuerySet:
    return OutgoingMessage.objects.pending().filter(
        destination=OuterRef("destination"), lead=OuterRef("lead"), sequence__lt=OuterRef("sequence")
    )


class OutgoingMessage(models.Model):
    """One message with the whole present state of an MQL cycle, so that a lost or doubled one heals by the next.

    `key` is the idempotency key (webhook-id), the same at every attempt. `sequence` counts the messages about one
    lead from 1, and goes on over destinations that were switched off; of these only the oldest that waits is delivered.
    `basis` is what the state rests on: a later state is news where it rests on something else. A test message has no
    lead and no cycle.
    """

    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="messages")
    key = models.CharField(max_length=64, unique=True)
    lead = models.ForeignKey(
        "alignment.Lead", on_delete=models.PROTECT, null=True, related_name="outgoing_messages"
    )
    cycle = models.ForeignKey(
        "alignment.MqlCycle", on_delete=models.PROTECT, null=True, related_name="outgoing_messages"
    )
    sequence = models.PositiveIntegerField(default=0)
    type = models.CharField(max_length=40)
    body = models.TextField(help_text="JSON as it goes out, to the byte.")
    basis = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=OutgoingState.choices, default=OutgoingState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_answer = models.CharField(
        max_length=500, blank=True, help_text="Begin of what the receiver wrote when it refused the message."
    )
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    set_aside_at = models.DateTimeField(null=True, blank=True)
    set_aside_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_aside_reason = models.CharField(max_length=200, blank=True)

    objects = OutgoingMessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "lead", "sequence"], name="messages_about_a_lead_have_one_order"
            ),
            models.CheckConstraint(
                condition=Q(lead__isnull=True, cycle__isnull=True, sequence=0)
                | Q(lead__isnull=False, cycle__isnull=False, sequence__gt=0),
                name="a_message_is_about_a_cycle_or_a_test",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OutgoingState.values), name="outgoing_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=OutgoingState.DELIVERED, delivered_at__isnull=False)
                | (~Q(state=OutgoingState.DELIVERED) & Q(delivered_at__isnull=True)),
                name="delivered_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(set_aside_at__isnull=True, set_aside_by__isnull=True, set_aside_reason="")
                | (Q(set_aside_at__isnull=False, state=OutgoingState.DEAD) & ~Q(set_aside_reason="")),
                name="an_outgoing_message_is_set_aside_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["destination", "next_attempt_at"],
                condition=Q(state=OutgoingState.PENDING),
                name="outgoing_pending",
            ),
            models.Index(
                fields=["destination", "lead", "sequence"],
                condition=Q(state=OutgoingState.PENDING),
                name="outgoing_pending_by_lead",
            ),
            models.Index(
                fields=["destination"],
                condition=Q(state=OutgoingState.PENDING, claimed_until__isnull=False),
                name="outgoing_claimed",
            ),
            models.Index(
                fields=["destination", "-id"],
                condition=Q(state=OutgoingState.DEAD),
                name="outgoing_dead",
            ),
            models.Index(F("cycle"), F("destination"), F("sequence").desc(), name="outgoing_newest_of_cycle"),
            models.Index(fields=["destination", "-id"], name="outgoing_by_destination"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"
