"""`manage.py demo` adds the demo company; `manage.py demo stream` sends it live events."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from dashboard.demo import company, history, people


class Command(BaseCommand):
    help = "Adds the demo company with five weeks of history (once), or streams live events to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", nargs="?", choices=["add", "stream"], default="add")
        parser.add_argument("--days", type=int, default=history.DAYS, help="add: days of history")

    def handle(self, *args: Any, **options: Any) -> None:
        self._add(options["days"])

    def _add(self, days: int) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo's password is public; it is not added to a production installation.")
        if company.is_present():
            self.stdout.write("The demo company is there already; nothing was changed.")
        else:
            began, now = time.monotonic(), timezone.now()
            self.stdout.write(f"Adding {company.NAME}: {days} days of history")
            try:
                with transaction.atomic():
                    made = company.set_up(at=now - company.IN_FORCE_FOR)
                    told = history.tell(made, at=now, days=days, say=self.stdout.write)
            except company.OtherDataPresent as problem:
                raise CommandError(str(problem)) from problem
            self.stdout.write(
                f"Added {told.mqls} MQLs from {told.deliveries} deliveries in {time.monotonic() - began:.1f} s."
            )
        self._print_logins()

    def _print_logins(self) -> None:
        self.stdout.write(f"\nDemo logins (password of all: {people.PASSWORD})")
        for role, name, title, email in people.logins():
            self.stdout.write(f"  {role:<14} {email:<34} {name}, {title}")
