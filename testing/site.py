"""Fixtures for journeys: the whole site, served as the application's database role, at a time that tests move on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest
import time_machine
from django.db import ProgrammingError, connection
from django.db.backends.signals import connection_created
from django.utils import timezone
from psycopg2.errors import InsufficientPrivilege

import alignment.tasks
import sla.tasks
from alignment.models import Scheme, Source
from alignment.services.sources import add_endpoint
from alignment.tests.senders import standard_headers
from testing.browser import Visitors, chromium
from testing.world import NOW

REWRITE_EVIDENCE = "UPDATE alignment_fact SET external_id = external_id WHERE false"


def may_rewrite_evidence() -> bool:
    """Whether this thread's database role may change rows of evidence."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(REWRITE_EVIDENCE)
        except ProgrammingError as refusal:
            if isinstance(refusal.__cause__, InsufficientPrivilege):
                return False
            raise
    return True


@dataclass(frozen=True)
class Sender:
    """What sends to one address of the site, signing as Standard Webhooks say."""

    address: str
    secret: str

    def send(self, said: dict[str, Any]) -> int:
        """Deliver an event over HTTP; the status of the answer."""
        body = json.dumps(said).encode()
        headers = standard_headers(self.secret, said["id"], timezone.now(), body)
        request = Request(self.address, body, {"Content-Type": "application/json", **headers})  # noqa: S310
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)


@pytest.fixture
def site(as_application_role: str, live_server: Any, settings: Any, monkeypatch: Any) -> Iterator[str]:
    """Address of the served site. Each connection that its threads open proves that evidence is closed to it."""
    settings.BASE_URL = live_server.url
    # the server's threads keep no connection that would outlive the test's database or its role
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    found: list[bool] = []

    def prove(**_: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            found.append(may_rewrite_evidence())

    connection_created.connect(prove)
    yield live_server.url
    connection_created.disconnect(prove)
    assert found and not any(found), "the site was not served as the application's role"


@dataclass
class Journey:
    """Several people at their devices on one site, at one time, which passes for all of them together."""

    url: str
    visitors: Visitors
    travel: time_machine.Traveller

    def connect(self, source: Source) -> Sender:
        """A sender to a source that is there already."""
        made = add_endpoint(source=source, scheme=Scheme.STANDARD_WEBHOOKS, by=None, at=timezone.now())
        return Sender(self.url + made.endpoint.path, made.secret)

    def wait(self, length: timedelta) -> None:
        """Let time pass on the server and on every device; then the worker does its round."""
        self.travel.shift(length)
        set_clock_of_database()
        self.tick()
        self.visitors.let_pass(length.total_seconds())

    def tick(self) -> None:
        """One round of what the worker does on its timetable."""
        alignment.tasks.drain()
        sla.tasks.mark_breached()
        sla.tasks.redate_clocks()
        sla.tasks.roll_up()

    def move_to(self, at: datetime) -> None:
        """Before anybody has come: begin at another time."""
        assert not self.visitors.everyone
        self.travel.move_to(at)
        set_clock_of_database()


def set_clock_of_database(*, is_right: bool = False) -> None:
    """Let the database stamp deliveries by this process's clock, which tests move, or by its own again."""
    ahead = 0.0 if is_right else time.time() - time_machine.escape_hatch.time.time()
    default = f"statement_timestamp() + interval '{ahead:.3f} seconds'" if ahead else "statement_timestamp()"
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute(f"ALTER TABLE alignment_delivery ALTER received_at SET DEFAULT {default}")
        cursor.execute("RESET ROLE")


@pytest.fixture
def journey(site: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journey]:
    """Begins at `testing.world.NOW`, with nobody there yet; at its end nobody may have seen a fault."""
    # the browser's driver runs an event loop in this thread; the database is still used by one thread at a time
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with time_machine.travel(NOW, tick=True) as travel:
        with chromium() as browser:
            visitors = Visitors(browser, site, timezone.now)
            set_clock_of_database()
            yield Journey(site, visitors, travel)
            set_clock_of_database(is_right=True)
            visitors.leave()
            connection.close()  # beside a running event loop Django opens a connection of its own
        faults = [fault for visitor in visitors.everyone for fault in visitor.faults]
        assert faults == []
