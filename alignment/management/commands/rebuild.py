"""Fold every lead again from the ledger: records, cycles, owners and clocks."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from alignment.models import Lead
from alignment.pipeline import refold_leads

CHUNK = 500


class Command(BaseCommand):
    help = (
        "Fold every lead again from the ledger of facts. State is a function of the ledger, so this changes nothing "
        "unless rules, mapping or calendars changed; stamped breaches are never rewritten."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="rebuilt from the ledger", help="Goes to the audit rows.")

    def handle(self, *args: Any, **options: Any) -> None:
        last, done = 0, 0
        while True:
            with transaction.atomic():
                rows = list(
                    Lead.objects.filter(pk__gt=last).order_by("pk")
                    .values_list("pk", "source_id", "external_id")[:CHUNK]
                )  # fmt: skip
                if not rows:
                    break
                keys = {(source, external_id) for _, source, external_id in rows}
                refold_leads(keys, at=timezone.now(), reason=options["reason"])
            last, done = rows[-1][0], done + len(rows)
            self.stdout.write(f"{done} leads folded")
        self.stdout.write(self.style.SUCCESS("Done."))
