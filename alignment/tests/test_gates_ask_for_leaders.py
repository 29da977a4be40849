"""What opens a gate was signed by the leaders, whatever a forged version says of who must sign it."""

from __future__ import annotations

import pytest

from alignment.gates import Evidence
from alignment.gates.prerequisites import sponsorship
from alignment.gates.waivers import waivers_of
from alignment.models import ArtifactVersion, Role, Step
from alignment.queries.artifacts import in_force
from testing import programs
from testing.artifacts import kind_of, signed
from testing.world import NOW

pytestmark = pytest.mark.django_db
LEADS = (Role.CRO, Role.CMO)


def test_a_version_counts_only_by_the_roles_that_are_asked_for() -> None:
    with kind_of():
        version = signed("memo", {"text": "One", "signers": ["cro"]}, at=NOW)
    assert in_force("memo", "1", at=NOW) == version
    assert in_force("memo", "1", at=NOW, signed_by=[Role.CRO]) == version
    assert in_force("memo", "1", at=NOW, signed_by=LEADS) is None
    assert not ArtifactVersion.objects.signed_by(*LEADS).exists()


def test_a_waiver_or_a_sponsorship_signed_by_one_of_both_opens_nothing() -> None:
    program = programs.open_one(NOW)
    with kind_of("sponsorship"), kind_of("waiver"):
        signed("sponsorship", {"text": "x", "signers": ["cro"]}, key=str(program.number), at=NOW)
        content = {
            "text": "x",
            "signers": ["cro"],
            "program": program.number,
            "step": 0,
            "until_on": "2026-12-01",
        }
        signed("waiver", content, key=f"{program.number}-1", at=NOW)
    found = [each.blocker for each in sponsorship(program, at=NOW) if isinstance(each, Evidence)]
    assert [blocker.code for blocker in found if blocker] == ["sponsorship"]
    assert waivers_of(program, Step.PREREQUISITES, at=NOW) == []
