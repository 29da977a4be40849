"""Replaying live MQLs under the terms that were in force gives what the engine recorded, for every clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sla.models import Clock, ClockHold, Elapsed, Outcome
from sla.services.elapsed import rebuild
from sla.tests.engine import KINDS, assert_equal_to_the_engine, replayed
from sla.tests.lively import live_through, second_team
from testing.world import World

pytestmark = pytest.mark.django_db


def test_replay_gives_the_recorded_outcomes(world: World, examples: Callable[[int, int], int]) -> None:
    team = second_team(world)
    at = live_through(world, team, seed=3, steps=examples(120, 250))
    seen = assert_equal_to_the_engine(at)
    kept = sorted(Elapsed.objects.values_list(*COLUMNS))
    # what was kept step by step is what is made from scratch
    rebuild(at=at)
    assert replayed(at)
    again = sorted(Elapsed.objects.values_list(*COLUMNS))
    assert again == kept
    assert {kind for kind, _ in seen} == set(KINDS)
    assert {outcome for _, outcome in seen} >= {"met", "missed", "running", "not_owed"}
    assert Clock.objects.filter(outcome=Outcome.RESTATED).exists()
    assert ClockHold.objects.filter(stands=True).exists()


COLUMNS = (
    "cycle_id", "kind", "ordinal", "calendar_id", "waits_seconds", "base_position", "need", "not_owed", "profile_id",
    "score", "team_id", "owner_id", "segment", "agreement_number",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20, 22))
def test_replay_gives_the_recorded_outcomes_of_many_histories(
    world: World, seed: int, examples: Callable[[int, int], int]
) -> None:
    if examples(0, 1) == 0:
        pytest.skip("one history is enough in the short run")
    at = live_through(world, second_team(world), seed=seed, steps=200)
    assert_equal_to_the_engine(at)
