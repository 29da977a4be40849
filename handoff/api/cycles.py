"""MQL cycles with their clocks, why somebody owns them, and all that is known of a lead in one line of time."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alignment.access import SEES_RECORDS
from alignment.api.base import Report, Resource
from alignment.api.filters import Choice, FilterSet, Instant, OfSource, Text, Truth, Whole
from alignment.api.shapes import MaybeOneOf, PersonRef
from alignment.intake.ids import forms_of
from alignment.models import Disposition, DisqualificationReason, Lead, MqlCycle, Source
from alignment.models.cycles import AssignedBy
from alignment.queries.identity import homes_of
from handoff.models import Assignment
from handoff.queries import cycles as queries
from handoff.queries import timeline
from sla.api import ClocksField
from sla.models import Clock


class CycleSerializer(serializers.ModelSerializer[MqlCycle]):
    source = serializers.CharField(source="lead.source.key", read_only=True)  # type: ignore[assignment]
    lead_external_id = serializers.CharField(source="lead.external_id", read_only=True)
    owner = PersonRef(read_only=True, allow_null=True)
    assigned_by = MaybeOneOf(AssignedBy.choices)
    disposition = MaybeOneOf(Disposition.choices)
    reason = MaybeOneOf(DisqualificationReason.choices)
    is_open = serializers.BooleanField(read_only=True)
    lacks = serializers.SerializerMethodField(help_text="What a closed record lacks to count as tagged.")
    clocks = ClocksField()

    class Meta:
        model = MqlCycle
        fields = [
            "id", "lead", "source", "lead_external_id", "number", "is_open", "is_history", "crossed_at", "received_at",
            "started_at",
            "is_clock_suspect", "agreement_number", "tier", "segment", "team", "owner", "assigned_at", "assigned_by",
            "accepted_at", "first_follow_up_at", "attempts", "disposition", "reason", "disposed_at", "is_tagged",
            "is_by_clause", "lacks", "closed_at", "crm_closed_at", "opportunity", "voided_at", "void_reason", "clocks",
        ]  # fmt: skip
        read_only_fields = fields

    def get_lacks(self, cycle: MqlCycle) -> str:
        return queries.missing_in(cycle)


def shown(found: QuerySet[MqlCycle]) -> QuerySet[MqlCycle]:
    """With all that `CycleSerializer` shows."""
    clocks = Clock.objects.select_related("owner", "agreement").order_by("due_at", "pk")
    return found.select_related("lead__source", "owner").prefetch_related(
        Prefetch("clocks", clocks, to_attr="all_clocks")
    )


class CycleFilter(FilterSet):
    state = Choice(
        choices=list(queries.STATES.items()), method="in_state", help_text="As on the list of MQLs."
    )
    lead = Whole(
        method="of_record",
        help_text="Id of a lead; of a merged record: what its person has, at the other lead.",
    )
    source = OfSource(method="of_record", help_text="Key of the lead's source.")
    lead_external_id = Text(
        method="of_record",
        help_text="The lead's id in its source, without `source` in any; also of a record merged into it.",
    )
    owner = Whole(field_name="owner_id")
    team = Whole(field_name="team_id")
    segment = Text()
    disposition = Choice(choices=Disposition.choices)
    reason = Choice(choices=DisqualificationReason.choices)
    is_tagged = Truth()
    started_from = Instant(field_name="started_at", lookup_expr="gte")
    started_before = Instant(field_name="started_at", lookup_expr="lt")

    def of_record(self, found: QuerySet[MqlCycle], name: str, value: Any) -> QuerySet[MqlCycle]:
        """A record counts for the lead that it is merged into. A source beside its id is the record's own."""
        source, external_id = self.form.cleaned_data["source"], self.form.cleaned_data["lead_external_id"]
        if name == "lead":
            return found.filter(lead__in=homes_of(Lead.objects.filter(pk=value)))
        if not external_id:
            return found.filter(lead__source__key=source)
        sources = Source.objects.filter(key=source) if source else Source.objects.all()
        records = Lead.objects.filter(source__in=list(sources), external_id__in=sorted(forms_of(external_id)))
        return found.filter(lead__in=homes_of(records))

    def in_state(self, found: QuerySet[MqlCycle], name: str, value: str) -> QuerySet[MqlCycle]:
        if value == "all":
            return found
        view: Any = self.request.parser_context["view"]
        wanted = queries.in_state(value, view.rows_in_scope, at=timezone.now())
        return found.filter(Exists(wanted.filter(pk=OuterRef("pk"))))


class Cycles(Resource[MqlCycle]):
    """MQL cycles, each one pass of a lead through the handoff, with their clocks."""

    roles, tag = SEES_RECORDS, "MQL cycles"
    serializer_class, filterset_class = CycleSerializer, CycleFilter
    orderings = {"id": "pk", "started_at": "started_at"}

    def get_queryset(self) -> QuerySet[MqlCycle]:
        return shown(queries.visible(self.rows_in_scope))


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    person = PersonRef(read_only=True)
    by = serializers.CharField(source="by.name", read_only=True, default=None, allow_null=True)
    explanation = serializers.DictField(
        read_only=True,
        help_text="Rule, pool, and everyone who was considered with weight, turn and why skipped.",
    )

    class Meta:
        model = Assignment
        fields = ["id", "cycle", "person", "origin", "pool", "explanation", "assigned_at", "by"]
        read_only_fields = fields


class AssignmentFilter(FilterSet):
    cycle = Whole(field_name="cycle_id")
    person = Whole(field_name="person_id")
    pool = Whole(field_name="pool_id")
    origin = Choice(choices=Assignment.Origin.choices)
    assigned_from = Instant(field_name="assigned_at", lookup_expr="gte")
    assigned_before = Instant(field_name="assigned_at", lookup_expr="lt")


class Assignments(Resource[Assignment]):
    """The ledger of decisions about owners, each with its explanation."""

    roles, tag = SEES_RECORDS, "Assignments"
    serializer_class, filterset_class = AssignmentSerializer, AssignmentFilter

    def get_queryset(self) -> QuerySet[Assignment]:
        scope = self.rows_in_scope
        found = Assignment.objects.filter(scope.q("person") | scope.q("cycle__owner"))
        return found.select_related("person", "by")


@extend_schema_field(
    {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}
)
class DetailsField(serializers.Field[Any, Any, Any, Any]):
    """Pairs of label and text."""

    def to_representation(self, value: Any) -> Any:
        return [{"label": label, "text": str(text)} for label, text in value]


class EntrySerializer(serializers.Serializer[Any]):
    """One entry of a timeline."""

    at = serializers.DateTimeField(help_text="When it happened.")
    kind = serializers.CharField()
    title = serializers.CharField()
    details = DetailsField()
    received_at = serializers.DateTimeField(
        allow_null=True, help_text="When we learned of it; null: our own act."
    )
    by = serializers.CharField(allow_blank=True)
    explanation = serializers.DictField(allow_null=True, help_text="Of an assignment.")


class TimelineSerializer(serializers.Serializer[Any]):
    """Everything known of a lead, the newest first."""

    entries = EntrySerializer(many=True)


class Timeline(Report):
    """Everything that is known of a lead, in one line of time: facts, touches, cycles, assignments, breaches."""

    roles, tag, operation = SEES_RECORDS, "Leads", "read_lead_timeline"
    serializer_class = TimelineSerializer

    def answer(self, pk: int) -> dict[str, Any]:
        lead = get_object_or_404(queries.visible_leads(self.rows_in_scope), pk=pk)
        return {"entries": timeline.timeline(lead)}
