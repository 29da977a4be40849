"""What blocks the sending of a scorecard, named one by one."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from alignment.artifacts.kinds import InvalidContent
from alignment.blockers import Blocker
from alignment.gates import find_blockers
from alignment.models import Role, Step, VersionState
from alignment.services.artifacts import send
from alignment.services.program_kinds import draft_waiver
from scorecard import content
from scorecard.tests.company import (
    DAY,
    Company,
    answered,
    complete,
    revops,
    sheet,
    sign_bands,
    surveyed,
)
from scorecard.tests.sheets import codes, measured, scores
from testing.artifacts import sign_all, user_with
from testing.world import NOW


class TestSending:
    def test_what_is_missing_is_named_one_by_one(self, company: Company) -> None:
        company.opportunity(company.lead())
        draft = measured(company)
        found = codes(draft)
        assert {"bands", "answers", "claims", "survey"} <= found
        assert {
            blocker.code for blocker in find_blockers(Step.PREREQUISITES, company.program, at=NOW)
        } <= found

    def test_gate_0_blocks_sending(self, company: Company) -> None:
        complete(company)
        shut = Blocker("sponsorship", "Nobody signed the sponsorship.")
        draft = measured(company)
        with patch("scorecard.kinds.standing_blockers", return_value=[shut]):
            assert codes(draft) == {"sponsorship"}
        with patch("scorecard.kinds.standing_blockers", return_value=[]):
            assert send(version=draft, by=revops(), at=NOW).state == VersionState.SENT

    def test_a_waiver_that_the_page_does_not_print_blocks_sending(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        draft = measured(company)
        note = {
            "waiver": "1-1",
            "step": 0,
            "excuses": ["x"],
            "reason": "y",
            "expires_on": "2026-12-31",
            "digest": "z",
        }
        with patch("scorecard.kinds.notes_of", return_value=[note]):
            assert codes(draft) == {"waivers-new"}
            with patch("scorecard.services.scorecards.notes_of", return_value=[note]):
                printed = measured(company)
            assert send(version=printed, by=revops(), at=NOW).state == VersionState.SENT

    def test_a_page_sent_by_a_waiver_of_everything_with_a_long_reason_fits(self, company: Company) -> None:
        complete(company)
        standing = {b.code for b in find_blockers(Step.PREREQUISITES, company.program, at=NOW)}
        assert len(standing) >= 8
        for role in (Role.CRO, Role.CMO):
            user_with(role)
        for codes_of in (sorted(standing)[:2], sorted(standing)[2:]):
            waiver = draft_waiver(
                program=company.program, step=Step.PREREQUISITES, codes=codes_of, reason="Migration " * 40,
                expires_on=NOW.date() + DAY * 80, by=revops(), at=NOW,
            )  # fmt: skip
            sign_all(send(version=waiver, by=revops(), at=NOW), at=NOW)
        version = send(version=measured(company), by=revops(), at=NOW)
        assert version.state == VersionState.SENT
        assert [note["waiver"] for note in version.content["waivers"]] == ["1-1", "1-2"]

    def test_scores_by_bands_that_were_not_signed_yet_are_measured_again(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company, has_bands=False)
        draft = measured(company)
        assert codes(draft) == {"bands"}
        sign_bands(company)
        assert codes(draft) == {"bands-new"}
        send(version=measured(company), by=revops(), at=NOW)

    def test_a_said_reason_why_something_cannot_be_measured_is_enough(
        self, company: Company, prerequisites_met: None
    ) -> None:
        answered(company, sheet(), sheet())
        surveyed(company)
        sign_bands(company)
        sent = send(version=measured(company), by=revops(), at=NOW)
        assert scores(sent) == {
            "definitions": 50, "hygiene": None, "conversion": None, "attribution": None, "trust": 34,
        }  # fmt: skip

    def test_a_content_made_by_hand_without_reason_is_refused(self, company: Company) -> None:
        complete(company)
        found = measured(company).content
        for change in ({"score": None}, {"score": 51}):
            wrong = found | {"dimensions": [found["dimensions"][0] | change, *found["dimensions"][1:]]}
            with pytest.raises(InvalidContent):
                content.check(wrong)
        with pytest.raises(InvalidContent):
            content.check(found | {"dimensions": found["dimensions"][1:]})
        with pytest.raises(InvalidContent):
            content.check(found | {"sequence": found["sequence"] | {"rule": "whatever"}})
