"""Make a new installation ready: defaults, and on demand the first login. Run it as often as you like."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from datetime import datetime
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from alignment.holidays import UnknownCountry
from alignment.models import User
from dashboard.services.first_defaults import add_administrator, add_defaults

PASSWORD_VARIABLE = "ALIGNMENT_ADMIN_PASSWORD"  # noqa: S105 - its name, not its value


class Command(BaseCommand):
    help = (
        "Adds what a new installation lacks: organisation, calendar, agreement, pool; with --admin a login."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--zone", default="UTC", help="IANA time zone such as Europe/Berlin (default: UTC)"
        )
        parser.add_argument("--country", help="whose public holidays the calendar closes on: DE, US-CA")
        parser.add_argument(
            "--admin",
            metavar="EMAIL",
            help=f"make a RevOps login; its password is asked for, or read from {PASSWORD_VARIABLE}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            added = add_defaults(zone=options["zone"], country=options["country"], at=now)
        except (ValidationError, UnknownCountry) as problem:
            raise CommandError(_sentences(problem)) from problem
        for line in added or ["nothing: everything is there already"]:
            self.stdout.write(f"Added {line}")
        if options["admin"]:
            self._add_administrator(options["admin"].strip(), at=now)

    def _add_administrator(self, email: str, *, at: datetime) -> None:
        if User.objects.filter(email__iexact=email).exists():
            self.stdout.write(f"There is a login for {email} already; it was left as it is.")
            return
        try:
            user = add_administrator(email=email, password=self._password(), at=at)
        except ValidationError as problem:
            raise CommandError(_sentences(problem)) from problem
        self.stdout.write(f"Added login {user.email} (RevOps)")

    def _password(self) -> str:
        given = os.environ.get(PASSWORD_VARIABLE)
        if given:
            return given
        if not sys.stdin.isatty():
            raise CommandError(
                f"Put the password of the new login into {PASSWORD_VARIABLE}, or run in a terminal."
            )
        first = getpass("Password of the new login (at least 12 characters): ")
        if first != getpass("Once more: "):
            raise CommandError("The two passwords differ; nothing was made.")
        return first


def _sentences(problem: Exception) -> str:
    return " ".join(problem.messages) if isinstance(problem, ValidationError) else str(problem)
