"""Connecting sources, for RevOps: the connection, its mapping, its endpoints and the secrets of these.

A secret that is made here is in one answer and in nothing that is stored: a repetition of the request is answered
without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from alignment.api.acts import Given
from alignment.api.base import Resource
from alignment.api.filters import FilterSet, OfSource, Truth
from alignment.api.intake import SourceSerializer
from alignment.api.people import ONLY_REVOPS
from alignment.api.set_up import SetUp, example
from alignment.api.shapes import SourceKey
from alignment.forms.sources import KINDS, RESERVED_KEYS, SCHEMES_OF_KIND
from alignment.intake.mapping import InvalidMapping
from alignment.intake.secrets import UnsuitableSecret
from alignment.models import Endpoint, EndpointSecret, Scheme, Source, User
from alignment.services import sources as services
from alignment.services.live_secrets import AlreadyRotating, NoSuchSecret

MADE_THERE = "Where the sender made it (EspoCRM); left out, one is made here."


class MappingGiven(Given):
    mapping = serializers.DictField(help_text="Which field means what, as the page of the source shows it.")
    reason = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)


class SourceGiven(Given):
    key = serializers.SlugField(max_length=40, help_text="Stands in addresses and stays.")
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=list(KINDS))
    zone = serializers.CharField(
        max_length=64, default="UTC", help_text="IANA zone of times without an offset."
    )
    assigns = serializers.ChoiceField(choices=Source.Assigns.choices, default=Source.Assigns.PRODUCT)
    mapping = serializers.DictField(required=False)

    def validate_key(self, key: str) -> str:
        if key in RESERVED_KEYS:
            raise serializers.ValidationError("This one is kept for an address; choose another.")
        return key


class CreateSource(SetUp):
    """Make a connection. Add an endpoint for its CRM to send to, or send its events by the API."""

    operation, tag, status, given = "create_source", "Sources", 201, SourceGiven
    serializer_class = SourceSerializer
    refusals = (services.SourceKeyTaken,)
    examples = example("A CRM", key="crm-emea", name="CRM of EMEA", kind="standard", zone="Europe/Berlin")

    def act(self, about: None, given: Any, *, by: User, at: datetime, act: UUID) -> Source:
        with _mapping_pointed_at():
            return services.create_source(**given, by=by, at=at)


class ActOnSource(SetUp):
    tag = "Sources"

    def about(self, key: str) -> Source:  # type: ignore[override]
        return get_object_or_404(Source, key=key)


class ChangeMapping(ActOnSource):
    """Say which field means what from the next event on; replaces the mapping as a whole."""

    operation, given, serializer_class = "change_mapping", MappingGiven, SourceSerializer
    examples = example("A field of its own", mapping={"fields": {"lead": {"score": "cScore"}}})

    def act(self, about: Source, given: Any, *, by: User, at: datetime, act: UUID) -> Source:
        with _mapping_pointed_at():
            return services.update_mapping(source=about, **given, by=by, at=at)


@contextmanager
def _mapping_pointed_at() -> Iterator[None]:
    """A mapping that cannot be used is a 400 that points to it."""
    try:
        yield
    except InvalidMapping as problem:
        raise serializers.ValidationError({"mapping": [str(problem)]}) from problem


# --- endpoints -----------------------------------------------------------------------------------------


class SlotSerializer(serializers.ModelSerializer[EndpointSecret]):
    class Meta:
        model = EndpointSecret
        fields = ["slot", "created_at", "expires_at"]
        read_only_fields = fields


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    source = SourceKey()  # type: ignore[assignment]
    slots = SlotSerializer(
        many=True, read_only=True, source="secrets", help_text="Of its secrets; two while one is exchanged."
    )

    class Meta:
        model = Endpoint
        fields = [
            "id",
            "source",
            "scheme",
            "event",
            "webhook_id",
            "header",
            "is_active",
            "created_at",
            "slots",
        ]
        read_only_fields = fields


class EndpointFilter(FilterSet):
    source = OfSource(field_name="source__key")
    is_active = Truth()


def _endpoints() -> QuerySet[Endpoint]:
    slots = EndpointSecret.objects.defer("ciphertext").order_by("slot")
    found = Endpoint.objects.exclude(scheme=Scheme.API_TOKEN).select_related("source")
    return found.prefetch_related(Prefetch("secrets", slots))


class Endpoints(Resource[Endpoint]):
    """Doors of sources that send by webhook, without their addresses and secrets."""

    roles, tag = ONLY_REVOPS, "Sources"
    serializer_class, filterset_class = EndpointSerializer, EndpointFilter

    def get_queryset(self) -> QuerySet[Endpoint]:
        return _endpoints()


class NewSecretSerializer(serializers.Serializer[Any]):
    """An endpoint with its new secret and its address, which is secret as well: this answer alone names them."""

    endpoint = EndpointSerializer()
    address = serializers.CharField(help_text="Where the sender sends to; empty when the answer is repeated.")
    secret = serializers.CharField(help_text="Shown once; empty when the answer is repeated.")


class SecretGiven(Given):
    secret = serializers.CharField(max_length=200, required=False, help_text=MADE_THERE)


class EndpointGiven(SecretGiven):
    scheme = serializers.ChoiceField(
        choices=[scheme for scheme in Scheme.choices if scheme[0] != Scheme.API_TOKEN],
        help_text="One that the kind of the source can have.",
    )
    event = serializers.CharField(
        max_length=80, required=False, default="", allow_blank=True, help_text="EspoCRM: as in Lead.update."
    )
    webhook_id = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    header = serializers.CharField(
        max_length=60, required=False, default="", allow_blank=True, help_text="The one with a shared secret."
    )


def _with_secret(pk: int, secret: str) -> dict[str, Any]:
    endpoint = _endpoints().get(pk=pk)
    return {"endpoint": endpoint, "address": settings.BASE_URL + endpoint.path, "secret": secret}


class AddEndpoint(ActOnSource):
    """Open a door for what the source sends. Keep address and secret from the answer: no other names them."""

    operation, status, given = "add_endpoint", 201, EndpointGiven
    serializer_class, shown_once = NewSecretSerializer, ("address", "secret")
    refusals = (services.UnsuitableEndpoint, UnsuitableSecret)
    examples = example("Signed as by Standard Webhooks", scheme="standard_webhooks")

    def act(self, about: Source, given: Any, *, by: User, at: datetime, act: UUID) -> dict[str, Any]:
        fitting = SCHEMES_OF_KIND[about.kind]
        if given["scheme"] not in fitting:
            said = f"Of a source of this kind: {', '.join(fitting)}."
            raise serializers.ValidationError({"scheme": [said]})
        made = services.add_endpoint(source=about, **given, by=by, at=at)
        return _with_secret(made.endpoint.pk, made.secret)


class ActOnEndpoint(SetUp):
    tag = "Sources"

    def about(self, pk: int) -> Endpoint:  # type: ignore[override]
        return get_object_or_404(_endpoints(), pk=pk)


class RotateSecret(ActOnEndpoint):
    """Exchange the secret: the new one is answered once, and the old one lives for 24 more hours."""

    operation, given = "rotate_secret", SecretGiven
    serializer_class, shown_once = NewSecretSerializer, ("address", "secret")
    refusals = (services.EndpointInactive, AlreadyRotating, UnsuitableSecret)
    examples = example("Made by the sender", secret="0123456789abcdef0123456789abcdef")  # noqa: S106

    def act(self, about: Endpoint, given: Any, *, by: User, at: datetime, act: UUID) -> dict[str, Any]:
        plain = services.rotate_secret(endpoint=about, **given, by=by, at=at)
        return _with_secret(about.pk, plain)


class SlotGiven(Given):
    slot = serializers.IntegerField(min_value=1, max_value=2, help_text="Of the secret that ends.")


class RevokeSecret(ActOnEndpoint):
    """End one secret now. Without any, the endpoint refuses everything until its secret is exchanged."""

    operation, given, serializer_class = "revoke_secret", SlotGiven, EndpointSerializer
    refusals = (NoSuchSecret,)
    examples = example("The older one", slot=1)

    def act(self, about: Endpoint, given: Any, *, by: User, at: datetime, act: UUID) -> Endpoint:
        services.revoke_secret(endpoint=about, **given, by=by, at=at)
        return _endpoints().get(pk=about.pk)


class CloseEndpoint(ActOnEndpoint):
    """Refuse all that is sent to this address from now on, for good; what came through it stays."""

    operation, serializer_class = "close_endpoint", EndpointSerializer
    refusals = (services.EndpointInactive,)

    def act(self, about: Endpoint, given: Any, *, by: User, at: datetime, act: UUID) -> Endpoint:
        services.deactivate_endpoint(endpoint=about, by=by, at=at)
        return _endpoints().get(pk=about.pk)
