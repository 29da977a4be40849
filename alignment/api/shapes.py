"""Small shapes that several resources share. Every field is written out: what is not named is not answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from alignment.api.filters import moment
from alignment.models import Person


class PersonRef(serializers.ModelSerializer[Person]):
    """Somebody, by id and name."""

    class Meta:
        model = Person
        fields = ["id", "name"]
        read_only_fields = fields


class SourceKey(serializers.SlugRelatedField[Any]):
    """A source by its key."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="key", read_only=True, **options)


class Moment(serializers.DateTimeField):
    """A moment that a body gives; it carries its offset."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            return moment(value if isinstance(value, str) else "")
        except ValueError as problem:
            raise serializers.ValidationError(str(problem)) from problem


class MaybeOneOf(serializers.ChoiceField):
    """One of a few words, or the empty text where none was chosen; only answered, never read."""

    def __init__(self, choices: list[tuple[str, Any]], **options: Any) -> None:
        super().__init__(choices=[("", "None"), *choices], read_only=True, **options)


class Asked(serializers.Serializer[Any]):
    """What a request gives. Of a few words each is named where another was written."""

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        for field in found.values():
            if isinstance(field, serializers.ChoiceField):
                known = ", ".join(map(str, field.choices))
                field.error_messages["invalid_choice"] = f'"{{input}}" is none of: {known}.'
        return found
