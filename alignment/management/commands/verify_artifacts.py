"""Verify everything that was ever signed: rows against the chain, and the chain against what witnesses have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from alignment.verification.database import Report, verify_database
from alignment.verification.verify import witnessed


class Command(BaseCommand):
    help = (
        "Verifies all signed documents, their signatures and PDFs, and the chain that records them. With a head that "
        "was mailed to a witness it finds every change up to that, even one made with the server's key. Exit code 1 if "
        "anything is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head",
            action="append",
            default=[],
            metavar="FILE|SEQUENCE:DIGEST",
            help="A head from a witness's mail: its attachment, or the two values. May be given several times.",
        )
        parser.add_argument("--json", action="store_true", help="Write the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        heads = [_read(given) for given in options["head"]]
        is_outermost = not connection.in_atomic_block
        with transaction.atomic(), connection.cursor() as cursor:
            if is_outermost:  # one view of the database, whatever is signed meanwhile
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            report = verify_database(heads=heads)
        self.stdout.write(json.dumps(report.to_json(), indent=1) if options["json"] else _said(report))
        if report.findings:
            raise SystemExit(1)


def _read(given: str) -> str:
    """The text of a head; a wrong one is refused before anything is looked at."""
    try:
        text = Path(given).read_text("utf-8") if Path(given).is_file() else given
        witnessed(text)
    except (OSError, LookupError, TypeError, ValueError, AttributeError):
        raise CommandError(
            f"“{given[:60]}” is no head: give the file attached to a witness's mail, or SEQUENCE:DIGEST as in its text."
        ) from None
    return text


def _said(report: Report) -> str:
    lines = [f"{finding.where}: {finding.message}" for finding in report.findings]
    lines.append(
        f"{_count(report.versions, 'version')}, {_count(report.entries, 'entry', 'entries')} of the chain and "
        f"{_count(report.heads, 'head')} verified: "
        + (f"{_count(len(lines), 'finding')}." if lines else "everything fits together.")
    )
    if not report.witnessed:
        lines.append(
            "No head from outside was given: a chain written anew with the server's key would not be noticed. "
            "Give one with --head."
        )
    else:
        lines.append(
            f"Witnessed up to entry {report.witnessed}. Unwitnessed: "
            f"{_count(report.unwitnessed, 'later entry', 'later entries')}, and whatever came after it and was cut off "
            "again."
        )
    return "\n".join(lines)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
