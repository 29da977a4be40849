"""The sequencing engine: every rule, every limit, ties, and which input was measured or declared."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from scorecard.dimensions import ORDER
from scorecard.sequencing import (
    DECLARED,
    MEASURED,
    NOT_KNOWN,
    RULES,
    Given,
    Situation,
    sequence,
    track_of_rule,
)

TODAY = date(2026, 11, 17)


def given(holds: bool | None, origin: str = DECLARED, label: str = "x") -> Given:
    return Given(label, holds, "yes" if holds else "no", origin)


def situation(
    *,
    scores: dict[str, int | None] | None = None,
    deck: int | None = None,
    short: str | None = None,
    **facts: bool,
) -> Situation:
    """All scores 3.5 unless given; `deck` in days, `short` as a decimal share."""
    names = {
        "sla": "has_whole_sla", "healthy": "is_conversion_healthy", "bad": "is_quality_called_bad",
        "meaning": "has_same_numbers_other_meaning", "no_time": "has_no_time_for_five",
    }  # fmt: skip
    found: dict[str, Any] = {
        name: given(facts.get(short_name, False), MEASURED if short_name == "healthy" else DECLARED, name)
        for short_name, name in names.items()
    }
    return Situation(
        scores=dict.fromkeys(ORDER, 35) | {"trust": 40} | (scores or {}),
        days_to_board_deck=deck,
        board_deck_on=None if deck is None else TODAY + timedelta(days=deck),
        pipeline_short=None if short is None else Fraction(short),
        **found,
    )


EVERYTHING = {
    "deck": 1,
    "short": "0.9",
    "sla": True,
    "healthy": True,
    "bad": True,
    "meaning": True,
    "no_time": True,
}
CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "in_order"),
    ({"scores": {"definitions": 19}}, "definitions"),
    ({"scores": {"definitions": 20}}, "in_order"),
    ({"scores": {"definitions": None}}, "in_order"),
    ({"deck": 30, "short": "0.301"}, "parallel"),
    ({"deck": 31, "short": "0.301"}, "in_order"),
    ({"deck": 0, "short": "0.301"}, "parallel"),
    ({"deck": -1, "short": "0.301"}, "in_order"),
    ({"deck": 30, "short": "0.3"}, "in_order"),
    ({"deck": 30, "short": "0.300001"}, "parallel"),
    ({"deck": 30}, "in_order"),
    ({"short": "0.9"}, "in_order"),
    ({"sla": True}, "existing_sla"),
    ({"healthy": True, "bad": True}, "dispositions"),
    ({"healthy": True}, "in_order"),
    ({"bad": True}, "in_order"),
    ({"meaning": True}, "meaning"),
    ({"no_time": True}, "no_time"),
    # the order in which the rules are tried
    (EVERYTHING | {"scores": {"definitions": 19}}, "definitions"),
    (EVERYTHING, "parallel"),
    (EVERYTHING | {"deck": None}, "existing_sla"),
    (EVERYTHING | {"deck": None, "sla": False}, "dispositions"),
    (EVERYTHING | {"deck": None, "sla": False, "bad": False}, "meaning"),
    (EVERYTHING | {"deck": None, "sla": False, "bad": False, "meaning": False}, "no_time"),
]


@pytest.mark.parametrize(("facts", "rule"), CASES)
def test_the_first_rule_that_holds_fires(facts: dict[str, Any], rule: str) -> None:
    assert sequence(situation(**facts)).rule == rule


@pytest.mark.parametrize(
    ("rule", "stages", "lines"),
    [
        (
            "definitions",
            ((2,), (3,), (4,), (5,)),
            "Definitions, until all three functions have signed them",
        ),
        (
            "parallel",
            ((1, 2, 3), (4,), (5,)),
            "At the same time: 1 Scorecard, 2 SLA, 3 Handoff",
        ),
        ("existing_sla", ((4,), (5,)), "Step 4, Plan"),
        ("dispositions", ((3,), (2,), (4,), (5,)), "Step 3, Handoff"),
        ("meaning", ((5,), (2,), (3,), (4,)), "Step 5, Dashboard"),
        ("no_time", ((2,), (3,), (4,), (5,)), "Step 2, SLA"),
        ("in_order", ((2,), (3,), (4,), (5,)), "Step 2, SLA"),
    ],
)
def test_each_rule_sets_its_track(rule: str, stages: tuple[tuple[int, ...], ...], lines: str) -> None:
    track = track_of_rule(rule)
    assert track is not None
    assert (track.stages, track.lines[0]) == (stages, lines)


def test_what_is_put_off_and_what_is_not_run_again_is_said() -> None:
    parallel, existing = track_of_rule("parallel"), track_of_rule("existing_sla")
    assert parallel is not None and existing is not None
    assert parallel.lines == (
        "At the same time: 1 Scorecard, 2 SLA, 3 Handoff",
        "Next quarter: 4 Plan, 5 Dashboard",
    )
    assert existing.lines[-1] == "Not run again: 2 SLA, 3 Handoff"


@pytest.mark.parametrize(
    ("scores", "is_said"),
    [
        ({"trust": 34}, True),
        ({"trust": 35}, False),  # ties at 3.5, and no fracture
        ({"trust": 29, "hygiene": 29}, True),  # ties for the lowest, and a fracture
        ({"trust": 30, "hygiene": 30}, False),
        ({"trust": 29, "hygiene": 28}, False),
        ({"trust": 12, "definitions": 15}, True),
        ({"trust": None}, False),
        (dict.fromkeys(ORDER, None) | {"trust": 12}, False),  # the lowest of one
        ({"trust": 34, "hygiene": None}, True),
    ],
)
def test_trust_as_the_lowest_score_asks_for_a_third_party(
    scores: dict[str, int | None], is_said: bool
) -> None:
    assert bool(sequence(situation(scores=scores)).facilitation) is is_said


def test_the_lowest_of_what_was_measured_is_not_called_the_lowest_of_all() -> None:
    some = sequence(situation(scores={"trust": 34, "hygiene": None, "attribution": None})).facilitation
    assert some.startswith("Of the scores measured trust is the lowest, 3.4; not measured: ")
    assert "not measured: handoff hygiene, source attribution: bring in" in some
    assert sequence(situation(scores={"trust": 34})).facilitation.startswith(
        "Trust is the lowest score, 3.4: "
    )


def test_what_is_not_known_is_neither_measured_nor_declared() -> None:
    found = sequence(situation(scores={"definitions": None}))
    unknown = {one.label: one.said for one in found.inputs if one.origin == NOT_KNOWN}
    assert unknown == {
        "Definition agreement score": "not measured",
        "Board deck locks": "no date declared",
        "Pipeline is short by": "not declared",
    }


@pytest.mark.parametrize("facts", [facts for facts, _ in CASES])
def test_the_third_party_is_said_beside_whatever_else_fires(facts: dict[str, Any]) -> None:
    calm = sequence(situation(**facts))
    tense = sequence(situation(**(facts | {"scores": facts.get("scores", {}) | {"trust": 11}})))
    assert (tense.rule, tense.track) == (calm.rule, calm.track)
    assert tense.facilitation and not calm.facilitation


def test_inputs_say_whether_they_were_measured_or_declared() -> None:
    found = sequence(situation(deck=12, short="0.4"))
    said = {one.label: (one.said, one.origin) for one in found.inputs}
    assert said["Board deck locks"] == ("on 29 Nov 2026, in 12 days", DECLARED)
    assert said["Pipeline is short by"] == ("40%", DECLARED)
    assert said["Definition agreement score"] == ("3.5", MEASURED)
    assert "12 days" in found.sentence and "40%" in found.sentence


def test_only_inputs_of_rules_that_were_tried_are_shown() -> None:
    labels = {one.label for one in sequence(situation(scores={"definitions": 10})).inputs}
    assert labels == {"Definition agreement score"}
    assert len(sequence(situation()).inputs) == 8


def test_every_rule_but_the_last_can_fail_and_the_last_cannot() -> None:
    assert [rule.key for rule in RULES if rule.fires(situation())] == ["in_order"]
