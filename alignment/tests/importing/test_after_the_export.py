"""Nothing that a file tells happened after it was exported: a date of the future would outlive all later news."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from alignment.importing.plausible import plausible
from alignment.importing.rows import Reject, Row
from alignment.tests.importing.support import mapping_of, read

AS_OF = datetime(2026, 11, 22, 12, tzinfo=UTC)
LEAD = {"object": "lead", "zone": "UTC"}
CYCLE = {"object": "cycle", "zone": "UTC"}


def judged(content: str, mapping: dict[str, Any], as_of: datetime = AS_OF) -> Row | Reject:
    (row,) = read(content, mapping_of(mapping))
    assert isinstance(row, Row), row
    return plausible(row, as_of)


def lead(column: str, when: str) -> Row | Reject:
    return judged(f"Id,T\nL1,{when}\n", LEAD | {"columns": {"external_id": "Id", column: "T"}})


def cycle(column: str, when: str) -> Row | Reject:
    mapping = CYCLE | {"columns": {"lead": "L", "mql_at": "M", "updated_at": "U", column: "T"}}
    return judged(f"L,M,U,T\nL1,2026-03-05,2026-03-06,{when}\n", mapping)


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("updated_at", "The last change"),
        ("mql_at", "The MQL date"),
        ("assigned_at", "The time of assignment"),
        ("followed_up_at", "The time of the follow-up"),
        ("accepted_at", "The time of acceptance"),
        ("disposed_at", "The time of the disposition"),
    ],
)
def test_a_time_more_than_a_day_behind_the_file_is_rejected_by_name(column: str, what: str) -> None:
    found = lead(column, "2026-11-23 12:01")
    assert isinstance(found, Reject)
    assert found.code == ("mql_after_export" if column == "mql_at" else "after_export")
    assert found.message.startswith(
        f"{what} 2026-11-23 12:01 UTC is after the time of the file (2026-11-22 12:00 UTC)"
    )
    assert isinstance(lead(column, "2026-11-23 12:00"), Row)


@pytest.mark.parametrize("column", ["assigned_at", "followed_up_at", "accepted_at", "disposed_at"])
def test_so_is_one_of_a_cycle(column: str) -> None:
    found = cycle(column, "2099-01-01")
    assert isinstance(found, Reject) and found.code == "after_export" and "2099-01-01" in found.message


def test_an_entry_into_a_stage_cannot_lie_ahead() -> None:
    mapping = {
        "object": "stage",
        "columns": {"external_id": "Id", "stage": "S", "stage_at": "At"},
        "zone": "UTC",
        "dates": "dmy",
    }
    found = judged("Id,S,At\nO1,Closed Won,03/12/2026\n", mapping)
    assert isinstance(found, Reject) and "“Closed Won” on 2026-12-03" in found.message


def test_neither_can_a_column_of_stages_or_the_closing_of_a_closed_deal() -> None:
    mapping = {
        "object": "opportunity",
        "columns": {"external_id": "Id", "stage": "S", "is_won": "W", "closed_at": "C", "close_on": "C"},
        "stage_columns": {"Demo": "Demo"},
        "zone": "UTC",
    }
    head = "Id,S,W,C,Demo\n"
    assert isinstance(judged(f"{head}O1,Won,yes,2027-01-01,2026-01-01\n", mapping), Reject)
    assert isinstance(judged(f"{head}O1,Won,yes,2026-01-05,2027-01-01\n", mapping), Reject)
    assert isinstance(judged(f"{head}O1,Open,no,2027-01-01,2026-01-01\n", mapping), Row), "a forecast"


def test_a_call_that_is_planned_stays_and_an_attempt_to_come_is_none() -> None:
    columns = {"external_id": "Id", "lead": "L", "touched_at": "At"}
    mapping = {"object": "touch", "columns": columns, "zone": "UTC"}
    content = "Id,L,At\nT1,L1,2027-01-01\n"
    assert isinstance(judged(content, mapping), Row)
    found = judged(content, mapping | {"constants": {"is_attempt": True}})
    assert isinstance(found, Reject) and found.message.startswith("The time of the attempt 2027-01-01")
    held = judged(content, mapping | {"constants": {"is_outbound": True, "took_place": True}})
    assert isinstance(held, Reject)
    assert isinstance(
        judged(content, mapping | {"constants": {"is_outbound": True, "took_place": False}}), Row
    )
