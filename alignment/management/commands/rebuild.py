"""Fold every record again from the ledger: accounts to opportunities, leads, cycles, owners and clocks."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from alignment.models import Fact
from alignment.pipeline import refold
from alignment.pipeline.naming import name_again
from alignment.services.merges import restore_merges
from alignment.services.who_is_who import compare_leads

CHUNK = 500


class Command(BaseCommand):
    help = (
        "Fold every record again from the ledger of facts. State is a function of the ledger, so this changes nothing "
        "unless rules or calendars changed or rows were damaged; stamped breaches are never rewritten."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", default="rebuilt from the ledger", help="Goes to the audit rows.")

    def handle(self, *args: Any, **options: Any) -> None:
        restore_merges()
        found = Fact.objects.order_by("source_id", "subject", "external_id")
        subjects = list(found.values_list("source_id", "subject", "external_id").distinct())
        for start in range(0, len(subjects), CHUNK):
            chunk = subjects[start : start + CHUNK]
            with transaction.atomic():
                refold(set(chunk), at=timezone.now(), reason=options["reason"])
            self.stdout.write(f"{start + len(chunk)} of {len(subjects)} records folded")
        with transaction.atomic():
            name_again()
        compare_leads(at=timezone.now())
        self.stdout.write(self.style.SUCCESS("Done."))
