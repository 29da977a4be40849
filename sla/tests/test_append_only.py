"""What clocks found cannot be rewritten: a stamped breach stays, whatever later facts say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from alignment.models import MqlCycle
from alignment.tests.test_append_only import NOON, cycle, fact, refused, source  # noqa: F401 - fixtures
from sla.models import Agreement, Breach, Clock, ClockCorrection, ClockKind, ClockRedating, Outcome


@pytest.fixture
def agreement(db: None) -> Agreement:
    return Agreement.objects.create(number=1, terms={}, in_force_from=NOON, entered_at=NOON)


@pytest.fixture
def clock(cycle: MqlCycle, agreement: Agreement) -> Clock:  # noqa: F811
    return Clock.objects.create(
        cycle=cycle,
        kind=ClockKind.ASSIGN,
        started_at=NOON,
        due_at=NOON + timedelta(minutes=5),
        warn_at=NOON + timedelta(minutes=4),
        budget_seconds=300,
        agreement=agreement,
        tzdata="2026.6",
    )


@pytest.fixture
def breached(clock: Clock) -> Clock:
    clock.breached_at = clock.due_at
    clock.settled_at = clock.due_at
    clock.outcome = Outcome.MISSED
    clock.save()
    return clock


def test_a_running_clock_gets_another_due_time(clock: Clock) -> None:
    later = clock.due_at + timedelta(hours=1)
    assert Clock.objects.filter(pk=clock.pk).update(due_at=later) == 1


def test_a_stamped_breach_keeps_its_time(breached: Clock) -> None:
    with refused("a stamped breach stays"):
        Clock.objects.filter(pk=breached.pk).update(
            breached_at=None, outcome=Outcome.MET, met_at=breached.started_at
        )
    later = breached.due_at + timedelta(hours=1)
    with refused("a stamped breach stays"):
        Clock.objects.filter(pk=breached.pk).update(breached_at=later, due_at=later)


def test_a_breached_clock_may_still_be_restated(breached: Clock) -> None:
    breached.outcome, breached.met_at = Outcome.RESTATED, breached.started_at
    breached.save()
    breached.refresh_from_db()
    assert breached.outcome == Outcome.RESTATED


def test_a_clock_is_never_deleted(clock: Clock) -> None:
    with refused("DELETE of sla_clock is refused"):
        clock.delete()


def test_an_agreement_is_neither_changed_nor_deleted(agreement: Agreement) -> None:
    with refused("UPDATE of sla_agreement is refused"):
        Agreement.objects.update(terms={"trigger": "none"})
    with refused("DELETE of sla_agreement is refused"):
        agreement.delete()


def test_what_is_written_about_clocks_only_grows(breached: Clock, agreement: Agreement) -> None:
    Breach.objects.create(clock=breached, breached_at=breached.due_at, stamped_at=NOON, agreement=agreement)
    ClockCorrection.objects.create(
        clock=breached, outcome=Outcome.RESTATED, due_at=breached.due_at, corrected_at=NOON
    )
    ClockRedating.objects.create(
        clock=breached, old_due_at=NOON, new_due_at=breached.due_at, reason="holiday", redated_at=NOON
    )
    for model, field in (
        (Breach, "stamped_at"),
        (ClockCorrection, "corrected_at"),
        (ClockRedating, "redated_at"),
    ):
        for change in (
            lambda rows, name=field: rows.update(**{name: NOON}),
            lambda rows: rows._raw_delete("default"),
        ):
            with (
                pytest.raises(IntegrityError, match="is refused: its rows are evidence"),
                transaction.atomic(),
            ):
                change(model.objects.all())
