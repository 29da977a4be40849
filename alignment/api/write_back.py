"""Write-back, for RevOps: where it goes, each message on its way, and looking after what was given up."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from alignment.api.acts import Act, ReasonGiven
from alignment.api.base import Report, Resource
from alignment.api.filters import Choice, FilterSet, Instant, IsSet, OfSource, Truth, Whole
from alignment.api.people import ONLY_REVOPS
from alignment.api.shapes import SourceKey
from alignment.models import Destination, OutgoingMessage, OutgoingState, TokenScope, User
from alignment.services import destinations as services
from alignment.services.inbox import ReasonMissing


class NotGivenUp(Exception):
    """The message waits, was delivered, or was set aside already; or its body has expired."""


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    source = SourceKey()  # type: ignore[assignment]
    host = serializers.SerializerMethodField(help_text="Of the address, which may itself hold a secret.")

    class Meta:
        model = Destination
        fields = [
            "id", "source", "host", "is_active", "paused_at", "paused_reason", "created_at", "failures", "retry_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_host(self, destination: Destination) -> str:
        return urlsplit(destination.address).hostname or ""


class DestinationFilter(FilterSet):
    source = OfSource(field_name="source__key")
    is_active = Truth()
    is_paused = IsSet(field_name="paused_at")


class Destinations(Resource[Destination]):
    """Where decisions are written back to: one active destination for each source that has any.

    `failures` in a row and `retry_at` tell of a receiver that is out of reach; nothing is lost meanwhile.
    """

    roles, tag = ONLY_REVOPS, "Write-back"
    serializer_class, filterset_class = DestinationSerializer, DestinationFilter

    def get_queryset(self) -> QuerySet[Destination]:
        return Destination.objects.select_related("source")


class ActOnDestination(Act):
    roles, tag, scope = ONLY_REVOPS, "Write-back", TokenScope.OUTBOX_WRITE
    serializer_class = DestinationSerializer
    refusals = (services.NoSuchDestination, ReasonMissing)

    def about(self, pk: int) -> Destination:
        return get_object_or_404(Destination.objects.select_related("source"), pk=pk)


class Pause(ActOnDestination):
    """Send nothing until resumed. Messages are still written, and none is lost."""

    operation, given = "pause_destination", ReasonGiven
    examples = [OpenApiExample("Work on the CRM", value={"reason": "The CRM is updated"}, request_only=True)]

    def act(self, about: Destination, given: Any, *, by: User, at: datetime, act: UUID) -> Destination:
        return services.pause(destination=about, reason=given["reason"], by=by, at=at)


class Resume(ActOnDestination):
    """Send what waits, within seconds."""

    operation = "resume_destination"

    def act(self, about: Destination, given: Any, *, by: User, at: datetime, act: UUID) -> Destination:
        return services.resume(destination=about, by=by, at=at)


class MessageSerializer(serializers.ModelSerializer[OutgoingMessage]):
    source = serializers.CharField(source="destination.source.key", read_only=True)  # type: ignore[assignment]

    class Meta:
        model = OutgoingMessage
        fields = [
            "id", "destination", "source", "key", "lead", "cycle", "sequence", "type", "created_at", "state",
            "attempts", "next_attempt_at", "last_attempt_at", "last_error", "delivered_at", "set_aside_at",
            "set_aside_reason",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "key": {"help_text": "The header `webhook-id`, the same at every attempt."},
            "sequence": {
                "help_text": "Place among the messages about one lead, from 1; a new destination goes on counting."
            },
        }


class MessageFilter(FilterSet):
    destination = Whole(field_name="destination_id")
    source = OfSource(field_name="destination__source__key")
    state = Choice(choices=OutgoingState.choices)
    is_set_aside = IsSet(field_name="set_aside_at")
    lead = Whole(field_name="lead_id")
    cycle = Whole(field_name="cycle_id")
    created_from = Instant(field_name="created_at", lookup_expr="gte")
    created_before = Instant(field_name="created_at", lookup_expr="lt")


def _shown() -> QuerySet[OutgoingMessage]:
    return OutgoingMessage.objects.select_related("destination__source").defer("body", "basis")


class Messages(Resource[OutgoingMessage]):
    """The outbox: messages that wait, arrived, or were given up (`dead`), without their bodies."""

    roles, tag = ONLY_REVOPS, "Write-back"
    serializer_class, filterset_class = MessageSerializer, MessageFilter

    def get_queryset(self) -> QuerySet[OutgoingMessage]:
        return _shown()


class MessageBodySerializer(serializers.Serializer[Any]):
    """A message as it goes out, to the byte."""

    body = serializers.CharField(allow_blank=True, help_text="JSON as text; empty once it expired.")


class MessageBody(Report):
    """The body of one message. It holds personal data."""

    roles, tag, operation = ONLY_REVOPS, "Write-back", "read_outgoing_message_body"
    serializer_class = MessageBodySerializer

    def answer(self, pk: int) -> dict[str, str]:
        return {"body": get_object_or_404(OutgoingMessage, pk=pk).body}


class ActOnMessage(Act):
    roles, tag, scope = ONLY_REVOPS, "Write-back", TokenScope.OUTBOX_WRITE
    serializer_class = MessageSerializer
    refusals = (services.NoSuchDestination, ReasonMissing, NotGivenUp)

    def about(self, pk: int) -> OutgoingMessage:
        return get_object_or_404(_shown(), pk=pk)


class Retry(ActOnMessage):
    """Send a message that was given up, also one set aside; all attempts are before it again.

    Where a later message about the lead holds the whole state, this one is set aside instead.
    """

    operation = "retry_outgoing_message"

    def act(
        self, about: OutgoingMessage, given: Any, *, by: User, at: datetime, act: UUID
    ) -> OutgoingMessage:
        done = services.retry(destination=about.destination, messages=[about.pk], by=by, at=at)
        if not (done.waiting or done.superseded):
            raise NotGivenUp
        return _shown().get(pk=about.pk)


class SetAside(ActOnMessage):
    """Keep a message that was given up for the record only. It can still be retried."""

    operation, given = "set_aside_outgoing_message", ReasonGiven
    examples = [OpenApiExample("Entered by hand", value={"reason": "Entered by hand"}, request_only=True)]

    def act(
        self, about: OutgoingMessage, given: Any, *, by: User, at: datetime, act: UUID
    ) -> OutgoingMessage:
        if not services.set_messages_aside(
            destination=about.destination, messages=[about.pk], reason=given["reason"], by=by, at=at
        ):
            raise NotGivenUp
        return _shown().get(pk=about.pk)
