"""The weeks by which the gate of the handoff is judged, and the cases to the CRO about tagging."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from rest_framework import serializers

from alignment.access import SEES_FIGURES
from alignment.api.base import Report, Resource, resource
from alignment.api.filters import FilterSet, Instant
from alignment.api.shapes import Asked
from alignment.business_time import Week
from alignment.models import Role
from sla.forms.compliance import FIRST_DAY, LAST_DAY
from sla.models import AdoptionCase
from sla.queries.weeks import Ground, handoff_now, weeks
from sla.weeks import Verdict


class MeasureSerializer(serializers.Serializer[Any]):
    """One share as the gate counts it: `met` of `due`."""

    met = serializers.IntegerField(help_text="Kept: in time, and set aside by rulings.")
    due = serializers.IntegerField(help_text="Fell due in the week.")
    restated = serializers.IntegerField(help_text="Of those not kept: disproved by late evidence.")
    held = serializers.IntegerField(help_text="Of those not kept: held by disputes until the ruling.")
    set_aside = serializers.IntegerField(help_text="Of those kept: by a ruling.")
    against = serializers.IntegerField(help_text="In time and yet not kept: of nobody, or closed untagged.")
    recycled = serializers.IntegerField(
        help_text="Of those not kept: recycled by the clause before they were due."
    )
    running = serializers.IntegerField(help_text="Not judged yet; in no other count.")


class HandoffWeekSerializer(serializers.Serializer[Any]):
    monday = serializers.DateField(source="week.monday")
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict], help_text="For gate 3.")
    doubts = serializers.ListField(
        child=serializers.CharField(), help_text="Why its figures are not all known yet."
    )
    agreement_number = serializers.IntegerField(
        source="agreement", allow_null=True, help_text="The signed version that judges it; null: none."
    )
    follow_up_above = serializers.IntegerField(
        source="asks.follow_up_percent", default=None, allow_null=True, help_text="Percent, strictly above."
    )
    tagging_above = serializers.IntegerField(
        source="asks.tagging_percent", default=None, allow_null=True, help_text="Percent, strictly above."
    )
    minimum = serializers.IntegerField(
        source="asks.weekly_minimum",
        default=None,
        allow_null=True,
        help_text="MQLs that must be due: of a first follow-up, a disposition or both.",
    )
    follow_up = MeasureSerializer()
    tagging = MeasureSerializer()


class HandoffWeeksSerializer(serializers.Serializer[Any]):
    """Of everybody together, the oldest week first."""

    is_open = serializers.BooleanField(help_text="Whether the weeks hold gate 3 open now.")
    decided_by = serializers.ListField(
        child=serializers.DateField(),
        help_text="Mondays of the two weeks that opened it or of the one that shut it; empty: none decided yet.",
    )
    zone = serializers.CharField()
    processed_up_to = serializers.DateTimeField(help_text="Everything received before is counted.")
    weeks = HandoffWeekSerializer(many=True)


class HandoffWeeksAsked(Asked):
    week = serializers.DateField(
        required=False, help_text="Any day of the last week; left out: the present one."
    )
    count = serializers.IntegerField(min_value=1, max_value=53, default=8, help_text="How many weeks.")

    def validate_week(self, day: date) -> date:
        if not FIRST_DAY + timedelta(days=371) <= day <= LAST_DAY:
            raise serializers.ValidationError("No clocks ran in that week.")
        return day


class HandoffWeeks(Report):
    """The verdict of each week for gate 3, with what it rests on."""

    roles, tag, operation = SEES_FIGURES, "Compliance", "read_handoff_weeks"
    asked, serializer_class = HandoffWeeksAsked, HandoffWeeksSerializer

    def answer(self, count: int, week: date | None = None) -> dict[str, Any]:
        now = timezone.now()
        ground = Ground.at_hand(at=now)
        last = Week.of(now, ground.zone)
        if week is not None:
            last = Week(week - timedelta(days=week.weekday()), ground.zone)
        standing = handoff_now(at=now).standing
        return {
            "is_open": standing.is_open,
            "decided_by": [judged.week.monday for judged in standing.by],
            "zone": ground.zone,
            "processed_up_to": ground.known_up_to,
            "weeks": weeks(last, count, ground),
        }


class AdoptionCaseSerializer(serializers.ModelSerializer[AdoptionCase]):
    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)
    percent = serializers.IntegerField(source="figures.percent", help_text="That the SLA asks for.")
    closed_at = serializers.DateTimeField(source="closing.closed_at", default=None, allow_null=True)
    closed_by = serializers.IntegerField(
        source="closing.closed_by_id",
        default=None,
        allow_null=True,
        help_text="A login; null: by itself, or open.",
    )
    note = serializers.CharField(
        source="closing.note",
        default=None,
        allow_null=True,
        help_text="What was done; empty: it closed by itself, null: open.",
    )

    class Meta:
        model = AdoptionCase
        fields = [
            "id", "first_week", "agreement_number", "percent", "opened_at", "closed_at", "closed_by", "note",
        ]  # fmt: skip
        read_only_fields = fields


class AdoptionCaseFilter(FilterSet):
    opened_from = Instant(field_name="opened_at", lookup_expr="gte")
    opened_before = Instant(field_name="opened_at", lookup_expr="lt")


class AdoptionCases(Resource[AdoptionCase]):
    """Cases to the CRO: two full weeks running with fewer MQLs tagged than the SLA asks for."""

    roles, tag = frozenset({Role.REVOPS, Role.CRO, Role.CMO}), "Compliance"
    serializer_class, filterset_class = AdoptionCaseSerializer, AdoptionCaseFilter

    def get_queryset(self) -> QuerySet[AdoptionCase]:
        return AdoptionCase.objects.select_related("agreement", "closing")


routes = [
    path("handoff-weeks", HandoffWeeks.as_view(), name="handoff-weeks"),
    *resource("adoption-cases", AdoptionCases, "adoption-case"),
]
