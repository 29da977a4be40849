"""What `manage.py check --deploy` says about keys and what is stored under them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
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


@register(Tags.security, deploy=True)
def key_of_heads(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """A warning where the key that signs heads is a file: other machines would have another one."""
    if settings.SIGNING_KEY:
        return []
    return [
        Warning(
            f"The key that signs the record of signatures is in {settings.SIGNING_KEY_FILE}: it is lost with that "
            "folder, and every machine with another folder signs with a key of its own.",
            hint="Set SIGNING_KEY to the same 64 hex digits on all machines, and keep a copy: openssl rand -hex 32",
            id="alignment.W001",
        )
    ]
