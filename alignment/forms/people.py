"""People, logins and teams."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.models import Calendar, Function, Person, Role, Source, Team, User

TEMPORARY, BY_MAIL = "temporary", "mail"
WAYS_IN = [
    (TEMPORARY, "Show me a temporary password to hand over"),
    (BY_MAIL, "Mail a link to set a password"),
]


IN_A_TEAM = {
    Role.REP: "Choose the team: a rep without one gets no leads and sees an empty queue.",
    Role.SALES_MANAGER: "Choose the team that this person manages: a sales manager without one sees no MQLs.",
}


class WayInForm(forms.Form):
    """How somebody gets into a new login."""

    way_in = forms.ChoiceField(label="Way in", choices=WAYS_IN, initial=TEMPORARY, widget=forms.RadioSelect)


class NewPersonForm(WayInForm):
    """A login, and with a team also a person who can own leads; without a role only the person."""

    name = forms.CharField(max_length=120)
    email = forms.EmailField(label="E-mail", required=False)
    role = forms.ChoiceField(
        choices=[("", "No login: owns leads only"), *Role.choices],
        required=False,
        help_text="Each login has one role.",
    )
    team = forms.ModelChoiceField(
        Team.objects.all(),
        required=False,
        empty_label="No team: owns no leads",
        help_text="People in a team can own leads. A rep works in it, a sales manager manages it.",
    )
    title = forms.CharField(max_length=120, required=False, help_text="Printed beside a signature.")
    field_order = ["name", "email", "role", "team", "title", "way_in"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("role") and not cleaned.get("email") and "email" not in self.errors:
            self.add_error("email", "A login is opened by its e-mail address.")
        if cleaned.get("role") in IN_A_TEAM and not cleaned.get("team") and "team" not in self.errors:
            self.add_error("team", IN_A_TEAM[cleaned["role"]])
        return cleaned


class PersonForm(forms.Form):
    name = forms.CharField(max_length=120)
    email = forms.EmailField(label="E-mail", required=False)
    function = forms.ChoiceField(choices=Function.choices)
    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="No team")
    reason = forms.CharField(max_length=100, required=False, help_text="Kept in the history.")


class LoginForm(WayInForm):
    """A login for somebody who is here already."""

    email = forms.EmailField(label="E-mail")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.REP)
    field_order = ["email", "role", "way_in"]


class LoginNameForm(forms.Form):
    """What a login is called."""

    name = forms.CharField(max_length=120)
    title = forms.CharField(max_length=120, required=False, help_text="Printed beside a signature.")
    reason = forms.CharField(max_length=100, required=False, help_text="Kept in the history.")


class LinkLoginForm(forms.Form):
    """Who of those who own leads a login belongs to; nobody yet, then a person is made in the team."""

    person = forms.ModelChoiceField(
        Person.objects.filter(user__isnull=True, is_active=True).order_by("name", "pk"),
        required=False,
        empty_label="Nobody here yet: add this person",
        help_text="Somebody without a login, such as a person whom the CRM named.",
    )
    team = forms.ModelChoiceField(
        Team.objects.all(),
        required=False,
        empty_label="The person's present team",
        help_text="A rep works in it, a sales manager manages it.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        person, team = cleaned.get("person"), cleaned.get("team")
        if not self.errors and team is None and (person is None or person.team_id is None):
            self.add_error("team", "Choose the team: without one nobody gets leads.")
        return cleaned


class IdentityForm(forms.Form):
    source = forms.ModelChoiceField(Source.objects.all(), empty_label=None)
    external_id = forms.CharField(max_length=190, label="Id or e-mail there")


class MergeForm(forms.Form):
    """Which person, set up here, a found one really is."""

    def __init__(self, *args: Any, candidates: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["into"] = forms.ModelChoiceField(
            candidates, label="Is really", empty_label="Choose who it is"
        )


class TeamForm(forms.Form):
    name = forms.CharField(max_length=80)
    function = forms.ChoiceField(choices=Function.choices, initial=Function.SALES)
    calendar = forms.ModelChoiceField(
        Calendar.objects.all(),
        required=False,
        empty_label="The SLA's default",
        help_text="The SLA decides what runs the clocks; its next version can take this over.",
    )
    managers = forms.ModelMultipleChoiceField(
        User.objects.filter(role=Role.SALES_MANAGER, is_active=True),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Sales managers see and work the MQLs of their teams.",
    )
