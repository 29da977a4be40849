"""Imports of history, for RevOps: starting one with its file, watching it, its rejects, cancelling and going on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alignment.api.acts import Act, Given
from alignment.api.base import Resource
from alignment.api.filters import Choice, FilterSet, Instant, OfSource, Text, Truth
from alignment.api.people import ONLY_REVOPS
from alignment.api.shapes import Moment, SourceKey
from alignment.api.uploads import KIND, UploadAct
from alignment.importing.fields import OBJECTS
from alignment.importing.problems import UnreadableFile
from alignment.intake.mapping import InvalidMapping
from alignment.models import Import, ImportPiece, ImportReject, ImportState, Source, TokenScope, User
from alignment.queries.imports import WARNINGS
from alignment.services import imports as services

OBJECT_CHOICES = [(name, name) for name in OBJECTS]
STATES = [choice for choice in ImportState.choices if choice[0] != ImportState.DRAFT]


class WarningSerializer(serializers.Serializer[Any]):
    """Something that came in as the file states it, and that somebody should know."""

    code = serializers.CharField()
    meaning = serializers.CharField()
    count = serializers.IntegerField()
    samples = serializers.ListField(child=serializers.CharField(), help_text="Some of them.")


class ImportSerializer(serializers.ModelSerializer[Import]):
    source = SourceKey()  # type: ignore[assignment]
    object = serializers.CharField(source="subject", read_only=True, help_text="What a row is.")
    state = serializers.ChoiceField(choices=STATES, read_only=True)
    requested_by: Any = serializers.PrimaryKeyRelatedField(
        read_only=True, allow_null=True, help_text="Id of the login; null: a command."
    )
    share = serializers.FloatField(read_only=True, help_text="Of the file that was read: 0 to 1.")
    rows_per_second = serializers.FloatField(source="rate", read_only=True)
    seconds_left = serializers.SerializerMethodField(
        help_text="Estimated; null where nothing is known, and at the end."
    )
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        read_only=True,
        help_text="Per kind of record: how many were new, changed, unchanged (a new statement says what held), known "
        "(all that rows say of them was said before), mentioned, refolded.",
    )
    warnings = serializers.SerializerMethodField(help_text="The most frequent first.")
    is_file_kept = serializers.BooleanField(
        read_only=True, help_text="Until its time is over; without it nothing can be resumed."
    )

    class Meta:
        model = Import
        fields = [
            "id", "source", "object", "file_name", "sha256", "size", "as_of", "is_dry_run", "state", "requested_by",
            "requested_at", "started_at", "finished_at", "share", "rows_per_second", "seconds_left", "position",
            "rows", "facts_new", "facts_unchanged", "rejected", "counts", "warnings", "error", "is_file_kept",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "facts_new": {"help_text": "Statements that the ledger did not know."},
            "rejected": {"help_text": "Rows that could not be read or applied; they stop no others."},
            "error": {"help_text": "Why it failed as a whole."},
        }

    def get_seconds_left(self, found: Import) -> int | None:
        return None if found.remaining is None else int(found.remaining.total_seconds())

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, found: Import) -> list[dict[str, Any]]:
        told = [
            {
                "code": code,
                "meaning": WARNINGS.get(code, code),
                "count": kept["count"],
                "samples": kept["samples"],
            }
            for code, kept in found.warnings.items()
        ]
        return sorted(told, key=lambda each: -each["count"])


class ImportFilter(FilterSet):
    source = OfSource(field_name="source__key")
    object = Choice(field_name="subject", choices=OBJECT_CHOICES)
    state = Choice(choices=STATES)
    is_dry_run = Truth()
    requested_from = Instant(field_name="requested_at", lookup_expr="gte")
    requested_before = Instant(field_name="requested_at", lookup_expr="lt")


def shown() -> QuerySet[Import]:
    """Imports that somebody asked for: what is only uploaded yet belongs to the pages."""
    kept = Exists(ImportPiece.objects.filter(file=OuterRef("pk")))
    return (
        Import.objects.exclude(state=ImportState.DRAFT).select_related("source").annotate(is_file_kept=kept)
    )


class Imports(Resource[Import]):
    """Files of history, how far each has been read, and what came of it."""

    roles, tag = ONLY_REVOPS, "Imports"
    serializer_class, filterset_class = ImportSerializer, ImportFilter

    def get_queryset(self) -> QuerySet[Import]:
        return shown()


class RejectSerializer(serializers.ModelSerializer[ImportReject]):
    class Meta:
        model = ImportReject
        fields = ["id", "line", "code", "message"]
        read_only_fields = fields
        extra_kwargs = {"line": {"help_text": "On which the row starts, from 1; headers count."}}


class RejectFilter(FilterSet):
    code = Text()


class Rejects(Resource[ImportReject]):
    """The rows of an import that could not be read or applied, and what to write instead; the first 100,000."""

    roles, tag, operation = ONLY_REVOPS, "Imports", "list_import_rejects"
    serializer_class, filterset_class = RejectSerializer, RejectFilter

    def get_queryset(self) -> QuerySet[ImportReject]:
        return ImportReject.objects.filter(file=self.kwargs.get("pk"))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not shown().filter(pk=kwargs["pk"]).exists():
            raise Http404
        return super().list(request, *args, **kwargs)


class StartGiven(Given):
    file = serializers.FileField(allow_empty_file=True, help_text="CSV, TSV or JSON lines; not compressed.")
    mapping = serializers.DictField(help_text="Which columns mean what; see the guide on imports.")
    object = serializers.ChoiceField(
        choices=OBJECT_CHOICES, required=False, help_text="What a row is, where the mapping does not say it."
    )
    as_of = Moment(
        required=False, help_text="When the file was exported: what it states without a date held then."
    )
    is_dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Everything but the writing."
    )


class Start(UploadAct):
    """Import a file of history. The answer comes once the file is kept; follow the import by its id.

    History is never routed, notified or timed. The same file twice changes nothing.
    """

    roles, tag, scope = ONLY_REVOPS, "Imports", TokenScope.IMPORTS_WRITE
    operation, given, serializer_class, status = "start_import", StartGiven, ImportSerializer, 202
    as_json = frozenset({"mapping"})
    refusals = (services.AlreadyImporting,)
    examples = [
        OpenApiExample(
            "Leads",
            value={
                "file": "Id,Email,MQL\nL-1,ada@example.com,2026-01-12T09:00:00Z\n",
                "mapping": {
                    "object": "lead",
                    "columns": {"external_id": "Id", "email": "Email", "mql_at": "MQL"},
                },
                "is_dry_run": True,
            },
            request_only=True,
            media_type=KIND,
        )
    ]

    def about(self, key: str) -> Source:
        return get_object_or_404(Source, key=key)

    def act(self, about: Source, given: Any, *, by: User, at: datetime, act: UUID) -> Import:
        mapping = given["mapping"] | ({"object": given["object"]} if "object" in given else {})
        try:
            made = services.start_import(
                file=given["file"].file,
                file_name=given["file"].name,
                source=about,
                mapping=mapping,
                is_dry_run=given["is_dry_run"],
                as_of=given.get("as_of"),
                by=by,
                at=at,
            )
        except InvalidMapping as problem:
            raise serializers.ValidationError({"mapping": [str(problem)]}) from problem
        except UnreadableFile as problem:
            raise serializers.ValidationError({"file": [str(problem)]}) from problem
        except services.AsOfInFuture as problem:
            raise serializers.ValidationError({"as_of": [str(problem)]}) from problem
        return shown().get(pk=made.pk)


class ActOnImport(Act):
    roles, tag, scope = ONLY_REVOPS, "Imports", TokenScope.IMPORTS_WRITE
    serializer_class = ImportSerializer
    patience = 30_000  # the chunk under way is waited for

    def about(self, pk: int) -> Import:
        return get_object_or_404(shown(), pk=pk)


class Cancel(ActOnImport):
    """Stop an import. What is in stays in, and it can be resumed."""

    operation, refusals = "cancel_import", (services.NotUnderWay,)

    def act(self, about: Import, given: Any, *, by: User, at: datetime, act: UUID) -> Import:
        services.cancel_import(about, by=by, at=at)
        return shown().get(pk=about.pk)


class Resume(ActOnImport):
    """Go on with an import that was cancelled or failed, behind the last row that is in."""

    operation = "resume_import"
    refusals = (services.NothingToResume, services.AlreadyImporting)

    def act(self, about: Import, given: Any, *, by: User, at: datetime, act: UUID) -> Import:
        services.resume_import(about, by=by, at=at)
        return shown().get(pk=about.pk)
