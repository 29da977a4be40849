"""Scorecards of the small company, measured and signed."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.blockers import Blocked
from alignment.models import ArtifactVersion
from alignment.services.artifacts import send
from scorecard.services.scorecards import measure
from scorecard.tests.company import (
    Company,
    revops,
)
from testing.artifacts import sign_all
from testing.world import NOW


def measured(company: Company, **more: Any) -> ArtifactVersion:
    return measure(program=company.program, by=revops(), at=more.pop("at", NOW), **more)


def signed(company: Company, at: Any = NOW) -> ArtifactVersion:
    draft = measured(company, at=at)
    return sign_all(send(version=draft, by=revops(), at=at), at=at)


def scores(version: ArtifactVersion) -> dict[str, int | None]:
    return {entry["key"]: entry["score"] for entry in version.content["dimensions"]}


def codes(version: ArtifactVersion) -> set[str]:
    with pytest.raises(Blocked) as refusal:
        send(version=version, by=revops(), at=NOW)
    return {blocker.code for blocker in refusal.value.blockers}
