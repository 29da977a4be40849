"""Disputes and rulings, to be read."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from alignment.access import SEES_FIGURES
from alignment.api.base import Resource, resource
from alignment.api.filters import Choice, FilterSet, Instant, Truth, Whole
from alignment.api.shapes import PersonRef
from sla.disputed import FUNCTIONS
from sla.models import Decision, Dispute, DisputeKind, Ending, Override, Ruling
from sla.queries.arbitration import visible


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    """The subject is the one of `clock`, `lead`, `opportunity` and `term` that is given; else the MQL `cycle`."""

    owner = PersonRef(read_only=True, allow_null=True)
    agreement_number = serializers.IntegerField(
        source="agreement.number",
        read_only=True,
        allow_null=True,
        help_text="Signed version whose owners rule.",
    )
    asked_function = serializers.ChoiceField(
        choices=list(FUNCTIONS.items()), read_only=True, allow_blank=True, help_text="Of an attribution."
    )
    ending = serializers.ChoiceField(
        choices=Ending.choices, read_only=True, allow_blank=True, help_text="Empty while it is undecided."
    )

    class Meta:
        model = Dispute
        fields = [
            "id", "kind", "clock", "cycle", "lead", "opportunity", "term", "consequence",
            "renegotiation", "owner", "clock_due_at", "asked_function",
            "text", "asked", "evidence_digest", "agreement_number", "filed_at", "rule_by", "overdue_at", "ended_at",
            "ending",
        ]  # fmt: skip
        read_only_fields = fields


class DisputeFilter(FilterSet):
    kind = Choice(choices=DisputeKind.choices)
    clock = Whole(field_name="clock_id")
    cycle = Whole(field_name="cycle_id")
    lead = Whole(field_name="lead_id")
    owner = Whole(field_name="owner_id")
    is_decided = Truth(field_name="ended_at", lookup_expr="isnull", exclude=True)
    ending = Choice(choices=Ending.choices)
    filed_from = Instant(field_name="filed_at", lookup_expr="gte")
    filed_before = Instant(field_name="filed_at", lookup_expr="lt")


class Disputes(Resource[Dispute]):
    """What somebody holds to be wrong: a clock, who sourced a lead, whether an MQL is one, how a definition is read."""

    roles, tag = SEES_FIGURES, "Disputes"
    serializer_class, filterset_class = DisputeSerializer, DisputeFilter

    def get_queryset(self) -> QuerySet[Dispute]:
        return visible(self.viewer).select_related("owner", "agreement")


class OverrideSerializer(serializers.ModelSerializer[Override]):
    """What the ruling puts beside the raw value, which stays."""

    function = serializers.ChoiceField(
        choices=list(FUNCTIONS.items()), read_only=True, allow_blank=True, help_text="Of an attribution."
    )

    class Meta:
        model = Override
        fields = ["effect", "function", "reading", "stood_from", "stood_until"]
        read_only_fields = fields


class RulingSerializer(serializers.ModelSerializer[Ruling]):
    dispute = serializers.IntegerField(
        source="pk", read_only=True, help_text="Each is ruled on once at most."
    )
    kind = serializers.ChoiceField(source="dispute.kind", choices=DisputeKind.choices, read_only=True)
    tags = serializers.ListField(source="tag_list", child=serializers.CharField(), read_only=True)
    ruled_by = serializers.CharField(source="ruled_by.name", read_only=True)
    override = OverrideSerializer(
        read_only=True, allow_null=True, default=None, help_text="Null where the ruling is words alone."
    )

    class Meta:
        model = Ruling
        fields = [
            "dispute", "kind", "about", "decision", "summary", "reason", "tags", "ruled_by", "ruled_at",
            "as_escalation", "override",
        ]  # fmt: skip
        read_only_fields = fields


class RulingFilter(FilterSet):
    kind = Choice(field_name="dispute__kind", choices=DisputeKind.choices)
    decision = Choice(choices=Decision.choices)
    ruled_from = Instant(field_name="ruled_at", lookup_expr="gte")
    ruled_before = Instant(field_name="ruled_at", lookup_expr="lt")


class Rulings(Resource[Ruling]):
    """Rulings on disputes, the precedents: open to both sides."""

    roles, tag = SEES_FIGURES, "Disputes"
    serializer_class, filterset_class = RulingSerializer, RulingFilter

    def get_queryset(self) -> QuerySet[Ruling]:
        return Ruling.objects.select_related("dispute", "ruled_by", "override")


routes = [*resource("disputes", Disputes, "dispute"), *resource("rulings", Rulings, "ruling")]
