"""Tables whose rows are evidence: the database itself refuses to change them.

A migration declares its tables in one line: `operations = [append_only("planning_signature")]`. The triggers
in the database are the registry: `refused_operations` reads from them what is refused where, and the grants
of the application role follow from it. A table's owner may switch its triggers off; the application therefore
connects as a role that owns nothing (see alignment.database_roles).

The ledger of facts has a guard of its own: it lets the database function erase_lead take a person's values out,
and nothing else (see the migration erase_lead).
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.migrations.operations import RunSQL

CREATE_REFUSAL = RunSQL(
    """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END
    $$
    """,
    "DROP FUNCTION refuse_change()",
)
"""Creates the function that every guard calls; it surfaces in Python as django.db.IntegrityError."""

_BEFORE, _DELETE, _UPDATE = 2, 8, 16  # bits of pg_trigger.tgtype


def append_only(*tables: str) -> RunSQL:
    """Guard tables whose rows are only ever added: every UPDATE and DELETE is refused."""
    return _guards(
        (table, "append_only", "UPDATE OR DELETE", "", "its rows are evidence and only ever added")
        for table in tables
    )


def undeletable(*tables: str) -> RunSQL:
    """Guard tables whose rows change but stay: every DELETE is refused."""
    return _guards(
        (table, "undeletable", "DELETE", "", "its rows are evidence and stay for good") for table in tables
    )


def refuse_update(table: str, name: str, *, of: Iterable[str], when: str, because: str) -> RunSQL:
    """Guard some columns: refuse an UPDATE that sets one of the columns `of` so that `when` holds.

    `when` is SQL over OLD and NEW; it is not even looked at where a statement sets none of the columns.
    """
    return _guards([(table, name, f"UPDATE OF {', '.join(of)}", f"WHEN ({when})", because)])


def differ(*columns: str) -> str:
    """SQL for: at least one of these columns gets another value."""
    return " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns)


def refused_operations() -> dict[str, frozenset[str]]:
    """Per evidence table of schema public, what its triggers refuse altogether: {"UPDATE", "DELETE"} or less.

    A guard of some columns only does not count: the operation as such is allowed there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relname, bit_or(tgtype::int) FROM pg_trigger
            JOIN pg_class ON pg_class.oid = tgrelid
            WHERE tgfoid IN (to_regproc('public.refuse_change'), to_regproc('public.refuse_fact_change'))
              AND relnamespace = 'public'::regnamespace
              AND tgqual IS NULL AND tgattr = '' AND tgtype & %s = %s AND tgenabled <> 'D'
            GROUP BY relname
            """,
            [_BEFORE, _BEFORE],
        )
        return {
            table: frozenset(name for name, bit in (("UPDATE", _UPDATE), ("DELETE", _DELETE)) if kinds & bit)
            for table, kinds in cursor.fetchall()
        }


def _guards(guards: Iterable[tuple[str, str, str, str, str]]) -> RunSQL:
    create, drop = [], []
    for table, name, events, condition, because in guards:
        reason = because.replace("'", "''")
        create.append(
            f"CREATE TRIGGER {name} BEFORE {events} ON {table} "
            f"FOR EACH ROW {condition} EXECUTE FUNCTION refuse_change('{reason}')"
        )
        drop.append(f"DROP TRIGGER {name} ON {table}")
    return RunSQL(tuple(create), tuple(drop))
