"""Confirming once more who somebody is."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ReauthenticateForm


class ConfirmForm(ReauthenticateForm):  # type: ignore[misc]
    """The one field of the page is where the cursor is."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["password"].widget.attrs["autofocus"] = True
