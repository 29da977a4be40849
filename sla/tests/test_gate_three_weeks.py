"""The verdict of a week and of the weeks together, by whole numbers: against a replay of all weeks from the first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.business_time import Week
from sla.clauses import Handoff
from sla.gates.handoff import in_words
from sla.weeks import JudgedWeek, Measure, Verdict, decide, recovery, under_tagging

ASKS = Handoff(85, 90, 10)
FIRST = date(2026, 1, 5)
ENOUGH = Measure(100, 100)


def week(number: int = 0, follow_up: Measure = ENOUGH, tagging: Measure = ENOUGH) -> JudgedWeek:
    return JudgedWeek(Week(FIRST + timedelta(weeks=number), "UTC"), follow_up, tagging, ASKS, 1)


@pytest.mark.parametrize(
    ("met", "due", "verdict"),
    [
        (17, 20, Verdict.FAILS),
        (85, 100, Verdict.FAILS),
        (850, 1000, Verdict.FAILS),
        (851, 1000, Verdict.PASSES),
        (171, 200, Verdict.PASSES),
        (850001, 1000000, Verdict.PASSES),
        (0, 10, Verdict.FAILS),
        (10, 10, Verdict.PASSES),
        (1, 1, Verdict.PASSES),
        (0, 1, Verdict.FAILS),
        (0, 0, Verdict.TOO_FEW),
    ],
)
def test_first_follow_up_must_be_strictly_above_85_percent(met: int, due: int, verdict: Verdict) -> None:
    assert week(follow_up=Measure(met, due)).verdict == verdict


@pytest.mark.parametrize(
    ("met", "due", "verdict"),
    [
        (90, 100, Verdict.FAILS),
        (18, 20, Verdict.FAILS),
        (901, 1000, Verdict.PASSES),
        (181, 200, Verdict.PASSES),
        (19, 20, Verdict.PASSES),
        (9, 10, Verdict.FAILS),
        (0, 0, Verdict.TOO_FEW),
    ],
)
def test_tagging_must_be_strictly_above_90_percent(met: int, due: int, verdict: Verdict) -> None:
    assert week(tagging=Measure(met, due)).verdict == verdict


@pytest.mark.parametrize(
    ("follow_up", "tagging", "counted", "verdict"),
    [
        (Measure(9, 9), Measure(9, 9), 9, Verdict.TOO_FEW),
        (Measure(9, 9), Measure(9, 9), 10, Verdict.PASSES),
        (Measure(9, 9), Measure(8, 9), 10, Verdict.FAILS),
        (Measure(0, 9), Measure(0, 9), 9, Verdict.TOO_FEW),
        (Measure(10, 10), Measure(), 0, Verdict.TOO_FEW),
        (Measure(), Measure(3, 10), 0, Verdict.FAILS),
    ],
)
def test_the_minimum_counts_the_mqls_of_the_week(
    follow_up: Measure, tagging: Measure, counted: int, verdict: Verdict
) -> None:
    judged = replace(week(follow_up=follow_up, tagging=tagging), counted=counted)
    assert judged.verdict == verdict
    assert bool(judged.too_few_because) == (verdict == Verdict.TOO_FEW)


def test_a_week_in_which_nothing_of_one_share_was_due_is_not_said_to_have_too_few_mqls() -> None:
    assert in_words(week(tagging=Measure())) == "no disposition was due; it neither opens nor closes"


def test_both_must_hold_and_one_that_fails_is_enough_to_fail() -> None:
    short = Measure(0, 100)
    assert week(follow_up=short).verdict == Verdict.FAILS
    assert week(tagging=short).verdict == Verdict.FAILS
    assert week(follow_up=short, tagging=Measure(1, 1)).verdict == Verdict.FAILS
    assert week(follow_up=Measure(1, 1), tagging=short).verdict == Verdict.FAILS


def test_what_the_signed_figures_ask_for_counts() -> None:
    strict = replace(week(follow_up=Measure(90, 100)), asks=Handoff(90, 95, 10))
    assert strict.verdict == Verdict.FAILS
    assert replace(strict, follow_up=Measure(91, 100)).verdict == Verdict.PASSES
    assert replace(strict, asks=Handoff(85, 90, 101)).verdict == Verdict.TOO_FEW


def test_no_full_week_under_a_signed_sla_has_no_verdict() -> None:
    assert replace(week(), asks=None).verdict == Verdict.UNSIGNED
    assert replace(week(), is_over=False).verdict == Verdict.SO_FAR
    assert replace(week(), doubts=("something is missing",)).verdict == Verdict.UNKNOWN
    assert replace(week(), doubts=("counted anew",), was_known=True).verdict == Verdict.PASSES


KINDS = {
    "P": week(),
    "F": week(follow_up=Measure(85, 100)),
    "S": week(follow_up=Measure(9, 9), tagging=Measure(9, 9)),
    "?": replace(week(), doubts=("dirty",)),
}


def line(letters: str) -> list[JudgedWeek]:
    """Weeks next to each other: P passes, F fails, S has too few MQLs, ? is not yet known."""
    return [
        replace(KINDS[letter], week=Week(FIRST + timedelta(weeks=number), "UTC"))
        for number, letter in enumerate(letters)
    ]


def replayed(weeks: list[JudgedWeek]) -> bool:
    """The gate from the first week on, one week after the other, shut before the first."""
    is_open, before = False, ""
    for one in weeks:
        said = one.verdict.value
        if said == "fails":
            is_open = False
        elif said == "passes" and before == "passes":
            is_open = True
        before = said
    return is_open


@pytest.mark.parametrize(
    ("letters", "is_open"),
    [
        ("", False),
        ("P", False),
        ("PP", True),
        ("PFP", False),
        ("PSP", False),
        ("P?P", False),
        ("PPS", True),
        ("PP?", True),
        ("PPSSSSSSSSSSS", True),
        ("PPF", False),
        ("PPFP", False),
        ("PPFPP", True),
        ("FPSPP", True),
        ("SSSS", False),
    ],
)
def test_two_weeks_next_to_each_other_open_and_one_that_fails_closes(letters: str, is_open: bool) -> None:
    standing = decide(line(letters))
    assert (standing is not None and standing.is_open) == is_open
    assert replayed(line(letters)) == is_open


def test_it_says_which_weeks_decided() -> None:
    weeks = line("FPPSP")
    standing = decide(weeks)
    assert standing is not None
    assert standing.by == (weeks[1], weeks[2])
    failed = decide(weeks[:2])
    assert failed is not None and failed.by == (weeks[0],)


@given(st.text("PFS?", max_size=40))
def test_the_newest_deciding_fact_is_what_a_replay_of_all_weeks_comes_to(letters: str) -> None:
    weeks = line(letters)
    found = decide(weeks)
    assert (found.is_open if found else False) == replayed(weeks)
    for cut in range(len(weeks)):  # a window of the last weeks says the same as soon as it decides at all
        newer = decide(weeks[cut:])
        if newer is not None:
            assert newer.is_open == replayed(weeks)


def tagged(counts: list[int | None]) -> list[JudgedWeek]:
    """Weeks with so many of 100 tagged; None: with too few due."""
    return [
        week(number, tagging=Measure(count, 100))
        if count is not None
        else week(number, Measure(9, 9), Measure(3, 9))
        for number, count in enumerate(counts)
    ]


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        ([89, 89], 0),
        ([90, 89, 89], 1),
        ([90, 90], None),
        ([89, 90, 89], None),
        ([89, None, 89], None),
        ([89, 89, 95, None], 0),
        ([89, 89, 90], 0),
        ([89, 89, 90, 90], None),
        ([89, 89, 90, None, 90], 0),
        ([89, 89, 95, 95, 10, 10], 4),
        ([89, 89, 10, 10], 0),
        ([89], None),
    ],
)
def test_two_weeks_under_90_percent_are_a_case_until_two_are_at_it_again(
    counts: list[int | None], first: int | None
) -> None:
    weeks = tagged(counts)
    found = under_tagging(weeks)
    assert (found[0] if found else None) == (None if first is None else weeks[first])


def test_a_week_that_failed_on_follow_up_alone_is_judged_on_tagging() -> None:
    weeks = [replace(one, follow_up=Measure(0, 50)) for one in tagged([89, 89, 90, 91])]
    assert under_tagging(weeks[:2]) == (weeks[0], weeks[1])
    assert recovery(weeks) == (weeks[2], weeks[3])


def test_unknown_and_unsigned_weeks_are_no_evidence_of_adoption() -> None:
    low = tagged([10, 10])
    assert under_tagging([replace(one, doubts=("dirty",)) for one in low]) is None
    assert under_tagging([replace(one, asks=None) for one in low]) is None
    assert under_tagging([low[0], replace(low[1], is_over=False)]) is None
