"""How both sides keep the signed SLA: promises kept of promises due, as known now and as reported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alignment.access import SEES_FIGURES
from alignment.api.base import Report as ComputedReport
from alignment.api.base import Resource, resource
from alignment.api.filters import FilterSet, Instant
from alignment.api.shapes import Asked
from alignment.business_time import Week
from alignment.models import Organisation
from sla.forms.compliance import FIRST_DAY
from sla.models import AdherenceReport
from sla.queries.adherence.figures import LABELS, Line, NothingSigned, Report, Span, from_json
from sla.queries.adherence.report import adherence, week_of_report


class CellSerializer(serializers.Serializer[Any]):
    """One promise in one span of days."""

    promise = serializers.ChoiceField(choices=list(LABELS.items()))
    segment = serializers.CharField(
        allow_null=True,
        help_text="A line of the signed SLA, empty: all segments that no line names; null: all.",
    )
    span = serializers.ChoiceField(
        choices=["week", "now", "month"], help_text="The full week, the week in progress, the month to date."
    )
    first = serializers.DateField()
    last = serializers.DateField()
    kept = serializers.IntegerField(help_text="Promises kept, as known first.")
    due = serializers.IntegerField(help_text="Promises that have fallen due.")
    restated = serializers.IntegerField(help_text="Kept, with evidence that came late.")
    ruled = serializers.IntegerField(help_text="Kept, with rulings as well.")
    ruled_due = serializers.IntegerField(help_text="Due, with clocks that open disputes hold.")
    waiting = serializers.IntegerField(help_text="Clocks that still run; in no other count.")
    counted = serializers.IntegerField(help_text="Marketing: MQLs that crossed.")


class AdherenceSerializer(serializers.Serializer[Any]):
    """Both sides in one unit, of everybody."""

    monday = serializers.DateField(help_text="Of the full week.")
    zone = serializers.CharField(help_text="The organisation's zone, in which weeks and months are cut.")
    as_known_at = serializers.DateTimeField()
    complete_until = serializers.DateTimeField(help_text="Everything received before is counted.")
    is_settled = serializers.BooleanField(help_text="False: some day was still being added up.")
    agreement_number = serializers.IntegerField(source="signed.number")
    sla_digest = serializers.CharField(source="signed.digest")
    definition_version = serializers.IntegerField(
        source="signed.definition", help_text="Of the definition of an MQL that the SLA cites."
    )
    marketing = serializers.SerializerMethodField()
    sales = serializers.SerializerMethodField()
    open_disputes = serializers.IntegerField(help_text="That waited for a ruling.")

    @extend_schema_field(CellSerializer(many=True))
    def get_marketing(self, report: Report) -> list[dict[str, Any]]:
        return _cells((*report.marketing, *report.by_segment), report.spans)

    @extend_schema_field(CellSerializer(many=True))
    def get_sales(self, report: Report) -> list[dict[str, Any]]:
        return _cells(report.sales, report.spans)


def _cells(lines: Iterable[Line], spans: Iterable[Span]) -> list[dict[str, Any]]:
    spans = list(spans)
    found = [
        {
            "promise": line.promise,
            "segment": line.segment,
            "span": span.key,
            "first": span.first,
            "last": span.last,
        }
        | {name: getattr(cell, name) for name in cell.__dataclass_fields__}
        for line in lines
        for span, cell in zip(spans, line.cells, strict=True)
    ]
    return list(CellSerializer(found, many=True).data)


class AdherenceNowSerializer(serializers.Serializer[Any]):
    report = AdherenceSerializer(allow_null=True, help_text="Null: no signed SLA is in force.")


class AdherenceWeekAsked(Asked):
    week = serializers.DateField(required=False, help_text="Any day of a full week; left out: the last one.")

    def validate_week(self, day: date) -> date:
        if not FIRST_DAY + timedelta(weeks=53) <= day < week_of_report(timezone.now()).next().monday:
            raise serializers.ValidationError("Name a day of a week that is over.")
        return day


class Adherence(ComputedReport):
    """Both sides in one full week as known now; of the last one with the week in progress and the month to date."""

    roles, tag, operation = SEES_FIGURES, "Adherence", "read_adherence"
    asked, serializer_class = AdherenceWeekAsked, AdherenceNowSerializer

    def answer(self, week: date | None = None) -> dict[str, Any]:
        now = timezone.now()
        chosen = week_of_report(now)
        if week is not None:
            chosen = Week(week - timedelta(days=week.weekday()), Organisation.get().zone)
        try:
            return {"report": adherence(chosen, at=now)}
        except NothingSigned:
            return {"report": None}


class SentReportSerializer(serializers.ModelSerializer[AdherenceReport]):
    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)
    report = serializers.SerializerMethodField(help_text="The figures as they were sent.")

    class Meta:
        model = AdherenceReport
        fields = [
            "id", "monday", "as_known_at", "complete_until", "agreement_number", "sla_digest", "definition_version",
            "told", "report",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(AdherenceSerializer)
    def get_report(self, row: AdherenceReport) -> dict[str, Any]:
        return dict(AdherenceSerializer(from_json(Report, row.figures)).data)


class SentReportFilter(FilterSet):
    known_from = Instant(field_name="as_known_at", lookup_expr="gte")
    known_before = Instant(field_name="as_known_at", lookup_expr="lt")


class SentReports(Resource[AdherenceReport]):
    """The weekly reports as they were sent: frozen, one for a week."""

    roles, tag = SEES_FIGURES, "Adherence"
    serializer_class, filterset_class = SentReportSerializer, SentReportFilter

    def get_queryset(self) -> QuerySet[AdherenceReport]:
        return AdherenceReport.objects.select_related("agreement")


routes = [
    path("adherence", Adherence.as_view(), name="adherence"),
    *resource("adherence-reports", SentReports, "adherence-report"),
]
