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
from scorecard.page import verdict
from scorecard.scoring import Scored, scores, stall_of
from scorecard.tests.figures import measures

DEFAULT = Bands.from_json(default_content())


@pytest.mark.parametrize(
    ("share", "score"),
    [
        ("0", 10), ("0.55", 10), ("0.7", 20), ("0.85", 30), ("0.9", 40), ("0.95", 50), ("1", 50),
        ("0.625", 15), ("0.775", 25), ("0.86", 32), ("0.8424", 29), ("0.8499", 29), ("0.6999", 19), ("0.6924", 19),
    ],
)  # fmt: skip
def test_a_figure_between_two_bands_lies_on_the_line_between_their_scores(share: str, score: int) -> None:
    assert tenths(DEFAULT.position(bands.FOLLOWED_UP, Fraction(share))) == score


@pytest.mark.parametrize(
    ("position", "score"),
    [
        ("2.849999", 28), ("2.85", 29), ("2.95", 29), ("2.999999999", 29), ("3", 30), ("3.049", 30), ("3.05", 31),
        ("1.85", 19), ("1.95", 19), ("1.999999", 19), ("2", 20), ("2.05", 21), ("4.25", 43), ("4.95", 50),
    ],
)  # fmt: skip
def test_half_a_tenth_is_rounded_up_but_over_no_line_that_decides(position: str, score: int) -> None:
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
    shown = 29 if expected < 3 <= shown / 10 else 19 if expected < 2 <= shown / 10 else shown
    assert found == shown or abs(expected * 10 - int(expected * 10) - Decimal("0.5")) < Decimal("1e-20")


@given(st.fractions(0, 1), st.fractions(0, 1))
def test_a_better_figure_never_scores_lower(one: Fraction, other: Fraction) -> None:
    low, high = sorted([one, other])
    for rate in bands.RATES:
        assert DEFAULT.position(rate, low) <= DEFAULT.position(rate, high)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (30, "Holds"),
        (29, "Fracture"),
        (20, "Fracture"),
        (19, "Fracture: start here"),
        (10, "Fracture: start here"),
        (None, "Not measured"),
    ],
)
def test_three_is_no_fracture_and_two_is_not_where_to_start(score: int | None, said: str) -> None:
    assert Scored("trust", score, "", "").is_fracture is said.startswith("Fracture")
    assert verdict(score) == said


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
    found = by_key(measures(conversion=Conversion(states, 200, 60, 60, "acceptance", 0)))["conversion"]
    assert [rate.name for rate in found.rates] == [bands.LEAD_TO_OPPORTUNITY, bands.MQL_TO_SQL]
    assert found.tenths == 10
    assert "They stall from MQL to SQL: 57.1% under the 70% of the benchmark." in found.evidence


def test_a_dimension_without_figures_says_what_is_to_be_done_or_why_there_can_be_none() -> None:
    missing = by_key(
        measures(
            agreement=Agreement(None, waiting=("sales", "marketing")),
            hygiene=Hygiene("24 business hours"),
            conversion=Conversion((), 0, 0, 0, "", 0),
            attribution=Attribution({"neither": 1}, {}, missing=("sales",)),
            trust=Trust(why="Run the trust survey of both teams."),
        )
    )
    assert {key: score.tenths for key, score in missing.items()} == dict.fromkeys(missing)
    needs = {key: score.needs.code for key, score in missing.items() if score.needs}
    assert needs == {"definitions": "answers", "attribution": "claims", "trust": "survey"}
    nothing = by_key(measures(attribution=Attribution({}, {}, missing=("sales",))))["attribution"]
    assert (nothing.needs, nothing.why) == (None, "No opportunity was opened in the window.")
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


def test_a_share_just_under_the_line_is_a_fracture_and_the_formula_says_why() -> None:
    found = by_key(measures(hygiene=Hygiene("24 h", met=8499, missed=1501, recorded=1)))["hygiene"]
    assert (found.tenths, found.is_fracture) == (29, True)
    assert found.formula.endswith("is 2.9 (under 3.0, so not rounded up to it).")
    found = by_key(measures(hygiene=Hygiene("24 h", met=85, missed=15, recorded=1)))["hygiene"]
    assert (found.tenths, found.is_fracture) == (30, False)


def test_leads_without_an_mql_cycle_enter_no_share_of_mqls() -> None:
    """300 deals of leads that were never MQLs: they reached the state by a later one, and are no MQLs without SQL."""
    states = tuple(
        State(key, key, reached, "")
        for key, reached in (("inquiry", 3000), ("mql", 500), ("opportunity", 450))
    )
    found = by_key(measures(conversion=Conversion(states, 200, 160, 150, "acceptance", 0)))["conversion"]
    assert found.tenths == 40
    assert "MQL cycle to SQL (acceptance): 80.0% (160 of 200)" in found.formula


def test_leads_stall_where_the_larger_part_is_missing() -> None:
    states = tuple(
        State(key, key, reached, "")
        for key, reached in (("inquiry", 1000), ("mql", 100), ("opportunity", 10))
    )
    few_deals = Conversion(states, 100, 60, 10, "acceptance", 0)  # 1% of 5% is worse than 60% of 70%
    assert stall_of(few_deals, DEFAULT).startswith("They stall from lead to opportunity: 80% under the 5%")


def test_a_mean_made_of_ranges_says_between_what_it_lies() -> None:
    about = Trust(Fraction(15, 10), 9, between=(Fraction(1), Fraction(2)), ranges=5)
    found = by_key(measures(trust=about))["trust"]
    assert found.formula.startswith("Survey: between 1 and 2, scored by its middle, 1.5 of 5, ")
    assert found.evidence.endswith("5 of the five are published as a range only.")
    one = Trust(Fraction(28, 10), 9, between=(Fraction(26, 10), Fraction(3)), ranges=1)
    assert by_key(measures(trust=one))["trust"].evidence.endswith(
        "1 of the five is published as a range only."
    )
    assert by_key(measures())["trust"].formula.startswith("Mean of the survey: 3.4 of 5")


def test_windows_are_said_in_quarters() -> None:
    window = measures().window
    assert isinstance(window, Window)
    assert window.words == "Q4 2025 to Q3 2026"
