"""What a document rests on must hold at the time of the act, swept or not, and so must what that rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from alignment.blockers import Blocked
from alignment.models import ArtifactVersion, Role
from alignment.queries.artifacts import stale_grounds, waiting_for
from alignment.services.artifacts import (
    GroundNotInForce,
    NotTheHolder,
    challenge,
    decline,
    remind,
    remind_now,
    revoke,
    send,
)
from alignment.services.delegations import grant
from alignment.tests.pages import signed_in
from testing.artifacts import draft, kind_of, sent, sign_all, sign_as, signed, user_with
from testing.programs import open_one, waive

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LAST = datetime(2026, 11, 26, tzinfo=UTC)  # the end of 25 November
SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.django_db


def ground() -> ArtifactVersion:
    return signed("memo", {"text": "Ground", "until_on": "2026-11-25"}, key="g", at=NOW)


def test_a_ground_past_its_last_day_stops_sending_before_any_sweep() -> None:
    with kind_of("memo"), kind_of("resting"):
        version = draft("resting", {"text": "x"}, at=NOW, rests_on=[ground()])
        for role in (Role.CRO, Role.CMO):
            user_with(role)
        with pytest.raises(Blocked, match="no longer in force"):
            send(version=version, by=user_with(Role.REVOPS), at=LAST)
        send(version=version, by=user_with(Role.REVOPS), at=LAST - SECOND)


def test_a_ground_past_its_last_day_stops_signing_asking_and_reminding() -> None:
    with kind_of("memo"), kind_of("resting"):
        cro = user_with(Role.CRO)
        version = sent("resting", {"text": "x"}, at=NOW, rests_on=[ground()])
        late = LAST + timedelta(days=7)
        assert [each.version for each in waiting_for(cro, at=LAST - SECOND)] == [version]
        assert waiting_for(cro, at=LAST) == []
        with pytest.raises(GroundNotInForce):
            sign_as(cro, version, at=LAST)
        assert remind(at=late) == 0
        with pytest.raises(GroundNotInForce):
            remind_now(version=version, by=user_with(Role.REVOPS), at=late)
        with time_machine.travel(late, tick=False):
            page = signed_in(cro).get("/artifacts/resting/1/1/").content.decode()
        assert "It rests on what is not in force" in page
        assert "(its last day is over)" in page


def test_what_a_ground_rests_on_must_hold_too() -> None:
    with kind_of("memo"), kind_of("resting"), kind_of("ordered"):
        lowest = signed("memo", {"text": "Lowest"}, key="low", at=NOW)
        middle = signed("resting", {"text": "Middle"}, key="mid", at=NOW, rests_on=[lowest])
        waiting = sent("ordered", {"text": "Top"}, at=NOW, rests_on=[middle])
        cro = user_with(Role.CRO)
        assert stale_grounds(waiting, at=NOW) == []
        revoke(version=lowest, role=Role.CRO, reason="No", by=cro, at=NOW)
        assert [row.ground for row in stale_grounds(waiting, at=NOW)] == [lowest]
        assert waiting_for(cro, at=NOW) == []
        with pytest.raises(GroundNotInForce):
            sign_as(cro, waiting, at=NOW)


def test_no_delegate_signs_declines_or_is_asked_for_a_waiver() -> None:
    program = open_one(NOW)
    cro, delegate, revops = user_with(Role.CRO), user_with(Role.FINANCE), user_with(Role.REVOPS)
    made = grant(
        role=Role.CRO,
        holder=cro,
        delegate=delegate,
        from_on=NOW.date(),
        until_on=NOW.date(),
        reason="Leave",
        by=revops,
        at=NOW,
    )
    sign_all(made, at=NOW)
    waiver = waive(program, 0, {"calendar"}, NOW, is_signed=False)
    assert waiting_for(delegate, at=NOW) == []
    with pytest.raises(NotTheHolder, match="in person"):
        sign_as(delegate, waiver, Role.CRO, at=NOW)
    with pytest.raises(NotTheHolder, match="in person"):
        decline(version=waiver, role=Role.CRO, reason="No", by=delegate, at=NOW)
    with time_machine.travel(NOW, tick=False):
        page = signed_in(cro).get("/artifacts/waiver/1-1/1/").content.decode()
    assert f"{delegate.name} (for {cro.name})" not in page
    assert "in person, no delegate" in page
    assert challenge(version=waiver, by=cro, at=NOW)
    sign_all(waiver, at=NOW)
    waiver.refresh_from_db()
    assert waiver.state == "in_force"
