"""Import of history against raw COPY and bulk_create: `python3 run.py benchmark import_history`.

A file of leads with 12 columns becomes, through the product's import with all its checks, facts, leads, the touches of
their origin and MQL cycles. The very same rows then go into fresh copies of these tables, with the same indexes,
constraints and generated columns, by COPY (text format, made beforehand) and by bulk_create(1000, update_conflicts),
in alternating rounds on one scratch database. Last the same file is imported again, and a fresh export of it in which
nothing has changed: its rows bear no date, so each states anew what it says, as of the new time.

The ratios are the figures to watch (targets: at least 0.35 × COPY and 3 × bulk_create; the same file again at least
0.5 × COPY); rates depend on the machine. `--leads` and `--touches` set the size; memory is that of the whole process at
its peak, which must not grow with the file.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from benchmarks.scratch import scratch_database

if TYPE_CHECKING:
    from django.db import models

    from alignment.models import Import, Source

LEADS: dict[str, Any] = {
    "object": "lead",
    "columns": {
        "external_id": "Lead ID", "email": "Email", "first_name": "First Name", "last_name": "Last Name",
        "company": "Company", "country": "Country", "segment": "Segment", "channel": "Lead Source", "score": "Score",
        "owner": "Owner", "created_at": "Created Date", "mql_at": "MQL Date",
    },
}  # fmt: skip
TOUCHES: dict[str, Any] = {
    "object": "touch",
    "columns": {
        "external_id": "Id",
        "lead": "Lead",
        "channel": "Type",
        "touched_at": "Date",
        "is_attempt": "Attempt",
    },
}
TABLES = ("fact", "lead", "touch", "mqlcycle")
START = datetime(2024, 1, 1, tzinfo=UTC)
KEY = ["source", "external_id"]
BATCH = 1000


def lead_lines(count: int) -> Iterator[str]:
    rng = random.Random(1)
    yield ",".join(LEADS["columns"].values()) + "\n"
    for n in range(count):
        created = START + timedelta(seconds=rng.randrange(50_000_000))
        crossed = created + timedelta(seconds=rng.randrange(5_000_000))
        key = f"00Q{rng.randrange(10**14):015d}"
        person = f"p{n}@company{n % 5003}.com,First{n % 997},Last{n % 7919}"
        rest = f"Company {n % 5003},DE,smb,webinar,{n % 100},rep{n % 50}@example.com"
        yield f"{key},{person},{rest},{created.isoformat()},{crossed.isoformat()}\n"


def touch_lines(count: int, leads: int) -> Iterator[str]:
    """Touches of the same leads, in the order of time and not of leads."""
    rng = random.Random(1)
    keys = []
    for _ in range(leads):
        rng.randrange(50_000_000)
        rng.randrange(5_000_000)
        keys.append(rng.randrange(10**14))
    yield ",".join(TOUCHES["columns"].values()) + "\n"
    for n in range(count):
        at = START + timedelta(seconds=20 * n)
        is_attempt = "true" if n % 3 == 0 else "false"
        yield f"t{n},00Q{rng.choice(keys):015d},{'call' if n % 3 == 0 else 'webinar'},{at.isoformat()},{is_attempt}\n"


def file_of(lines: Iterator[str]) -> BinaryIO:
    """On disk, so that the file's size is no part of the memory measured."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the benchmark
    for line in lines:
        file.write(line.encode())
    file.seek(0)
    return file


def bring_in(
    source: Source, file: BinaryIO, mapping: dict[str, Any], *, is_new_export: bool = False
) -> Import:
    """Import the file; its `seconds` include the keeping of it."""
    from django.utils import timezone

    from alignment.services.import_run import run_import
    from alignment.services.imports import start_import

    started = time.perf_counter()
    at = timezone.now()
    found = start_import(
        file=file, file_name="bench.csv", source=source, mapping=mapping, as_of=at if is_new_export else None,
        by=None, at=at,
    )  # fmt: skip
    row = run_import(found, now=timezone.now)
    row.seconds = time.perf_counter() - started
    return row


