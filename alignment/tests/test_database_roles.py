"""As the application's own role evidence cannot be changed by any of the ways around a trigger."""

from __future__ import annotations

import os
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from alignment import database_roles
from alignment.models import Person
from alignment.tests.test_append_only import APPEND_ONLY, UNDELETABLE

ALL_EVIDENCE = sorted(APPEND_ONLY | UNDELETABLE)


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def is_denied(statement: str) -> bool:
    try:
        run(statement)
    except ProgrammingError as problem:
        return "permission denied" in str(problem) or "must be owner" in str(problem)
    return False


def a_column(table: str) -> str:
    with connection.cursor() as cursor:
        column = connection.introspection.get_primary_key_column(cursor, table)
    assert column is not None
    return column


@pytest.mark.usefixtures("as_application_role")
class TestAsTheApplication:
    def test_the_connection_acts_as_the_role(self, application_role: str) -> None:
        assert database_roles.current_role() == application_role

    @pytest.mark.parametrize("table", sorted(APPEND_ONLY))
    def test_evidence_is_not_updated(self, table: str) -> None:
        column = a_column(table)
        assert is_denied(f"UPDATE {table} SET {column} = {column}")  # noqa: S608

    @pytest.mark.parametrize("table", ALL_EVIDENCE)
    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM {}",
            "TRUNCATE {} CASCADE",
            "ALTER TABLE {} DISABLE TRIGGER ALL",
            "DROP TABLE {} CASCADE",
            "CREATE TRIGGER mine BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION refuse_change('x')",
        ],
    )
    def test_no_way_round_the_guard_of(self, table: str, statement: str) -> None:
        assert is_denied(statement.format(table))

    @pytest.mark.parametrize(
        "statement",
        [
            "SET session_replication_role = replica",
            "CREATE TABLE mine (id int)",
            "DROP FUNCTION refuse_change() CASCADE",
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NEW; END'",
            "UPDATE django_migrations SET name = name",
            "TRUNCATE alignment_person CASCADE",
        ],
    )
    def test_the_schema_and_the_switches_are_out_of_reach(self, statement: str) -> None:
        assert is_denied(statement)

    def test_ordinary_work_and_adding_evidence_are_allowed(self) -> None:
        person = Person.objects.create(name="Ann")
        Person.objects.filter(pk=person.pk).update(name="Ann B.")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO alignment_calendar (name) VALUES ('Office') RETURNING id")
            cursor.execute(
                "INSERT INTO alignment_calendarversion "
                "(calendar_id, number, schedule, holiday_names, country, reason, entered_at) "
                "VALUES (%s, 1, '{}', '{}', '', 'first', now())",
                cursor.fetchone(),
            )
            cursor.execute("SELECT count(*) FROM django_migrations")
        assert Person.objects.filter(pk=person.pk).delete()[0] == 1

    def test_deliveries_cycles_and_clocks_may_be_worked_on(self) -> None:
        for table in sorted(UNDELETABLE):
            column = a_column(table)
            run(f"UPDATE {table} SET {column} = {column}")  # noqa: S608 - it would raise


@pytest.mark.django_db(transaction=True)
def test_every_new_connection_of_a_transactional_test_acts_as_the_role(as_application_role: str) -> None:
    connection.close()
    assert database_roles.current_role() == as_application_role
    assert is_denied("TRUNCATE alignment_fact CASCADE")
    Person.objects.create(name="Ann")


def test_a_table_made_later_is_open_to_the_role_except_for_truncate(application_role: str, db: None) -> None:
    run("CREATE TABLE made_later (id bigserial)")
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{application_role}"')
    run("INSERT INTO made_later DEFAULT VALUES")
    assert is_denied("TRUNCATE made_later")


def test_granting_again_takes_away_what_was_too_much(application_role: str, db: None) -> None:
    run(f'GRANT ALL ON alignment_fact, alignment_person TO "{application_role}"')
    call_command("grant_application_role", stdout=StringIO())
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{application_role}"')
    assert is_denied("DELETE FROM alignment_fact")
    assert is_denied("TRUNCATE alignment_person CASCADE")


@pytest.mark.django_db
def test_a_missing_role_is_answered_with_the_statement_that_makes_it(settings) -> None:
    settings.APP_DB_ROLE = f"nobody_{os.getpid()}"
    with pytest.raises(CommandError, match=f'CREATE ROLE "{settings.APP_DB_ROLE}" LOGIN'):
        call_command("grant_application_role")


@pytest.mark.django_db
def test_the_owner_is_told_that_only_triggers_guard(settings) -> None:
    settings.APP_DB_ROLE = database_roles.current_role()
    out = StringIO()
    call_command("grant_application_role", stdout=out)
    assert "triggers only" in out.getvalue()


@pytest.mark.usefixtures("as_application_role")
def test_the_application_itself_grants_nothing() -> None:
    out = StringIO()
    call_command("grant_application_role", stdout=out)
    assert "run this as the owner" in out.getvalue()


@pytest.mark.django_db
def test_a_role_that_could_change_evidence_all_the_same_is_refused() -> None:
    name = f"too_strong_{os.getpid()}"
    run(f"CREATE ROLE {name} SUPERUSER")
    with pytest.raises(database_roles.RoleTooStrong, match="DELETE on alignment_"), transaction.atomic():
        database_roles.grant(name)


def test_every_command_of_the_grant_is_repeatable(application_role: str, db: None) -> None:
    assert database_roles.grant(application_role) == database_roles.grant(application_role)
