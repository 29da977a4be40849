"""The gate to step 2 opens with the last signature, and shuts with what it rests on, without anybody's act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alignment.models import GateDecision, Role, Step
from alignment.services.artifacts import revoke
from scorecard.tests.company import Company, complete
from scorecard.tests.sheets import signed
from testing.artifacts import user_with
from testing.world import NOW


def decisions() -> list[bool]:
    return list(
        GateDecision.objects.filter(step=Step.SCORECARD).order_by("pk").values_list("is_open", flat=True)
    )


def test_the_gate_opens_with_the_last_signature_and_shuts_with_a_revocation(
    company: Company,
    prerequisites_met: None,
    django_capture_on_commit_callbacks: Any,
) -> None:
    complete(company)
    with django_capture_on_commit_callbacks(execute=True):
        version = signed(company)
    assert decisions()[-1] is True
    with django_capture_on_commit_callbacks(execute=True):
        revoke(
            version=version,
            role=Role.CRO,
            reason="The figures were wrong",
            by=user_with(Role.CRO),
            at=NOW + timedelta(hours=1),
        )
    assert decisions()[-2:] == [True, False]
