"""Forms of the sign-off pages."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.models import Role, User

LONGEST_REASON = 2000


class SignForm(forms.Form):
    """The act. The hidden fields say what was on the screen; the box is ticked by nobody but the signer."""

    role = forms.ChoiceField(choices=Role.choices, widget=forms.HiddenInput)
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    nonce = forms.CharField(max_length=200, widget=forms.HiddenInput)
    has_read = forms.BooleanField(
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        error_messages={"required": "Tick that you have read the whole text; nothing was signed."},
    )


class ReasonForm(forms.Form):
    """A reason that is kept and that the others read."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_REASON}),
        help_text="It is kept for good; RevOps and the other signers read it.",
        error_messages={"required": "Write the reason: it is kept, and the others read it."},
    )


class RoleReasonForm(ReasonForm):
    """As a role that signs the version."""

    role = forms.ChoiceField(choices=Role.choices, widget=forms.HiddenInput)


class DelegationForm(forms.Form):
    """Who may sign for the role of whoever grants it, and in which days."""

    delegate = forms.ModelChoiceField(
        queryset=User.objects.none(),
        empty_label="Choose a person",
        help_text="Signs in with their own login; each signature says that it was by delegation.",
        error_messages={"required": "Choose who may sign for you."},
    )
    from_on = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until_on = forms.DateField(
        label="Until and including", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = forms.CharField(max_length=200, help_text="As in: on leave.")

    def __init__(self, *args: Any, holder: User, **options: Any) -> None:
        super().__init__(*args, **options)
        people = User.objects.filter(is_active=True).exclude(pk=holder.pk).exclude(role=Role.BOARD_VIEWER)
        field = self.fields["delegate"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - as declared above
        field.queryset = people.order_by("name", "pk")
        field.label_from_instance = lambda user: f"{user.name}, {user.get_role_display()}"  # type: ignore[method-assign, assignment]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        first, last = given.get("from_on"), given.get("until_on")
        if first and last and last < first:
            self.add_error("until_on", "The last day lies before the first one.")
        return given
