"""What `manage.py check --deploy` says about keys and what is stored under them."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from alignment.queries.erasure import unrecognised


@register(Tags.security, deploy=True)
def keys_of_erasures(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """An error where a key is missing under which somebody was erased: what the CRM still sends would be stored."""
    try:
        number = unrecognised().count()
    except DatabaseError:  # none yet, or one before its migrations: nobody was erased there
        return []
    if not number:
        return []
    return [
        Error(
            f"{number} erasure{'' if number == 1 else 's'} rest on a key that is no longer named: these people are "
            "not recognised, and their names and e-mails would be stored again.",
            hint="Name the SECRET_KEY of that time in SECRET_KEY_FALLBACKS, or in ERASURE_KEYS if it leaked, for good.",
            id="alignment.E001",
        )
    ]
