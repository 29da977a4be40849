"""Setting up pools, for RevOps: who is in them with which share, and who gets what nobody can take."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from alignment.api.acts import Given
from alignment.api.set_up import SetUp, example
from alignment.models import Person, User
from handoff.api.routing import MemberSerializer, PoolSerializer
from handoff.models import Pool, PoolMember
from handoff.queries import routing as queries
from handoff.services import pools as services

LEAST, MOST = min(services.WEIGHTS), max(services.WEIGHTS)


class SellerField(serializers.PrimaryKeyRelatedField[Person]):
    """Somebody who may own leads: active, and of sales."""

    def get_queryset(self) -> QuerySet[Person]:
        return queries.sellers()


class PoolGiven(Given):
    name = serializers.CharField(max_length=80)
    segment = serializers.CharField(
        max_length=60, required=False, default="", allow_blank=True, help_text="Empty: all other leads."
    )
    fallback = SellerField(
        queryset=Person.objects.all(), required=False, allow_null=True, help_text="Id of a person."
    )


class CreatePool(SetUp):
    """Make a pool for the leads of one segment, or without a segment for all others."""

    operation, tag, status, given = "create_pool", "Routing", 201, PoolGiven
    serializer_class = PoolSerializer
    refusals = (services.PoolExists, services.PersonInactive)
    examples = example("Of a segment", name="Enterprise", segment="enterprise", fallback=7)

    def act(self, about: None, given: Any, *, by: User, at: datetime, act: UUID) -> Pool:
        return services.create_pool(**given, by=by, at=at)


class ActOnPool(SetUp):
    tag = "Routing"

    def about(self, pk: int) -> Pool:  # type: ignore[override]
        return get_object_or_404(Pool.objects.select_related("fallback"), pk=pk)


class FallbackGiven(Given):
    person = SellerField(
        queryset=Person.objects.all(), allow_null=True, help_text="Id of a person; null: nobody."
    )


class SetFallback(ActOnPool):
    """Say who gets a lead when nobody in the pool is eligible."""

    operation, given, serializer_class = "set_pool_fallback", FallbackGiven, PoolSerializer
    refusals = (services.PersonInactive,)
    examples = example("Somebody", person=7)

    def act(self, about: Pool, given: Any, *, by: User, at: datetime, act: UUID) -> Pool:
        return services.set_fallback(pool=about, **given, by=by, at=at)


class MemberGiven(Given):
    person = SellerField(queryset=Person.objects.all(), help_text="Id of a person.")
    weight = serializers.IntegerField(min_value=LEAST, max_value=MOST, required=False, default=1)


class AddMember(ActOnPool):
    """Let somebody take part, at the pool's present turn: no flood of leads to catch up, and no wait."""

    operation, status, given, serializer_class = "add_pool_member", 201, MemberGiven, MemberSerializer
    refusals = (services.AlreadyMember, services.PersonInactive)
    examples = example("Twice the share", person=7, weight=2)

    def act(self, about: Pool, given: Any, *, by: User, at: datetime, act: UUID) -> PoolMember:
        return services.add_member(pool=about, **given, by=by, at=at)


class ActOnMember(SetUp):
    tag = "Routing"

    def about(self, pk: int) -> PoolMember:  # type: ignore[override]
        return get_object_or_404(PoolMember.objects.select_related("person", "pool"), pk=pk)


class WeightGiven(Given):
    weight = serializers.IntegerField(min_value=LEAST, max_value=MOST)


class SetWeight(ActOnMember):
    """Change a member's share from the next lead on."""

    operation, given, serializer_class = "set_pool_weight", WeightGiven, MemberSerializer
    examples = example("Half as much again", weight=3)

    def act(self, about: PoolMember, given: Any, *, by: User, at: datetime, act: UUID) -> PoolMember:
        return services.set_weight(member=about, **given, by=by, at=at)


class RemovedSerializer(serializers.Serializer[Any]):
    """The member as it was."""

    id = serializers.IntegerField()
    removed_at = serializers.DateTimeField()


class RemoveMember(ActOnMember):
    """Take somebody out of a pool; who owns what stays."""

    operation, serializer_class = "remove_pool_member", RemovedSerializer

    def act(self, about: PoolMember, given: Any, *, by: User, at: datetime, act: UUID) -> dict[str, Any]:
        found = {"id": about.pk, "removed_at": at}
        services.remove_member(member=about, by=by, at=at)
        return found
