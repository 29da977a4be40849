"""The agreement, its clocks and breaches, and compliance by week."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alignment.access import EVERYONE, SEES_FIGURES, SEES_RECORDS
from alignment.api.base import Report, Resource, resource
from alignment.api.filters import Choice, FilterSet, Instant, Text, Whole
from alignment.api.shapes import Asked, PersonRef
from alignment.business_time import Week
from alignment.models import Organisation, Role
from alignment.queries.inbox import processed_up_to
from sla.forms.compliance import FIRST_DAY, LAST_DAY
from sla.models import Agreement, Breach, Clock, ClockKind, Outcome
from sla.queries import compliance, drilldown

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


class ClockSerializer(serializers.ModelSerializer[Clock]):
    owner = PersonRef(read_only=True, allow_null=True)
    agreement_number = serializers.IntegerField(source="agreement.number", read_only=True)

    class Meta:
        model = Clock
        fields = [
            "id", "cycle", "kind", "ordinal", "started_at", "due_at", "warn_at", "met_at", "warned_at", "breached_at",
            "settled_at", "outcome", "is_suspect", "budget_seconds", "agreement_number", "calendar_version", "team",
            "owner", "segment",
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

    class Meta:
        model = Breach
        fields = [
            "clock", "cycle", "kind", "outcome", "breached_at", "stamped_at", "agreement_number", "calendar_version",
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


# --- compliance ---------------------------------------------------------------------------------------


class WeekAsked(Asked):
    week = serializers.DateField(required=False, help_text="Any day of the week; left out: the present one.")
    group = serializers.ChoiceField(
        choices=list(compliance.GROUPS), default="rep", help_text="Figures per what."
    )

    def validate_week(self, day: date) -> date:
        return _possible(day)


class WeeksAsked(Asked):
    week = serializers.DateField(
        required=False, help_text="Any day of the last week; left out: the present one."
    )
    kind = serializers.ChoiceField(choices=ClockKind.choices, default=ClockKind.FOLLOW_UP)
    count = serializers.IntegerField(min_value=1, max_value=53, default=12, help_text="How many weeks.")

    def validate_week(self, day: date) -> date:
        return _possible(day)


def _possible(day: date) -> date:
    if not FIRST_DAY + timedelta(days=371) <= day <= LAST_DAY:
        raise serializers.ValidationError("No clocks ran in that week.")
    return day


class FigureSerializer(serializers.Serializer[Any]):
    """Counts of clocks. `due` = `met` + `missed`; as known counts a restated one as missed, restated as met."""

    due = serializers.IntegerField()
    met = serializers.IntegerField(help_text="In time.")
    missed = serializers.IntegerField(help_text="As known first.")
    restated = serializers.IntegerField(help_text="Of those missed: met, as late evidence showed.")
    met_restated = serializers.IntegerField(help_text="`met` + `restated`.")
    running = serializers.IntegerField(help_text="Not due yet; in no other count.")


class FiguresSerializer(serializers.Serializer[Any]):
    """A figure for each promise."""

    assign = FigureSerializer()
    follow_up = FigureSerializer()
    disposition = FigureSerializer()
    attempt = FigureSerializer()


class GroupSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(
        allow_blank=True, help_text="Id of the rep or team, or the segment; empty: none."
    )
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    figures = FiguresSerializer()


class WeekSerializer(serializers.Serializer[Any]):
    """A week's figures, as the compliance page shows them."""

    monday = serializers.DateField()
    zone = serializers.CharField(help_text="The organisation's zone, in which weeks are cut.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    processed_up_to = serializers.DateTimeField(help_text="Everything received before is counted.")
    is_settled = serializers.BooleanField(help_text="False: some day waits to be counted anew.")
    figures = FiguresSerializer()
    group = serializers.ChoiceField(choices=list(compliance.GROUPS))
    groups = GroupSerializer(many=True)


class Compliance(Report):
    """How the agreement was kept in one week, in all and per rep, team or segment."""

    roles, tag, operation = SEES_FIGURES, "Compliance", "read_compliance"
    asked, serializer_class = WeekAsked, WeekSerializer

    def answer(self, group: str, week: date | None = None) -> dict[str, Any]:
        now, scope = timezone.now(), self.rows_in_scope
        chosen = _week(week)
        return {
            "monday": chosen.monday,
            "zone": chosen.zone,
            "starts_at": chosen.starts_at,
            "ends_at": chosen.ends_at,
            "processed_up_to": processed_up_to(at=now),
            "is_settled": not drilldown.dirty_weeks(chosen, chosen),
            "figures": compliance.by_kind(chosen, scope),
            "group": group,
            "groups": compliance.by_group(chosen, scope, group),
        }


class PastWeekSerializer(serializers.Serializer[Any]):
    monday = serializers.DateField()
    figure = FigureSerializer()


class PastWeeksSerializer(serializers.Serializer[Any]):
    """One promise over several weeks, the oldest first."""

    kind = serializers.ChoiceField(choices=ClockKind.choices)
    weeks = PastWeekSerializer(many=True)


class PastWeeks(Report):
    """One promise over several weeks."""

    roles, tag, operation = SEES_FIGURES, "Compliance", "read_compliance_weeks"
    asked, serializer_class = WeeksAsked, PastWeeksSerializer

    def answer(self, kind: str, count: int, week: date | None = None) -> dict[str, Any]:
        found = compliance.weeks(_week(week), count, kind, self.rows_in_scope)
        return {"kind": kind, "weeks": [{"monday": past.monday, "figure": figure} for past, figure in found]}


def _week(day: date | None) -> Week:
    zone = Organisation.get().zone
    return Week.of(timezone.now(), zone) if day is None else Week(day - timedelta(days=day.weekday()), zone)


@extend_schema_field(ClockSerializer(many=True))
class ClocksField(serializers.Field[Any, Any, Any, Any]):
    """Clocks that were loaded beside their cycle as `all_clocks`."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="all_clocks")

    def to_representation(self, value: Any) -> Any:
        return ClockSerializer(value, many=True).data


routes = [
    *resource("agreements", Agreements, "agreement", "<int:number>"),
    *resource("clocks", Clocks, "clock"),
    *resource("breaches", Breaches, "breach"),
    path("compliance", Compliance.as_view(), name="compliance"),
    path("compliance/weeks", PastWeeks.as_view(), name="compliance-weeks"),
]
