"""A planner that believes a table empty must not make an import crawl."""

from __future__ import annotations

import io

import pytest
from django.db import connection
from django.utils import timezone

from alignment.models import Lead, Source
from alignment.services.import_run import run_import
from alignment.services.imports import start_import

pytestmark = pytest.mark.django_db
FILE = "Id,Email,Web\n" + "".join(f"L{n},p{n}@c{n}.example,c{n}.example\n" for n in range(400))
MAPPING = {"object": "lead", "columns": {"external_id": "Id", "email": "Email"}}


def believed(table: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        return float(cursor.fetchone()[0])


def test_tables_counted_while_they_were_empty_are_counted_again_by_the_import(
    application_role: str,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE alignment_fact, alignment_lead, alignment_touch")
    assert believed("alignment_lead") == 0
    source = Source.objects.create(key="crm", name="CRM", kind="generic")
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{application_role}"')
    row = start_import(
        file=io.BytesIO(FILE.encode()), file_name="l.csv", source=source, mapping=MAPPING, by=None, at=now
    )
    run_import(row, now=lambda: now)
    assert Lead.objects.count() == 400
    assert believed("alignment_lead") == 400
    assert believed("alignment_fact") == 400


def test_names_of_other_tables_are_passed_over(as_application_role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count_tables(ARRAY['pg_authid', 'auth_group', 'alignment_lead; DROP TABLE x'])"
        )
