"""Who gets which leads: pools with expected and received shares, pauses, and leave."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from alignment.access import WORKS_LEADS
from alignment.api.acts import Act, Given
from alignment.api.base import Resource
from alignment.api.filters import FilterSet, Instant, Text, Whole
from alignment.api.shapes import Moment, PersonRef
from alignment.models import Person, Role, TokenScope, User
from handoff.models import Leave, Pool, PoolMember
from handoff.queries import routing as queries
from handoff.services import pools as services

SETS_UP = frozenset({Role.REVOPS, Role.SALES_MANAGER})


class MemberSerializer(serializers.ModelSerializer[PoolMember]):
    """Expected are `weight` of the pool's weights; received are counted since joining."""

    person = PersonRef(read_only=True)

    class Meta:
        model = PoolMember
        fields = ["id", "person", "weight", "is_paused", "received"]
        read_only_fields = fields


class PoolSerializer(serializers.ModelSerializer[Pool]):
    fallback = PersonRef(read_only=True, allow_null=True)
    members = MemberSerializer(many=True, read_only=True)
    total_weight = serializers.SerializerMethodField(help_text="Sum of the weights.")
    total_received = serializers.SerializerMethodField(help_text="Sum of what the present members received.")

    class Meta:
        model = Pool
        fields = ["id", "name", "segment", "fallback", "members", "total_weight", "total_received"]
        read_only_fields = fields

    def get_total_weight(self, pool: Pool) -> int:
        return sum(member.weight for member in pool.members.all())

    def get_total_received(self, pool: Pool) -> int:
        return sum(member.received for member in pool.members.all())


class PoolFilter(FilterSet):
    segment = Text()


class Pools(Resource[Pool]):
    """Round-robin pools with the shares that members should have and those they had. Reps see their own pools."""

    roles, tag = WORKS_LEADS, "Routing"
    serializer_class, filterset_class = PoolSerializer, PoolFilter

    def get_queryset(self) -> QuerySet[Pool]:
        members = PoolMember.objects.select_related("person").order_by("pk")
        found = Pool.objects.select_related("fallback").prefetch_related(Prefetch("members", members))
        if self.viewer.has_role(Role.REP):
            mine = PoolMember.objects.filter(pool=OuterRef("pk"), person__user=self.viewer)
            found = found.filter(Exists(mine))
        return found


class ActOnMember(Act):
    roles, tag, scope = SETS_UP, "Routing", TokenScope.ROUTING_WRITE
    serializer_class = MemberSerializer

    def about(self, pk: int) -> PoolMember:
        return get_object_or_404(PoolMember.objects.select_related("person__team", "pool"), pk=pk)


class Pause(ActOnMember):
    """Let leads go to the others until resumed. For RevOps and the managers of the person's team."""

    operation = "pause_pool_member"

    def act(self, about: PoolMember, given: Any, *, by: User, at: datetime, act: UUID) -> PoolMember:
        return services.pause_member(member=about, by=by, at=at)


class Resume(ActOnMember):
    """Back in the pool at its present turn: what came during the pause is not made up."""

    operation = "resume_pool_member"

    def act(self, about: PoolMember, given: Any, *, by: User, at: datetime, act: UUID) -> PoolMember:
        return services.resume_member(member=about, by=by, at=at)


class LeaveSerializer(serializers.ModelSerializer[Leave]):
    person = PersonRef(read_only=True)

    class Meta:
        model = Leave
        fields = ["id", "person", "starts_at", "ends_at", "note"]
        read_only_fields = fields


class LeaveFilter(FilterSet):
    person = Whole(field_name="person_id")
    ends_after = Instant(field_name="ends_at", lookup_expr="gt")
    starts_before = Instant(field_name="starts_at", lookup_expr="lt")


class Leaves(Resource[Leave]):
    """Time away of the people in scope."""

    roles, tag = WORKS_LEADS, "Leave"
    serializer_class, filterset_class = LeaveSerializer, LeaveFilter
    orderings = {"id": "pk", "starts_at": "starts_at"}

    def get_queryset(self) -> QuerySet[Leave]:
        return Leave.objects.filter(self.rows_in_scope.q("person")).select_related("person")


class LeaveGiven(Given):
    starts_at = Moment()
    ends_at = Moment()
    note = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class AddLeave(Act):
    """Enter time away: new leads go to others, and no clock stops. For oneself, managers and RevOps."""

    roles, tag, scope = WORKS_LEADS, "Leave", TokenScope.ROUTING_WRITE
    operation, given, status = "add_leave", LeaveGiven, 201
    serializer_class = LeaveSerializer
    refusals = (services.LeaveEndsTooEarly, services.LeaveIsOver)
    examples = [
        OpenApiExample(
            "A week",
            value={
                "starts_at": "2026-12-21T08:00:00Z",
                "ends_at": "2026-12-28T08:00:00Z",
                "note": "Holidays",
            },
            request_only=True,
        )
    ]

    def about(self, pk: int) -> Person:
        person = queries.sellers().select_related("team").filter(pk=pk).first()
        if person is None or not self.rows_in_scope.holds(person):
            raise Http404
        return person

    def act(self, about: Person, given: Any, *, by: User, at: datetime, act: UUID) -> Leave:
        return services.add_leave(person=about, **given, by=by, at=at)


class EndedSerializer(serializers.Serializer[Any]):
    """The leave, and whether it is still there: one that had not begun is taken off."""

    id = serializers.IntegerField()
    ended_at = serializers.DateTimeField()


class EndLeave(Act):
    """Back earlier: leave that runs ends now, and leave that has not begun is taken off."""

    roles, tag, scope = WORKS_LEADS, "Leave", TokenScope.ROUTING_WRITE
    operation, serializer_class = "end_leave", EndedSerializer
    refusals = (services.LeaveIsOver,)

    def about(self, pk: int) -> Leave:
        found = Leave.objects.filter(self.rows_in_scope.q("person")).select_related("person__team")
        return get_object_or_404(found, pk=pk)

    def act(self, about: Leave, given: Any, *, by: User, at: datetime, act: UUID) -> dict[str, Any]:
        services.end_leave(leave=about, by=by, at=at)
        return {"id": about.pk, "ended_at": at}
