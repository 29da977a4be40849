"""Fixtures for journeys: the whole site, served as the application's database role, at a time that tests move on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import ProgrammingError, connection
from django.db.backends.signals import connection_created
from django.utils import timezone
from psycopg2.errors import InsufficientPrivilege

import alignment.tasks
import sla.tasks
from testing.browser import Visitors, chromium
from testing.world import NOW

REWRITE_EVIDENCE = "UPDATE alignment_fact SET external_id = external_id WHERE false"


def may_rewrite_evidence() -> bool:
    """Whether this thread's database role may change rows of evidence."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(REWRITE_EVIDENCE)
        except ProgrammingError as refusal:
            assert isinstance(refusal.__cause__, InsufficientPrivilege), refusal
            return False
    return True


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

    visitors: Visitors
    travel: time_machine.Coordinates

    def wait(self, length: timedelta) -> None:
        """Let time pass on the server and on every device; then the clockwork does its round."""
        self.travel.shift(length)
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


@pytest.fixture
def journey(site: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journey]:
    """Begins at `testing.world.NOW`, with nobody there yet; at its end nobody may have seen a fault."""
    # the browser's driver runs an event loop in this thread; the database is still used by one thread at a time
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with time_machine.travel(NOW, tick=True) as travel:
        with chromium() as browser:
            visitors = Visitors(browser, site, timezone.now)
            yield Journey(visitors, travel)
            visitors.leave()
            connection.close()  # beside a running event loop Django opens a connection of its own
        faults = [fault for visitor in visitors.everyone for fault in visitor.faults]
        assert faults == []
