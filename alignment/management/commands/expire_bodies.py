"""Empty raw content that is older than the organisation keeps it: what the worker does once a day."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from alignment.models import Organisation
from alignment.services.retention import due_now, expire_bodies


class Command(BaseCommand):
    help = "Empties raw bodies that are older than Settings say; digests, lengths and what was made of them stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be emptied.")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        if options["dry_run"]:
            months = Organisation.get().body_months
            found = [(name, *amount) for name, amount in due_now(months=months, at=at)]
        else:
            found = [(run.part, run.rows, run.size) for run in expire_bodies(at=at)]
        for name, rows, size in found:
            said = f"{rows} ({filesizeformat(size)})".replace("\xa0", " ")
            self.stdout.write(f"{name}: {said} {'would be' if options['dry_run'] else 'were'} emptied")
