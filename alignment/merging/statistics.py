"""What the planner believes of the tables that an import fills.

A table that was counted while it was empty, as after a trial run, passes for empty however much it holds: joins then
read it over and over. Once it has been counted with rows in it, the planner scales with its size by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

FILLED = (
    "alignment_fact", "alignment_lead", "alignment_touch", "alignment_opportunity", "alignment_opportunitystage",
    "alignment_mqlcycle", "alignment_account", "alignment_personidentity", "alignment_duplicatepair",
)  # fmt: skip


def count_tables(tables: Sequence[str] = FILLED) -> None:
    """Count them now, whoever owns them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count_tables(%s)", [list(tables)])


def count_if_believed_empty(rows: int, tables: Sequence[str] = FILLED) -> None:
    """Count those of which the planner believes that they hold less than what a chunk of `rows` has just put in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s) "
            "AND reltuples < %s / 2",
            [list(tables), rows],
        )
        found = [name for (name,) in cursor.fetchall()]
    if rows and found:
        count_tables(found)
