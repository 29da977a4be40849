"""Versions of the agreement."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from alignment.access import EVERYONE
from alignment.api.base import Resource, resource
from alignment.models import Role
from sla.models import Agreement

READERS = EVERYONE - {Role.BOARD_VIEWER}


class AgreementSerializer(serializers.ModelSerializer[Agreement]):
    terms = serializers.DictField(read_only=True, help_text="Trigger, tiers, windows, cadence, calendars.")
    clauses = serializers.DictField(
        read_only=True,
        allow_null=True,
        help_text="What was signed beside the terms: volumes, consequences, owners, review. Null: not signed.",
    )
    version = serializers.IntegerField(
        source="version.number",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Of the signed document, the joint revenue SLA; null: not signed.",
    )
    sha256 = serializers.CharField(
        source="version.digest",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Digest of what was signed; null: not signed.",
    )
    state = serializers.CharField(
        source="version.state",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Of the signed document: `in_force`, `superseded`, `revoked`; null: not signed. What was revoked "
        "runs on until another version is signed.",
    )

    class Meta:
        model = Agreement
        fields = [
            "number", "in_force_from", "is_signed", "version", "sha256", "state", "note", "entered_at", "terms",
            "clauses",
        ]  # fmt: skip
        read_only_fields = fields


class Agreements(Resource[Agreement]):
    """Versions of the agreement. The one in force when an MQL cycle starts judges it to its end."""

    roles, tag = READERS, "Agreements"
    serializer_class = AgreementSerializer
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Agreement]:
        return Agreement.objects.select_related("version").defer("version__content", "version__envelope")


routes = resource("agreements", Agreements, "agreement", "<int:number>")
