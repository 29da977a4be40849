"""`manage.py demo` adds the demo company; `manage.py demo stream` sends live events to the running server."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from alignment.services.calendars import CalendarExists
from dashboard.demo import company, history, people, stream
from dashboard.demo.past import bring_in, season
from dashboard.demo.past.files import export
from dashboard.demo.past.story import tell_past
from dashboard.demo.program import story


class Command(BaseCommand):
    help = (
        "Adds the demo company, with four quarters of imported history, five weeks of live events and a program in the "
        "middle of its life, and prints its logins; does nothing where it is there already. `demo stream` sends signed "
        "live events to the running server until Ctrl-C. `--files DIR` writes the files of the imported history with "
        "their mappings, and nothing else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", nargs="?", choices=["add", "stream"], default="add")
        parser.add_argument(
            "--days",
            type=_positive,
            default=history.DAYS,
            help="add: days of live history (default: %(default)s)",
        )
        parser.add_argument(
            "--quarters",
            type=_whole,
            default=season.QUARTERS,
            help="add: full quarters imported before them, 0 for none (default: %(default)s)",
        )
        parser.add_argument(
            "--files",
            type=Path,
            metavar="DIR",
            help="write the history as export files with their mappings to this folder, to import them by hand",
        )
        parser.add_argument(
            "--url", default=settings.BASE_URL, help="stream: where the server runs (default: %(default)s)"
        )
        parser.add_argument(
            "--rate", type=_positive, default=12, metavar="N", help="stream: events a minute (default: 12)"
        )
        parser.add_argument("--count", type=_positive, metavar="N", help="stream: stop after so many events")
        parser.add_argument(
            "--source", default=company.CRM, metavar="KEY", help="stream: who sends (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "stream":
            self._stream(options["source"], options["url"], options["rate"], options["count"])
        elif options["files"]:
            self._write(options["files"], options["quarters"])
        else:
            self._add(options["days"], options["quarters"])

    def _write(self, folder: Path, quarters: int) -> None:
        """The same files as were imported here, where the demo company is; else up to now."""
        told = tell_past(until=bring_in.exported_at() or timezone.now(), quarters=quarters)
        try:
            paths = bring_in.write_files(export(told), folder)
        except OSError as problem:
            raise CommandError(f"{folder}: {problem.strerror}.") from problem
        self.stdout.write(
            f"Wrote, each with its mapping beside it, as of {told.past.until:%Y-%m-%d %H:%M} UTC:"
        )
        for path in paths:
            self.stdout.write(f"  {path}")

    def _add(self, days: int, quarters: int) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo's password is public; the demo company is not added to a production installation."
            )
        if not self._add_what_is_missing(days, quarters):
            self.stdout.write("The demo company is there already; nothing was changed.")
        self.stdout.write(f"\nDemo logins (one password for all: {people.PASSWORD})")
        for role, name, title, email in people.logins():
            self.stdout.write(f"  {role:<14} {email:<33} {name}, {title}")

    def _add_what_is_missing(self, days: int, quarters: int) -> bool:
        """Company and past, then the program that ended with a signed SLA, the live weeks that ran on it, and the
        program that is under way. Each is told once: what was interrupted goes on with the next. False: nothing was
        missing."""
        now = timezone.now()
        is_changed = False
        if not company.is_present():
            self._add_company(now, days, quarters)
            is_changed = True
        if not history.is_told():
            if quarters >= season.QUARTERS and not story.is_told(
                times=1
            ):  # a diagnosis looks at four of them
                story.tell_first(at=now)
            self._add_live_weeks(now, days, quarters)
            is_changed = True
        if story.is_told(times=1) and not story.is_told(times=2):
            self._add_second_program(now)
            is_changed = True
        return is_changed

    def _add_company(self, now: datetime, days: int, quarters: int) -> None:
        self._say(f"{company.NAME}: {quarters} quarters of imported history, {days} days of live events")
        try:
            with transaction.atomic():  # half a company would be in the way of the next try
                made = company.set_up(at=now - company.IN_FORCE_FOR)
                if quarters:
                    self._bring_in(made, now - timedelta(days=days), quarters)
        except (company.OtherDataPresent, CalendarExists) as problem:
            raise CommandError(str(problem)) from problem

    def _add_live_weeks(self, now: datetime, days: int, quarters: int) -> None:
        began, until = time.monotonic(), bring_in.exported_at()
        past = tell_past(until=until, quarters=quarters) if until else None
        with transaction.atomic():
            told = history.tell(company.found(), at=now, days=days, past=past, say=self._say)
        self.stdout.write(
            f"Added {told.mqls} live MQLs out of {told.deliveries} deliveries in {time.monotonic() - began:.1f} s."
        )

    def _add_second_program(self, now: datetime) -> None:
        began = time.monotonic()
        told = story.tell_second(at=now)
        self.stdout.write(
            f"Told {told.programs} programs: {told.signed} documents are in force, one waits for a signature; "
            f"{time.monotonic() - began:.1f} s."
        )

    def _bring_in(self, made: company.Company, until: datetime, quarters: int) -> None:
        began = time.monotonic()
        told = tell_past(until=until, quarters=quarters)
        done = bring_in.import_past(export(told), source=made.crm.source, at=told.past.until)
        rows, seconds = sum(each.rows for each in done), time.monotonic() - began
        self._say(f"  imported {rows} rows up to {until:%d %b} in {seconds:.1f} s")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _stream(self, source: str, url: str, rate: int, count: int | None) -> None:
        sent = 0
        try:
            endpoint, secret = stream.find_endpoint(source, at=timezone.now())
            live = stream.Stream(endpoint, secret, stream.over_http(url), rng=Random())  # noqa: S311
            self._say(f"Sending {rate} events a minute from “{endpoint.source}” to {url}; Ctrl-C stops it.")
            while count is None or sent < count:
                if sent:
                    time.sleep(60 / rate)
                now = timezone.now()
                self._say(f"{timezone.localtime(now):%H:%M:%S}  {live.step(at=now)}")
                sent += 1
        except KeyboardInterrupt:
            self.stdout.write("")
        except (stream.NoSuchEndpoint, stream.ServerNotReachable, stream.ServerRefused) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"Sent {sent} events.")


def _whole(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 20:
        raise ArgumentTypeError(f"{text} is not a whole number from 0 to 20")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 100_000:
        raise ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)