def copied_rows(table: str) -> tuple[list[str], io.BytesIO]:
    """The columns of a table that are written, and its rows as text for COPY."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s "
            "AND is_generated = 'NEVER' ORDER BY ordinal_position",
            [f"alignment_{table}"],
        )
        columns = [name for (name,) in cursor.fetchall()]
        out = io.BytesIO()
        listed = ", ".join(f'"{name}"' for name in columns)
        cursor.copy_expert(f"COPY (SELECT {listed} FROM alignment_{table} ORDER BY id) TO STDOUT", out)  # noqa: S608
    return columns, out


def empty_tables() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(f'alignment_{table}' for table in TABLES)} CASCADE")


def time_copy(rows: dict[str, tuple[list[str], io.BytesIO]]) -> float:
    """Seconds for all rows, one transaction a table; constraints are checked as everywhere."""
    from django.db import connection, transaction

    started = time.perf_counter()
    with transaction.atomic():
        for table, (columns, body) in rows.items():
            body.seek(0)
            listed = ", ".join(f'"{name}"' for name in columns)
            with connection.cursor() as cursor:
                cursor.copy_expert(f"COPY alignment_{table} ({listed}) FROM STDIN", body, 1 << 16)
    return time.perf_counter() - started


def time_bulk_create(kept: list[tuple[type[models.Model], list[dict[str, Any]]]]) -> float:
    """Seconds for these values as objects, a thousand a statement, as an upsert of the natural key.

    Facts are only ever added, and the key of cycles is checked at the end: no upsert there.
    """
    from django.db import transaction

    started = time.perf_counter()
    with transaction.atomic():
        for model, rows in kept:
            objects = [model(**values) for values in rows]
            names = [
                field.name for field in model._meta.concrete_fields
                if not field.generated and not field.primary_key and field.name not in KEY
            ]  # fmt: skip
            if model.__name__ in ("Lead", "Touch"):
                model._default_manager.bulk_create(
                    objects, batch_size=BATCH, update_conflicts=True, unique_fields=KEY, update_fields=names
                )
            else:
                model._default_manager.bulk_create(
                    objects, batch_size=BATCH, ignore_conflicts=model.__name__ == "Fact"
                )
    return time.perf_counter() - started


def orm_rows(leads: int) -> list[tuple[type[models.Model], list[dict[str, Any]]]]:
    """The values of the rows of the first leads, in the order in which they can be written."""
    from alignment.models import Fact, Lead, MqlCycle, Touch

    chosen = list(Lead.objects.order_by("pk").values_list("pk", "external_id")[:leads])
    pks = [pk for pk, _ in chosen]
    touches = Touch.objects.filter(lead__in=pks).order_by("pk")
    names = [key for _, key in chosen] + list(touches.values_list("external_id", flat=True))
    found = [
        (Fact, Fact.objects.filter(external_id__in=names)),
        (Lead, Lead.objects.filter(pk__in=pks)),
        (Touch, touches),
        (MqlCycle, MqlCycle.objects.filter(lead__in=pks)),
    ]
    return [
        (
            model,
            list(
                rows.order_by("pk").values(
                    *(field.attname for field in model._meta.concrete_fields if not field.generated)
                )
            ),
        )
        for model, rows in found
    ]


def require_whole(row: Import, rows: int) -> None:
    if (row.state, row.rows, row.rejected) != ("done", rows, 0):
        raise SystemExit(f"{row.rows} rows, {row.rejected} rejected: {row.error}")


def peak_memory() -> int:
    """MiB of this process at its peak so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(leads: int, touches: int, rounds: int) -> None:
    from alignment.models import Import, Source

    source = Source.objects.create(key="bench", name="Bench", kind="standard")
    file = file_of(lead_lines(leads))
    bring_in(source, file_of(lead_lines(100)), LEADS)  # plans and caches
    ours, copies, orm = [], [], []
    few = min(leads, 20_000)
    for n in range(rounds):
        empty_tables()
        Import.objects.all().delete()
        row = bring_in(source, file, LEADS)
        require_whole(row, leads)
        ours.append(leads / row.seconds)
        if n == 0:
            rows = {table: copied_rows(table) for table in TABLES}
            objects = orm_rows(few)
        empty_tables()
        copies.append(leads / time_copy(rows))
        empty_tables()
        orm.append(few / time_bulk_create(objects))
        print(
            f"round {n + 1}: import {ours[-1]:,.0f}  COPY {copies[-1]:,.0f}  bulk_create {orm[-1]:,.0f}",
            flush=True,
        )
    del rows, objects
    empty_tables()
    Import.objects.all().delete()
    bring_in(source, file, LEADS)
    again = bring_in(source, file, LEADS)
    unchanged = bring_in(source, file, LEADS, is_new_export=True)
    if (
        again.facts_new
        or unchanged.counts.keys() != {"lead", "touch"}
        or any(not set(found) <= {"unchanged", "known"} for found in unchanged.counts.values())
    ):
        raise SystemExit("what was known already changed records, or became facts again")
    copy = statistics.median(copies)
    told = [("import", statistics.median(ours)), ("COPY of the same rows", copy)]
    told += [("bulk_create(1000, update_conflicts)", statistics.median(orm))]
    told += [
        ("the same file again", leads / again.seconds),
        ("a new export, no record changes", leads / unchanged.seconds),
    ]
    print(f"\n{leads:,} leads of 12 columns; median of {rounds} rounds\n{'':38}leads/s   x COPY")
    for name, rate in told:
        print(f"{name:36}{rate:9,.0f}{rate / copy:9.2f}")
    print(f"import / bulk_create: {told[0][1] / told[2][1]:.1f}")
    if touches:
        row = bring_in(source, file_of(touch_lines(touches, leads)), TOUCHES)
        require_whole(row, touches)
        print(f"{touches:,} touches of these leads: {touches / row.seconds:,.0f} a second")


def measure_memory(leads: int, touches: int) -> None:
    from alignment.models import Source

    source = Source.objects.create(key="bench", name="Bench", kind="standard")
    print(f"peak memory before: {peak_memory()} MiB")
    for part in (leads // 10, leads):
        row = bring_in(source, file_of(lead_lines(part)), LEADS)
        print(
            f"{part:,} leads: {part / row.seconds:,.0f} a second, peak memory {peak_memory()} MiB", flush=True
        )
    for part in (touches // 10, touches):
        if part:
            row = bring_in(source, file_of(touch_lines(part, leads)), TOUCHES)
            print(
                f"{part:,} touches: {part / row.seconds:,.0f} a second, peak memory {peak_memory()} MiB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="import_history")
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--touches", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory", action="store_true", help="Only rates and memory at a tenth and at full size."
    )
    options = parser.parse_args()
    with scratch_database():
        if options.memory:
            measure_memory(options.leads, options.touches)
        else:
            measure(options.leads, options.touches, options.rounds)


if __name__ == "__main__":
    main()
