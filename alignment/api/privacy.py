"""Personal data, for RevOps: persons who were erased, erasing one, and what retention emptied."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from alignment.api.acts import Act, Given
from alignment.api.base import Resource
from alignment.api.filters import MOST, Choice, FilterSet, Instant, Text, Whole
from alignment.api.people import ONLY_REVOPS
from alignment.models import AskedBy, Erasure, Lead, RetentionRun, TokenScope, User
from alignment.queries import erasure as queries
from alignment.services.erasure import ReasonNamesThePerson, erase_person
from alignment.services.inbox import ReasonMissing


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    counts = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="Rows that lost something, by kind."
    )
    withheld = serializers.IntegerField(
        read_only=True, help_text="Messages about the record that came since."
    )
    by: Any = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="Id of the login; null: the product itself."
    )

    class Meta:
        model = Erasure
        fields = [
            "id",
            "lead",
            "pseudonym",
            "asked_by",
            "reason",
            "reference",
            "by",
            "erased_at",
            "counts",
            "withheld",
        ]
        read_only_fields = fields


class ErasureFilter(FilterSet):
    lead = Whole(field_name="lead_id")
    asked_by = Choice(choices=AskedBy.choices)
    reference = Text()


class Erasures(Resource[Erasure]):
    """Records whose person was erased on request. They hold no personal data themselves."""

    roles, tag = ONLY_REVOPS, "Personal data"
    serializer_class, filterset_class = ErasureSerializer, ErasureFilter

    def get_queryset(self) -> QuerySet[Erasure]:
        return queries.past()


class ErasedSerializer(serializers.Serializer[Any]):
    """One erasure for each record: the lead, those merged with it, and those named in `also`."""

    erasures = ErasureSerializer(many=True)


class EraseGiven(Given):
    asked_by = serializers.ChoiceField(choices=AskedBy.choices)
    reason = serializers.CharField(
        max_length=200, help_text="Stays as evidence: without e-mail, phone or name."
    )
    reference = serializers.CharField(
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text="Of the request, such as a ticket.",
    )
    confirmation = serializers.CharField(
        max_length=190,
        trim_whitespace=False,
        help_text="The `external_id` of the lead, so that it is the right one.",
    )
    also = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST),
        required=False,
        default=list,
        max_length=queries.FOUND_AT_MOST,
        help_text="Ids of other leads with the same e-mail, to be erased as well.",
    )


class Erase(Act):
    """Erase the person behind a lead, and behind the leads merged with it. It cannot be undone; no figure changes."""

    roles, tag, scope = ONLY_REVOPS, "Personal data", TokenScope.ERASURE_WRITE
    operation, given, serializer_class, status = "erase_person", EraseGiven, ErasedSerializer, 201
    refusals = (ReasonMissing, ReasonNamesThePerson)
    is_erasure = True
    patience = 60_000  # every body that is kept is searched for the person
    examples = [
        OpenApiExample(
            "On request",
            value={
                "asked_by": "person",
                "reason": "Asked in writing",
                "reference": "T-4711",
                "confirmation": "L-1001",
            },
            request_only=True,
        )
    ]

    def about(self, pk: int) -> Lead:
        return get_object_or_404(Lead.objects.select_related("source"), pk=pk)

    def act(self, about: Lead, given: Any, *, by: User, at: datetime, act: UUID) -> dict[str, Any]:
        if given["confirmation"] != about.external_id:
            said = "This is not the external_id of the lead; nothing was erased."
            raise serializers.ValidationError({"confirmation": [said]})
        made = erase_person(
            leads=[about, *_duplicates(about, given["also"])],
            asked_by=given["asked_by"],
            reason=given["reason"],
            reference=given["reference"],
            by=by,
            at=at,
        )
        found = queries.past().filter(pk__in=[erasure.pk for erasure in made])
        return {"erasures": found.order_by("pk")}


def _duplicates(lead: Lead, wanted: list[int]) -> list[Lead]:
    """The leads of these ids, out of those that the page offers as well."""
    if not wanted:
        return []
    known = {other.pk: other for other in queries.duplicates(lead)}
    strange = [str(pk) for pk in wanted if pk not in known]
    if strange:
        said = f"Not another lead with the same e-mail: {', '.join(strange[:20])}; nothing was erased."
        raise serializers.ValidationError({"also": [said]})
    return [known[pk] for pk in dict.fromkeys(wanted)]


class RetentionRunSerializer(serializers.ModelSerializer[RetentionRun]):
    by: Any = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="Id of the login; null: the timetable."
    )

    class Meta:
        model = RetentionRun
        fields = ["id", "part", "ran_at", "months", "cut_off", "rows", "size", "by"]
        read_only_fields = fields


class RetentionFilter(FilterSet):
    part = Text()
    ran_from = Instant(field_name="ran_at", lookup_expr="gte")
    ran_before = Instant(field_name="ran_at", lookup_expr="lt")


class RetentionRuns(Resource[RetentionRun]):
    """What was emptied because its time was over: one row for each kind of content and run."""

    roles, tag = ONLY_REVOPS, "Personal data"
    serializer_class, filterset_class = RetentionRunSerializer, RetentionFilter
    orderings = {"id": "pk", "ran_at": "ran_at"}

    def get_queryset(self) -> QuerySet[RetentionRun]:
        return RetentionRun.objects.all()
