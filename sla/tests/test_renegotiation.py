"""Marketing's volume missed month after month: one case a run, shown at the pipeline target until it is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from alignment.business_time import Week
from alignment.models import Notification
from sla.models import ClauseKind, ClausePeriod, RenegotiationCase
from sla.queries.adherence.report import adherence
from sla.services import execute_consequences
from sla.services.renegotiation import CaseIsClosed, close_by_ruling
from testing.sla import amended, clauses, signed_sla
from testing.world import World, event, terms

SIGNED = datetime(2026, 8, 20, 9, 0, tzinfo=UTC)


def first_of(month: int, day: int = 4) -> datetime:
    """In that month of 2026 (13 is January), after the 72 hours in which late events of the month before come in."""
    year, number = divmod(month - 1, 12)
    return datetime(2026 + year, number + 1, day, 1, 0, tzinfo=UTC)


def delivered(world: World, month: int, count: int) -> None:
    at = first_of(month, 10)
    for number in range(count):
        world.send(event("lead.updated", f"M{month}-{number}", at, score=80), at=at)


@pytest.fixture
def promised(world: World) -> World:
    """Two MQLs a month are promised from September on."""
    marketing = clauses(at=SIGNED)["marketing"] | {"volumes": [{"segment": "", "mqls": 2}]}
    signed_sla(terms(world.calendar), at=SIGNED, marketing=marketing)
    return world


def months_missed(at: datetime) -> int:
    """As the adherence report says."""
    near = adherence(Week.of(at, "UTC").previous(), at=at).near
    assert near is not None
    return near.months_missed


def test_one_missed_month_opens_nothing_and_two_running_open_one_case(promised: World) -> None:
    execute_consequences(at=first_of(10))
    assert ClausePeriod.objects.get(kind=ClauseKind.VOLUME).is_missed
    assert not RenegotiationCase.objects.exists()
    delivered(promised, 10, 1)
    execute_consequences(at=first_of(11))
    case = RenegotiationCase.objects.get()
    assert case.is_open
    assert case.months == [
        {"month": "2026-09-01", "promised": 2, "delivered": 0},
        {"month": "2026-10-01", "promised": 2, "delivered": 1},
    ]
    told = Notification.objects.filter(kind="sla-renegotiation")
    assert {row.user.role for row in told} >= {"cro", "cmo"}
    count = told.count()
    execute_consequences(at=first_of(11))
    execute_consequences(at=first_of(12))  # a third missed month is the same run
    assert RenegotiationCase.objects.count() == 1
    assert told.count() == count


def test_a_kept_month_between_begins_the_count_anew(promised: World) -> None:
    delivered(promised, 10, 2)
    for month in (10, 11, 12):
        execute_consequences(at=first_of(month))
    found = ClausePeriod.objects.filter(kind=ClauseKind.VOLUME).values_list("is_missed", flat=True)
    assert list(found) == [True, False, True]
    assert not RenegotiationCase.objects.exists()


def test_months_that_are_judged_late_together_open_the_same_case(promised: World) -> None:
    execute_consequences(at=first_of(13))
    case = RenegotiationCase.objects.get()
    assert (str(case.first), str(case.last), len(case.months)) == ("2026-09-01", "2026-10-01", 2)


def test_a_month_is_judged_once_late_events_are_in_and_once_for_all(promised: World) -> None:
    execute_consequences(at=datetime(2026, 10, 3, 23, 59, tzinfo=UTC))
    assert not ClausePeriod.objects.filter(kind=ClauseKind.VOLUME).exists()
    crossed, told = datetime(2026, 9, 30, 12, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC)
    promised.send(
        *(event("lead.updated", f"N{n}", crossed, score=80) for n in range(2)), at=told, received_at=told
    )
    execute_consequences(at=first_of(10))
    assert not ClausePeriod.objects.get(kind=ClauseKind.VOLUME).is_missed


def test_a_new_signed_sla_closes_it_and_counting_begins_after_it(promised: World) -> None:
    execute_consequences(at=first_of(11))
    signed = first_of(11, 20)
    amended(at=signed)
    assert months_missed(first_of(11, 20)) == 2
    execute_consequences(at=signed + timedelta(minutes=15))
    assert months_missed(first_of(11, 27)) == 0, "the report counts anew, too"
    case = RenegotiationCase.objects.get()
    assert (case.closed_at, case.closed_by is not None) == (signed, True)
    execute_consequences(at=first_of(13))  # November and December: only December began after it
    assert RenegotiationCase.objects.count() == 1
    execute_consequences(at=first_of(14))
    again = RenegotiationCase.objects.get(closed_at=None)
    assert [month["month"] for month in again.months] == ["2026-12-01", "2027-01-01"]


def test_a_case_closes_once_and_stays_on_record(promised: World) -> None:
    execute_consequences(at=first_of(11))
    amended(at=first_of(11, 20))
    execute_consequences(at=first_of(11, 21))
    case = RenegotiationCase.objects.get()
    with pytest.raises(CaseIsClosed):
        close_by_ruling(case=case, ruling=None, at=first_of(12))  # type: ignore[arg-type]
    with pytest.raises(IntegrityError), transaction.atomic():
        RenegotiationCase.objects.update(closed_at=None, closed_by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        RenegotiationCase.objects.all()._raw_delete("default")
