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

    class Meta:
        model = Agreement
        fields = ["number", "in_force_from", "is_signed", "note", "entered_at", "terms"]
        read_only_fields = fields


class Agreements(Resource[Agreement]):
    """Versions of the agreement. The one in force when an MQL cycle starts judges it to its end."""

    roles, tag = READERS, "Agreements"
    serializer_class = AgreementSerializer
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Agreement]:
        return Agreement.objects.all()


routes = resource("agreements", Agreements, "agreement", "<int:number>")
