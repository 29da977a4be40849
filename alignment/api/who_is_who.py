"""Which leads are one person, for RevOps: pairs that look alike, and merges that can be undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from alignment.api.acts import Act, ReasonGiven
from alignment.api.base import Resource
from alignment.api.filters import MOST, Choice, FilterSet, IsNull, Whole
from alignment.api.people import ONLY_REVOPS
from alignment.api.shapes import SourceKey
from alignment.models import DuplicatePair, DuplicateRule, Lead, LeadMerge, TokenScope, User
from alignment.services import merges as services


class LeadRef(serializers.ModelSerializer[Lead]):
    """A lead by what tells it from others."""

    source = SourceKey()  # type: ignore[assignment]
    name = serializers.CharField(read_only=True)

    class Meta:
        model = Lead
        fields = ["id", "source", "external_id", "name", "email", "company", "is_deleted", "merged_into"]
        read_only_fields = fields


class PairSerializer(serializers.ModelSerializer[DuplicatePair]):
    lead_a, lead_b = LeadRef(read_only=True), LeadRef(read_only=True)

    class Meta:
        model = DuplicatePair
        fields = ["id", "rule", "lead_a", "lead_b", "found_at", "dismissed_at", "dismissed_reason"]
        read_only_fields = fields


class PairFilter(FilterSet):
    rule = Choice(choices=DuplicateRule.choices)
    lead = Whole(method="of_lead", help_text="Id of either lead.")

    def of_lead(self, found: QuerySet[DuplicatePair], name: str, value: int) -> QuerySet[DuplicatePair]:
        return found.filter(Q(lead_a=value) | Q(lead_b=value))


def _shown(pairs: QuerySet[DuplicatePair]) -> QuerySet[DuplicatePair]:
    return pairs.select_related("lead_a__source", "lead_b__source")


class Pairs(Resource[DuplicatePair]):
    """Pairs of leads that look like one person and wait for a decision: neither dismissed nor merged.

    By its id a pair that was dismissed is found, too.
    """

    roles, tag = ONLY_REVOPS, "Who is who"
    serializer_class, filterset_class = PairSerializer, PairFilter

    def get_queryset(self) -> QuerySet[DuplicatePair]:
        return _shown(DuplicatePair.objects.open() if self.action == "list" else DuplicatePair.objects.all())


class Dismiss(Act):
    """Say that the two leads of a pair are two people. The pair does not come back."""

    roles, tag, scope = ONLY_REVOPS, "Who is who", TokenScope.MERGES_WRITE
    operation, given, serializer_class = "dismiss_pair", ReasonGiven, PairSerializer
    refusals = (services.AlreadySettled, services.ReasonNeeded)
    examples = [OpenApiExample("Two people", value={"reason": "Mother and daughter"}, request_only=True)]

    def about(self, pk: int) -> DuplicatePair:
        return get_object_or_404(DuplicatePair, pk=pk)

    def act(self, about: DuplicatePair, given: Any, *, by: User, at: datetime, act: UUID) -> DuplicatePair:
        services.dismiss_pair(pair=about, reason=given["reason"], by=by, at=at)
        return _shown(DuplicatePair.objects.all()).get(pk=about.pk)


class MergeSerializer(serializers.ModelSerializer[LeadMerge]):
    survivor, merged = LeadRef(read_only=True), LeadRef(read_only=True)

    class Meta:
        model = LeadMerge
        fields = ["id", "survivor", "merged", "reason", "merged_at", "undone_at", "undone_reason"]
        read_only_fields = fields


class MergeFilter(FilterSet):
    survivor = Whole(field_name="survivor_id")
    merged = Whole(field_name="merged_id")
    is_live = IsNull(field_name="undone_at", help_text="Not undone.")


def _merges() -> QuerySet[LeadMerge]:
    return LeadMerge.objects.select_related("survivor__source", "merged__source")


class Merges(Resource[LeadMerge]):
    """Leads that were found to be one person; an undone merge stays as evidence."""

    roles, tag = ONLY_REVOPS, "Who is who"
    serializer_class, filterset_class = MergeSerializer, MergeFilter

    def get_queryset(self) -> QuerySet[LeadMerge]:
        return _merges()


class MergeGiven(ReasonGiven):
    merged = serializers.IntegerField(
        min_value=1, max_value=MOST, help_text="Id of the lead that counts for the one in the address."
    )


class Merge(Act):
    """Let another lead count for this one: cycles, touches and opportunities of both become one history."""

    roles, tag, scope = ONLY_REVOPS, "Who is who", TokenScope.MERGES_WRITE
    operation, given, serializer_class, status = "merge_leads", MergeGiven, MergeSerializer, 201
    refusals = (services.CannotMerge, services.ReasonNeeded)
    examples = [
        OpenApiExample("A second record", value={"merged": 1002, "reason": "Same person"}, request_only=True)
    ]

    def about(self, pk: int) -> Lead:
        return get_object_or_404(Lead, pk=pk)

    def act(self, about: Lead, given: Any, *, by: User, at: datetime, act: UUID) -> LeadMerge:
        merged = Lead.objects.filter(pk=given["merged"]).first()
        if merged is None:
            raise serializers.ValidationError({"merged": ["There is no lead of this id."]})
        made = services.merge_leads(survivor=about, merged=merged, reason=given["reason"], by=by, at=at)
        return _merges().get(pk=made.pk)


class Undo(Act):
    """Part two merged leads again: each has its own history as before, also of what came meanwhile."""

    roles, tag, scope = ONLY_REVOPS, "Who is who", TokenScope.MERGES_WRITE
    operation, given, serializer_class = "undo_merge", ReasonGiven, MergeSerializer
    refusals = (services.AlreadyUndone, services.ReasonNeeded)
    examples = [OpenApiExample("Two people", value={"reason": "They answered both"}, request_only=True)]

    def about(self, pk: int) -> LeadMerge:
        return get_object_or_404(LeadMerge, pk=pk)

    def act(self, about: LeadMerge, given: Any, *, by: User, at: datetime, act: UUID) -> LeadMerge:
        services.undo_merge(merge=about, reason=given["reason"], by=by, at=at)
        return _merges().get(pk=about.pk)
