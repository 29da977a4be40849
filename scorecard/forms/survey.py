"""Setting a survey up: how links go out, to whom, how small a group may be, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django import forms

from alignment.models import Function
from scorecard.models import SMALLEST_GROUP, Survey, SurveyChannel
from scorecard.queries.survey import FUNCTIONS, Candidate
from scorecard.services.survey.setting_up import LONGEST_DAYS, MOST_INVITED

USUAL_DAYS = 10
USUALLY_ASKED = (Function.SALES, Function.MARKETING)


class SurveyForm(forms.Form):
    channel = forms.ChoiceField(
        label="How links go out", choices=SurveyChannel.choices, widget=forms.RadioSelect
    )
    closes_on = forms.DateField(
        label="Last day",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Answers count to its end.",
    )
    minimum = forms.IntegerField(
        label="Smallest group",
        min_value=SMALLEST_GROUP,
        max_value=100,
        initial=SMALLEST_GROUP,
        help_text=f"No figure is ever made of fewer answers. {SMALLEST_GROUP} or more; fixed at launch.",
        error_messages={"min_value": f"A group has {SMALLEST_GROUP} people at least."},
    )
    people = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, candidates: Sequence[Candidate], today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.candidates = candidates
        self.today = today
        self.fields["people"].choices = [(found.key, found.name) for found in candidates]  # type: ignore[attr-defined]
        for function in FUNCTIONS:
            self.fields[f"links_{function}"] = forms.IntegerField(
                label=function.label, min_value=0, max_value=MOST_INVITED, required=False
            )

    @classmethod
    def initial_of(
        cls, survey: Survey | None, candidates: Sequence[Candidate], today: date, *, can_mail: bool
    ) -> dict[str, Any]:
        """What the form starts with: the draft, else everybody in sales and marketing for ten days."""
        if survey is None:
            return {
                "channel": SurveyChannel.MAIL if can_mail else SurveyChannel.PRINTED,
                "closes_on": today + timedelta(days=USUAL_DAYS),
                "minimum": SMALLEST_GROUP,
                "people": [found.key for found in candidates if found.function in USUALLY_ASKED],
            } | {
                f"links_{function}": sum(found.function == function for found in candidates)
                for function in USUALLY_ASKED
            }
        invitees = survey.invitees.values_list("person_id", "user_id")
        return {
            "channel": survey.channel,
            "closes_on": survey.closes_on,
            "minimum": survey.minimum,
            "people": [f"p{person}" if person else f"u{user}" for person, user in invitees],
        } | {f"links_{function}": count for function, count in survey.invited.items()}

    def groups(self) -> Iterator[tuple[str, list[tuple[Candidate, bool]]]]:
        """(label of the function, [(candidate, chosen)]) for the list of people."""
        chosen = set(self["people"].value() or ())
        for function, found in groupby(self.candidates, key=lambda candidate: candidate.function):
            yield str(Function(function).label), [(each, each.key in chosen) for each in found]

    def link_fields(self) -> list[Any]:
        return [self[f"links_{function}"] for function in FUNCTIONS]

    def counts(self) -> dict[str, int]:
        """{function: links to print} of a valid form."""
        return {str(function): self.cleaned_data[f"links_{function}"] or 0 for function in FUNCTIONS}

    def clean_closes_on(self) -> date:
        day: date = self.cleaned_data["closes_on"]
        if not self.today < day <= self.today + timedelta(days=LONGEST_DAYS):
            raise forms.ValidationError(f"Choose a day from tomorrow on, within {LONGEST_DAYS} days.")
        return day
