"""A backup of a company that works, restored as docs/operations.md says, is the same company to the last row."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import connection

from alignment.models import AskedBy, Lead
from alignment.services.erasure import erase_person
from alignment.services.retention import expire_bodies
from scorecard.survey.box import empty
from scorecard.tests.surveys import answer, printed
from sla.services import mark_breached, roll_up
from testing.production import ROOT, Installation, installation, programs, server_variables
from testing.world import World, event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("processes")]
DAY = timedelta(days=1)
# Rows that come and go by themselves and mean nothing: days that wait for the roll-up, which folding anew marks.
VOLATILE = {"alignment_dirtyday"}


@pytest.fixture
def busy_world(world: World) -> Iterator[World]:
    """Leads with facts, MQLs, breaches, attempts, a dead event, an erased person, an expired body."""
    at = world.at - 7 * DAY
    for n in range(12):
        world.send(
            event(
                "lead.created", f"L{n}", at, score=60 + n, last_name=f"Żółć {n}", email=f"l{n}@example.com"
            ),
            event(
                "touch.recorded", f"T{n}", at, lead=f"L{n}", is_attempt=True, channel="call", subject="Rang"
            ),
            event("opportunity.created", f"O{n}", at, lead=f"L{n}", name=f"Deal {n}", amount="10.50"),
            at=at,
        )
    world.send(event("lead.updated", "L1", at, score="many"), at=at)
    world.deliver(event("lead.updated", "L2", at, score=99), external_id="waits")
    run_survey()
    mark_breached(at=world.at)
    roll_up(at=world.at)
    erase_person(
        leads=[Lead.objects.get(external_id="L3")],
        asked_by=AskedBy.PERSON,
        reason="Letter",
        by=None,
        at=world.at,
    )
    expire_bodies(at=world.at + 400 * DAY)
    yield world
    empty()


@pytest.fixture
def restored(busy_world: World, tmp_path: Path) -> Iterator[Installation]:
    """The test's database, dumped and restored into one with roles of its own."""
    dump = tmp_path / "alignment.dump"
    tool("pg_dump", "--format=custom", "--file", str(dump), str(connection.settings_dict["NAME"]))
    with installation(tmp_path, "restored") as made:
        # the dump's owner is another role here; in production it is the same one
        tool(
            "pg_restore",
            "--exit-on-error",
            "--no-owner",
            "--no-acl",
            "--dbname",
            made.url(made.owner),
            str(dump),
        )
        yield made


def run_survey() -> None:
    """A trust survey that some have answered."""
    _, codes = printed({"sales": 7})
    for code in codes["sales"][:3]:
        answer(code)


def tool(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(programs() / name), *arguments],
        env=os.environ | server_variables(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def contents(cursor: Any) -> dict[str, tuple[int, str]]:
    """Per table: rows, and a digest over all of them in a fixed order. Those of schema public by bare name."""
    cursor.execute(
        "SELECT CASE WHEN nspname <> 'public' THEN nspname || '.' ELSE '' END || relname FROM pg_class "
        "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname IN ('public', 'survey') AND relkind = 'r' ORDER BY 1"
    )
    found = {}
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")  # noqa: S608
        found[table] = cursor.fetchone()
    return found


def guards(cursor: Any) -> list[Any]:
    """Triggers, functions, constraints and indexes as text, without casts, which a restore writes in other places."""
    cursor.execute(
        """
        SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
        UNION ALL SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        """
    )
    return sorted(re.sub(r"::(text|character varying)(\[\])?|[()]", "", row[0]) for row in cursor.fetchall())


def test_every_row_and_every_guard_comes_back_and_nothing_changes_when_it_is_folded_anew(
    restored: Installation,
) -> None:
    with connection.cursor() as cursor:
        before, guarded = contents(cursor), guards(cursor)
    filled = {table for table, (rows, _) in before.items() if rows}
    assert {"alignment_fact", "alignment_delivery", "sla_breach", "handoff_assignment", "alignment_erasure",
            "alignment_retentionrun", "alignment_deadevent", "django_migrations", "scorecard_survey",
            "survey.token", "survey.answer", "survey.box_key"} <= filled  # fmt: skip

    other = psycopg2.connect(restored.url(restored.owner))
    other.autocommit = True
    with other.cursor() as cursor:
        assert contents(cursor) == before
        assert guards(cursor) == guarded
    restored.run("sh", "-c", "DATABASE_URL=$DATABASE_OWNER_URL python manage.py migrate --check")
    granted = restored.run(
        "sh", "-c", "DATABASE_URL=$DATABASE_OWNER_URL python manage.py grant_application_role"
    )
    assert restored.role in granted
    restored.run("python", "manage.py", "rebuild")
    with other.cursor() as cursor:
        after = contents(cursor)
    changed = {table for table in before if before[table] != after[table]}
    assert changed <= VOLATILE
    other.close()


def test_the_application_may_do_there_what_it_may_here(restored: Installation) -> None:
    restored.run("sh", "-c", "DATABASE_URL=$DATABASE_OWNER_URL python manage.py grant_application_role")
    application = psycopg2.connect(restored.url(restored.role))
    application.autocommit = True
    with application.cursor() as cursor:
        for statement in (
            "UPDATE alignment_fact SET fields = '{}'",
            "DELETE FROM sla_breach",
            "TRUNCATE alignment_delivery CASCADE",
            "UPDATE alignment_erasure SET reason = 'x'",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
        cursor.execute("UPDATE alignment_person SET name = name")
        cursor.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'survey' AND tableowner = current_user"
        )
        assert cursor.fetchone() == (3,)
        cursor.execute("TRUNCATE survey.token, survey.answer, survey.box_key")
        cursor.execute(
            "SELECT has_function_privilege(oid, 'EXECUTE') FROM pg_proc WHERE proname = 'erase_lead'"
        )
        assert cursor.fetchone() == (True,)
        cursor.execute("SELECT proacl::text FROM pg_proc WHERE proname = 'erase_lead'")
        row = cursor.fetchone()
        assert row is not None and not re.search(r"[{,]=X/", row[0]), "anybody may call it"
    application.close()
    said = restored.run(
        "python", "manage.py", "erase_person", "crm", "L5", "--reason", "Letter", "--yes", service="web"
    )
    assert "Erased person" in said


def test_the_page_of_operations_tells_the_commands_that_were_tried() -> None:
    told = (ROOT / "docs" / "operations.md").read_text()
    for command in (
        "pg_dump --format=custom",
        "pg_restore --exit-on-error --no-acl",
        "manage.py grant_application_role",
        "manage.py rebuild",
        "manage.py verify_artifacts",
        "deploy/create_roles.sh",
        "deploy/release.sh",
    ):
        assert command in told, command
    for variable in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "SIGNING_KEY", "DATABASE_OWNER_URL"):
        assert variable in told
