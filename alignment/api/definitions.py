"""The shared definitions that are in force, for everybody who sees figures."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers

from alignment.access import SEES_FIGURES
from alignment.api.base import Resource
from alignment.definitions.kind import KIND, NAME
from alignment.definitions.predicate import KEYS
from alignment.models import ArtifactVersion, Role, Signature


class SignerSerializer(serializers.ModelSerializer[Signature]):
    role = serializers.ChoiceField(choices=Role.choices, read_only=True, help_text="For which they signed.")

    class Meta:
        model = Signature
        fields = ["role", "name", "title", "signed_at"]
        read_only_fields = fields


class DefinitionSerializer(serializers.ModelSerializer[ArtifactVersion]):
    key = serializers.ChoiceField(
        choices=[(key, label) for key, (label, _) in KEYS.items()], source="artifact.key", read_only=True
    )
    title = serializers.SerializerMethodField(help_text="As people call it.")
    version = serializers.IntegerField(source="number", read_only=True)
    sha256 = serializers.CharField(source="digest", read_only=True, help_text="In hex, of what was signed.")
    in_force_since = serializers.DateTimeField(source="signed_at", read_only=True)
    content = serializers.DictField(
        read_only=True, help_text="Name, prose, subject, and parts of rows: field, operator, value."
    )
    signers: Any = SignerSerializer(many=True, source="signatures", read_only=True)

    class Meta:
        model = ArtifactVersion
        fields = ["key", "title", "version", "sha256", "in_force_since", "content", "signers"]
        read_only_fields = fields

    def get_title(self, version: ArtifactVersion) -> str:
        return KIND.name_of(version.content, version.artifact.key)


class Definitions(Resource[ArtifactVersion]):
    """What lead, MQL, SQL, opportunity and qualified pipeline mean, as signed. Drafts are not shown."""

    roles, tag = SEES_FIGURES, "Definitions"
    serializer_class = DefinitionSerializer
    lookup_field, lookup_url_kwarg = "artifact__key", "key"

    def get_queryset(self) -> QuerySet[ArtifactVersion]:
        signatures = Prefetch("signatures", Signature.objects.order_by("pk"))
        found = ArtifactVersion.objects.in_force().filter(artifact__kind=NAME)
        return found.select_related("artifact").prefetch_related(signatures)
