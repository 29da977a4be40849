"""The home page of who writes documents: what lost its ground, and what was declined and not taken up since."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from alignment.models import Program, Role
from alignment.services.artifacts import decline
from alignment.tests.artifact_pages import pact
from handoff.tests.pages import add_mql, client_of
from testing.artifacts import draft, sent, signed, user_with
from testing.world import NOW, World


@pytest.fixture
def now(world: World) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False), pact():
        add_mql(world, "Ada")
        yield


def home(role: Role) -> str:
    answer = client_of(user_with(role)).get("/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_what_lost_its_ground_is_to_be_renewed_until_a_new_version_is_sent(now: None) -> None:
    ground = signed("memo", {"text": "One"}, at=NOW)
    signed("pact", {"text": "On it"}, at=NOW, rests_on=[ground])
    assert "no longer in force" not in home(Role.REVOPS)
    newer = signed("memo", {"text": "Two"}, at=NOW)
    assert "Renew: Pact 1, version 1 rests on what is no longer in force" in home(Role.REVOPS)
    assert "no longer in force" not in home(Role.MARKETING)
    sent("pact", {"text": "Anew"}, at=NOW, rests_on=[newer])
    assert "no longer in force" not in home(Role.REVOPS)


def test_what_was_declined_stays_until_a_successor_is_drafted(now: None) -> None:
    version = sent("pact", {"text": "One"}, at=NOW)
    decline(version=version, role="cro", reason="No", by=user_with(Role.CRO), at=NOW)
    assert "Pact 1, version 1 was declined" in home(Role.REVOPS)
    draft("pact", {"text": "Better"}, at=NOW)
    assert "was declined" not in home(Role.REVOPS)


def test_signers_read_what_needs_them_before_the_rail(now: None) -> None:
    Program.objects.create(number=1, name="Autumn", starts_on=NOW.date(), opened_at=NOW)
    for role, needs_first in ((Role.CRO, True), (Role.CMO, True), (Role.REVOPS, False)):
        page = home(role)
        assert (page.index('id="needs"') < page.index('id="program"')) is needs_first


def test_an_open_program_is_shown_while_no_data_is_in(db: None) -> None:
    with time_machine.travel(NOW, tick=False):
        assert "Steps of the program" not in home(Role.CRO)
        Program.objects.create(number=1, name="Autumn", starts_on=NOW.date(), opened_at=NOW)
        for role in (Role.REVOPS, Role.CRO, Role.CMO):
            assert "Steps of the program" in home(role)
        assert "Steps of the program" not in home(Role.FINANCE)


def test_what_was_declined_is_told_while_no_data_is_in(db: None) -> None:
    with time_machine.travel(NOW, tick=False), pact():
        version = sent("pact", {"text": "One"}, at=NOW)
        decline(version=version, role="cro", reason="No", by=user_with(Role.CRO), at=NOW)
        assert "Pact 1, version 1 was declined" in home(Role.REVOPS)
        assert "was declined" not in home(Role.MARKETING)
