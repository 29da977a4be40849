"""Compliance by week."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers

from alignment.access import SEES_FIGURES
from alignment.api.base import Report
from alignment.api.shapes import Asked
from alignment.business_time import Week
from alignment.models import Organisation
from alignment.queries.inbox import processed_up_to
from sla.forms.compliance import FIRST_DAY, LAST_DAY
from sla.models import ClockKind
from sla.queries import compliance, drilldown
from sla.queries.disputes import adjusted


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
    running = serializers.IntegerField(help_text="Not judged yet, or held by a dispute; in no other count.")


class FiguresSerializer(serializers.Serializer[Any]):
    """A figure for each promise."""

    assign = FigureSerializer()
    follow_up = FigureSerializer()
    disposition = FigureSerializer()
    attempt = FigureSerializer()


class AdjustmentsSerializer(serializers.Serializer[Any]):
    """What disputes and rulings make of a figure, beside the raw counts."""

    held = serializers.IntegerField(
        help_text="Running, held by an undecided dispute: due, and not kept so long."
    )
    set_aside = serializers.IntegerField(help_text="Of those missed: set aside by a ruling, so kept.")


class RulingsSerializer(serializers.Serializer[Any]):
    """Adjustments for each promise."""

    assign = AdjustmentsSerializer()
    follow_up = AdjustmentsSerializer()
    disposition = AdjustmentsSerializer()
    attempt = AdjustmentsSerializer()


class GroupSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(
        allow_blank=True, help_text="Id of the rep or team, or the segment; empty: none."
    )
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    figures = FiguresSerializer()
    rulings = RulingsSerializer()


class WeekSerializer(serializers.Serializer[Any]):
    """A week's figures, as the compliance page shows them."""

    monday = serializers.DateField()
    zone = serializers.CharField(help_text="The organisation's zone, in which weeks are cut.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    processed_up_to = serializers.DateTimeField(help_text="Everything received before is counted.")
    is_settled = serializers.BooleanField(help_text="False: some day waits to be counted anew.")
    agreement_numbers = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Versions of the agreement that judge the clocks due in the week.",
    )
    figures = FiguresSerializer()
    rulings = RulingsSerializer()
    group = serializers.ChoiceField(choices=list(compliance.GROUPS))
    groups = GroupSerializer(many=True)


class Compliance(Report):
    """How the agreement was kept in one week, in all and per rep, team or segment."""

    roles, tag, operation = SEES_FIGURES, "Compliance", "read_compliance"
    asked, serializer_class = WeekAsked, WeekSerializer

    def answer(self, group: str, week: date | None = None) -> dict[str, Any]:
        now, scope = timezone.now(), self.rows_in_scope
        chosen = _week(week)
        rulings = adjusted(chosen.starts_at, chosen.ends_at, scope)
        return {
            "monday": chosen.monday,
            "zone": chosen.zone,
            "starts_at": chosen.starts_at,
            "ends_at": chosen.ends_at,
            "processed_up_to": processed_up_to(at=now),
            "is_settled": not drilldown.dirty_weeks(chosen, chosen),
            "agreement_numbers": [found.number for found in compliance.judged_by(chosen, scope)],
            "figures": compliance.by_kind(chosen, scope),
            "rulings": rulings.by_kind(),
            "group": group,
            "groups": compliance.by_group(chosen, scope, group, rulings),
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


routes = [
    path("compliance", Compliance.as_view(), name="compliance"),
    path("compliance/weeks", PastWeeks.as_view(), name="compliance-weeks"),
]
