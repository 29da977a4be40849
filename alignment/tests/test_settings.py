"""What the environment says decides over the settings, and production has its own defaults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

PRODUCTION = {
    "PRODUCTION": "1",
    "SECRET_KEY": "k" * 60,
    "BASE_URL": "https://alignment.example",
    "ALLOWED_HOSTS": "alignment.example",
}
ONES_OWN = ("EMAIL_BACKEND", "SECRET_KEY_FALLBACKS", "ERASURE_KEYS", "PRODUCTION")


def setting(name: str, environment: dict[str, str]) -> Any:
    """The value that a process with these environment variables has."""
    inherited = {key: value for key, value in os.environ.items() if key not in ONES_OWN}
    code = f"import json; from alignment import settings; print(json.dumps(settings.{name}))"
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=inherited | environment)
    return json.loads(said)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", []), ("one", ["one"]), ("one,two", ["one", "two"]), ("one,,two,", ["one", "two"])],
)
@pytest.mark.parametrize("name", ["SECRET_KEY_FALLBACKS", "ERASURE_KEYS"])
def test_earlier_keys_are_named_with_commas_between(name: str, given: str, expected: list[str]) -> None:
    assert setting(name, {name: given}) == expected


def test_without_earlier_keys_there_are_none() -> None:
    assert setting("SECRET_KEY_FALLBACKS", PRODUCTION) == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "django.core.mail.backends.console.EmailBackend"),
        (PRODUCTION, "django.core.mail.backends.smtp.EmailBackend"),
        (PRODUCTION | {"EMAIL_BACKEND": "a.Backend"}, "a.Backend"),
        ({"EMAIL_BACKEND": "a.Backend"}, "a.Backend"),
    ],
)
def test_mails_of_a_production_server_leave_it(environment: dict[str, str], expected: str) -> None:
    assert setting("EMAIL_BACKEND", environment) == expected
