"""A scratch database beside the one in DATABASE_URL, for the length of one benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import django


@contextmanager
def scratch_database(settings: str = "alignment.settings") -> Iterator[str]:
    """Sets Django up and moves its connection to a fresh database, which is removed at the end; its name.

    The name is nobody else's: that of Django's tests belongs to a test run, which may be under way.
    """
    if "DATABASE_URL" not in os.environ:
        raise SystemExit("Set DATABASE_URL to a PostgreSQL where a scratch database may be made.")
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    django.setup()
    from django.db import connection

    name = connection.settings_dict["NAME"]
    scratch = f"benchmark_{os.getpid()}_{token_hex(3)}"
    connection.settings_dict["TEST"]["NAME"] = scratch
    try:
        yield connection.creation.create_test_db(verbosity=0, serialize=False)
    finally:
        if connection.settings_dict["NAME"] == scratch:
            connection.creation.destroy_test_db(name, verbosity=0)
