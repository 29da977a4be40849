"""What the home says of the SLA: unsigned, without its date on a calendar, near its review, lapsed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from time_machine import travel

from alignment.models import Role
from alignment.services.artifacts import revoke
from alignment.services.mail import deliver_mail
from alignment.tests.pages import signed_in
from dashboard.queries.sla_needs import NEAR, review_near, unsigned
from testing.artifacts import user_with
from testing.sla import amended, signed_sla
from testing.world import NOW, World, event, terms

DAY = timedelta(days=1)


def test_until_it_is_signed_the_home_says_that_no_consequence_follows(world: World) -> None:
    assert "no consequence follows" in unsigned(at=NOW)[0].text
    assert review_near(at=NOW) == []
    signed_sla(terms(world.calendar), at=NOW)
    assert unsigned(at=NOW) == []
    assert "calendar of CRO and CMO" in review_near(at=NOW)[0].text


def test_a_revoked_sla_is_said_on_the_home_and_not_called_signed(world: World) -> None:
    signed = signed_sla(terms(world.calendar), at=NOW)
    assert signed.version is not None
    revoke(version=signed.version, role=Role.CRO, reason="Wrong", by=user_with(Role.CRO), at=NOW)
    assert [(need.is_urgent, "no longer signed" in need.text) for need in unsigned(at=NOW)] == [(True, True)]
    world.send(event("lead.updated", "first", NOW, score=80))
    with travel(NOW, tick=False):
        page = signed_in(user_with(Role.REVOPS)).get("/").content.decode()
    card = page[page.index("<dt>SLA</dt>") :][:400]
    assert "No longer signed" in card
    amended(at=NOW)
    assert unsigned(at=NOW) == []


@pytest.mark.parametrize(
    ("days", "said"),
    [(NEAR + 1, ""), (NEAR, f"in {NEAR} days"), (1, "tomorrow"), (0, "today"), (-1, "has lapsed")],
)
def test_the_review_is_named_when_it_is_near(world: World, days: int, said: str) -> None:
    signed_sla(terms(world.calendar), at=NOW)
    deliver_mail(at=NOW)
    found = review_near(at=NOW + (90 - days) * DAY)
    assert [said in need.text for need in found] == ([True] if said else [])
    assert all(need.is_urgent == (days < 0) for need in found)
