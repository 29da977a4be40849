"""The answer sheet, and naming who answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from alignment.models import Function, User
from scorecard.models.questionnaire import ANSWERING, REQUIRED
from scorecard.questions import EDITIONS
from scorecard.services.answers import MAY_ANSWER


class AnswerForm(forms.Form):
    """A choice per question; what is not answered yet may stay open until the sheet is handed in."""

    def __init__(self, data: Any = None, *, edition: int, answers: Mapping[str, str] | None = None) -> None:
        super().__init__(data, initial=dict(answers or {}))
        for question in EDITIONS[edition]:
            self.fields[question.key] = forms.ChoiceField(
                label=question.text,
                choices=question.options,
                required=False,
                widget=forms.RadioSelect,
                error_messages={"invalid_choice": "Choose one of the answers."},
            )
        self.edition = edition

    def by_subject(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The questions under their headings, in the order of the sheet."""
        found: dict[str, list[forms.BoundField]] = {}
        for question in EDITIONS[self.edition]:
            found.setdefault(question.about, []).append(self[question.key])
        return list(found.items())

    def mark_missing(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            self.add_error(key, "Not answered yet.")


class PersonChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: User) -> str:
        return f"{obj.name} ({obj.get_role_display()})"


def people_for(function: Function) -> Any:
    return User.objects.filter(is_active=True, role__in=MAY_ANSWER[function]).order_by("name", "pk")


class NominationForm(forms.Form):
    """One person per function: sales and marketing have to be named, finance may be."""

    def __init__(self, data: Any = None, *, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        for function in ANSWERING:
            self.fields[function.value] = PersonChoice(
                queryset=people_for(function),
                label=function.label,
                required=function in REQUIRED,
                empty_label="Choose …" if function in REQUIRED else "Nobody",
                error_messages={"required": f"Name who answers for {function.label.lower()}."},
            )

    def people(self) -> dict[Function, User]:
        return {
            function: person for function in ANSWERING if (person := self.cleaned_data.get(function.value))
        }
