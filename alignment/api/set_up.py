"""Setting up, for RevOps: people, teams, days on which a calendar differs, how long raw content is kept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers

from alignment.api.acts import Act, Given
from alignment.api.people import ONLY_REVOPS, CalendarSerializer, PersonSerializer, TeamSerializer
from alignment.business_time import InvalidSchedule
from alignment.models import Calendar, Function, Organisation, Person, Role, Source, Team, TokenScope, User
from alignment.services import calendars, retention
from alignment.services import people as services
from alignment.services.organisation import NothingChanged
from alignment.services.teams import TeamExists, change_person, change_team, create_team

LATEST_DAY = date(2199, 12, 31)


class SetUp(Act):
    """An act of RevOps on what everything else rests on."""

    roles, scope = ONLY_REVOPS, TokenScope.SETUP_WRITE

    def about(self) -> None:
        return None


def example(called: str, /, **value: Any) -> list[OpenApiExample]:
    return [OpenApiExample(called, value=value, request_only=True)]


# --- people and teams ----------------------------------------------------------------------------------


class PersonChange(Given):
    """What is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    function = serializers.ChoiceField(choices=Function.choices, required=False)
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(), required=False, allow_null=True, help_text="Id of a team."
    )


class PersonGiven(PersonChange):
    name = serializers.CharField(max_length=120)


class CreatePerson(SetUp):
    """Add somebody who can own leads, without a login; of sales, unless another function is given."""

    operation, tag, status, given = "create_person", "People", 201, PersonGiven
    serializer_class = PersonSerializer
    examples = example("A rep", name="Ada Byron", email="ada@example.com", function="sales", team=1)

    def act(self, about: None, given: Any, *, by: User, at: datetime, act: UUID) -> Person:
        return services.create_person(**given, by=by, at=at)


class ActOnPerson(SetUp):
    tag, serializer_class = "People", PersonSerializer

    def about(self, pk: int) -> Person:  # type: ignore[override]
        return get_object_or_404(Person, pk=pk)


class ChangePerson(ActOnPerson):
    """Change name, e-mail, function or team. Running clocks keep the team that they started with."""

    operation, given = "change_person", PersonChange
    examples = example("Another team", team=2)

    def act(self, about: Person, given: Any, *, by: User, at: datetime, act: UUID) -> Person:
        now = {name: getattr(about, name) for name in ("name", "email", "function", "team")}
        return change_person(person=about, **now | given, by=by, at=at)


class IdentityGiven(Given):
    source = serializers.SlugRelatedField(  # type: ignore[assignment]
        slug_field="key", queryset=Source.objects.all(), help_text="Key of the source."
    )
    external_id = serializers.CharField(max_length=190, help_text="How the source names the person.")


class LinkIdentity(ActOnPerson):
    """Say that a source's id names this person, whose leads these are from the next event on."""

    operation, given = "link_identity", IdentityGiven
    refusals = (services.IdentityTaken,)
    examples = example("In the CRM", source="crm", external_id="005-77")

    def act(self, about: Person, given: Any, *, by: User, at: datetime, act: UUID) -> Person:
        return services.link_identity(person=about, **given, by=by, at=at).person


class TeamChange(Given):
    """What is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    function = serializers.ChoiceField(choices=Function.choices, required=False)
    calendar = serializers.PrimaryKeyRelatedField(
        queryset=Calendar.objects.all(),
        required=False,
        allow_null=True,
        help_text="Id of the calendar that runs its clocks.",
    )
    managers = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(role=Role.SALES_MANAGER, is_active=True),
        many=True,
        required=False,
        help_text="Ids of logins of sales managers.",
    )


class TeamGiven(TeamChange):
    name = serializers.CharField(max_length=80)


class CreateTeam(SetUp):
    """Make a team; of sales, unless another function is given."""

    operation, tag, status, given = "create_team", "Teams", 201, TeamGiven
    serializer_class = TeamSerializer
    refusals = (TeamExists,)
    examples = example("A team", name="Mid-market", calendar=1)

    def act(self, about: None, given: Any, *, by: User, at: datetime, act: UUID) -> Team:
        return create_team(**given, by=by, at=at)


class ChangeTeam(SetUp):
    """Change name, function, calendar or managers. Clocks that run keep their calendar."""

    operation, tag, given = "change_team", "Teams", TeamChange
    serializer_class = TeamSerializer
    refusals = (TeamExists,)
    examples = example("Another calendar", calendar=2)

    def about(self, pk: int) -> Team:  # type: ignore[override]
        return get_object_or_404(Team, pk=pk)

    def act(self, about: Team, given: Any, *, by: User, at: datetime, act: UUID) -> Team:
        now = {name: getattr(about, name) for name in ("name", "function", "calendar")}
        kept = now | {"managers": list(about.managers.all())}
        return change_team(team=about, **kept | given, by=by, at=at)


# --- calendars and retention ---------------------------------------------------------------------------


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        "maxItems": 24,
    }
)
class WindowsField(serializers.ListField):
    """Pairs of times on one day, as in [["09:00", "13:00"]]."""

    def __init__(self, **options: Any) -> None:
        times = serializers.ListField(child=serializers.CharField(max_length=5), min_length=2, max_length=2)
        super().__init__(child=times, max_length=24, **options)


class ExceptionGiven(Given):
    day = serializers.DateField(help_text="In the calendar's zone; today or later.")
    windows = WindowsField(default=list, help_text="When it is open on that day; left out: not at all.")
    reason = serializers.CharField(max_length=200, help_text="Both leaders see it.")

    def validate_day(self, day: date) -> date:
        if day > LATEST_DAY:
            raise serializers.ValidationError("Write a day before the year 2200.")
        return day


class AddException(SetUp):
    """Open or close one day of a calendar otherwise than its week says, from now on and for nothing earlier."""

    operation, tag, status, given = "add_calendar_exception", "Calendars", 201, ExceptionGiven
    serializer_class = CalendarSerializer
    refusals = (
        calendars.DayHasPassed,
        calendars.NothingToChange,
        calendars.NoWorkingTime,
        InvalidSchedule,
    )
    examples = example("Half a day", day="2026-12-24", windows=[["09:00", "13:00"]], reason="Christmas Eve")

    def about(self, pk: int) -> Calendar:  # type: ignore[override]
        return get_object_or_404(Calendar, pk=pk)

    def act(self, about: Calendar, given: Any, *, by: User, at: datetime, act: UUID) -> Calendar:
        calendars.add_exception(calendar=about, **given, by=by, at=at)
        return about


class RetentionGiven(Given):
    months = serializers.IntegerField(min_value=retention.SHORTEST, max_value=retention.LONGEST)
    reason = serializers.CharField(max_length=100, help_text="What is removed does not come back.")


class RetentionSerializer(serializers.ModelSerializer[Organisation]):
    months = serializers.IntegerField(source="body_months", help_text="So long is raw content kept.")

    class Meta:
        model = Organisation
        fields = ["months"]


class ChangeRetention(SetUp):
    """Keep raw content for so many months from its receipt; the next nightly run empties what is older."""

    operation, tag, given = "change_retention", "Personal data", RetentionGiven
    serializer_class = RetentionSerializer
    refusals = (NothingChanged,)
    examples = example("A year", months=12, reason="As the data protection officer asked")

    def act(self, about: None, given: Any, *, by: User, at: datetime, act: UUID) -> Organisation:
        return retention.change_retention(**given, by=by, at=at)
