"""A scorecard is signed as it was measured: figures that were written in by another way are not sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from alignment.blockers import Blocked
from alignment.models import ArtifactVersion, VersionState
from alignment.services.artifacts import save_draft, send
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import Company, complete, revops
from testing.artifacts import sign_all
from testing.world import NOW

pytestmark = pytest.mark.usefixtures("prerequisites_met")
Content = dict[str, Any]


def measured(company: Company) -> ArtifactVersion:
    return measure(program=company.program, by=revops(), at=NOW)


def refused(company: Company, forge: Callable[[Content], object]) -> list[str]:
    """Why a draft that was changed after measuring is not sent."""
    draft = measured(company)
    content = json.loads(json.dumps(draft.content))
    forge(content)
    forged = save_draft(
        kind="scorecard",
        key=draft.artifact.key,
        content=content,
        rests_on=list(draft.rests_on.all()),
        by=revops(),
        at=NOW,
    )
    with pytest.raises(Blocked) as refusal:
        send(version=forged, by=revops(), at=NOW)
    assert {blocker.code for blocker in refusal.value.blockers} <= {"not-measured", "content"}
    return [blocker.message for blocker in refusal.value.blockers]


def written(change: Content, content: Content) -> None:
    content["sequence"].update(change)


def entry(content: Content, key: str) -> Content:
    return next(found for found in content["dimensions"] if found["key"] == key)


def test_what_was_measured_is_sent(company: Company) -> None:
    complete(company)
    assert send(version=measured(company), by=revops(), at=NOW).state == VersionState.SENT


def test_what_was_measured_with_ranges_other_currencies_and_every_declaration_is_sent(
    company: Company,
) -> None:
    complete(company, overall=31, band=(20, 40))
    changes = {
        "board_deck_on": NOW.date() + timedelta(days=20),
        "pipeline_short_percent": "30.5",
        "sla_has_diagnosis": True,
        "says_quality_is_bad": True,
    }
    declare(program=company.program, by=revops(), at=NOW, changes=changes)
    assert send(version=measured(company), by=revops(), at=NOW).state == VersionState.SENT


@pytest.mark.parametrize("key", ["definitions", "hygiene", "conversion", "attribution", "trust"])
def test_no_score_is_written_in(company: Company, key: str) -> None:
    complete(company)
    (said,) = refused(company, lambda content: entry(content, key).update(score=50))
    assert "does not follow from its figures and the signed bands" in said


@pytest.mark.parametrize("key", ["definitions", "hygiene", "conversion", "attribution"])
@pytest.mark.parametrize(
    "change", [{"rates": []}, {"formula": "Much better: 5.0."}, {"evidence": "All is well."}], ids=str
)
def test_no_figure_or_word_of_a_dimension_is_written_in(company: Company, key: str, change: Content) -> None:
    complete(company)
    assert refused(company, lambda content: entry(content, key).update(change))


def test_no_dimension_is_called_unmeasured_that_was_measured(company: Company) -> None:
    complete(company)
    change: Content = {"score": None, "rates": [], "formula": "", "evidence": "", "why": "It was a bad day."}
    assert refused(company, lambda content: entry(content, "hygiene").update(change))


def test_the_figures_and_their_rates_agree(company: Company) -> None:
    complete(company)
    assert refused(company, lambda content: entry(content, "hygiene")["figures"].update(met=5, missed=0))
    assert refused(company, lambda content: entry(content, "trust")["figures"].update(mean_tenths=50))


def test_the_order_and_the_amounts_of_fractures_follow_from_the_figures(company: Company) -> None:
    complete(company)
    for forge in (
        lambda content: content["fractures"].reverse(),
        lambda content: content["fractures"].clear(),
        lambda content: content["fractures"][0].update(stake="1.00", leverage="1.80"),
        lambda content: content["fractures"][0].update(severity=1),
    ):
        (said,) = refused(company, forge)
        assert said.startswith("The fractures")


def test_the_rule_of_the_sequence_follows_from_its_inputs(company: Company) -> None:
    complete(company)
    changes: list[Content] = [
        {"rule": "existing_sla"},
        {"sentence": "Skip all of it."},
        {"lines": []},
        {"inputs": []},
    ]
    for change in changes:
        (said,) = refused(company, partial(written, change))
        assert said.startswith("The sequence")


def test_what_is_declared_after_measuring_is_measured_again(company: Company) -> None:
    complete(company)
    draft = measured(company)
    changes = {"sla_has_diagnosis": True, "sla_has_consequence": True, "sla_is_in_crm": True}
    declare(program=company.program, by=revops(), at=NOW, changes=changes)
    with pytest.raises(Blocked, match="what is declared now"):
        send(version=draft, by=revops(), at=NOW)
    assert send(version=measured(company), by=revops(), at=NOW).state == VersionState.SENT


def test_nothing_is_compared_with_but_the_scorecard_signed_before(company: Company) -> None:
    complete(company)
    better = {"version": 7, "program": "", "signed_on": "2026-01-01", "scores": {"trust": 10}, "notes": []}
    (said,) = refused(company, lambda content: content.update(compared=better))
    assert said.startswith("The comparison with the scorecard before")
    sign_all(send(version=measured(company), by=revops(), at=NOW), at=NOW)
    (said,) = refused(company, lambda content: content["compared"]["scores"].update(trust=10))
    assert said.startswith("The comparison with the scorecard before")


def test_no_pipeline_of_other_currencies_is_written_in_or_hidden(company: Company) -> None:
    complete(company)
    company.opportunity(currency="EUR")
    for forge in (
        lambda content: content.update(left_out={}),
        lambda content: content.update(left_out={"EUR": "5.00"}),
        lambda content: content.update(currency="EUR"),
    ):
        assert refused(company, forge)


def test_it_is_of_its_own_program_and_of_the_past(company: Company) -> None:
    complete(company)
    (said,) = refused(company, lambda content: content["program"].update(number=99))
    assert said.startswith("It names program 99")
    (said,) = refused(company, lambda content: content.update(as_of="2031-01-01T00:00:00Z"))
    assert "a time to come" in said


def test_figures_of_another_shape_are_refused_and_not_failed_over(company: Company) -> None:
    complete(company)
    for forge in (
        lambda content: content.pop("window"),
        lambda content: entry(content, "conversion").update(figures={}),
        lambda content: entry(content, "hygiene")["figures"].update(met="many"),
    ):
        assert refused(company, forge)
