"""An attempt that a file dates by its day alone counts within the cycle that begins on that day."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction

from alignment.importing.presets import suggest
from alignment.models import MqlCycle, Touch
from alignment.tests.importing.support import drafts
from sla.tests.test_history_rows import assert_a_rebuild_changes_nothing
from testing.files import bring_in
from testing.world import World, event

pytestmark = pytest.mark.django_db
LEADS: dict[str, Any] = {
    "object": "lead",
    "columns": {"external_id": "Id", "mql_at": "M"},
    "zone": "America/New_York",
}
TASKS: dict[str, Any] = {
    "object": "touch",
    "columns": {"external_id": "Id", "lead": "WhoId", "touched_at": "ActivityDate"},
    "constants": {"is_attempt": True},
    "zone": "America/New_York",
}
# 20:00 in New York is the next day in UTC
MQLS = "Id,M\n" + "".join(f"L{n},2026-01-05 20:00\n" for n in (1, 2, 3))
CALLS = "Id,WhoId,ActivityDate\nT1,L1,2026-01-05\nT2,L1,2026-01-05\nT3,L2,2026-01-06\nT4,L3,2026-01-04\n"
CROSSED = datetime(2026, 1, 6, 1, tzinfo=UTC)


def cycles() -> dict[str, tuple[int, datetime | None]]:
    return {
        cycle.lead.external_id: (cycle.attempts, cycle.first_follow_up_at)
        for cycle in MqlCycle.objects.select_related("lead")
    }


EXPECTED = {"L1": (2, CROSSED), "L2": (1, datetime(2026, 1, 6, 5, tzinfo=UTC)), "L3": (0, None)}


@pytest.mark.parametrize("rows", [1, 2, 1000])
@pytest.mark.parametrize("is_leads_first", [True, False])
def test_whatever_comes_first_and_where_chunks_end(
    world: World, settings: LazySettings, rows: int, is_leads_first: bool
) -> None:
    settings.IMPORT_ROWS = rows
    files = [(MQLS, LEADS), (CALLS, TASKS)]
    for day, (content, mapping) in enumerate(files if is_leads_first else files[::-1]):
        bring_in(world, content, mapping, days=day)
    assert cycles() == EXPECTED
    assert_a_rebuild_changes_nothing()
    bring_in(world, CALLS, TASKS, days=3)
    assert cycles() == EXPECTED


def test_beside_live_facts_it_is_the_same(world: World) -> None:
    bring_in(world, MQLS, LEADS)
    world.send(event("lead.updated", "L1", world.at, score=1), event("lead.updated", "L2", world.at, score=1))
    bring_in(world, CALLS, TASKS, days=1)
    assert cycles() == EXPECTED
    assert_a_rebuild_changes_nothing()


def test_a_time_that_is_told_later_holds(world: World) -> None:
    bring_in(world, MQLS, LEADS)
    bring_in(world, CALLS, TASKS, days=1)
    exact = "Id,WhoId,ActivityDate\nT1,L1,2026-01-05 09:30\nT2,L1,2026-01-05 21:00\n"
    bring_in(world, exact, TASKS, days=2)
    assert cycles()["L1"] == (1, datetime(2026, 1, 6, 2, tzinfo=UTC)), (
        "T1 was made before the lead was an MQL"
    )
    assert not Touch.objects.filter(external_id__in=["T1", "T2"], touched_until__isnull=False).exists()
    assert_a_rebuild_changes_nothing()


def test_it_falls_into_the_cycle_that_ran_when_the_day_began(world: World) -> None:
    rows = "L,M,D,DA,R\nL1,2026-01-02 09:00,recycled,2026-01-05 08:00,bad_timing\nL1,2026-01-05 20:00,,,\n"
    columns = {"lead": "L", "mql_at": "M", "disposition": "D", "disposed_at": "DA", "reason": "R"}
    bring_in(world, rows, {"object": "cycle", "columns": columns, "zone": "America/New_York"})
    bring_in(world, CALLS, TASKS, days=1)
    assert list(MqlCycle.objects.order_by("number").values_list("attempts", flat=True)) == [2, 0]


def test_times_of_a_cycle_on_the_day_of_its_beginning_begin_with_it() -> None:
    names = ["assigned_at", "followed_up_at", "accepted_at", "disposed_at"]
    mapping = {
        "object": "cycle",
        "columns": {"lead": "L", "mql_at": "M", **dict(zip(names, "AFCD", strict=True))},
    }
    mapping |= {"zone": "America/New_York"}
    content = "L,M,A,F,C,D\nL1,2026-01-05 20:00,2026-01-05,2026-01-05 19:00,2026-01-04,2026-01-06\n"
    (told,) = drafts(content, mapping)
    assert [told.fields[name] for name in names] == [
        CROSSED.isoformat(),
        "2026-01-06T00:00:00+00:00",
        "2026-01-04T05:00:00+00:00",
        "2026-01-06T05:00:00+00:00",
    ]


def test_known_exports_of_tasks_are_read_with_a_time_where_they_have_one() -> None:
    columns = ["CompletedDateTime", "CreatedDate", "ActivityDate"]
    for first, second in itertools.pairwise(columns):
        found = suggest(["Id", "WhoId", "TaskSubtype", second, first])
        assert found is not None and found.columns["touched_at"] == first


CLOSED = {
    "object": "cycle",
    "columns": {"lead": "L", "mql_at": "M", "disposition": "D", "disposed_at": "DA", "reason": "R"},
    "zone": "UTC",
}
AT_TEN = "Id,WhoId,ActivityDate\nT1,L1,2026-01-05T10:00Z\n"


@pytest.mark.parametrize("is_calls_first", [True, False])
def test_an_attempt_on_the_day_of_a_disposition_without_a_time_was_made_before_it(
    world: World, is_calls_first: bool
) -> None:
    for mql_date in ("2026-01-05 09:00", "2026-01-03 09:00"):
        with transaction.atomic():
            row = f"L,M,D,DA,R\nL1,{mql_date},recycled,2026-01-05,bad_timing\n"
            files = [(AT_TEN, TASKS), (row, CLOSED)]
            for day, (content, mapping) in enumerate(files if is_calls_first else files[::-1]):
                assert bring_in(world, content, mapping, days=day).rejected == 0
            assert MqlCycle.objects.get().attempts == 1
            assert_a_rebuild_changes_nothing()
            transaction.set_rollback(True)


def test_a_cycle_that_ran_then_comes_before_one_that_closed_on_the_day(world: World) -> None:
    rows = "L1,2026-01-02 09:00,recycled,2026-01-05,bad_timing\nL1,2026-01-05 08:00,,,\n"
    bring_in(world, f"L,M,D,DA,R\n{rows}", CLOSED)
    bring_in(world, AT_TEN, TASKS, days=1)
    assert list(MqlCycle.objects.order_by("number").values_list("attempts", flat=True)) == [0, 1]
    assert_a_rebuild_changes_nothing()


def test_a_time_of_disposition_that_is_told_later_parts_before_from_after(world: World) -> None:
    row = "L,M,D,DA,R\nL1,2026-01-03 09:00,recycled,{},bad_timing\n"
    bring_in(world, row.format("2026-01-05"), CLOSED)
    bring_in(world, AT_TEN, TASKS, days=1)
    bring_in(world, row.format("2026-01-05 09:30"), CLOSED, days=2)
    assert MqlCycle.objects.get().attempts == 0
    assert_a_rebuild_changes_nothing()
