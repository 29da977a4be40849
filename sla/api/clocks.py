"""Clocks and breaches."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alignment.access import SEES_RECORDS
from alignment.api.base import Resource, resource
from alignment.api.filters import Choice, FilterSet, Instant, Text, Whole
from alignment.api.shapes import PersonRef
from sla.models import Breach, Clock, ClockKind, Outcome


class ClockSerializer(serializers.ModelSerializer[Clock]):
    owner = PersonRef(read_only=True, allow_null=True)
    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)
    agreement_is_signed = serializers.BooleanField(source="agreement.is_signed", read_only=True)

    class Meta:
        model = Clock
        fields = [
            "id", "cycle", "kind", "ordinal", "started_at", "due_at", "warn_at", "met_at", "warned_at", "breached_at",
            "settled_at", "outcome", "is_suspect", "budget_seconds", "agreement_number", "agreement_is_signed",
            "calendar_version", "team", "owner", "segment", "held_since",
        ]  # fmt: skip
        read_only_fields = fields


class ClockFilter(FilterSet):
    cycle = Whole(field_name="cycle_id")
    owner = Whole(field_name="owner_id")
    kind = Choice(choices=ClockKind.choices)
    outcome = Choice(choices=Outcome.choices)
    segment = Text()
    due_from = Instant(field_name="due_at", lookup_expr="gte")
    due_before = Instant(field_name="due_at", lookup_expr="lt")


class Clocks(Resource[Clock]):
    """Promises with a due time, each with its outcome as known now."""

    roles, tag = SEES_RECORDS, "Clocks"
    serializer_class, filterset_class = ClockSerializer, ClockFilter
    orderings = {"id": "pk", "due_at": "due_at"}

    def get_queryset(self) -> QuerySet[Clock]:
        scope = self.rows_in_scope
        found = Clock.objects.filter(scope.q("owner") | scope.q("cycle__owner"))
        return found.select_related("owner", "agreement")


class BreachSerializer(serializers.ModelSerializer[Breach]):
    clock = serializers.IntegerField(source="pk", read_only=True, help_text="A clock breaches once at most.")
    cycle = serializers.IntegerField(source="clock.cycle_id", read_only=True)
    kind = serializers.ChoiceField(source="clock.kind", choices=ClockKind.choices, read_only=True)
    outcome = serializers.ChoiceField(
        source="clock.outcome",
        choices=Outcome.choices,
        read_only=True,
        help_text="`restated`: late evidence showed since that the promise was kept.",
    )
    owner = PersonRef(read_only=True, allow_null=True)
    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)
    agreement_is_signed = serializers.BooleanField(source="agreement.is_signed", read_only=True)

    class Meta:
        model = Breach
        fields = [
            "clock", "cycle", "kind", "outcome", "breached_at", "stamped_at", "agreement_number", "agreement_is_signed",
            "calendar_version",
            "owner",
        ]  # fmt: skip
        read_only_fields = fields


class BreachFilter(FilterSet):
    owner = Whole(field_name="owner_id")
    kind = Choice(field_name="clock__kind", choices=ClockKind.choices)
    breached_from = Instant(field_name="breached_at", lookup_expr="gte")
    breached_before = Instant(field_name="breached_at", lookup_expr="lt")


class Breaches(Resource[Breach]):
    """Broken promises, stamped once at the time when they happened and never rewritten."""

    roles, tag = SEES_RECORDS, "Breaches"
    serializer_class, filterset_class = BreachSerializer, BreachFilter

    def get_queryset(self) -> QuerySet[Breach]:
        scope = self.rows_in_scope
        found = Breach.objects.filter(
            scope.q("owner") | scope.q("clock__owner") | scope.q("clock__cycle__owner")
        )
        return found.select_related("clock", "owner", "agreement").order_by(F("pk"))


@extend_schema_field(ClockSerializer(many=True))
class ClocksField(serializers.Field[Any, Any, Any, Any]):
    """Clocks that were loaded beside their cycle as `all_clocks`."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="all_clocks")

    def to_representation(self, value: Any) -> Any:
        return ClockSerializer(value, many=True).data


routes = [*resource("clocks", Clocks, "clock"), *resource("breaches", Breaches, "breach")]
