"""The program by the API: the same states and blockers as on its page, and as a refused act answers them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from alignment.api.problems import answer, handle, refused
from alignment.blockers import Blocked, Blocker
from alignment.gates import GateClosed, require_open, standing_blockers
from alignment.models import Role, Step
from testing.api import by_session
from testing.artifacts import user_with
from testing.programs import open_one, waive
from testing.world import World

pytestmark = pytest.mark.django_db


def read() -> dict[str, Any]:
    response = by_session(user_with(Role.CRO)).get("programs/current")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_without_a_program_it_says_so(world: World) -> None:
    assert read() == {"program": None, "is_sponsorship_problem": False, "steps": []}


def test_each_step_has_its_state_and_its_blockers_with_figures(world: World) -> None:
    open_one(world.at, hours_per_week=19)
    found = read()
    assert found["program"]["name"] == "Alignment 2026"
    assert [(step["number"], step["state"]) for step in found["steps"]] == [
        (0, "blocked"),
        (1, "blocked"),
        (2, "locked"),
        (3, "locked"),
        (4, "locked"),
        (5, "locked"),
    ]
    blockers = {blocker["code"]: blocker for blocker in found["steps"][0]["blockers"]}
    assert (blockers["hours"]["actual"], blockers["hours"]["required"]) == ("19", "20")
    assert (blockers["history-pipeline"]["actual"], blockers["history-pipeline"]["required"]) == ("0", "9/10")
    assert (blockers["sponsorship"]["actual"], blockers["sponsorship"]["required"]) == ("0", "2")
    assert "actual" not in blockers["calendar"]
    assert len(found["steps"][0]["evidence"]) == 12
    assert found["steps"][1]["waits_for"] == [0]


def test_a_waiver_is_named(world: World) -> None:
    program = open_one(world.at)
    codes = {blocker.code for blocker in standing_blockers(Step.PREREQUISITES, program, at=world.at)}
    waive(program, 0, codes, world.at)
    first = read()["steps"][0]
    assert (first["state"], first["waiver"], first["blockers"]) == ("passed", "1-1", [])
    assert {blocker["code"] for blocker in first["excused"]} == codes


def test_nothing_is_set_by_it(world: World) -> None:
    open_one(world.at)
    assert by_session(user_with(Role.REVOPS)).post("programs/current", {"state": "passed"}).status_code == 405


def test_an_act_that_meets_a_shut_gate_answers_409_with_the_same_blockers(world: World) -> None:
    program = open_one(world.at)
    with pytest.raises(GateClosed) as shut:
        require_open(Step.PREREQUISITES, program, at=world.at)
    response = answer(refused(shut.value))
    assert response.status_code == 409
    assert response.data["refusal"] == "gate-closed"
    assert response.data["blockers"] == read()["steps"][0]["blockers"]


def test_a_refusal_that_no_act_foresaw_is_a_409_too() -> None:
    response = handle(Blocked([Blocker("x", "X is missing.", Fraction(1, 3), Fraction(1, 2))]), {})
    assert (response.status_code, response.data["refusal"]) == (409, "blocked")
    assert response.data["blockers"] == [
        {"code": "x", "message": "X is missing.", "actual": "1/3", "required": "1/2"}
    ]
