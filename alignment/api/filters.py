"""Filters of lists: an allow-list, read strictly. What cannot be read is refused and never ignored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.rest_framework import FilterSet as BaseFilterSet
from rest_framework.request import Request
from rest_framework.views import APIView

from alignment.api.problems import Problem
from alignment.intake.ids import forms_of
from alignment.matching.keys import email_key
from alignment.models import Source

MOST = 2**63 - 1  # of a bigint
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class FilterSet(BaseFilterSet):  # type: ignore[misc]
    """Base of all filter sets; each filter is written out, none is derived from a model."""


class WholeField(forms.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=MOST, **options)

    def to_python(self, value: Any) -> int | None:
        if value and not (value.isascii() and value.isdigit() and len(value) < 20):
            raise forms.ValidationError("Write a whole number.")
        return super().to_python(value)


def moment(text: str) -> datetime:
    """A moment in UTC, written with its offset. Raises ValueError, which says what to write."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("Write a moment with its offset, as in 2026-11-17T10:00:00Z.")
    if not EARLIEST <= found <= LATEST:
        raise ValueError("Write a moment between the years 1900 and 9000.")
    return found.astimezone(UTC)


class InstantField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            # an offset's plus sign that was not encoded arrives as a blank
            return moment(value.strip().replace(" ", "+"))
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from problem


class TruthField(forms.Field):
    def to_python(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError("Write true or false.")
        return bool(value == "true")


class Whole(django_filters.Filter):  # type: ignore[misc]
    """A whole number, such as the id of another resource."""

    field_class = WholeField
    schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": MOST}


class Instant(django_filters.Filter):  # type: ignore[misc]
    """A moment with its offset."""

    field_class = InstantField
    schema = {"type": "string", "format": "date-time"}


class Truth(django_filters.Filter):  # type: ignore[misc]
    """`true` or `false`."""

    field_class = TruthField
    schema = {"type": "boolean"}


class Text(django_filters.CharFilter):  # type: ignore[misc]
    """An exact text of at most 200 characters."""

    schema = {"type": "string", "minLength": 1, "maxLength": 200}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_length": 200, **options})


class GivenId(Text):
    """An id that a source gave, in either form where Salesforce writes two."""

    def filter(self, found: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return found.filter(**{f"{self.field_name}__in": sorted(forms_of(value))}) if value else found


class ExternalId(GivenId):
    """A record's id in its source; without a source that of any. Named with every source, so that the index by
    source and id is used. `field_name` is that of the id, beside a field `source`."""

    def filter(self, found: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value:
            beside = self.field_name.removesuffix("external_id")
            found = found.filter(**{f"{beside}source__in": list(Source.objects.values_list("pk", flat=True))})
        return super().filter(found, value)


class SourceField(forms.CharField):
    def clean(self, value: Any) -> Any:
        given = super().clean(value)
        if given and not Source.objects.filter(key=given).exists():
            known = ", ".join(Source.objects.order_by("key").values_list("key", flat=True)[:50]) or "none yet"
            raise forms.ValidationError(f"There is no source of this key; known: {known}.")
        return given


class OfSource(Text):
    """The key of a source that exists: a misspelt one is refused, and finds not simply nothing."""

    field_class = SourceField


class EmailField(forms.CharField):
    def clean(self, value: Any) -> Any:
        given = super().clean(value)
        if given and not (given := email_key(given)):
            raise forms.ValidationError("Write a whole e-mail address.")
        return given


class Email(django_filters.Filter):  # type: ignore[misc]
    """A whole e-mail address, by the key under which addresses are compared."""

    field_class = EmailField
    schema = {"type": "string", "minLength": 1, "maxLength": 200}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"field_name": "email_key", "max_length": 200, **options})


class Choice(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of a few words."""

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        words = [value for value, _ in choices]
        said = {"invalid_choice": f"Write one of: {', '.join(words)}."}
        super().__init__(*args, choices=choices, error_messages=said, **options)
        self.schema = {"type": "string", "enum": words}


class IsNull(Truth):
    """Whether a moment or relation is missing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, lookup_expr="isnull", **options)


class IsSet(IsNull):
    """Whether a moment or relation is there."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, exclude=True, **options)


class StrictFilters(DjangoFilterBackend):  # type: ignore[misc]
    """As in django-filter; a value that cannot be read is a problem that names its parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        found = self.get_filterset(request, queryset, view)
        if found is None:
            return queryset
        empty = [name for name in found.filters if request.query_params.get(name) == ""]
        errors = [{"parameter": name, "detail": "Leave it out, or give it a value."} for name in empty]
        errors += [
            {"parameter": str(name), "detail": " ".join(map(str, texts))}
            for name, texts in found.errors.items()
            if name not in empty
        ]
        if errors:
            raise Problem("invalid", "There are filters that cannot be used.", errors)
        filtered: QuerySet[Any] = found.qs
        return filtered
