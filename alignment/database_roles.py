"""What the application's database role may do: its daily work, and nothing to evidence but add to it.

Run as the owner after every migration. Grants are given anew each time, so that a table which became evidence
loses what the role had on it. The schema of the trust survey is handed over to the role for good.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction
from psycopg2 import sql

from alignment.evidence import refused_operations

ORDINARY = ("SELECT", "INSERT", "UPDATE", "DELETE")
READ_ONLY = frozenset({"django_migrations"})
# The application empties these tables by TRUNCATE, which leaves no dead rows to read an order from.
OWN_SCHEMAS = ("survey",)


class RoleMissing(Exception):
    """The application role does not exist in this PostgreSQL cluster."""

    def __init__(self, role: str) -> None:
        super().__init__(
            f"The database role “{role}” does not exist. As an administrator of the database run: "
            f"CREATE ROLE \"{role}\" LOGIN PASSWORD '…' NOSUPERUSER NOCREATEDB NOCREATEROLE;  "
            "then run this command again, and let the application connect as that role."
        )


class NotAMember(Exception):
    """The owner may not hand a schema over to the application's role."""

    def __init__(self, role: str, schema: str) -> None:
        super().__init__(
            f"The schema “{schema}” belongs to the application's role, and only a member of that role may give it. "
            f'As an administrator of the database run: GRANT "{role}" TO "{current_role()}";  '
            "then run this command again."
        )


class RoleTooStrong(Exception):
    """The role could still change evidence: by other memberships, by ownership or as a superuser."""


def current_role() -> str:
    """The role as which this connection acts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def allowed_operations() -> dict[str, tuple[str, ...]]:
    """Per table of schema public that the current role owns, what the application may do with its rows."""
    refused = refused_operations()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
              AND pg_has_role(relowner, 'USAGE')
            ORDER BY relname
            """
        )
        tables = [row[0] for row in cursor.fetchall()]
    return {
        table: ("SELECT",)
        if table in READ_ONLY
        else tuple(verb for verb in ORDINARY if verb not in refused.get(table, ()))
        for table in tables
    }


@transaction.atomic
def grant(role: str) -> dict[str, tuple[str, ...]]:
    """Give `role` exactly what the application needs; returns what it may do per table.

    Raises RoleMissing or NotAMember; RoleTooStrong if it could change evidence all the same. Then nothing is granted.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [role])
        if not cursor.rowcount:
            raise RoleMissing(role)
        allowed = allowed_operations()
        name = sql.Identifier(role)
        for statement in _schema_grants(name):
            cursor.execute(statement)
        for operations in sorted(set(allowed.values())):
            tables = _names(table for table, verbs in allowed.items() if verbs == operations)
            cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}, PUBLIC").format(tables, name))
            verbs = sql.SQL(", ").join(map(sql.SQL, operations))
            cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(verbs, tables, name))
        for function in _owners_functions():
            execute = sql.SQL(function)
            cursor.execute(sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(execute))
            cursor.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(execute, name))
    _hand_over(role)
    _require_harmless(role, allowed)
    return allowed


def _schema_grants(role: sql.Identifier) -> list[sql.Composed]:
    database = sql.Identifier(str(connection.settings_dict["NAME"]))
    statements = (
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    )
    return [sql.SQL(text).format(database=database, role=role) for text in statements]


def _hand_over(role: str) -> None:
    """Make the role the owner of its schemas and of every table in them."""
    with connection.cursor() as cursor:
        for schema in OWN_SCHEMAS:
            cursor.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [role])
            if not cursor.fetchone()[0]:
                raise NotAMember(role, schema)
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
                [schema],
            )
            tables = [sql.Identifier(schema, row[0]) for row in cursor.fetchall()]
            change = [sql.SQL("ALTER SCHEMA {}").format(sql.Identifier(schema))]
            change += [sql.SQL("ALTER TABLE {}").format(table) for table in tables]
            for statement in change:
                cursor.execute(sql.SQL("{} OWNER TO {}").format(statement, sql.Identifier(role)))


def _owners_functions() -> list[str]:
    """Functions that act as their owner, with their argument types: the application may call them, nobody else."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT oid::regprocedure::text FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE')
            """
        )
        return [row[0] for row in cursor.fetchall()]


def _names(tables: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)


def _require_harmless(role: str, allowed: dict[str, tuple[str, ...]]) -> None:
    problems = []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relname, verb FROM pg_class
            CROSS JOIN unnest(ARRAY['DELETE', 'REFERENCES', 'TRIGGER', 'TRUNCATE', 'UPDATE']) verb
            WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
              AND has_table_privilege(%s, pg_class.oid, verb)
            ORDER BY verb, relname
            """,
            [list(allowed), role],
        )
        problems += [f"{verb} on {table}" for table, verb in cursor.fetchall() if verb not in allowed[table]]
        cursor.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", [role])
        if cursor.fetchone()[0]:
            problems.append("CREATE in schema public")
    if problems:
        shown = ", ".join(problems[:5]) + (f" and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise RoleTooStrong(
            f"The role “{role}” can still do what it must not: {shown}. "
            "It may be no superuser, own no table and be no member of a role that can."
        )
