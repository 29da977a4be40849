"""An answer as it is sent: a code, and 1 to 5 for each question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms

from scorecard.survey.questions import QUESTIONS, SCALE, Question
from scorecard.survey.tokens import LONGEST


class RespondForm(forms.Form):
    code = forms.CharField(
        label="Your code",
        max_length=LONGEST,
        help_text="Seven groups of four, from your link or your slip of paper.",
        error_messages={"required": "Write the code from your link or your slip of paper."},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for question in QUESTIONS:
            self.fields[question.key] = forms.TypedChoiceField(
                label=question.label,
                choices=[(value, str(value)) for value in SCALE],
                coerce=int,
                widget=forms.RadioSelect,
                error_messages={"required": "Choose a number from 1 to 5."},
            )

    def rows(self) -> Iterator[tuple[int, Question, Any]]:
        """(number, question, field) in the order of the page."""
        for number, question in enumerate(QUESTIONS, start=1):
            yield number, question, self[question.key]

    def values(self) -> list[int]:
        """The five values of a valid form."""
        return [self.cleaned_data[question.key] for question in QUESTIONS]
