"""Forms about a program: what is declared of it, its sponsorship, a waiver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms

from alignment.artifacts.waivers import LONGEST, LONGEST_REASON
from alignment.blockers import Blocker
from alignment.currencies import DoesNotFit, UnknownCurrency, code_of, require_fit, stated
from alignment.models import Program, User
from alignment.models.programs import OWNERS, OWNERS_SAID
from alignment.quarters import Quarter
from alignment.services.programs import LONGEST as MOST_WEEKS
from alignment.services.programs import MOST_HOURS
from alignment.services.programs import SHORTEST as FEWEST_WEEKS

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ProgramForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Such as “Alignment 2027”.")
    owner = forms.ModelChoiceField(
        queryset=User.objects.none(),
        required=False,
        empty_label="Nobody yet",
        help_text=f"Who runs it from day to day: somebody of {OWNERS_SAID}, with the hours for it.",
    )
    hours_per_week = forms.IntegerField(
        min_value=0,
        max_value=MOST_HOURS,
        required=False,
        label="Hours a week",
        help_text="That the owner has for the program; at least 20 are needed.",
    )
    has_admin_access = forms.BooleanField(
        required=False,
        label="The owner may administer lead, opportunity and campaign objects in the CRM",
        help_text="Declared by you: no CRM tells us.",
    )
    starts_on = forms.DateField(widget=DAY, label="Starts on", help_text="The first day of step 1.")
    weeks = forms.IntegerField(
        min_value=FEWEST_WEEKS,
        max_value=MOST_WEEKS,
        initial=8,
        help_text=f"{FEWEST_WEEKS} to {MOST_WEEKS}. Other dates must go to the calendars again.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners = User.objects.filter(is_active=True, role__in=OWNERS).order_by("name", "pk")
        self.fields["owner"].queryset = owners  # type: ignore[attr-defined]


class ProgramChangeForm(ProgramForm):
    reason = forms.CharField(max_length=100, help_text="Kept in the program's history.")

    @staticmethod
    def initial_of(program: Program) -> dict[str, Any]:
        names = ("name", "owner", "hours_per_week", "has_admin_access", "starts_on", "weeks")
        return {name: getattr(program, name) for name in names}


class CloseForm(forms.Form):
    reason = forms.CharField(
        max_length=100,
        label="Why it is closed",
        help_text="Its gates stay shut for good; what was signed stays.",
    )


class SponsorshipForm(forms.Form):
    """One amount for each of four quarters: fields amount_0 to amount_3."""

    currency = forms.CharField(max_length=5, help_text="Three letters, such as EUR or USD.")
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, quarters: Sequence[Quarter], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, quarter in enumerate(quarters):
            self.fields[f"amount_{number}"] = field = forms.DecimalField(
                label=f"Sourced pipeline of {quarter.name}",
                required=False,
                min_value=Decimal(0),
                max_digits=18,
                decimal_places=4,
            )
            field.is_needed_later = True  # type: ignore[attr-defined]

    def clean_currency(self) -> str:
        try:
            return code_of(self.cleaned_data["currency"])
        except UnknownCurrency as problem:
            raise forms.ValidationError(f"{problem}.") from problem

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, amount in list(cleaned.items()):
            if not name.startswith("amount_") or amount is None or "currency" not in cleaned:
                continue
            try:
                require_fit(stated(amount), cleaned["currency"])
            except DoesNotFit as problem:
                self.add_error(name, f"{problem}.")
        return cleaned

    @property
    def amounts(self) -> list[Decimal | None]:
        names = sorted(name for name in self.fields if name.startswith("amount_"))
        return [self.cleaned_data[name] for name in names]


class WaiverForm(forms.Form):
    codes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        label="What is excused",
        help_text="Nothing else that may come up is excused.",
        error_messages={"required": "Choose at least one."},
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why the program should pass all the same. Both leaders sign it; it is printed on what it excuses.",
    )
    expires_on = forms.DateField(widget=DAY, label="Last day")

    def __init__(self, *args: Any, blockers: Sequence[Blocker], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["codes"].choices = [(blocker.code, blocker.message) for blocker in blockers]  # type: ignore[attr-defined]
        until = today + timedelta(days=LONGEST)
        self.fields["expires_on"].help_text = f"At most {LONGEST} days: until {until.day} {until:%B %Y}."
