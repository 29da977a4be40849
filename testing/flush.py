"""Emptying the database after a test that committed, by deleting the rows that there are.

Django truncates every table and then makes all content types and permissions anew: a second for each such test,
however few rows it wrote.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

UNCHANGED = {"django_content_type", "auth_permission"}
"""Tables that follow from the models; no test changes them."""


def delete_rows(*_: Any) -> None:
    """Delete every row of every model's table. Acts as a superuser: guards and references are out of force
    meanwhile."""
    quoted = [
        connection.ops.quote_name(table)
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False)
        if table not in UNCHANGED
    ]
    found = " UNION ALL ".join(
        f"SELECT {number} WHERE EXISTS (SELECT FROM {table})"  # noqa: S608 - names of our own tables
        for number, table in enumerate(quoted)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(found)
        filled = [quoted[number] for (number,) in cursor.fetchall()]
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in filled:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
