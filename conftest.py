"""Fixtures that every app's tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase

from alignment import database_roles
from testing.flush import delete_rows
from testing.world import World, build_world

pytest.register_assert_rewrite("dashboard.tests.demo_live", "dashboard.tests.demo_program")
pytest_plugins = ["testing.site", "testing.broker", "testing.figures"]
SHARED = Path(__file__).resolve().parent.parent / "shared"

# No test talks to a broker by the way; the variable is for processes that tests start.
os.environ["DRAIN_HINTS"] = "0"
settings.DRAIN_HINTS = False
# Heads of the chain are signed with a key of the tests' own, not with one in the data folder.
settings.SIGNING_KEY = bytes(range(32))
# Hashing passwords slowly protects people, not tests.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nor is truncating a hundred empty tables after each test that commits.
TransactionTestCase._fixture_teardown = delete_rows  # type: ignore[attr-defined]


def pytest_collection_finish() -> None:
    """What was imported stays to the end: to look through it for garbage again and again took a sixth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def examples() -> Callable[[int, int], int]:
    """`examples(short, long)`: how many cases to try; the long count when all tests run."""
    return lambda short, long: long if os.environ.get("TEST_ALL") == "1" else short


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with recorded real input beside the project; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with recorded input is not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def application_role(django_db_setup: None, django_db_blocker: Any) -> str:
    """The application's database role, made if the cluster has none, with its grants on the test database."""
    role: str = settings.APP_DB_ROLE
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                DO $$ BEGIN
                    CREATE ROLE "{role}" NOLOGIN;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
                END $$
                """
            )
        database_roles.grant(role)
        connection.close()
    return role


@pytest.fixture
def as_application_role(application_role: str, db: None) -> Iterator[str]:
    """The test works as the application does: as the role that owns nothing.

    In transactional tests (`transactional_db`, `live_server`) every new connection, of any thread, acts as
    the role; in others the one connection does, until the test's transaction is rolled back.
    """
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(f'SET LOCAL ROLE "{application_role}"')
        yield application_role
        return
    cache.clear()  # no model's table, so it is not emptied after the test before
    options = connection.settings_dict.setdefault("OPTIONS", {})
    before = options.get("options")
    options["options"] = f"{before or ''} -c role={application_role}".strip()
    connection.close()
    yield application_role
    if before is None:
        del options["options"]
    else:
        options["options"] = before
    connection.close()


@pytest.fixture
def world(db: None) -> World:
    """A small company with an agreement in force (see testing.world)."""
    return build_world()
