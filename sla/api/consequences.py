"""What the clauses of the signed SLA came to and did, to be read."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from alignment.access import SEES_FIGURES, SEES_RECORDS
from alignment.api.base import Resource, resource
from alignment.api.filters import Choice, FilterSet, Truth, Whole
from sla.models import (
    ClauseKind,
    ClausePeriod,
    Consequence,
    ConsequenceCycle,
    CycleState,
    RenegotiationCase,
)
from sla.queries import consequence_pages


class ClausePeriodSerializer(serializers.ModelSerializer[ClausePeriod]):
    """Judged once, as known then. Volume: `part` delivered of `whole` promised MQLs. Follow-up: `part` missed of
    `whole` due, missed where that is more than `percent`."""

    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)
    consequence = serializers.IntegerField(
        source="consequence.pk", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = ClausePeriod
        fields = [
            "id", "kind", "unit", "first", "end", "agreement_number", "part", "whole", "percent", "held", "set_aside",
            "is_missed", "evidence_digest", "judged_at", "consequence",
        ]  # fmt: skip
        read_only_fields = fields


class ClausePeriodFilter(FilterSet):
    kind = Choice(choices=ClauseKind.choices)
    is_missed = Truth()


class ClausePeriods(Resource[ClausePeriod]):
    """Calendar months of marketing's volume and periods of sales' first follow-ups, as the clauses judged them."""

    roles, tag = SEES_FIGURES, "Consequences"
    serializer_class, filterset_class = ClausePeriodSerializer, ClausePeriodFilter

    def get_queryset(self) -> QuerySet[ClausePeriod]:
        return ClausePeriod.objects.select_related("agreement", "consequence")


class ConsequenceSerializer(serializers.ModelSerializer[Consequence]):
    period = serializers.IntegerField(source="judged_id", read_only=True)
    mqls = serializers.IntegerField(read_only=True, help_text="Taken out of marketing's conversion.")
    recycled = serializers.IntegerField(read_only=True)
    waiting = serializers.IntegerField(read_only=True, help_text="Still to be recycled.")
    undone = serializers.IntegerField(read_only=True, help_text="Taken back by rulings.")

    class Meta:
        model = Consequence
        fields = ["id", "kind", "first", "period", "fired_at", "mqls", "recycled", "waiting", "undone"]
        read_only_fields = fields


class ConsequenceFilter(FilterSet):
    pass


class Consequences(Resource[Consequence]):
    """Periods in which sales missed more first follow-ups than the SLA allows, and what the clause did then."""

    roles, tag = SEES_FIGURES, "Consequences"
    serializer_class, filterset_class = ConsequenceSerializer, ConsequenceFilter

    def get_queryset(self) -> QuerySet[Consequence]:
        return consequence_pages.consequences()


class ConsequenceCycleSerializer(serializers.ModelSerializer[ConsequenceCycle]):
    lead = serializers.IntegerField(source="cycle.lead_id", read_only=True)
    ruling = serializers.IntegerField(
        source="undone.ruling_id",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Dispute whose ruling took it back.",
    )

    class Meta:
        model = ConsequenceCycle
        fields = ["id", "consequence", "cycle", "lead", "clock", "state", "executed_at", "ruling"]
        read_only_fields = fields


class ConsequenceCycleFilter(FilterSet):
    consequence = Whole(field_name="consequence_id")
    cycle = Whole(field_name="cycle_id")
    state = Choice(choices=CycleState.choices)
    is_undone = Truth(field_name="undone", lookup_expr="isnull", exclude=True)


class ConsequenceCycles(Resource[ConsequenceCycle]):
    """The MQLs of consequences: each left both numbers of marketing's conversion, unless a ruling took that back."""

    roles, tag = SEES_RECORDS, "Consequences"
    serializer_class, filterset_class = ConsequenceCycleSerializer, ConsequenceCycleFilter

    def get_queryset(self) -> QuerySet[ConsequenceCycle]:
        found = ConsequenceCycle.objects.filter(self.rows_in_scope.q("clock__owner"))
        return found.select_related("cycle", "undone")


class RenegotiationSerializer(serializers.ModelSerializer[RenegotiationCase]):
    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)
    is_open = serializers.BooleanField(read_only=True)

    class Meta:
        model = RenegotiationCase
        fields = [
            "id", "first", "last", "agreement_number", "months", "evidence_digest", "is_open", "opened_at", "closed_at",
        ]  # fmt: skip
        read_only_fields = fields


class RenegotiationFilter(FilterSet):
    is_open = Truth(field_name="closed_at", lookup_expr="isnull")


class Renegotiations(Resource[RenegotiationCase]):
    """Cases of a volume missed month after month; while one is open the pipeline target is under renegotiation."""

    roles, tag = SEES_FIGURES, "Consequences"
    serializer_class, filterset_class = RenegotiationSerializer, RenegotiationFilter

    def get_queryset(self) -> QuerySet[RenegotiationCase]:
        return RenegotiationCase.objects.select_related("agreement")


routes = [
    *resource("clause-periods", ClausePeriods, "clause-period"),
    *resource("consequences", Consequences, "consequence"),
    *resource("consequence-mqls", ConsequenceCycles, "consequence-mql"),
    *resource("renegotiations", Renegotiations, "renegotiation"),
]
