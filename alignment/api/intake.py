"""Sources and what they sent, for RevOps: health, deliveries, what could not be read; and sending events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from alignment.api.acts import Act, Given
from alignment.api.base import Report, Resource
from alignment.api.filters import Choice, ExternalId, FilterSet, Instant, IsSet, OfSource, Text
from alignment.api.people import ONLY_REVOPS
from alignment.api.shapes import SourceKey
from alignment.intake.standard import TYPES
from alignment.models import DeadEvent, Delivery, DeliveryState, Source, TokenScope, User
from alignment.queries import sources as queries
from alignment.services import deliveries as services
from alignment.services.inbox import ReasonMissing, replay_dead, set_aside
from alignment.tasks import hint_drain


class SourceSerializer(serializers.ModelSerializer[Source]):
    class Meta:
        model = Source
        fields = ["id", "key", "name", "kind", "zone", "assigns", "is_active"]
        read_only_fields = fields


class Sources(Resource[Source]):
    """Connections to CRMs and other senders. Secrets and addresses are answered by nothing."""

    roles, tag = ONLY_REVOPS, "Sources"
    serializer_class = SourceSerializer
    lookup_field = "key"

    def get_queryset(self) -> QuerySet[Source]:
        return Source.objects.all()


class HealthSerializer(serializers.Serializer[Any]):
    """What came from a source and what waits."""

    source = serializers.CharField(source="source.key", help_text="Key of the source.")  # type: ignore[assignment]
    endpoints = serializers.IntegerField(help_text="Live ones.")
    last_received_at = serializers.DateTimeField(allow_null=True)
    received_in_24_h = serializers.IntegerField()
    pending = serializers.IntegerField(help_text="Deliveries that wait for the drain.")
    dead = serializers.IntegerField(help_text="Events that could not be read and need somebody.")
    set_aside = serializers.IntegerField()
    conflicts = serializers.IntegerField(help_text="Deliveries whose id came before with another body.")
    processed_up_to = serializers.DateTimeField(help_text="Everything received before is applied or dead.")


class SourceHealth(Report):
    """How one source is doing."""

    roles, tag, operation = ONLY_REVOPS, "Sources", "read_source_health"
    serializer_class = HealthSerializer

    def answer(self, key: str) -> queries.SourceRow:
        return queries.source_rows(at=timezone.now(), only=get_object_or_404(Source, key=key))[0]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    source = SourceKey()  # type: ignore[assignment]
    sha256 = serializers.SerializerMethodField(help_text="Of the body, in hexadecimal.")

    class Meta:
        model = Delivery
        fields = [
            "id", "source", "external_id", "received_at", "state", "items", "applied_at", "conflicts_with", "sha256",
        ]  # fmt: skip
        read_only_fields = fields

    def get_sha256(self, delivery: Delivery) -> str:
        return bytes(delivery.body_sha256).hex()


class DeliveryFilter(FilterSet):
    source = OfSource(field_name="source__key")
    external_id = ExternalId(help_text="The sender's id; without `source` of any.")
    state = Choice(choices=DeliveryState.choices)
    received_from = Instant(field_name="received_at", lookup_expr="gte")
    received_before = Instant(field_name="received_at", lookup_expr="lt")


class Deliveries(Resource[Delivery]):
    """The inbox: what was received, without the bodies."""

    roles, tag = ONLY_REVOPS, "Deliveries"
    serializer_class, filterset_class = DeliverySerializer, DeliveryFilter

    def get_queryset(self) -> QuerySet[Delivery]:
        return Delivery.objects.defer("body").select_related("source")


class BodySerializer(serializers.Serializer[Any]):
    """The raw body of a delivery as text."""

    body = serializers.CharField(
        allow_blank=True, help_text="Cut after 200,000 bytes; empty once it expired."
    )


class DeliveryBody(Report):
    """The raw body of one delivery. It holds personal data."""

    roles, tag, operation = ONLY_REVOPS, "Deliveries", "read_delivery_body"
    serializer_class = BodySerializer

    def answer(self, pk: int) -> dict[str, str]:
        return {"body": queries.readable(get_object_or_404(Delivery, pk=pk).body)}


class DeadEventSerializer(serializers.ModelSerializer[DeadEvent]):
    source = serializers.CharField(source="delivery.source.key", read_only=True)  # type: ignore[assignment]

    class Meta:
        model = DeadEvent
        fields = [
            "id", "source", "delivery", "position", "code", "message", "failures", "failed_at", "replayed_at",
            "set_aside_at", "set_aside_reason",
        ]  # fmt: skip
        read_only_fields = fields


class DeadEventFilter(FilterSet):
    source = OfSource(field_name="delivery__source__key")
    code = Text()
    is_set_aside = IsSet(field_name="set_aside_at")
    is_replayed = IsSet(field_name="replayed_at", help_text="Whether a replay has applied it.")


class DeadEvents(Resource[DeadEvent]):
    """Events that could not be applied, each with its reason. They stop no other."""

    roles, tag = ONLY_REVOPS, "Dead events"
    serializer_class, filterset_class = DeadEventSerializer, DeadEventFilter

    def get_queryset(self) -> QuerySet[DeadEvent]:
        return DeadEvent.objects.select_related("delivery__source").defer("delivery__body")


class ActOnDeadEvent(Act):
    roles, tag, scope = ONLY_REVOPS, "Dead events", TokenScope.INBOX_WRITE
    serializer_class = DeadEventSerializer

    def about(self, pk: int) -> DeadEvent:
        return get_object_or_404(DeadEvent, pk=pk)

    def _fresh(self, event: DeadEvent) -> DeadEvent:
        return DeadEvent.objects.select_related("delivery__source").defer("delivery__body").get(pk=event.pk)


class Replay(ActOnDeadEvent):
    """Try an event again, as after a mended mapping. Its state says whether it was applied."""

    operation = "replay_dead_event"

    def act(self, about: DeadEvent, given: Any, *, by: User, at: datetime, act: UUID) -> DeadEvent:
        replay_dead(events=[about], by=by, at=at)
        return self._fresh(about)


class AsideGiven(Given):
    reason = serializers.CharField(max_length=200, help_text="Why nobody needs to mend it.")


class SetAside(ActOnDeadEvent):
    """Keep an event for the record only. It waits for nobody any more, and can still be replayed."""

    operation, given, refusals = "set_aside_dead_event", AsideGiven, (ReasonMissing,)
    examples = [OpenApiExample("A test", value={"reason": "A test of the sender"}, request_only=True)]

    def act(self, about: DeadEvent, given: Any, *, by: User, at: datetime, act: UUID) -> DeadEvent:
        set_aside(events=[about], reason=given["reason"], by=by, at=at)
        return self._fresh(about)


class EventGiven(Given):
    """One of our event types. `data` names the record and whatever is known of it."""

    type = serializers.ChoiceField(choices=sorted(TYPES))
    id = serializers.CharField(max_length=190, required=False, help_text="Yours; the same id has one effect.")
    timestamp = serializers.CharField(
        max_length=64, required=False, help_text="When it happened, ISO 8601; without it the receipt counts."
    )
    data = serializers.DictField(help_text="`external_id` and the fields of the record.")  # type: ignore[assignment]

    def validate_data(self, data: dict[str, Any]) -> dict[str, Any]:
        named = data.get("external_id")
        if isinstance(named, bool) or not isinstance(named, (str, int)) or not str(named).strip():
            raise serializers.ValidationError("external_id must name the record: a text that is not empty.")
        return data


class SentSerializer(serializers.Serializer[Any]):
    """What became of the events: they are kept, and will be applied within seconds."""

    delivery = serializers.IntegerField(source="pk", help_text="Follow it under /deliveries.")
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    received_at = serializers.DateTimeField()


class SendEvents(Act):
    """Send events of a source. The answer comes once they are durable; they are applied within seconds.

    Up to 1 MiB at once. An event that cannot be read stops no other: it is listed under /dead-events.
    """

    roles, tag, scope = ONLY_REVOPS, "Sources", TokenScope.EVENTS_WRITE
    operation, given, is_list = "send_events", EventGiven, True
    serializer_class, status = SentSerializer, 202
    refusals = (services.SourceClosed, services.OtherEventTypes, services.AnotherBody)
    examples = [
        OpenApiExample(
            "A lead crosses the trigger",
            value={
                "type": "lead.updated",
                "id": "evt_1001",
                "timestamp": "2026-11-17T10:00:00Z",
                "data": {"external_id": "L-1001", "email": "ada@example.com", "score": 80},
            },
            request_only=True,
        )
    ]

    def about(self, key: str) -> Source:
        return get_object_or_404(Source, key=key)

    def act(self, about: Source, given: Any, *, by: User, at: datetime, act: UUID) -> Delivery:
        sent = services.send_events(source=about, body=self.body, key=self.key, by=by, at=at)
        transaction.on_commit(hint_drain)
        return sent
