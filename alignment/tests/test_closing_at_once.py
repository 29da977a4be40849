"""A program is closed while somebody sends or signs one of its documents: nothing waits for ever, nothing is undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from alignment.blockers import Blocked
from alignment.models import ArtifactVersion, Program, Role, VersionState
from alignment.services.artifacts import send
from alignment.services.programs import close_program
from alignment.tests.gate_conditions import LATER, NOW
from testing.artifacts import sign_all, user_with
from testing.programs import draft_of_sponsorship, open_one

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def program() -> Program:
    for role in (Role.CRO, Role.CMO):
        user_with(role)
    return open_one(NOW)


def close() -> None:
    close_program(program=Program.objects.get(), reason="Over", by=user_with(Role.REVOPS), at=LATER)


def holds_somebody_up() -> bool:
    """Whether another connection waits for a lock of this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def meanwhile(first: Callable[[], Any], second: Callable[[], Any]) -> list[Exception]:
    """Do the first; before it is committed begin the second, which has to wait for it. What the second raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            second()
        except Exception as problem:
            raised.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        until = time.monotonic() + 20
        while not holds_somebody_up():
            assert time.monotonic() < until, "the second did not wait for the first"
            time.sleep(0.02)
    thread.join(30)
    return raised


def test_what_is_being_sent_while_the_program_is_closed_is_withdrawn(program: Program) -> None:
    draft = draft_of_sponsorship(program, at=NOW)
    revops = user_with(Role.REVOPS)
    assert meanwhile(lambda: send(version=draft, by=revops, at=NOW), close) == []
    assert ArtifactVersion.objects.get().state == VersionState.WITHDRAWN
    assert Program.objects.get().closed_at == LATER


def test_what_is_sent_while_the_program_is_being_closed_is_refused(program: Program) -> None:
    draft = draft_of_sponsorship(program, at=NOW)
    revops = user_with(Role.REVOPS)
    [refusal] = meanwhile(close, lambda: send(version=draft, by=revops, at=NOW))
    assert isinstance(refusal, Blocked) and "belongs to no program that is open" in str(refusal)
    assert ArtifactVersion.objects.get().state == VersionState.DRAFT


def test_what_is_being_signed_by_all_while_the_program_is_closed_stays_signed(program: Program) -> None:
    sent = send(version=draft_of_sponsorship(program, at=NOW), by=user_with(Role.REVOPS), at=NOW)
    assert meanwhile(lambda: sign_all(sent, at=NOW), close) == []
    assert ArtifactVersion.objects.get().state == VersionState.IN_FORCE
    assert Program.objects.get().closed_at == LATER
