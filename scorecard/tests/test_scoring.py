"""Scores: bands with straight lines between them, one decimal, half up; fractures and where to start."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.artifacts.kinds import InvalidContent
from scorecard import bands
from scorecard.bands import Bands, default_content, tenths
from scorecard.measures import Agreement, Attribution, Conversion, Hygiene, Measures, State, Trust, Window
from scorecard.scoring import Scored, scores
from scorecard.tests.figures import measures

DEFAULT = Bands.from_json(default_content())


@pytest.mark.parametrize(
    ("share", "score"),
    [
        ("0", 10), ("0.55", 10), ("0.7", 20), ("0.85", 30), ("0.9", 40), ("0.95", 50), ("1", 50),
        ("0.625", 15), ("0.775", 25), ("0.86", 32), ("0.8424", 29), ("0.8425", 30), ("0.6999", 20), ("0.6924", 19),
    ],
)  # fmt: skip
def test_a_figure_between_two_bands_lies_on_the_line_between_their_scores(share: str, score: int) -> None:
    assert tenths(DEFAULT.position(bands.FOLLOWED_UP, Fraction(share))) == score


@pytest.mark.parametrize(
    ("position", "score"),
    [("2.95", 30), ("2.949999999", 29), ("1.95", 20), ("1.949", 19), ("3", 30), ("2", 20), ("4.25", 43)],
)
def test_half_a_tenth_is_rounded_up(position: str, score: int) -> None:
    assert tenths(Fraction(position)) == score


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_scores_are_those_of_slow_decimal_arithmetic(part: int, total: int) -> None:
    value = Fraction(min(part, total), total)
    steps = [Decimal(step) for step in bands.DEFAULTS[bands.SHARE_SAME]]
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    expected = Decimal(5)
    for score, (low, high) in enumerate(pairwise(steps), start=1):
        if exact <= low:
            expected = Decimal(score)
            break
        if exact < high:
            expected = score + (exact - low) / (high - low)
            break
    found = tenths(DEFAULT.position(bands.SHARE_SAME, value))
    shown = int((expected * 10).quantize(Decimal(1), ROUND_HALF_UP))
    assert found == shown or abs(expected * 10 - int(expected * 10) - Decimal("0.5")) < Decimal("1e-20")


@given(st.fractions(0, 1), st.fractions(0, 1))
def test_a_better_figure_never_scores_lower(one: Fraction, other: Fraction) -> None:
    low, high = sorted([one, other])
    for rate in bands.RATES:
        assert DEFAULT.position(rate, low) <= DEFAULT.position(rate, high)


@pytest.mark.parametrize(
    ("score", "is_fracture", "is_start"),
    [
        (30, False, False),
        (29, True, False),
        (20, True, False),
        (19, True, True),
        (10, True, True),
        (None, False, False),
    ],
)
def test_three_is_no_fracture_and_two_is_not_where_to_start(
    score: int | None, is_fracture: bool, is_start: bool
) -> None:
    found = Scored("trust", score, "", "")
    assert (found.is_fracture, found.is_start) == (is_fracture, is_start)


@pytest.mark.parametrize(
    "changes",
    [
        {bands.FOLLOWED_UP: ["0.1", "0.2", "0.3", "0.4"]},
        {bands.FOLLOWED_UP: ["0.1", "0.2", "0.2", "0.4", "0.5"]},
        {bands.FOLLOWED_UP: ["0.5", "0.4", "0.3", "0.2", "0.1"]},
        {bands.FOLLOWED_UP: ["0.1", "0.2", "0.3", "0.4", "1.1"]},
        {bands.FOLLOWED_UP: [0.1, 0.2, 0.3, 0.4, 0.5]},
        {bands.FOLLOWED_UP: ["10%", "20%", "30%", "40%", "50%"]},
        {bands.TRUST_MEAN: ["0", "2", "3", "4", "5"]},
        {"charm": ["0.1", "0.2", "0.3", "0.4", "0.5"]},
    ],
)
def test_bands_that_make_no_sense_are_refused(changes: dict[str, list[object]]) -> None:
    content = default_content()
    content["bands"] |= changes
    with pytest.raises(InvalidContent):
        bands.check(content)


def by_key(found: Measures) -> dict[str, Scored]:
    return {score.key: score for score in scores(found, DEFAULT)}


def test_each_dimension_has_its_score_with_the_formula_and_its_figures() -> None:
    found = by_key(measures())
    assert {key: score.tenths for key, score in found.items()} == {
        "definitions": 28, "hygiene": 26, "conversion": 31, "attribution": 24, "trust": 34,
    }  # fmt: skip
    assert found["definitions"].formula == (
        "Questions answered the same: 64.3% (9 of 14) between 50% for 2 and 67% for 3 is 2.8."
    )
    assert (
        "5 of the 105 missed were assigned to nobody" in found["hygiene"].evidence
        and "79.0% (395 of 500)" in found["hygiene"].formula
    )
    assert found["trust"].formula == "Mean of the survey: 3.4 of 5 between 3 for 3 and 4 for 4 is 3.4."


def test_of_two_rates_of_conversion_the_lower_one_counts() -> None:
    states = tuple(
        State(key, key, reached, "")
        for key, reached in (("inquiry", 1000), ("mql", 200), ("opportunity", 150))
    )
    found = by_key(measures(conversion=Conversion(states, 60, "acceptance", 0)))["conversion"]
    assert [rate.name for rate in found.rates] == [bands.LEAD_TO_OPPORTUNITY, bands.MQL_TO_SQL]
    assert found.tenths == 10
    assert "They stall from MQL to SQL: 57.1% under the 70% of the benchmark." in found.evidence


def test_a_dimension_without_figures_says_what_is_to_be_done_or_why_there_can_be_none() -> None:
    missing = by_key(
        measures(
            agreement=Agreement(None, waiting=("sales", "marketing")),
            hygiene=Hygiene("24 business hours"),
            conversion=Conversion((), 0, "", 0),
            attribution=Attribution({}, {}, missing=("sales",)),
            trust=Trust(why="Run the trust survey of both teams."),
        )
    )
    assert {key: score.tenths for key, score in missing.items()} == dict.fromkeys(missing)
    needs = {key: score.needs.code for key, score in missing.items() if score.needs}
    assert needs == {"definitions": "answers", "attribution": "claims", "trust": "survey"}
    said = missing["attribution"].needs
    assert said is not None and said.text == "Import the list of opportunities claimed by sales."
    assert (missing["hygiene"].needs, missing["hygiene"].why) == (None, "No MQL crossed in the window.")
    assert missing["conversion"].why == "No lead was created in the window."


def test_history_that_tells_of_no_follow_up_is_not_taken_for_none() -> None:
    found = by_key(measures(hygiene=Hygiene("24 business hours", missed=8000, unassigned=8000)))["hygiene"]
    assert found.tenths is None and found.needs is None
    assert "not the same as nobody having followed up" in found.why


def test_a_survey_that_closed_with_too_few_answers_is_a_reason_and_no_blocker() -> None:
    found = by_key(measures(trust=Trust(why="Too few.", is_closed=True)))["trust"]
    assert (found.tenths, found.needs, found.why) == (None, None, "Too few.")


def test_windows_are_said_in_quarters() -> None:
    window = measures().window
    assert isinstance(window, Window)
    assert window.words == "Q4 2025 to Q3 2026"
