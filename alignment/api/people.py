"""People and teams, for RevOps; calendars, for everybody who sees figures."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from rest_framework import serializers

from alignment.access import EVERYONE
from alignment.api.base import Resource
from alignment.api.filters import Choice, FilterSet, OfSource, Text, Truth, Whole
from alignment.api.shapes import SourceKey
from alignment.intake.ids import forms_of
from alignment.models import (
    Calendar,
    CalendarVersion,
    Function,
    Person,
    PersonIdentity,
    Role,
    Team,
)

ONLY_REVOPS = frozenset({Role.REVOPS})
READERS = EVERYONE - {Role.BOARD_VIEWER}


class IdentitySerializer(serializers.ModelSerializer[PersonIdentity]):
    source = SourceKey()  # type: ignore[assignment]

    class Meta:
        model = PersonIdentity
        fields = ["source", "external_id"]
        read_only_fields = fields


class PersonSerializer(serializers.ModelSerializer[Person]):
    identities = IdentitySerializer(many=True, read_only=True)
    email = serializers.CharField(read_only=True, help_text="Empty where it is not known.")
    role = serializers.ChoiceField(
        choices=Role.choices, source="user.role", read_only=True, allow_null=True, default=None,
        help_text="Of the login; null without one.",
    )  # fmt: skip

    class Meta:
        model = Person
        fields = ["id", "name", "email", "function", "team", "is_active", "merged_into", "role", "identities"]
        read_only_fields = fields


class PeopleFilter(FilterSet):
    team = Whole(field_name="team_id")
    function = Choice(choices=Function.choices)
    is_active = Truth()
    email = Text(lookup_expr="iexact")
    source = OfSource(
        method="named", help_text="Whom this source names; with `external_id`: whom it calls so."
    )
    external_id = Text(method="named", help_text="How a source names the person; without `source` any.")

    def named(self, found: QuerySet[Person], name: str, value: str) -> QuerySet[Person]:
        """One name has to be both, the source's and the id: a person has several."""
        names = PersonIdentity.objects.filter(person=OuterRef("pk"))
        if source := self.form.cleaned_data["source"]:
            names = names.filter(source__key=source)
        if external_id := self.form.cleaned_data["external_id"]:
            names = names.filter(external_id__in=sorted(forms_of(external_id)))
        return found.filter(Exists(names))


class People(Resource[Person]):
    """People who can own leads, with the names that sources have for them."""

    roles, tag = ONLY_REVOPS, "People"
    serializer_class, filterset_class = PersonSerializer, PeopleFilter

    def get_queryset(self) -> QuerySet[Person]:
        identities = PersonIdentity.objects.select_related("source").order_by("pk")
        return Person.objects.select_related("user").prefetch_related(Prefetch("identities", identities))


class TeamSerializer(serializers.ModelSerializer[Team]):
    managers: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True, help_text="Ids of logins.")

    class Meta:
        model = Team
        fields = ["id", "name", "function", "calendar", "managers"]
        read_only_fields = fields


class Teams(Resource[Team]):
    """Teams with the calendars that run their clocks."""

    roles, tag = ONLY_REVOPS, "Teams"
    serializer_class = TeamSerializer

    def get_queryset(self) -> QuerySet[Team]:
        return Team.objects.prefetch_related("managers")


class CalendarVersionSerializer(serializers.ModelSerializer[CalendarVersion]):
    schedule = serializers.DictField(read_only=True, help_text="Zone, weekly windows, holidays, overrides.")
    holiday_names = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="By date, as in 2026-12-25."
    )

    class Meta:
        model = CalendarVersion
        fields = ["number", "effective_from", "schedule", "holiday_names", "country", "reason", "entered_at"]
        read_only_fields = fields


class CalendarSerializer(serializers.ModelSerializer[Calendar]):
    versions = CalendarVersionSerializer(many=True, read_only=True)

    class Meta:
        model = Calendar
        fields = ["id", "name", "versions"]
        read_only_fields = fields


class Calendars(Resource[Calendar]):
    """Calendars of open time with all their versions; the last one that has begun judges now."""

    roles, tag = READERS, "Calendars"
    serializer_class = CalendarSerializer

    def get_queryset(self) -> QuerySet[Calendar]:
        versions = CalendarVersion.objects.order_by("number")
        return Calendar.objects.prefetch_related(Prefetch("versions", versions))
