"""The answer sheet, and naming who answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    """One person per function: sales and marketing have to be named, finance may be.

    `settled` None: for a new round. Else for the round that runs: functions that are settled have no field, and one
    that is left open stays as it is.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        initial: Mapping[str, Any] | None = None,
        settled: Collection[str] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.is_change = settled is not None
        for function in ANSWERING:
            if function.value in (settled or ()):
                continue
            is_required = function in REQUIRED and not self.is_change
            empty = "As it is" if self.is_change else "Choose …" if is_required else "Nobody"
            self.fields[function.value] = PersonChoice(
                queryset=people_for(function),
                label=function.label,
                required=is_required,
                empty_label=empty,
                error_messages={"required": f"Name who answers for {function.label.lower()}."},
            )
        if self.is_change:
            self.fields["reason"] = forms.CharField(
                required=False,
                max_length=100,
                label="Why",
                help_text="Kept beside the change, for all who read this page.",
            )

    def people(self) -> dict[Function, User]:
        return {
            function: person for function in ANSWERING if (person := self.cleaned_data.get(function.value))
        }
