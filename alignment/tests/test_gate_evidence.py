"""With each decision stands what it was made of."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from alignment.models import (
    ArtifactVersion,
    GateDecision,
    Program,
    Role,
)
from alignment.services.gates import evaluate
from alignment.tests.gate_conditions import LATER, NOW
from alignment.tests.pages import signed_in
from testing.artifacts import user_with
from testing.programs import fact, meet_prerequisites, open_one, sponsor

pytestmark = pytest.mark.django_db


class TestEvidenceOfDecisions:
    """A decision can be understood later: what was found, how, as of when, in which signed version."""

    def decided(self, program: Program) -> list[GateDecision]:
        return list(GateDecision.objects.filter(program=program, step=0).order_by("pk"))

    def test_it_is_kept_with_each_decision(self) -> None:
        program = open_one(NOW)
        meet_prerequisites(program, NOW)
        evaluate(at=NOW)
        decision = self.decided(program)[-1]
        signed = ArtifactVersion.objects.get(artifact__kind="sponsorship")
        assert decision.is_open
        assert len(decision.evidence) == 12
        kept = decision.evidence[0]
        assert kept == {
            "what": "Sponsorship of one sourced-pipeline number",
            "found": "Version 1, for Q1 2027 to Q4 2027, signed by CRO and CMO",
            "basis": "signed",
            "is_met": True,
            "as_of": signed.signed_at.isoformat() if signed.signed_at else "",
            "kind": "sponsorship",
            "key": "1",
            "version": 1,
            "digest": signed.digest,
        }

    def test_another_signed_version_is_another_decision_and_another_event_is_none(self) -> None:
        program = open_one(NOW)
        meet_prerequisites(program, NOW)
        evaluate(at=NOW)
        first = len(self.decided(program))
        fact("lead", LATER)
        evaluate(at=LATER)
        assert len(self.decided(program)) == first
        second = sponsor(program, LATER)
        assert evaluate(at=LATER) == 1
        found = self.decided(program)
        assert (len(found), found[-1].is_open) == (first + 1, True)
        assert found[-1].evidence[0]["digest"] == second.digest
        assert evaluate(at=LATER) == 0

    def test_it_can_be_read_by_key_whatever_the_number_of_decisions(
        self, django_assert_max_num_queries: Any
    ) -> None:
        program = open_one(NOW)
        sponsor(program, NOW)
        evaluate(at=NOW)
        with time_machine.travel(NOW, tick=False):
            client = signed_in(user_with(Role.CRO))
            with django_assert_max_num_queries(30) as few:
                page = client.get("/program/1/decisions/").content.decode()
            assert "Version 1, for Q1 2027 to Q4 2027" in page
            assert ArtifactVersion.objects.get().digest in page
            (one, *_) = self.decided(program)
            for _ in range(60):
                one.pk = None
                one.save(force_insert=True)
            with django_assert_max_num_queries(len(few)):
                page = client.get("/program/1/decisions/").content.decode()
            assert page.count('id="decision-') == 50
            assert "after=" in page
            assert client.get("/program/1/decisions/?after=x").status_code == 404
            assert client.get("/program/9/decisions/").status_code == 404
